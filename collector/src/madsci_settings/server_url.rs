//! The address of a server, in the form that MADSci gives it.

use std::fmt;

use serde::{Serialize, Serializer};
use url::Url;

/// A URL with a host: `http://LOCALHOST:8001` is kept and shown as `http://localhost:8001/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerUrl(Url);

impl ServerUrl {
    /// Reads a URL as pydantic does, which uses the same parser. One without a host is refused: nothing can be reached there.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Url::parse(text).ok().filter(|url| url.has_host() && url.port_or_known_default().is_some()).map(Self)
    }

    /// The host, without the brackets of an IPv6 address.
    pub(crate) fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']')
    }

    /// The port; without one in the text, that of the scheme: 80 for `http`.
    pub(crate) fn port(&self) -> u16 {
        self.0.port_or_known_default().expect("a URL without a port was refused")
    }

    /// The URL as MADSci prints it.
    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Serialize for ServerUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::ServerUrl;

    #[test]
    fn urls_are_normalised() {
        let check = |text: &str, expected: Option<(&str, &str, u16)>| {
            let url = ServerUrl::parse(text);
            assert_eq!(url.as_ref().map(|url| (url.as_str(), url.host(), url.port())), expected, "{text}");
        };
        check("http://localhost:8001", Some(("http://localhost:8001/", "localhost", 8001)));
        check("http://LOCALHOST:8001/a/../b", Some(("http://localhost:8001/b", "localhost", 8001)));
        check(" http://0.0.0.0 ", Some(("http://0.0.0.0/", "0.0.0.0", 80)));
        check("https://x:443", Some(("https://x/", "x", 443)));
        check("http://[::1]:9/", Some(("http://[::1]:9/", "::1", 9)));
        check("http:\\\\x\\y", Some(("http://x/y", "x", 80)));
        check("http://user:pw@x:1?q#f", Some(("http://user:pw@x:1/?q#f", "x", 1)));
        check("tcp://x:1", Some(("tcp://x:1", "x", 1)));
        for refused in ["localhost:8001", "", "null", "http://", "http://x:99999", "//x", "unix:///a", "tcp://x"] {
            check(refused, None);
        }
    }
}
