//! The signature of what is posted: whoever shares the secret can tell that we sent it, and when.

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit, Mac};
use labtrail_shared::settings::Secret;
use sha2::Sha256;

/// The header that carries it.
pub(super) const HEADER: &str = "x-labtrail-signature";

/// `t=SECONDS,v1=HEX`, with HEX the HMAC-SHA256 of `SECONDS.BODY` in lower case. The receiver should refuse what is older
/// than some minutes, so that nobody can send it again.
pub(super) fn sign(secret: &Secret, seconds: i64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.reveal().as_bytes()).expect("HMAC takes keys of every length");
    mac.update(format!("{seconds}.").as_bytes());
    mac.update(body);
    let mut text = format!("t={seconds},v1=");
    for byte in mac.finalize().into_bytes() {
        write!(text, "{byte:02x}").expect("text can be written to");
    }
    text
}

#[cfg(test)]
mod tests {
    use labtrail_shared::settings::Secret;

    #[test]
    fn a_signature_is_the_one_of_other_programs() {
        // printf '1772370202.{"a":1}' | openssl dgst -sha256 -hmac 'k3y'
        let expected = "t=1772370202,v1=5a6827e903734e031c6176d132fe93b5c5329aa0d8f052fa85eb3f7ac1b8befd";
        assert_eq!(super::sign(&Secret::new("k3y"), 1_772_370_202, br#"{"a":1}"#), expected);
    }
}
