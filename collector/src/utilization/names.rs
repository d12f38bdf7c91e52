//! What nodes, experiments and workcells are called: their start events say it.

use super::{
    fields::Fields,
    ids::{Id, IdMap, Ids},
};

/// Names of one kind of thing.
#[derive(Debug, Default)]
pub(super) struct Names(IdMap<Known>);

#[derive(Debug, Default)]
struct Known {
    starts: u8,
    name: Option<Box<str>>,
}

impl Names {
    /// Takes note of a start event of whatever has these ids. Only the first few starts of a thing are asked for its
    /// name.
    fn note(&mut self, ids: &[Id], starts_max: u8, name: Option<&str>) {
        for (index, id) in ids.iter().enumerate() {
            let known = self.0.entry(*id).or_default();
            let is_repeated = ids[..index].contains(id);
            if known.starts < starts_max && known.name.is_none() && !is_repeated {
                known.starts += 1;
                known.name = name.map(Into::into);
            }
        }
    }

    /// The name of a thing, if it has one.
    pub(super) fn get(&self, id: Id) -> Option<&str> {
        self.0.get(&id)?.name.as_deref()
    }

    /// Takes note of a `node_start`.
    pub(super) fn note_node(&mut self, fields: Fields<'_>, ids: &mut Ids) {
        let found = [fields.text("node_id"), fields.source("node_id"), fields.source("workcell_id")];
        let name = fields.text("node_name").map(str::trim);
        self.note(&numbers(&found, ids), 5, name);
    }

    /// Takes note of an `experiment_start`.
    pub(super) fn note_experiment(&mut self, fields: Fields<'_>, ids: &mut Ids) {
        const PLACES: [&[&str]; 5] = [
            &["experiment_name"],
            &["name"],
            &["experiment", "name"],
            &["experiment", "experiment_design", "experiment_name"],
            &["experiment", "run_name"],
        ];
        let nested = fields.data("experiment").and_then(|experiment| experiment.as_object());
        let nested = |key: &str| nested?.get(key)?.as_str();
        let found =
            [fields.source("experiment_id"), fields.text("experiment_id"), nested("_id"), nested("experiment_id")];
        let name = PLACES.iter().find_map(|place| fields.name_at(place));
        self.note(&numbers(&found, ids), 5, name);
    }

    /// Takes note of a `lab_start` or `workcell_start`. A name that begins with `Workcell ` is taken for a made-up one.
    pub(super) fn note_workcell(&mut self, fields: Fields<'_>, ids: &mut Ids) {
        let found = [fields.source("workcell_id"), fields.source("manager_id"), fields.text("workcell_id")];
        let name = ["name", "workcell_name", "lab_name", "display_name"].into_iter().find_map(|key| {
            let name = fields.text(key).filter(|name| !name.starts_with("Workcell "))?;
            Some(name.trim()).filter(|name| !name.is_empty())
        });
        self.note(&numbers(&found, ids), 3, name);
    }
}

fn numbers(found: &[Option<&str>], ids: &mut Ids) -> Vec<Id> {
    found.iter().flatten().map(|text| ids.of(text)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Fields, Ids, Names};

    fn check(note: fn(&mut Names, Fields<'_>, &mut Ids), starts: &[Value], id: &str, expected: Option<&str>) {
        let (mut names, mut ids) = (Names::default(), Ids::default());
        for start in starts {
            note(&mut names, Fields::of(start), &mut ids);
        }
        assert_eq!(names.get(ids.of(id)), expected);
    }

    #[test]
    fn a_node_is_called_as_one_of_its_first_five_starts_says() {
        let nameless = json!({"source": {"node_id": "N"}, "event_data": "text"});
        let named = json!({"source": {"node_id": "N"}, "event_data": {"node_name": " arm "}});
        let check = |starts: &[Value], expected| check(Names::note_node, starts, "N", expected);
        check(&[nameless.clone(), named.clone()], Some("arm"));
        check(&[nameless.clone(), nameless.clone(), nameless.clone(), nameless.clone(), nameless.clone(), named], None);
        check(&[json!({"event_data": {"node_id": "N", "node_name": 7}})], None);
        check(&[json!({"event_data": {"node_id": "N", "node_name": " "}})], Some(""));
    }

    #[test]
    fn an_experiment_is_called_in_one_of_five_places() {
        let check = |data: Value, expected| {
            let start = json!({"source": {"experiment_id": "E"}, "event_data": data});
            check(Names::note_experiment, &[start], "E", expected);
        };
        check(json!({"name": "b", "experiment_name": " a "}), Some("a"));
        check(json!({"name": " ", "experiment": {"run_name": "r", "name": "n"}}), Some("n"));
        check(json!({"experiment": {"run_name": "r", "experiment_design": {"experiment_name": "d"}}}), Some("d"));
        check(json!({"experiment": "text", "name": 7}), None);
    }

    #[test]
    fn a_made_up_name_of_a_workcell_is_none() {
        let check = |data: Value, expected| check(Names::note_workcell, &[json!({"event_data": data})], "W", expected);
        check(json!({"workcell_id": "W", "name": "Workcell 7", "lab_name": "North"}), Some("North"));
        check(json!({"workcell_id": "W", "name": " "}), None);
        check(json!({"workcell_id": "V", "name": "North"}), None);
    }
}
