//! The fields that an event can have. A rule about another one would never fire, and nobody would know why.

use labtrail_shared::{event::FIELDS, source};

/// Less alike than this, and the hint would be a riddle.
const LIKENESS_MIN: f64 = 0.75;

/// Why no event has anything at this path; nothing if one may have.
pub(super) fn why_none_has(path: &str) -> Option<String> {
    let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
    if !FIELDS.contains(&first) {
        return Some(format!(
            "no event has a field `{first}`: {}(what is an instrument's own stands in `event_data`; valid: {})",
            hint(field_like(first)),
            FIELDS.join(", ")
        ));
    }
    let id = rest.filter(|id| first == "source" && !source::KEYS.contains(id))?;
    Some(format!(
        "no event has a field `{id}` in `source`: {}(valid: {})",
        hint(nearest(id, &source::KEYS).map(|key| format!("source.{key}"))),
        source::KEYS.join(", ")
    ))
}

fn hint(field: Option<String>) -> String {
    field.map_or_else(String::new, |field| format!("did you mean `{field}`? "))
}

/// `node_id` is one of `source`, `level` is short for `log_level`, and `evnt_data` was mistyped.
fn field_like(first: &str) -> Option<String> {
    if source::KEYS.contains(&first) {
        return Some(format!("source.{first}"));
    }
    let longer = FIELDS.into_iter().find(|field| field.rsplit('_').next() == Some(first));
    longer.or_else(|| nearest(first, &FIELDS)).map(str::to_owned)
}

fn nearest<'n>(name: &str, names: &[&'n str]) -> Option<&'n str> {
    let likeness = |other: &str| strsim::jaro_winkler(name, other);
    let nearest = names.iter().copied().max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
    (likeness(nearest) > LIKENESS_MIN).then_some(nearest)
}

#[cfg(test)]
mod tests {
    use super::why_none_has;

    #[test]
    fn who_asks_for_what_no_event_has_is_told_what_there_is() {
        let check = |path: &str, expected: &str| {
            let why = why_none_has(path);
            let why = why.as_deref().map(|why| why.rsplit_once('(').map_or(why, |(said, _)| said.trim_end()));
            assert_eq!(why.unwrap_or_default(), expected, "{path}");
        };
        check("event_data.anything.at.all", "");
        check("source", "");
        check("source.node_id", "");
        check("evnt_data.x", "no event has a field `evnt_data`: did you mean `event_data`?");
        check("node_id", "no event has a field `node_id`: did you mean `source.node_id`?");
        check("level", "no event has a field `level`: did you mean `log_level`?");
        check("temperature", "no event has a field `temperature`:");
        check("source.nod_id", "no event has a field `nod_id` in `source`: did you mean `source.node_id`?");
        check("source.node_id.x", "no event has a field `node_id.x` in `source`: did you mean `source.node_id`?");
    }
}
