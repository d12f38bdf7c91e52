//! Figures: `cargo test --release throughput -- --ignored --nocapture`.

use std::time::Instant;

use super::*;

#[test]
#[ignore = "measures"]
fn throughput() {
    for (bytes, count, sync_every) in [(256 << 10, 4000_u64, 16), (2 << 10, 400_000, 1000)] {
        let folder = tempfile::tempdir_in(std::env::var("SPOOL_DIR").unwrap_or("/tmp".to_owned())).expect("a folder");
        let (mut spool, _) = Spool::open(folder.path().to_owned(), SpoolLimits::default()).expect("made");
        let payload: Vec<u8> = (0..bytes).map(|n| (n * 7 + n / 256) as u8).collect();
        let cpu = cpu_seconds();
        let begin = Instant::now();
        let mut read = 0;
        for number in 0..count {
            stored(&mut spool, &payload, 10);
            if number % sync_every == sync_every - 1 {
                spool.sync().expect("synced");
                let mut last = None;
                while let Some(entry) = spool.next().expect("read") {
                    assert_eq!(entry.payload.len(), payload.len());
                    read += 1;
                    last = Some(entry.position);
                }
                spool.acknowledge(last.expect("some"));
                spool.save().expect("saved");
            }
        }
        assert_eq!(read, count);
        let (took, cpu) = (begin.elapsed().as_secs_f64(), cpu_seconds() - cpu);
        let megabytes = (bytes as u64 * count) as f64 / 1e6;
        println!(
            "{bytes} byte entries, sync + save every {sync_every}: {:.0} MB/s, {:.0} entries/s, {:.0} entries and {:.0} MB per CPU-second",
            megabytes / took,
            count as f64 / took,
            count as f64 / cpu,
            megabytes / cpu
        );
        for number in 0..(200 << 20) / bytes as u64 {
            let _ = number;
            stored(&mut spool, &payload, 10);
        }
        spool.sync().expect("synced");
        drop(spool);
        let begin = Instant::now();
        let (spool, opened) = Spool::open(folder.path().to_owned(), SpoolLimits::default()).expect("opened");
        println!("  open with {} MB pending: {:?}", opened.pending.bytes / 1_000_000, begin.elapsed());
        drop(spool);
    }
}

fn cpu_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
