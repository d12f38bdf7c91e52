//! Levels in other languages than English. They are read only where a field is known to be a level, never in free
//! text: `Hinweis` and `error` (Spanish) are words of messages as well.

use labtrail_shared::level::LogLevel;

/// In lower case. German, French, Spanish, Italian, Japanese and Chinese, as Windows and the makers of instruments
/// translate them; with and without the accents, for these are lost on the way through old code pages.
const WORDS: [(&str, LogLevel); 44] = [
    ("fehler", LogLevel::Error),
    ("warnung", LogLevel::Warning),
    ("hinweis", LogLevel::Info),
    ("meldung", LogLevel::Info),
    ("informationen", LogLevel::Info),
    ("schwerwiegend", LogLevel::Critical),
    ("kritisch", LogLevel::Critical),
    ("erreur", LogLevel::Error),
    ("avertissement", LogLevel::Warning),
    ("critique", LogLevel::Critical),
    ("information", LogLevel::Info),
    ("informations", LogLevel::Info),
    ("débogage", LogLevel::Debug),
    ("debogage", LogLevel::Debug),
    ("error", LogLevel::Error),
    ("advertencia", LogLevel::Warning),
    ("aviso", LogLevel::Warning),
    ("crítico", LogLevel::Critical),
    ("critico", LogLevel::Critical),
    ("información", LogLevel::Info),
    ("informacion", LogLevel::Info),
    ("depuración", LogLevel::Debug),
    ("errore", LogLevel::Error),
    ("avviso", LogLevel::Warning),
    ("informazioni", LogLevel::Info),
    ("エラー", LogLevel::Error),
    ("警告", LogLevel::Warning),
    ("情報", LogLevel::Info),
    ("重大", LogLevel::Critical),
    ("致命的", LogLevel::Critical),
    ("デバッグ", LogLevel::Debug),
    ("错误", LogLevel::Error),
    ("错", LogLevel::Error),
    ("信息", LogLevel::Info),
    ("提示", LogLevel::Info),
    ("严重", LogLevel::Critical),
    ("致命", LogLevel::Critical),
    ("调试", LogLevel::Debug),
    ("錯誤", LogLevel::Error),
    ("資訊", LogLevel::Info),
    ("嚴重", LogLevel::Critical),
    ("偵錯", LogLevel::Debug),
    ("除錯", LogLevel::Debug),
    ("정보", LogLevel::Info),
];

/// The longest of them in bytes, with room for letters that grow in lower case.
const BYTES_MAX: usize = 24;

/// The level that a word of another language names, in any case.
pub(super) fn level(word: &str) -> Option<LogLevel> {
    if word.len() > BYTES_MAX {
        return None;
    }
    let is_word = |known: &str| known.chars().eq(word.chars().flat_map(char::to_lowercase));
    WORDS.iter().find(|(known, _)| is_word(known)).map(|(_, level)| *level)
}

#[cfg(test)]
mod tests {
    use labtrail_shared::level::LogLevel::{self, Critical, Debug, Error, Info, Warning};

    use super::level;
    use crate::parse::level::of_field;

    #[test]
    fn words_of_other_languages() {
        let check = |word, expected: LogLevel| assert_eq!(level(word), Some(expected), "{word}");
        check("Fehler", Error);
        check("WARNUNG", Warning);
        check("Schwerwiegend", Critical);
        check("Débogage", Debug);
        check("DÉBOGAGE", Debug);
        check("CRÍTICO", Critical);
        check("información", Info);
        check("avviso", Warning);
        check("エラー", Error);
        check("警告", Warning);
        check("调试", Debug);
        assert_eq!(level("Fehlerfrei"), None);
        assert_eq!(level(""), None);
        assert_eq!(of_field("warn"), Some(Warning));
        assert_eq!(of_field("Erreur"), Some(Error));
    }
}
