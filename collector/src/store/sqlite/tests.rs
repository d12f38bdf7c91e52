//! The conformance tests on `SQLite`, and what is particular to it.

use std::{path::Path, sync::Arc, time::Duration};

use labtrail_shared::{shutdown::Tasks, telemetry::Metrics, text_query::TextQuery};
use proptest::prelude::*;
use rusqlite::Connection;
use serde_json::json;
use tempfile::TempDir;

use super::{OpenError, SqliteStore, words};
use crate::store::{
    Criteria, EventStore, Expect, Order, Search, StoreConfig, StoredEvent,
    conformance::{StoreBench, all, conformance_tests, event, every_page},
};

struct SqliteBench {
    folder: TempDir,
    tasks: Tasks,
    store: Arc<dyn EventStore>,
}

fn open(folder: &Path, tasks: &mut Tasks) -> Result<SqliteStore, OpenError> {
    SqliteStore::open(&folder.join("events.sqlite"), &StoreConfig::default(), tasks, &Metrics::default())
}

impl SqliteBench {
    fn open(folder: TempDir) -> Self {
        let mut tasks = Tasks::new();
        let store = Arc::new(open(folder.path(), &mut tasks).unwrap());
        Self { folder, tasks, store }
    }
}

impl StoreBench for SqliteBench {
    async fn new() -> Self {
        Self::open(tempfile::tempdir().unwrap())
    }

    fn store(&self) -> &Arc<dyn EventStore> {
        &self.store
    }

    async fn reopened(mut self) -> Self {
        drop(self.store);
        self.tasks.drain(Duration::from_secs(10)).await.unwrap();
        Self::open(self.folder)
    }
}

conformance_tests!(SqliteBench);

#[tokio::test]
async fn a_second_process_is_refused() {
    let bench = SqliteBench::new().await;
    let error = open(bench.folder.path(), &mut Tasks::new()).unwrap_err();
    assert!(matches!(error, OpenError::InUse { .. }), "{error}");
    assert!(error.to_string().contains("another collector is using it"), "{error}");
    let _bench = bench.reopened().await;
}

#[tokio::test]
async fn other_files_are_refused() {
    let check = |sql: &str, expected: &str| {
        let folder = tempfile::tempdir().unwrap();
        Connection::open(folder.path().join("events.sqlite")).unwrap().execute_batch(sql).unwrap();
        let error = open(folder.path(), &mut Tasks::new()).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    };
    check("CREATE TABLE other(x)", "of another program");
    let mark = "PRAGMA application_id = 0x4C54524C; CREATE TABLE event(seq);";
    check(&format!("{mark} PRAGMA user_version = 99"), "schema 99, this one knows 3");
}

#[tokio::test]
async fn files_of_older_versions_are_brought_up_to_date() {
    // What the later versions added, taken back.
    let back_to_2 = "DROP TABLE row; PRAGMA user_version = 2;";
    let back_to_1 = "DROP INDEX event_archived; ALTER TABLE event DROP COLUMN archived_time; PRAGMA user_version = 1;";
    for back in [back_to_2.to_owned(), format!("{back_to_2} {back_to_1}")] {
        let mut bench = SqliteBench::new().await;
        let archived = |id: &str, at: &str| event(&json!({"_id": id, "archived": true, "archived_at": at}));
        let new = event(&json!({"_id": "c"}));
        let events = vec![archived("a", "2026-01-01T00:00:00"), archived("b", "2026-01-02"), new];
        bench.store.insert(events, Expect::New).await.unwrap();
        drop(bench.store);
        bench.tasks.drain(Duration::from_secs(10)).await.unwrap();
        let old = Connection::open(bench.folder.path().join("events.sqlite")).unwrap();
        old.execute_batch(&back).unwrap();
        drop(old);
        let bench = SqliteBench::open(bench.folder);
        let listed = bench.store.archived(None, 10).await.unwrap();
        assert_eq!(listed.iter().map(|(_, event)| event.id()).collect::<Vec<_>>(), ["b", "a"]);
        assert_eq!(bench.store.purge(listed[0].0.time, 10).await.unwrap(), 1);
        assert_eq!(bench.store.count().await.unwrap(), 2);
        assert_eq!(bench.store.rows("tested", None, 10).await.unwrap(), []);
    }
}

#[tokio::test]
async fn what_is_deleted_gives_its_room_back() {
    let mut bench = SqliteBench::new().await;
    let text = "x".repeat(2000);
    let events = (0..3000).map(|number| {
        event(&json!({"_id": format!("e{number}"), "archived": true, "archived_at": "2026-01-01", "event_data": text}))
    });
    bench.store.insert(events.collect(), Expect::New).await.unwrap();
    while bench.store.purge(i64::MAX, 500).await.unwrap() > 0 {}
    assert_eq!(bench.store.count().await.unwrap(), 0);
    drop(bench.store);
    bench.tasks.drain(Duration::from_secs(10)).await.unwrap();
    let file = Connection::open(bench.folder.path().join("events.sqlite")).unwrap();
    let pages: i64 = file.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
    assert!(pages < 100, "{pages} pages of 8 KiB are left of 6 MB");
}

/// Texts in which words end where Unicode, `SQLite` and Rust might disagree.
fn odd_text() -> impl Strategy<Value = String> {
    let letters =
        ["a", "B", "ß", "İ", "Σ", "σ", "²", "Ⅷ", "_", "-", " ", "\u{301}", "é", "中", "文", "🦀", "7", "\0", "\"", "*"];
    proptest::collection::vec(proptest::sample::select(letters.to_vec()), 0..6).prop_map(|letters| letters.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]
    #[test]
    fn the_index_of_words_knows_the_very_words(
        texts in proptest::collection::vec(odd_text(), 1..30),
        queries in proptest::collection::vec(odd_text(), 1..20),
    ) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let store = open(folder.path(), &mut Tasks::new()).unwrap();
            let events = texts.iter().enumerate().map(|(number, text)| {
                event(&json!({"_id": number.to_string(), "event_data": {"x": text, "host": "a"}}))
            });
            store.insert(events.collect(), Expect::New).await.unwrap();
            for query in queries.iter().filter_map(|query| TextQuery::parse(query)) {
                let asked = query.clone();
                let found = store.pool.read("test", move |reader| words::hits(reader, &asked)).await.unwrap();
                let matching = texts.iter().zip(1..).filter(|(text, _)| query.matches(&json!(text)));
                let expected: Vec<i64> = matching.map(|(_, seq)| seq).collect();
                assert_eq!(found, expected, "{query:?} in {texts:?}");
            }
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rare_words_are_found_in_the_order_of_time_however_they_arrived() {
    let bench = SqliteBench::new().await;
    // Three files of which the oldest came last and the newest in the middle, over several stretches of arrivals.
    let mut events = Vec::new();
    for (file, days) in [(0, 5), (1, 9), (2, 0)] {
        for number in 0..5000_i64 {
            let time = 1_790_000_000_000_000 + days * 86_400_000_000 + number * 1_000_000;
            let word = if number % 97 == 0 { "rare" } else { "common" };
            let timestamp = labtrail_shared::timestamp::EventTimestamp::from_utc_micros(time).to_string();
            events.push(event(&json!({"_id": format!("{file}-{number:04}"), "event_timestamp": timestamp,
                "log_level": if number % 2 == 0 { 40 } else { 20 }, "event_data": {"message": word}})));
        }
    }
    bench.store.insert(events, Expect::New).await.unwrap();
    let everything = every_page(bench.store.as_ref(), all(Criteria::default())).await;
    assert_eq!(everything.len(), 15_000);
    let filter = labtrail_shared::filter::Filter::parse(&json!({"event_data.message": {"$regex": "^r"}})).unwrap();
    let level_min = Some(labtrail_shared::level::LogLevel::Error);
    let text = TextQuery::parse("rare ");
    let (from, to) = (Some(everything[11_000].time), Some(everything[4000].time));
    for criteria in [
        Criteria { text: text.clone(), ..Criteria::default() },
        Criteria { text: text.clone(), level_min, ..Criteria::default() },
        Criteria { text: text.clone(), from, to, ..Criteria::default() },
        Criteria { text, filter: Some(filter), ..Criteria::default() },
    ] {
        let mut expected: Vec<&StoredEvent> = everything.iter().filter(|event| criteria.matches(event)).collect();
        for (order, offset) in [(Order::Descending, 0), (Order::Ascending, 0), (Order::Ascending, 3)] {
            if order == Order::Ascending && offset == 0 {
                expected.reverse();
            }
            let search = Search { order, limit: 7, ..all(criteria.clone()) };
            let first = bench.store.search(Search { offset, ..search.clone() }).await.unwrap();
            assert_eq!(first.items.iter().collect::<Vec<_>>(), expected[offset..(offset + 7).min(expected.len())]);
            let found = every_page(bench.store.as_ref(), search).await;
            assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{criteria:?}");
        }
    }
}

#[tokio::test]
async fn an_index_of_words_that_is_lost_or_wrong_is_made_anew() {
    let damages: [fn(&Path); 3] = [
        |index| std::fs::remove_file(index).unwrap(),
        |index| std::fs::write(index, "not a database at all".repeat(999)).unwrap(),
        |index| Connection::open(index).unwrap().execute_batch("UPDATE mark SET store = 'another'").unwrap(),
    ];
    let mut bench = SqliteBench::new().await;
    let search = || Search { limit: 10, ..all(Criteria { text: TextQuery::parse("valve "), ..Criteria::default() }) };
    for (number, damage) in (1..).zip(damages) {
        let stuck = event(&json!({"_id": number.to_string(), "event_data": {"message": "valve stuck"}}));
        bench.store.insert(vec![stuck], Expect::New).await.unwrap();
        assert_eq!(bench.store.search(search()).await.unwrap().items.len(), number);
        let SqliteBench { folder, mut tasks, store } = bench;
        drop(store);
        tasks.drain(Duration::from_secs(10)).await.unwrap();
        damage(&words::path(&folder.path().join("events.sqlite")));
        bench = SqliteBench::open(folder);
        assert_eq!(bench.store.search(search()).await.unwrap().items.len(), number);
    }
}
