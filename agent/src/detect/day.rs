//! The date in the name of a file.

use std::sync::LazyLock;

use regex::Regex;

/// Forms of dates in names, each with the path pattern that reads it.
static FORMS: LazyLock<[(Regex, &str); 2]> = LazyLock::new(|| {
    [r"(?:^|[^0-9])((?:19|20)\d\d[-_]\d\d[-_]\d\d)(?:[^0-9]|$)", r"(?:^|[^0-9])((?:19|20)\d{6})(?:[^0-9]|$)"]
        .map(|form| Regex::new(form).expect("the forms are tested"))
        .into_iter()
        .zip([r"(?<date>\d{4}[-_]\d\d[-_]\d\d)[^/]*$", r"(?<date>\d{8})[^/]*$"])
        .collect::<Vec<_>>()
        .try_into()
        .expect("there are as many patterns as forms")
});

/// The date in the name, and the `path_pattern` that reads it.
pub(super) fn in_name(path: &str) -> Option<(String, &'static str)> {
    let name = path.rsplit(['/', '\\']).next()?;
    FORMS.iter().find_map(|(form, pattern)| Some((form.captures(name)?[1].to_owned(), *pattern)))
}

#[cfg(test)]
mod tests {
    use super::in_name;

    #[test]
    fn dates_in_names() {
        let check = |path: &str, expected: Option<&str>| {
            assert_eq!(in_name(path).map(|(date, _)| date).as_deref(), expected, "{path}");
        };
        check("/data/log 2021-09-17 11-26-14.140.csv", Some("2021-09-17"));
        check(r"C:\log\EVO_20260327_072335.LOG", Some("20260327"));
        check("/data/2021-09-17/x.log", None);
        check("/data/serial 12345678.log", None);
    }
}
