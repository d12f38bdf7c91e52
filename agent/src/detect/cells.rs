//! The cells of one row of a table.

use crate::config::FilesSection;

/// The separator that a section names for its tables.
pub(super) fn separator_of(section: &FilesSection) -> char {
    let entries = serde_json::to_value(&section.parsers).unwrap_or_default();
    let mut separators =
        entries.as_array().into_iter().flatten().filter_map(|entry| entry["separator"].as_str()?.chars().next());
    separators.next_back().unwrap_or(',')
}

/// Cells with quotes as RFC 4180 has them, without the blanks around them.
pub(super) fn split(row: &str, separator: char) -> Vec<String> {
    let mut cells = Vec::new();
    let mut cell = String::new();
    let mut is_quoted = false;
    let mut characters = row.trim_end_matches(['\r', '\n']).chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if is_quoted && characters.peek() == Some(&'"') => {
                characters.next();
                cell.push('"');
            }
            '"' if is_quoted || cell.trim().is_empty() => is_quoted = !is_quoted,
            _ if character == separator && !is_quoted => cells.push(std::mem::take(&mut cell).trim().to_owned()),
            _ => cell.push(character),
        }
    }
    cells.push(cell.trim().to_owned());
    cells
}
