//! What is counted of sockets, for each address that is listened on.

use labtrail_shared::telemetry::Metrics;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
};

use super::Listen;

/// Which socket.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Socket {
    listen: String,
}

/// The counters of all sockets.
#[derive(Debug, Clone, Default)]
pub(crate) struct SocketCounters {
    received_messages: Family<Socket, Counter>,
    received_bytes: Family<Socket, Counter>,
    kernel_drops: Family<Socket, Counter>,
    cut_messages: Family<Socket, Counter>,
    connections: Family<Socket, Counter>,
    connections_open: Family<Socket, Gauge>,
    resets: Family<Socket, Counter>,
}

/// The counters of one socket.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counters {
    /// Messages handed to the sink.
    pub received_messages: Counter,
    /// Octets received, those of frames and those of cut messages included.
    pub received_bytes: Counter,
    /// Datagrams that the kernel dropped since its queue was full. They were not received.
    pub kernel_drops: Counter,
    /// Messages of which only the beginning was handed on.
    pub cut_messages: Counter,
    /// Connections accepted.
    pub connections: Counter,
    /// Connections that are open.
    pub connections_open: Gauge,
    /// Connections that broke: what their senders still had to send, and what they sent last, may be lost.
    pub resets: Counter,
}

impl SocketCounters {
    /// Counters that are shown among `metrics`.
    pub(crate) fn register(metrics: &Metrics) -> Self {
        let counters = Self::default();
        metrics.register(|registry| {
            let mut counter = |name: &str, help: &str, family: &Family<Socket, Counter>| {
                registry.register(format!("agent_socket_{name}"), help, family.clone());
            };
            counter("received_messages", "Messages received", &counters.received_messages);
            counter("received_bytes", "Bytes received", &counters.received_bytes);
            counter("kernel_drops", "Datagrams the kernel dropped as its queue was full", &counters.kernel_drops);
            counter("cut_messages", "Messages longer than the limit, cut and marked", &counters.cut_messages);
            counter("connections", "Connections accepted", &counters.connections);
            counter("resets", "Connections that broke", &counters.resets);
            let (name, help) = ("agent_socket_connections_open", "Connections open");
            registry.register(name, help, counters.connections_open.clone());
        });
        counters
    }

    /// The counters of the socket that listens there.
    pub(crate) fn of(&self, listen: &Listen) -> Counters {
        let socket = Socket { listen: listen.to_string() };
        Counters {
            received_messages: self.received_messages.get_or_create_owned(&socket),
            received_bytes: self.received_bytes.get_or_create_owned(&socket),
            kernel_drops: self.kernel_drops.get_or_create_owned(&socket),
            cut_messages: self.cut_messages.get_or_create_owned(&socket),
            connections: self.connections.get_or_create_owned(&socket),
            connections_open: self.connections_open.get_or_create_owned(&socket),
            resets: self.resets.get_or_create_owned(&socket),
        }
    }
}
