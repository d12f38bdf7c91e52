//! Abbreviations of zones that mean one offset only.

/// In seconds east of UTC. Left out are those that several parts of the world use: BST, CST, CDT, IST, AST, ...
const ZONES: [(&str, i32); 33] = [
    ("Z", 0),
    ("UTC", 0),
    ("GMT", 0),
    ("UT", 0),
    ("WET", 0),
    ("WEST", 3600),
    ("CET", 3600),
    ("MEZ", 3600),
    ("CEST", 7200),
    ("MESZ", 7200),
    ("EET", 7200),
    ("EEST", 10_800),
    ("MSK", 10_800),
    ("EST", -18_000),
    ("EDT", -14_400),
    ("MST", -25_200),
    ("MDT", -21_600),
    ("PST", -28_800),
    ("PDT", -25_200),
    ("AKST", -32_400),
    ("AKDT", -28_800),
    ("HST", -36_000),
    ("JST", 32_400),
    ("KST", 32_400),
    ("SGT", 28_800),
    ("HKT", 28_800),
    ("AWST", 28_800),
    ("ACST", 34_200),
    ("ACDT", 37_800),
    ("AEST", 36_000),
    ("AEDT", 39_600),
    ("NZST", 43_200),
    ("NZDT", 46_800),
];

/// The word at `at` as the abbreviation of a zone: its offset, if it has but one, and where it ends.
pub(super) fn read(bytes: &[u8], at: usize) -> Option<(Option<i32>, usize)> {
    let rest = bytes.get(at..)?;
    let length = rest.iter().take(6).take_while(|byte| byte.is_ascii_alphabetic()).count();
    if !(1..=5).contains(&length) {
        return None;
    }
    let known = ZONES.iter().find(|(name, _)| name.as_bytes().eq_ignore_ascii_case(&rest[..length]));
    Some((known.map(|(_, offset)| *offset), at + length))
}
