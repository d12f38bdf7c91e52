//! Tables on standard output: aligned for eyes, and one row a line with no blanks in most cells for other programs.

/// Writes rows below one another. The last cell of a row may be long, as nothing follows it. What could move a
/// terminal's cursor is escaped: cells may hold what somebody sent.
pub fn table(rows: &[Vec<String>]) -> String {
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|cell| printable(cell)).collect()).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        let cells = rows.iter().filter(|row| column + 1 < row.len()).map(|row| row[column].chars().count());
        cells.max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.chars().count()) + 2));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// The text in one line, with control characters as `\n` or `\u{1b}`.
pub fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            out.extend(character.escape_default());
        } else {
            out.push(character);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::table;

    #[test]
    fn cells_stand_below_one_another() {
        let rows = [vec!["SEQ", "REASON", "DETAIL"], vec!["12345", "ä", "x\n\u{1b}[2J"], vec!["1", "", ""]];
        let rows = rows.map(|row| row.into_iter().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(table(&rows), "SEQ    REASON  DETAIL\n12345  ä       x\\n\\u{1b}[2J\n1\n");
        assert_eq!(table(&[]), "");
    }
}
