//! What the demo's instruments write: five kinds of log that laboratories know.

use jiff::{Timestamp, tz::TimeZone};

/// One instrument: the file it writes and how its records look.
#[derive(Debug)]
pub(crate) struct Instrument {
    pub file: &'static str,
    style: Style,
    messages: &'static [(&'static str, &'static str)],
}

#[derive(Debug, Clone, Copy)]
enum Style {
    /// Python's logging: `2026-11-23 09:18:44,331 - hplc - INFO - text`.
    Python(&'static str),
    /// One JSON object a line.
    Json(&'static str),
    /// Date with dots, no level.
    Dotted,
    /// ROS: epoch seconds and level.
    Epoch(&'static str),
    /// Comma in brackets: `2026-11-23T09:18:44.331+01:00 [WARN] text`.
    Bracketed,
}

/// The laboratory.
pub(crate) const INSTRUMENTS: &[Instrument] = &[
    Instrument {
        file: "hplc.log",
        style: Style::Python("hplc.pump"),
        messages: &[
            ("INFO", "flow {a} uL/min, pressure {b} bar"),
            ("INFO", "injection {n} from vial {a}"),
            ("INFO", "gradient step {a} of 12"),
            ("WARNING", "pressure {b} bar is near the limit of 400 bar"),
            ("ERROR", "pressure limit exceeded: {b} bar, pump stopped"),
        ],
    },
    Instrument {
        file: "plate-reader.log",
        style: Style::Json("plate-reader"),
        messages: &[
            ("info", "plate {n} loaded"),
            ("info", "well read at 450 nm: {a}"),
            ("info", "plate {n} finished, 96 wells"),
            ("warning", "lamp intensity at {a} %"),
            ("error", "plate carrier did not reach position {a}"),
        ],
    },
    Instrument {
        file: "liquid-handler.log",
        style: Style::Dotted,
        messages: &[
            ("", "Aspirate {a} ul, tip {n}"),
            ("", "Dispense {a} ul to plate P{n}"),
            ("", "Wash station: volume {b} ml"),
            ("", "Liquid level not detected in trough {a}, retrying"),
        ],
    },
    Instrument {
        file: "robot-arm.log",
        style: Style::Epoch("/arm_controller"),
        messages: &[
            ("INFO", "move to nest {a}, joint speed {b} %"),
            ("INFO", "gripper closed on plate {n}"),
            ("WARN", "joint 3 temperature {b} C"),
            ("ERROR", "emergency stop pressed at nest {a}"),
        ],
    },
    Instrument {
        file: "incubator.log",
        style: Style::Bracketed,
        messages: &[
            ("INFO", "chamber 37.{a} C, CO2 5.{b} %"),
            ("INFO", "door opened for plate {n}"),
            ("INFO", "door closed after {a} s"),
            ("WARN", "humidity {a} % below set point"),
        ],
    },
];

impl Instrument {
    /// The `count`th record of this instrument, with its line end.
    pub(crate) fn record(&self, count: u64, at: Timestamp) -> String {
        let random = mix(count ^ self.seed());
        // Later messages of the list are rarer: troubles.
        let rarity = (random % 1000) as usize;
        let calm = self.messages.len() - 2;
        let index = match rarity {
            0..=949 => rarity % calm,
            950..=989 => calm,
            _ => calm + 1,
        };
        let (level, text) = self.messages[index];
        let text = text
            .replace("{n}", &(count / 96 + 1).to_string())
            .replace("{a}", &(random >> 16 & 63).to_string())
            .replace("{b}", &(200 + (random >> 24 & 255)).to_string());
        let local = at.to_zoned_datetime(TimeZone::system());
        match self.style {
            Style::Python(logger) => {
                format!("{} - {logger} - {level} - {text}\n", local.strftime("%Y-%m-%d %H:%M:%S,%3f"))
            }
            Style::Json(device) => {
                format!(
                    "{{\"timestamp\":\"{at:.3}\",\"level\":\"{level}\",\"device\":\"{device}\",\"message\":\"{text}\",\"run\":{}}}\n",
                    count / 480 + 1
                )
            }
            Style::Dotted => format!("{}  operator         {text}\n", local.strftime("%Y.%m.%d %H:%M:%S")),
            Style::Epoch(node) => {
                format!("{}.{:09} {level} {node} {text}\n", at.as_second(), at.subsec_nanosecond())
            }
            Style::Bracketed => format!("{} [{level}] {text}\n", local.strftime("%Y-%m-%dT%H:%M:%S%.3f%:z")),
        }
    }

    /// Up to two seconds, so that the instruments do not write in step.
    pub(crate) fn jitter_ms(&self, count: u64) -> u64 {
        mix(count.wrapping_mul(31) ^ self.seed()) % 2000
    }

    fn seed(&self) -> u64 {
        self.file.bytes().fold(0, |seed, byte| mix(seed ^ u64::from(byte)))
    }
}

/// `SplitMix64` (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
