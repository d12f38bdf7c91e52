//! Where a socket listens, as one writes it.

use std::{fmt, net::SocketAddr, path::PathBuf, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

const FORMS: &str = "write udp://0.0.0.0:514, tcp://0.0.0.0:601, unix:///run/labtrail.sock (a stream), \
                     unixgram:///run/labtrail.sock (datagrams) or http://127.0.0.1:8001 (MADSci's events)";

/// The longest path of a socket: `sun_path` of Linux without its last octet.
const PATH_BYTES_MAX: usize = 107;

/// Where a socket listens, and for what.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Listen {
    /// For datagrams: each is one message.
    Udp(SocketAddr),
    /// For connections.
    Tcp(SocketAddr),
    /// For connections of programs of this machine.
    Unix(PathBuf),
    /// For datagrams of programs of this machine.
    UnixDatagram(PathBuf),
    /// For MADSci's clients.
    Http(SocketAddr),
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |problem: &str| format!("{text:?} {problem}: {FORMS}");
        let (scheme, rest) = text.split_once("://").ok_or_else(|| wrong("does not say what is received"))?;
        let path = || {
            let is_path = rest.starts_with('/') && !rest.ends_with('/') && !rest.contains('\0');
            if !is_path {
                return Err(wrong("names no absolute path"));
            }
            if rest.len() > PATH_BYTES_MAX {
                return Err(wrong("has a path longer than 107 bytes, which no socket can have"));
            }
            Ok(PathBuf::from(rest))
        };
        let address = |text: &str| {
            let numeric = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
            numeric.as_deref().unwrap_or(text).parse().map_err(|_| wrong("names no numeric address with a port"))
        };
        match scheme {
            "udp" => address(rest).map(Self::Udp),
            "tcp" => address(rest).map(Self::Tcp),
            "http" => address(rest.strip_suffix('/').unwrap_or(rest)).map(Self::Http),
            "unix" => path().map(Self::Unix),
            "unixgram" => path().map(Self::UnixDatagram),
            _ => Err(wrong("is none of the sockets that can be received from")),
        }
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Udp(address) => write!(formatter, "udp://{address}"),
            Self::Tcp(address) => write!(formatter, "tcp://{address}"),
            Self::Unix(path) => write!(formatter, "unix://{}", path.display()),
            Self::UnixDatagram(path) => write!(formatter, "unixgram://{}", path.display()),
            Self::Http(address) => write!(formatter, "http://{address}"),
        }
    }
}

impl Serialize for Listen {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Listen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::Listen;

    #[test]
    fn the_five_forms_are_read_and_printed() {
        for text in [
            "udp://0.0.0.0:514",
            "udp://[::]:514",
            "tcp://0.0.0.0:601",
            "unix:///run/labtrail.sock",
            "unixgram:///run/labtrail.sock",
            "http://127.0.0.1:8001",
        ] {
            assert_eq!(text.parse::<Listen>().map(|listen| listen.to_string()).as_deref(), Ok(text));
        }
        assert_eq!("http://localhost:8001/".parse(), "http://127.0.0.1:8001".parse::<Listen>());
    }

    #[test]
    fn everything_else_is_refused_with_the_five_forms() {
        for text in
            ["", "514", "udp://514", "udp://:514", "tls://0.0.0.0:6514", "unix://run/x", "unix:///", "tcp://host:1"]
        {
            let error = text.parse::<Listen>().expect_err(text);
            assert!(error.starts_with(&format!("{text:?} ")), "{error}");
            for form in ["udp://", "tcp://", "unix://", "unixgram://", "http://"] {
                assert!(error.contains(&format!(" {form}")), "{error}");
            }
        }
        assert!(format!("unix:///{}", "x".repeat(107)).parse::<Listen>().is_err());
    }
}
