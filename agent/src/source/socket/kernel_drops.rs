//! What the kernel dropped of a UDP socket's datagrams, since its queue was full.
//!
//! The kernel keeps one number for each socket, which only grows and begins again after 2^32. It tells it in two ways: beside
//! a datagram (`SO_RXQ_OVFL`, as it was when that one was queued), and in `/proc/net/udp` or `udp6` (as it is now). Neither is
//! enough: what is dropped after the last datagram is only seen in the file, which not every container has.

use std::{
    fs::File,
    io::Read as _,
    time::{Duration, Instant},
};

use tracing::warn;

use super::{Listen, counters::Counters};

/// How often a loss that goes on is told of.
const WARN_PAUSE: Duration = Duration::from_mins(1);

/// Follows the number of one socket.
#[derive(Debug)]
pub(super) struct KernelDrops {
    listen: Listen,
    table: &'static str,
    inode: u64,
    text: String,
    last: u32,
    sum: u64,
    untold: u64,
    told_at: Option<Instant>,
}

impl KernelDrops {
    /// Follows the socket of this inode, whose address family the table is of.
    pub(super) fn new(listen: Listen, is_ipv6: bool, inode: u64) -> Self {
        let table = if is_ipv6 { "/proc/net/udp6" } else { "/proc/net/udp" };
        Self { listen, table, inode, text: String::new(), last: 0, sum: 0, untold: 0, told_at: None }
    }

    /// Takes the number as the kernel told it; an older one than was taken before changes nothing.
    pub(super) fn note(&mut self, number: u32) {
        let growth = number.wrapping_sub(self.last);
        if growth < u32::MAX / 2 {
            self.last = number;
            self.sum += u64::from(growth);
        }
    }

    /// Takes the number from the kernel's table, if that can be read.
    pub(super) fn look(&mut self) {
        self.text.clear();
        let read = File::open(self.table).and_then(|mut file| file.read_to_string(&mut self.text));
        if read.is_ok()
            && let Some(number) = find(&self.text, self.inode)
        {
            self.note(number);
        }
    }

    /// Follows a socket whose number stands in no table, as in a container without `/proc`.
    #[cfg(test)]
    pub(super) fn without_table(&mut self) {
        self.table = "/nowhere";
    }

    /// Counts what was dropped since the last call, and says so now and then.
    pub(super) fn report(&mut self, counters: &Counters) {
        let growth = std::mem::take(&mut self.sum);
        if growth > 0 {
            counters.kernel_drops.inc_by(growth);
            self.untold += growth;
        }
        if self.untold > 0 && self.told_at.is_none_or(|at| at.elapsed() >= WARN_PAUSE) {
            self.told_at = Some(Instant::now());
            warn!(
                listen = %self.listen,
                datagrams = std::mem::take(&mut self.untold),
                "the kernel dropped datagrams since they came faster than they are received: raise receive_buffer"
            );
        }
    }
}

/// The drops of the socket of this inode, in the text of `/proc/net/udp`.
fn find(table: &str, inode: u64) -> Option<u32> {
    table.lines().skip(1).find_map(|line| {
        let mut columns = line.split_ascii_whitespace().skip(9);
        let is_ours = columns.next()?.parse() == Ok(inode);
        if is_ours { columns.nth(2)?.parse().ok() } else { None }
    })
}

#[cfg(test)]
mod tests {
    use super::{KernelDrops, find};
    use crate::source::socket::counters::Counters;

    #[test]
    fn the_table_is_read() {
        let table = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops            \n  \
                     401: 0100007F:1F90 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4711 2 0000000000000000 17       \n 1402: \
                     00000000:0202 00000000:0000 07 00000000:00001A40 00:00000000 00000000   999        0 815 2 0000000000000000 4294967295\n";
        assert_eq!((find(table, 4711), find(table, 815), find(table, 2)), (Some(17), Some(u32::MAX), None));
    }

    #[test]
    fn drops_are_counted_once_whichever_way_they_are_told() {
        let mut drops = KernelDrops::new("udp://[::]:514".parse().expect("an address"), true, 1);
        let counters = Counters::default();
        for (number, expected) in [(0, 0), (5, 5), (3, 5), (5, 5), (9, 9), (0x7000_0000, 0x7000_0000)] {
            drops.note(number);
            drops.report(&counters);
            assert_eq!(counters.kernel_drops.get(), expected, "after {number}");
        }
        for number in [0xD000_0000, 0xFFFF_FFFF, 2, 0xFFFF_FFFE] {
            drops.note(number);
        }
        drops.report(&counters);
        assert_eq!(counters.kernel_drops.get(), (1 << 32) + 2);
    }
}
