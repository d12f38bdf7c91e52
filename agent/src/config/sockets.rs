//! `[[sockets]]` and `[spool]`: what other programs send, and where it waits.

use std::{collections::BTreeMap, num::NonZeroUsize, sync::Arc};

use labtrail_shared::settings::{ByteSize, Period};
use serde::{Deserialize, Serialize};

use super::{ConfigError, Zone, system_zone};
use crate::{
    decode::Encoding,
    intake::{Origin, Transforming, Treatment},
    parse::{ClockChanges, DateOrder, LevelSection, ParseSection, Parser, ParserEntry, RecordParser, TimeSection},
    source::{
        inlet::SocketInput,
        socket::{
            Delimiter, FileMode, Framing, Listen, SocketSection, default_connections_max, default_message_bytes_max,
            default_receive_buffer,
        },
    },
    source_names::{NameRegistry, SourceNames},
    spool::{Overflow, SpoolLimits},
    status::Counters,
    transform::Transforms,
};

/// `[[sockets]]`: one socket that other programs send to.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SocketsSection {
    /// What is received and where: `udp://0.0.0.0:514`, `tcp://0.0.0.0:601`, `unix:///run/labtrail.sock` (a stream),
    /// `unixgram:///run/labtrail.sock` (datagrams) or `http://127.0.0.1:8001` (MADSci's events: a client that sends to the
    /// agent of its own machine loses nothing while the collector is away). With `[::]` for the address, IPv4 is received
    /// as well.
    pub(crate) listen: Listen,
    /// How a stream is cut into messages: `auto` (RFC 6587), `newline` or `octet-counted`. Default: `auto`.
    #[serde(default)]
    pub(crate) framing: Framing,
    /// What ends a message of a stream that is not counted: `"\n"` or `"\u0000"`. Default: `"\n"`.
    #[serde(default)]
    pub(crate) delimiter: Delimiter,
    /// The longest message that is taken whole; of a longer one the beginning is taken, marked as truncated.
    #[serde(default = "default_message_bytes_max")]
    pub(crate) message_bytes_max: ByteSize,
    /// How much the kernel queues of datagrams that are not yet received, before it drops. It counts what it drops.
    #[serde(default = "default_receive_buffer")]
    pub(crate) receive_buffer: ByteSize,
    /// The most connections at a time. Further ones wait.
    #[serde(default = "default_connections_max")]
    pub(crate) connections_max: NonZeroUsize,
    /// Connections on which nothing was received for so long are closed. Default: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) idle_timeout: Option<Period>,
    /// The permissions of a unix socket, in octal: who may send.
    #[serde(default)]
    pub(crate) mode: FileMode,
    /// The encoding of the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) encoding: Option<Encoding>,
    /// How messages are read: as records of files are. Default: `syslog` where a message looks like it, else `auto`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) parser: Option<Parser>,
    /// Several ways to read a message, tried in this order, instead of `parser`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) parsers: Option<Vec<ParserEntry>>,
    /// Whether `03/04/2026` is the 4th of March (`mdy`) or the 3rd of April (`dmy`). Default: such dates are not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) date_order: Option<DateOrder>,
    /// Where a message states its time, and in which form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) time: Option<TimeSection>,
    /// Where a message states its level, and what its words mean.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) level: Option<LevelSection>,
    /// The IANA zone of times without an offset. Default: this machine's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) zone: Option<Zone>,
    /// What is done with the events, as for files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) transforms: Option<Transforms>,
    /// Labels for every event that comes in here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) labels: Arc<BTreeMap<String, String>>,
    /// MADSci's ownership ids for every event that names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) source: Option<SourceNames>,
}

impl SocketsSection {
    /// How the socket is received from.
    pub(crate) fn socket(&self) -> SocketSection {
        SocketSection {
            listen: self.listen.clone(),
            framing: self.framing,
            delimiter: self.delimiter,
            message_bytes_max: self.message_bytes_max,
            receive_buffer: self.receive_buffer,
            connections_max: self.connections_max,
            idle_timeout: self.idle_timeout,
            mode: self.mode,
        }
    }

    /// What is wrong with a section that could be read.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if let Some((setting, meant_for)) = self.idle_setting() {
            return Err(ConfigError::Socket { setting, listen: self.listen.to_string(), meant_for });
        }
        self.record_parser().map(|_| ())
    }

    /// A setting that does nothing for a socket of this kind, and what it is for.
    fn idle_setting(&self) -> Option<(&'static str, &'static str)> {
        let is_stream = matches!(self.listen, Listen::Tcp(_) | Listen::Unix(_));
        let is_unix = matches!(self.listen, Listen::Unix(_) | Listen::UnixDatagram(_));
        let (is_udp, is_door) = (matches!(self.listen, Listen::Udp(_)), matches!(self.listen, Listen::Http(_)));
        let (streams, text) = ("streams (tcp://, unix://)", "text (all but http://, where whole events come in)");
        let settings = [
            ("framing", self.framing != Framing::default(), is_stream, streams),
            ("delimiter", self.delimiter != Delimiter::default(), is_stream, streams),
            ("connections_max", self.connections_max != default_connections_max(), is_stream, streams),
            ("idle_timeout", self.idle_timeout.is_some(), is_stream, streams),
            ("receive_buffer", self.receive_buffer != default_receive_buffer(), is_udp, "udp://"),
            ("mode", self.mode != FileMode::default(), is_unix, "socket files (unix://, unixgram://)"),
            ("message_bytes_max", self.message_bytes_max != default_message_bytes_max(), !is_door, text),
            ("encoding", self.encoding.is_some(), !is_door, text),
            ("parser", self.parser.is_some(), !is_door, text),
            ("parsers", self.parsers.is_some(), !is_door, text),
            ("date_order", self.date_order.is_some(), !is_door, text),
            ("time", self.time.is_some(), !is_door, text),
            ("level", self.level.is_some(), !is_door, text),
        ];
        let idle = settings.into_iter().find(|(_, is_set, is_meant, _)| *is_set && !is_meant);
        idle.map(|(setting, _, _, meant_for)| (setting, meant_for))
    }

    fn record_parser(&self) -> Result<RecordParser, ConfigError> {
        let parsers = match (self.parser, &self.parsers) {
            (None, None) => ParserEntry::syslog_or_auto(),
            (_, parsers) => parsers.clone().unwrap_or_default(),
        };
        let (date_order, time, level) = (self.date_order, self.time.clone(), self.level.clone());
        let section = ParseSection { parser: self.parser, parsers, date_order, time, level };
        Ok(RecordParser::compile(&section)?)
    }

    /// What becomes of the messages.
    pub(crate) fn compile(&self, registry: &NameRegistry, counters: &Counters) -> Result<SocketInput, ConfigError> {
        let (zone_name, zone) = self.zone.as_ref().map_or_else(system_zone, Zone::named);
        let transforms = self.transforms.clone().unwrap_or_default();
        Ok(SocketInput {
            origin: Origin {
                zone: zone_name,
                labels: Arc::clone(&self.labels),
                source: self.source.as_ref().and_then(|names| names.resolve(registry)),
                input: Some(self.listen.to_string().into()),
            },
            treatment: Treatment {
                parser: self.record_parser()?,
                clock_changes: ClockChanges::of(&zone),
                transforms: Transforming::new(transforms, zone.clone(), counters.clone()),
            },
            encoding: self.encoding.unwrap_or_default(),
            zone,
        })
    }
}

/// `[spool]`: where what sockets received waits until it is delivered. It lies in the data directory.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SpoolSection {
    /// Bytes of all its files. When it is full, what `when_full` says happens.
    pub(crate) bytes_max: ByteSize,
    /// Bytes of one file. Space is given back, and dropped, one file at a time.
    pub(crate) segment_bytes: ByteSize,
    /// Bytes of the disk that stay free for others. Below that nothing more is stored.
    pub(crate) min_free_bytes: ByteSize,
    /// What happens when it is full: `drop_oldest`, `drop_newest`, or `block` (streams are not read and so their senders
    /// wait; datagrams are dropped by the kernel). Everything that is dropped is counted.
    pub(crate) when_full: Overflow,
}

impl Default for SpoolSection {
    fn default() -> Self {
        Self {
            bytes_max: ByteSize::mib(1024),
            segment_bytes: ByteSize::mib(4),
            min_free_bytes: ByteSize::mib(256),
            when_full: Overflow::DropOldest,
        }
    }
}

impl SpoolSection {
    /// How large the spool may be.
    pub(crate) fn limits(&self) -> SpoolLimits {
        SpoolLimits {
            bytes_max: self.bytes_max,
            segment_bytes: self.segment_bytes,
            min_free_bytes: Some(self.min_free_bytes),
        }
    }
}
