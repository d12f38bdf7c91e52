//! One name in the registry: its id, and the lock of the process that uses it.
//!
//! The file is `{version, created_at, updated_at, entries: {NAME: {id, component_type, created_at, last_seen, metadata,
//! lock, workcell_id}}}`, and a lock is `{holder_pid, holder_host, holder_instance, acquired_at, heartbeat_at,
//! expires_at}`. Only what MADSci changes in our entry is changed.

use std::process;

use jiff::{SignedDuration, Timestamp};
use labtrail_shared::event_id;

use super::table::Table;

/// How long a lock lasts without being renewed.
const LOCK_LIFE: SignedDuration = SignedDuration::from_secs(30);
/// The version of the file's format.
const VERSION: u32 = 1;
/// What MADSci's own event manager notes of itself, which others may look for.
const MANAGER_CLASS: &str = "EventManager";
/// How deep entries and what is in them stand in the file.
const ENTRY_DEPTH: usize = 2;

/// A process that uses names.
#[derive(Debug, Clone)]
pub(super) struct Holder {
    /// Its host.
    pub(super) host: String,
    /// Its number there.
    pub(super) pid: u32,
    /// A ULID of its own: hosts and numbers come again.
    pub(super) instance: String,
}

impl Holder {
    /// This process.
    pub(super) fn this_process() -> Self {
        let host = gethostname::gethostname().to_string_lossy().into_owned();
        Self { host, pid: process::id(), instance: event_id::mint() }
    }
}

/// An id that is ours.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Claimed {
    /// The id.
    pub(super) id: String,
    /// Whether the name was unknown.
    pub(super) is_new: bool,
}

/// Why a name is not ours.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum EntryError {
    /// Another process uses it.
    Held {
        /// The host of that process.
        host: String,
        /// Its number there.
        pid: i64,
        /// When it loses the name if it does not renew it.
        until: Timestamp,
    },
    /// It was ours and is no longer.
    Lost,
    /// The registry or the entry is not as MADSci writes it.
    Broken(String),
}

impl From<String> for EntryError {
    fn from(problem: String) -> Self {
        Self::Broken(problem)
    }
}

/// Takes a name for `holder`, with a new id if it has none.
pub(super) fn claim(registry: &mut Table, name: &str, holder: &Holder, now: Timestamp) -> Result<Claimed, EntryError> {
    let entries = registry.table("entries")?;
    let is_new = !entries.has(name);
    let mut entry = entries.table(name)?;
    let id = if is_new { begin(&mut entry, now) } else { entry.get("id")?.ok_or("it has no id".to_owned())? };
    if !event_id::is_ulid(&id) {
        return Err(EntryError::Broken(format!("its id {id:?} is not a ULID")));
    }
    if let Some(lock) = lock(&entry)?
        && lock.instance.as_deref() != Some(&holder.instance)
        && now < lock.until
    {
        return Err(EntryError::Held { host: lock.host, pid: lock.pid, until: lock.until });
    }
    let mut metadata = entry.table("metadata")?;
    metadata.set("manager_class", MANAGER_CLASS);
    entry.set("last_seen", text(now));
    entry.set_table("metadata", &metadata, ENTRY_DEPTH + 1);
    let mut lock = Table::default();
    lock.set("holder_pid", holder.pid);
    lock.set("holder_host", &holder.host);
    lock.set("holder_instance", &holder.instance);
    lock.set("acquired_at", text(now));
    lock.set("heartbeat_at", text(now));
    lock.set("expires_at", text(now + LOCK_LIFE));
    entry.set_table("lock", &lock, ENTRY_DEPTH + 1);
    if is_new {
        entry.set("workcell_id", Option::<&str>::None);
    }
    put(registry, entries, name, &entry, now);
    Ok(Claimed { id, is_new })
}

/// Lets the lock of `holder` last anew.
pub(super) fn renew(registry: &mut Table, name: &str, holder: &Holder, now: Timestamp) -> Result<(), EntryError> {
    let entries = registry.table("entries")?;
    let mut entry = entries.table(name)?;
    if !is_held(&entry, holder)? {
        return Err(EntryError::Lost);
    }
    let mut lock = entry.table("lock")?;
    lock.set("heartbeat_at", text(now));
    lock.set("expires_at", text(now + LOCK_LIFE));
    entry.set("last_seen", text(now));
    entry.set_table("lock", &lock, ENTRY_DEPTH + 1);
    put(registry, entries, name, &entry, now);
    Ok(())
}

/// Removes the lock of `holder`.
pub(super) fn release(registry: &mut Table, name: &str, holder: &Holder, now: Timestamp) -> Result<(), EntryError> {
    let entries = registry.table("entries")?;
    let mut entry = entries.table(name)?;
    if !is_held(&entry, holder)? {
        return Err(EntryError::Lost);
    }
    entry.set("lock", Option::<&str>::None);
    put(registry, entries, name, &entry, now);
    Ok(())
}

/// Fills the entry of an unknown name, and gives its id.
fn begin(entry: &mut Table, now: Timestamp) -> String {
    let id = event_id::mint();
    entry.set("id", &id);
    entry.set("component_type", "manager");
    entry.set("created_at", text(now));
    id
}

fn put(registry: &mut Table, mut entries: Table, name: &str, entry: &Table, now: Timestamp) {
    entries.set_table(name, entry, ENTRY_DEPTH);
    if !registry.has("version") {
        registry.set("version", VERSION);
    }
    if !registry.has("created_at") {
        registry.set("created_at", text(now));
    }
    registry.set("updated_at", text(now));
    registry.set_table("entries", &entries, ENTRY_DEPTH - 1);
}

struct Lock {
    host: String,
    pid: i64,
    instance: Option<String>,
    until: Timestamp,
}

fn lock(entry: &Table) -> Result<Option<Lock>, EntryError> {
    if !entry.has("lock") {
        return Ok(None);
    }
    let lock = entry.table("lock")?;
    let missing = |key: &str| format!("its lock has no {key}");
    Ok(Some(Lock {
        host: lock.get("holder_host")?.ok_or_else(|| missing("holder_host"))?,
        pid: lock.get("holder_pid")?.ok_or_else(|| missing("holder_pid"))?,
        instance: lock.get("holder_instance")?,
        until: lock.get("expires_at")?.ok_or_else(|| missing("expires_at"))?,
    }))
}

fn is_held(entry: &Table, holder: &Holder) -> Result<bool, EntryError> {
    Ok(lock(entry)?.is_some_and(|lock| lock.instance.as_deref() == Some(&holder.instance)))
}

/// A time as pydantic writes it.
fn text(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01KB0000000000000000000000";

    fn holder(instance: &str) -> Holder {
        Holder { host: "here".to_owned(), pid: 7, instance: instance.to_owned() }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_microsecond(1_764_000_000_000_000 + second * 1_000_000 + 5).unwrap()
    }

    #[test]
    fn a_name_gets_an_id_and_keeps_it() {
        let mut registry = Table::default();
        let first = claim(&mut registry, "a", &holder("one"), at(0)).unwrap();
        assert!(first.is_new && event_id::is_ulid(&first.id));
        let expected = format!(
            r#"{{
  "version": 1,
  "created_at": "2025-11-24T16:00:00.000005Z",
  "updated_at": "2025-11-24T16:00:00.000005Z",
  "entries": {{
    "a": {{
      "id": "{}",
      "component_type": "manager",
      "created_at": "2025-11-24T16:00:00.000005Z",
      "last_seen": "2025-11-24T16:00:00.000005Z",
      "metadata": {{
        "manager_class": "EventManager"
      }},
      "lock": {{
        "holder_pid": 7,
        "holder_host": "here",
        "holder_instance": "one",
        "acquired_at": "2025-11-24T16:00:00.000005Z",
        "heartbeat_at": "2025-11-24T16:00:00.000005Z",
        "expires_at": "2025-11-24T16:00:30.000005Z"
      }},
      "workcell_id": null
    }}
  }}
}}"#,
            first.id
        );
        assert_eq!(registry.print(0), expected);
        let held = EntryError::Held { host: "here".to_owned(), pid: 7, until: at(30) };
        assert_eq!(claim(&mut registry, "a", &holder("two"), at(29)), Err(held));
        assert_eq!(registry.print(0), expected);
        renew(&mut registry, "a", &holder("one"), at(20)).unwrap();
        assert!(claim(&mut registry, "a", &holder("two"), at(49)).is_err());
        let again = Claimed { id: first.id, is_new: false };
        assert_eq!(claim(&mut registry, "a", &holder("two"), at(50)), Ok(again));
        assert_eq!(renew(&mut registry, "a", &holder("one"), at(50)), Err(EntryError::Lost));
        assert_eq!(release(&mut registry, "a", &holder("one"), at(50)), Err(EntryError::Lost));
        release(&mut registry, "a", &holder("two"), at(50)).unwrap();
        assert!(claim(&mut registry, "a", &holder("one"), at(50)).is_ok());
        assert!(claim(&mut registry, "a", &holder("one"), at(50)).is_ok(), "our own lock does not keep us out");
    }

    #[test]
    fn what_is_not_ours_is_kept() {
        let text = format!(
            r#"{{"new": 1e99, "entries": {{"b": {{"id":7}}, "a": {{"odd": [1,  2], "id": "{ID}", "metadata": {{"x": 1.0}}}}}}}}"#
        );
        let mut registry = Table::parse(&text).unwrap();
        assert_eq!(claim(&mut registry, "a", &holder("one"), at(0)), Ok(Claimed { id: ID.to_owned(), is_new: false }));
        let printed = registry.print(0);
        for kept in ["\"new\": 1e99", "\"b\": {\"id\":7}", "\"odd\": [1,  2]", "\"x\": 1.0", "\"version\": 1"] {
            assert!(printed.contains(kept), "{kept} is not in {printed}");
        }
    }

    #[test]
    fn what_is_broken_is_left_alone() {
        let check = |text: &str, expected: &str| {
            let mut registry = Table::parse(text).unwrap();
            let before = registry.print(0);
            match claim(&mut registry, "a", &holder("one"), at(0)) {
                Err(EntryError::Broken(problem)) => assert!(problem.starts_with(expected), "{problem}"),
                other => panic!("{text}: {other:?}"),
            }
            assert_eq!(registry.print(0), before);
        };
        check(r#"{"entries": []}"#, "entries: invalid type: sequence, expected an object");
        check(r#"{"entries": null}"#, "entries: invalid type: null, expected an object");
        check(r#"{"entries": {"a": 7}}"#, "a: invalid type: integer `7`, expected an object");
        check(r#"{"entries": {"a": {}}}"#, "it has no id");
        check(r#"{"entries": {"a": {"id": 7}}}"#, "id: invalid type");
        check(r#"{"entries": {"a": {"id": "x"}}}"#, "its id \"x\" is not a ULID");
        let with = |rest: &str| format!(r#"{{"entries": {{"a": {{"id": "{ID}", {rest}}}}}}}"#);
        check(&with(r#""lock": {}"#), "its lock has no holder_host");
        check(&with(r#""lock": {"holder_host": "x", "holder_pid": 1, "expires_at": "soon"}"#), "expires_at: ");
        check(&with(r#""metadata": 5"#), "metadata: invalid type");
    }
}
