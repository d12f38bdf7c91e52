//! Digits and blanks, byte by byte.

/// The number in exactly `N` digits at `at`. More digits may follow; the caller looks at what comes next.
pub(in crate::parse) fn exactly<const N: usize>(bytes: &[u8], at: usize) -> Option<i64> {
    let field: &[u8; N] = bytes.get(at..)?.first_chunk()?;
    let mut number = 0;
    let mut all_digits = true;
    for byte in field {
        let digit = byte.wrapping_sub(b'0');
        all_digits &= digit <= 9;
        number = number * 10 + i64::from(digit);
    }
    all_digits.then_some(number)
}

/// The number in one or two digits at `at`, and where it ends.
pub(in crate::parse) fn one_or_two(bytes: &[u8], at: usize) -> Option<(i64, usize)> {
    match exactly::<2>(bytes, at) {
        Some(number) => Some((number, at + 2)),
        None => Some((exactly::<1>(bytes, at)?, at + 1)),
    }
}

/// How many digits `bytes` begins with.
pub(in crate::parse) fn leading(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

/// The first place from `at` on that is not a blank.
pub(in crate::parse) fn skip_blanks(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b' ' | b'\t')) {
        at += 1;
    }
    at
}

/// The digits at `at` as a fraction in millionths, cut after the sixth, and where the digits end.
pub(in crate::parse) fn fraction_micros(bytes: &[u8], mut at: usize) -> (i64, usize) {
    let mut micros = 0;
    let mut weight = 100_000;
    while let Some(digit) = bytes.get(at).map(|byte| byte.wrapping_sub(b'0')).filter(|digit| *digit <= 9) {
        micros += i64::from(digit) * weight;
        weight /= 10;
        at += 1;
    }
    (micros, at)
}
