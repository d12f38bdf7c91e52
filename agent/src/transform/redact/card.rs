//! The numbers of payment cards, told from other long numbers by their first digits and their check digit.

use std::ops::Range;

/// The numbers of cards: digits with at most one blank or hyphen between two, that begin and end where a group does.
pub(super) fn ranges(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let run = digits_from(bytes, at);
        let end = (0..run.len()).find_map(|start| {
            let is_group_start = start == 0 || run[start] > run[start - 1] + 1;
            let end = if is_group_start { card_end(bytes, &run[start..]) } else { None };
            end.map(|end| run[start]..end)
        });
        match end {
            Some(range) => {
                at = range.end;
                found.push(range);
            }
            None => at = run[run.len() - 1] + 1,
        }
    }
    found
}

/// The places of the digits that belong together from here on.
fn digits_from(bytes: &[u8], start: usize) -> Vec<usize> {
    let mut places = vec![start];
    let mut at = start + 1;
    loop {
        match (bytes.get(at), bytes.get(at + 1)) {
            (Some(byte), _) if byte.is_ascii_digit() => {}
            (Some(b' ' | b'-'), Some(next)) if next.is_ascii_digit() => at += 1,
            _ => return places,
        }
        places.push(at);
        at += 1;
    }
}

/// Where the card that begins with these digits ends, if one does.
fn card_end(bytes: &[u8], places: &[usize]) -> Option<usize> {
    let digits: Vec<u8> = places.iter().take(20).map(|place| bytes[*place] - b'0').collect();
    if digits.len() < 13 {
        return None;
    }
    let number = |count: usize| digits[..count].iter().fold(0, |number, digit| number * 10 + u32::from(*digit));
    // The ranges of the issuers by ISO/IEC 7812: Visa, Mastercard, American Express, Diners, JCB, Discover, UnionPay and
    // Maestro.
    let is_issued = digits[0] == 4
        || matches!(number(2), 34 | 36..=39 | 50..=58 | 60..=69)
        || matches!(number(3), 300..=305)
        || matches!(number(4), 2221..=2720 | 3528..=3589);
    if !is_issued {
        return None;
    }
    (13..=digits.len().min(19)).rev().find_map(|count| {
        let last = places[count - 1];
        let is_group_end = places.get(count).is_none_or(|next| *next > last + 1);
        (is_group_end && has_check_digit(&digits[..count])).then_some(last + 1)
    })
}

/// The formula of Luhn: every second digit from the right counts double.
fn has_check_digit(digits: &[u8]) -> bool {
    let value = |(index, digit): (usize, &u8)| match (index % 2, *digit) {
        (0, digit) => digit,
        (_, digit) if digit > 4 => digit * 2 - 9,
        (_, digit) => digit * 2,
    };
    digits.iter().rev().enumerate().map(value).map(u32::from).sum::<u32>().is_multiple_of(10)
}
