//! `%NAME%` and `~` in the usual paths of a preset.

/// The path with every `%NAME%` replaced, and a `~` at its beginning by the home folder; nothing if one of them is not known.
pub(super) fn expand(path: &str, environment: impl Fn(&str) -> Option<String>) -> Option<String> {
    let mut expanded = String::with_capacity(path.len());
    let mut rest = path;
    if let Some(below) = path.strip_prefix('~').filter(|below| below.is_empty() || below.starts_with(['/', '\\'])) {
        expanded.push_str(environment("HOME").or_else(|| environment("USERPROFILE"))?.trim_end_matches(['/', '\\']));
        rest = below;
    }
    while let Some((before, behind)) = rest.split_once('%') {
        let (name, after) = behind.split_once('%')?;
        expanded.push_str(before);
        expanded.push_str(environment(name).filter(|value| !value.is_empty())?.trim_end_matches('\\'));
        rest = after;
    }
    Some(expanded + rest)
}

#[cfg(test)]
mod tests {
    use super::expand;

    #[test]
    fn names_and_the_home_folder_are_replaced() {
        let environment = |name: &str| match name {
            "HOME" => Some("/home/anna".to_owned()),
            "PUBLIC" => Some(r"C:\Users\Public".to_owned()),
            _ => None,
        };
        let check = |path: &str, expected: Option<&str>| {
            assert_eq!(expand(path, environment).as_deref(), expected, "{path}");
        };
        check("~/.ros/log/*.log", Some("/home/anna/.ros/log/*.log"));
        check(r"%PUBLIC%\Documents\*.log", Some(r"C:\Users\Public\Documents\*.log"));
        check(r"C:\a~b\x", Some(r"C:\a~b\x"));
        check(r"%APPDATA%\x", None);
        check("100%", None);
    }
}
