//! `[[sockets]]`: how a socket is received from.

use std::num::NonZeroUsize;

use labtrail_shared::settings::{ByteSize, Period};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Delimiter, Framing, Listen};

/// `[[sockets]]`: one socket that other programs send to.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SocketSection {
    /// What is received and where: `udp://0.0.0.0:514`, `tcp://0.0.0.0:601`, `unix:///run/labtrail.sock` (a stream),
    /// `unixgram:///run/labtrail.sock` (datagrams) or `http://127.0.0.1:8001` (MADSci's events). With `[::]` for the address,
    /// IPv4 is received as well.
    pub listen: Listen,
    /// How a stream is cut into messages: `auto` (RFC 6587: a number, a blank and `<` begin a message of that length, all
    /// others end in the delimiter), `newline` or `octet-counted`. A datagram is always one message. Default: `auto`.
    #[serde(default)]
    pub framing: Framing,
    /// What ends a message of a stream that is not counted: `"\n"`, which a CR may precede, or `"\u0000"`. Default: `"\n"`.
    #[serde(default)]
    pub delimiter: Delimiter,
    /// The longest message that is taken whole; of a longer one the beginning is taken, marked as cut, and the rest is
    /// skipped. Up to so much memory is held for each connection. Default: 64KiB.
    #[serde(default = "default_message_bytes_max")]
    pub message_bytes_max: ByteSize,
    /// How much the kernel queues of datagrams that are not yet received (UDP), before it drops. It is memory of the kernel,
    /// used only during bursts. Default: 8MiB.
    #[serde(default = "default_receive_buffer")]
    pub receive_buffer: ByteSize,
    /// The most connections at a time (TCP and unix streams). Further ones wait, unread, until one ends. Default: 256.
    #[serde(default = "default_connections_max")]
    pub connections_max: NonZeroUsize,
    /// Connections on which nothing was received for so long are closed. Default: never; that a peer is gone without a word
    /// is found out within three minutes in any case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_timeout: Option<Period>,
    /// The permissions of a unix socket, in octal: who may send. Default: `"0660"`, the agent's user and group.
    #[serde(default)]
    pub mode: FileMode,
}

#[cfg(test)]
impl SocketSection {
    /// A section with every default.
    pub(crate) fn new(listen: Listen) -> Self {
        Self {
            listen,
            framing: Framing::default(),
            delimiter: Delimiter::default(),
            message_bytes_max: default_message_bytes_max(),
            receive_buffer: default_receive_buffer(),
            connections_max: default_connections_max(),
            idle_timeout: None,
            mode: FileMode::default(),
        }
    }
}

pub(crate) fn default_message_bytes_max() -> ByteSize {
    ByteSize::kib(64)
}

pub(crate) fn default_receive_buffer() -> ByteSize {
    ByteSize::mib(8)
}

pub(crate) fn default_connections_max() -> NonZeroUsize {
    NonZeroUsize::new(256).expect("256 is more than nothing")
}

/// Permissions of a file, such as `"0660"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileMode(pub u32);

impl Default for FileMode {
    fn default() -> Self {
        Self(0o660)
    }
}

impl Serialize for FileMode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:04o}", self.0))
    }
}

impl<'de> Deserialize<'de> for FileMode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let is_octal = (3..=4).contains(&text.len()) && text.bytes().all(|digit| matches!(digit, b'0'..=b'7'));
        let mode = u32::from_str_radix(&text, 8).ok().filter(|mode| is_octal && *mode <= 0o777);
        mode.map(Self).ok_or_else(|| {
            serde::de::Error::custom(format!(
                "{text:?} is no file mode: write three octal digits after a 0, such as \"0660\" (user and group) or \"0666\" (everybody)"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use labtrail_shared::settings;

    use super::{Delimiter, FileMode, Framing, SocketSection};

    fn read(text: &str) -> Result<SocketSection, String> {
        settings::parse(text, Path::new("agent.toml"), |_| None).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_not_written_has_its_default() {
        let section = read("listen = \"tcp://0.0.0.0:601\"").expect("valid");
        assert_eq!(settings::to_toml(&section), settings::to_toml(&SocketSection::new(section.listen.clone())));
        assert_eq!(
            (section.framing, section.delimiter, section.mode),
            (Framing::Auto, Delimiter::Newline, FileMode(0o660))
        );
        assert_eq!((section.message_bytes_max.0, section.receive_buffer.0), (65_536, 8_388_608));
    }

    #[test]
    fn every_option_is_read_and_printed() {
        let text = "listen = \"unix:///run/x.sock\"\nframing = \"octet-counted\"\ndelimiter = \"\\u0000\"\nmessage_bytes_max = \"8KiB\"\n\
                    receive_buffer = \"1MiB\"\nconnections_max = 3\nidle_timeout = \"5m\"\nmode = \"0622\"\n";
        assert_eq!(settings::to_toml(&read(text).expect("valid")), text);
    }

    #[test]
    fn wrong_values_are_refused_with_a_remedy() {
        let check = |line: &str, expected: &str| {
            let error = read(&format!("listen = \"udp://[::]:514\"\n{line}")).expect_err(line);
            assert!(error.contains(expected), "{error}");
        };
        check("mode = \"660x\"", "write three octal digits");
        check("mode = \"1660\"", "write three octal digits");
        check("framing = \"lines\"", "auto, newline, octet-counted");
        check("delimiter = \";\"", "unknown value `;`");
        check("connections_max = 0", "nonzero");
        check("policy = \"block\"", "unknown key `policy`");
    }
}
