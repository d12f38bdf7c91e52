//! With a simulated clock: a thread that reads as much as it may and sleeps as it is told.

use std::time::{Duration, Instant};

use labtrail_shared::settings::ByteSize;
use proptest::prelude::{ProptestConfig, any, prop_assert, proptest};

use super::{Governor, LimitsSection, PAUSE_MAX};

const MINUTE: Duration = Duration::from_mins(1);

/// A machine on which reading takes its time.
struct Simulation {
    governor: Governor,
    began_at: Instant,
    now: Instant,
    /// What was read, and when.
    reads: Vec<(Duration, u64)>,
    cpu_used: Duration,
    pauses: usize,
}

impl Simulation {
    fn new(limits: &str) -> Self {
        let limits: LimitsSection = toml::from_str(limits).expect("the limits are valid");
        let now = Instant::now();
        Self {
            governor: Governor::new(&limits),
            began_at: now,
            now,
            reads: vec![],
            cpu_used: Duration::ZERO,
            pauses: 0,
        }
    }

    fn elapsed(&self) -> Duration {
        self.now - self.began_at
    }

    /// Reads an endless file for so long, at most `piece_max` bytes at a time, where a MiB costs so much processor time.
    fn read_for(&mut self, time: Duration, piece_max: usize, cpu_per_mib: Duration) {
        let end = self.now + time;
        while self.now < end {
            let bytes = self.governor.share(self.now).min(piece_max) as u64;
            let cpu = cpu_per_mib.mul_f64(bytes as f64 / f64::from(1 << 20));
            self.now += cpu;
            self.cpu_used += cpu;
            if bytes > 0 {
                self.reads.push((self.elapsed(), bytes));
            }
            let pause = self.governor.after(bytes, cpu, self.now);
            assert!(pause <= PAUSE_MAX);
            assert!(bytes > 0 || !pause.is_zero(), "neither reading nor pausing at {:?}", self.elapsed());
            self.pauses += usize::from(!pause.is_zero());
            self.now += pause;
        }
    }

    fn bytes(&self) -> u64 {
        self.reads.iter().map(|(_, bytes)| bytes).sum()
    }

    /// The most bytes that were read in any time of this length.
    fn most_within(&self, window: Duration) -> u64 {
        let mut most = 0;
        let (mut first, mut sum) = (0, 0);
        for (at, bytes) in &self.reads {
            sum += bytes;
            while self.reads[first].0 + window <= *at {
                sum -= self.reads[first].1;
                first += 1;
            }
            most = most.max(sum);
        }
        most
    }
}

fn assert_within_two_percent(found: f64, expected: f64) {
    assert!((found / expected - 1.0).abs() < 0.02, "found {found}, expected {expected}");
}

#[test]
fn the_average_over_a_minute_is_the_limit() {
    let check_rate = |rate: &str, bytes_per_second: f64, piece_max: usize| {
        let mut simulation = Simulation::new(&format!("read_rate = \"{rate}\""));
        simulation.read_for(MINUTE, piece_max, Duration::from_millis(2));
        assert_within_two_percent(simulation.bytes() as f64, bytes_per_second * 60.0);
        // Not in crumbs: some thirty pauses a second at most.
        assert!(simulation.pauses <= 60 * 30, "{} pauses", simulation.pauses);
    };
    check_rate("5MiB", 5_242_880.0, 64 << 10);
    check_rate("5MiB", 5_242_880.0, usize::MAX);
    check_rate("100B", 100.0, 64 << 10);
    check_rate("1B", 1.0, 64 << 10);
    let check_cpu = |cpu: &str, seconds: f64, cpu_per_mib: u64| {
        let mut simulation = Simulation::new(&format!("cpu = \"{cpu}\""));
        simulation.read_for(MINUTE, 1 << 20, Duration::from_millis(cpu_per_mib));
        assert_within_two_percent(simulation.cpu_used.as_secs_f64(), seconds);
    };
    check_cpu("5%", 3.0, 10);
    check_cpu("0.5%", 0.3, 10);
    check_cpu("5%", 3.0, 100);
    check_cpu("50%", 30.0, 10);
}

#[test]
fn the_stricter_of_two_limits_wins() {
    let mut simulation = Simulation::new("read_rate = \"1MiB\"\ncpu = \"50%\"");
    simulation.read_for(MINUTE, 1 << 20, Duration::from_millis(10));
    assert_within_two_percent(simulation.bytes() as f64, 60.0 * 1_048_576.0);
    let mut simulation = Simulation::new("read_rate = \"100MiB\"\ncpu = \"1%\"");
    simulation.read_for(MINUTE, 1 << 20, Duration::from_millis(10));
    assert_within_two_percent(simulation.cpu_used.as_secs_f64(), 0.6);
}

#[test]
fn an_idle_hour_gives_credit_for_one_second() {
    let mut simulation = Simulation::new("read_rate = \"1MiB\"");
    simulation.read_for(MINUTE, 1 << 20, Duration::ZERO);
    simulation.now += Duration::from_hours(1);
    assert_eq!(simulation.governor.share(simulation.now), 1 << 20);
    simulation.read_for(MINUTE, 1 << 20, Duration::ZERO);
    let most = simulation.most_within(Duration::from_secs(1));
    assert!(most <= 2 << 20, "{most} bytes in a second");
}

#[test]
fn a_round_that_took_too_long_is_paid_off_before_the_next() {
    let limits: LimitsSection = toml::from_str("cpu = \"5%\"").expect("valid");
    let mut governor = Governor::new(&limits);
    let began_at = Instant::now();
    let mut now = began_at;
    let mut pause = governor.after(1 << 20, Duration::from_secs(1), now);
    while governor.share(now) == 0 {
        assert!(!pause.is_zero() && pause <= PAUSE_MAX);
        now += pause;
        pause = governor.after(0, Duration::ZERO, now);
    }
    let paid_after = now - began_at;
    assert!(paid_after >= Duration::from_secs(20) && paid_after < Duration::from_secs(21), "{paid_after:?}");
}

#[test]
fn without_limits_nothing_is_held_back() {
    let mut governor = Governor::new(&LimitsSection::default());
    let now = Instant::now();
    assert_eq!(governor.share(now), usize::MAX);
    assert_eq!(governor.after(1 << 40, Duration::from_hours(1), now), Duration::ZERO);
    assert!(!governor.limits_anything());
}

#[test]
fn the_section_is_read_and_printed() {
    let text = "read_rate = \"5MiB\"\ncpu = \"5%\"\nbackground = true\n";
    let limits: LimitsSection = toml::from_str(text).expect("valid");
    assert_eq!(limits.read_rate, Some(ByteSize::mib(5)));
    assert_eq!(toml::to_string(&limits).expect("printable"), text);
    let error = toml::from_str::<LimitsSection>("cpu = \"500%\"").expect_err("more than a core");
    assert!(error.to_string().contains("write a percentage above 0%"), "{error}");
    toml::from_str::<LimitsSection>("cpus = \"5%\"").expect_err("an unknown key");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the thread reads and however long it idles, no time has more than its own bytes and one second's.
    #[test]
    fn no_time_has_more_than_its_share(
        rate in 1_u64..20_000_000,
        steps in proptest::collection::vec((any::<u32>(), 0_u64..5_000), 1..60),
    ) {
        let mut simulation = Simulation::new(&format!("read_rate = \"{rate}B\""));
        for (piece, idle) in steps {
            let bytes = simulation.governor.share(simulation.now).min(piece as usize) as u64;
            simulation.reads.push((simulation.elapsed(), bytes));
            let pause = simulation.governor.after(bytes, Duration::ZERO, simulation.now);
            simulation.now += pause + Duration::from_millis(idle);
        }
        for window in [1_u64, 10, 1_000, 30_000] {
            let bytes_max = rate as f64 * (window as f64 / 1_000.0 + 1.0) + 1.0;
            prop_assert!(simulation.most_within(Duration::from_millis(window)) as f64 <= bytes_max);
        }
    }
}
