//! Names of months, in full and cut short, in English, German and French.

const NAMES: [(&str, i64); 61] = [
    ("jan", 1),
    ("feb", 2),
    ("mar", 3),
    ("apr", 4),
    ("may", 5),
    ("jun", 6),
    ("jul", 7),
    ("aug", 8),
    ("sep", 9),
    ("oct", 10),
    ("nov", 11),
    ("dec", 12),
    ("january", 1),
    ("february", 2),
    ("march", 3),
    ("april", 4),
    ("june", 6),
    ("july", 7),
    ("august", 8),
    ("sept", 9),
    ("september", 9),
    ("october", 10),
    ("november", 11),
    ("december", 12),
    ("jän", 1),
    ("januar", 1),
    ("jänner", 1),
    ("februar", 2),
    ("mär", 3),
    ("mrz", 3),
    ("märz", 3),
    ("mai", 5),
    ("juni", 6),
    ("juli", 7),
    ("okt", 10),
    ("oktober", 10),
    ("dez", 12),
    ("dezember", 12),
    ("janv", 1),
    ("janvier", 1),
    ("fév", 2),
    ("févr", 2),
    ("février", 2),
    ("mars", 3),
    ("avr", 4),
    ("avril", 4),
    ("juin", 6),
    ("juil", 7),
    ("juillet", 7),
    ("août", 8),
    ("aoû", 8),
    ("aout", 8),
    ("septembre", 9),
    ("octobre", 10),
    ("novembre", 11),
    ("déc", 12),
    ("décembre", 12),
    ("fevr", 2),
    ("fevrier", 2),
    ("decembre", 12),
    ("maerz", 3),
];

/// The longest of them in bytes.
const BYTES_MAX: usize = 10;

/// The month that is named at `at`, in any case, and where its name ends.
pub(super) fn read(bytes: &[u8], at: usize) -> Option<(i64, usize)> {
    let rest = bytes.get(at..)?;
    let length = rest.iter().take(BYTES_MAX + 1).take_while(|byte| is_letter(**byte)).count();
    let mut lower = [0; BYTES_MAX];
    let lower = lower.get_mut(..length)?;
    lower.copy_from_slice(&rest[..length]);
    lower.make_ascii_lowercase();
    for at in 1..length {
        // The capitals of Latin-1 are this far before their small letters in UTF-8.
        if lower[at - 1] == 0xC3 && (0x80..=0x9E).contains(&lower[at]) {
            lower[at] += 0x20;
        }
    }
    let (_, month) = NAMES.iter().find(|(name, _)| name.as_bytes() == lower)?;
    Some((*month, at + length))
}

/// A letter of ASCII, or any byte of a character beyond it.
pub(super) fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || !byte.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn months_in_three_languages_and_any_case() {
        let check = |text: &str, expected| assert_eq!(read(text.as_bytes(), 0), expected, "{text}");
        check("Aug 28", Some((8, 3)));
        check("AUG-21", Some((8, 3)));
        check("september", Some((9, 9)));
        check("Mär 5", Some((3, 4)));
        check("MÄRZ", Some((3, 5)));
        check("Dez. 5", Some((12, 3)));
        check("févr. 2024", Some((2, 5)));
        check("DÉCEMBRE", Some((12, 9)));
        check("août", Some((8, 5)));
        check("Marvin", None);
        check("", None);
        check("Septemberfest", None);
    }
}
