//! What every store must pass: the promises of `event_store`, as tests.
//!
//! A store names its own way to be opened (`StoreBench`) and says `conformance_tests!(ItsBench);` in its tests.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use labtrail_shared::{
    event::{Defaults, Event},
    filter::{Filter, generate},
    level::LogLevel,
    source::Source,
    text_query::TextQuery,
    timestamp::EventTimestamp,
};
use serde_json::{Value, json};

use super::{
    Criteria, DeadLetter, EventStore, Expect, HistogramRequest, NewEvent, Order, Outcome, Page, RowChange, RowContent,
    RowExpect, Search, StoredEvent,
};

/// How a store is opened in tests.
pub(super) trait StoreBench: Sized {
    /// An empty store.
    async fn new() -> Self;
    /// The store.
    fn store(&self) -> &Arc<dyn EventStore>;
    /// The same store after its process ended and began again.
    async fn reopened(self) -> Self;
}

/// Makes a test of each promise.
macro_rules! conformance_tests {
    ($bench:ty) => {
        $crate::store::conformance::conformance_tests!($bench:
            events_come_back_as_they_went_in, repeats_are_counted_and_conflicts_told, an_insert_may_repeat_itself,
            all_survives_a_restart, order_is_by_time_and_id, pages_have_no_hole_and_no_repeat, offsets_leave_out,
            criteria_mean_what_they_say, filters_mean_what_they_say, histograms_count_what_searches_find,
            arrivals_are_numbered, what_is_archived_stays_until_it_is_purged, dead_letters_are_kept_and_counted, rows_are_changed_only_as_expected,
            rows_of_many_writers_lose_no_change, little_time_gives_parts_of_the_answer);
    };
    ($bench:ty: $($name:ident),*) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            $crate::store::conformance::$name::<$bench>().await;
        }
    )*};
}
pub(super) use conformance_tests;

const TIME: i64 = 1_790_000_000_000_000;
const MINUTE: Duration = Duration::from_mins(1);

pub(super) fn event(value: &Value) -> NewEvent {
    let now = EventTimestamp::from_utc_micros(TIME);
    let event = Event::from_json(value, &Defaults { now, source: Source::default() }).unwrap();
    let time = event.event_timestamp.utc_micros(&jiff::tz::TimeZone::UTC);
    let hash = labtrail_shared::record_hash::of_whole_event(&event.to_json());
    NewEvent { event, time, received: TIME, hash, kafka: None }
}

/// An event of that id at so many seconds.
fn at(id: &str, seconds: i64) -> NewEvent {
    let timestamp = EventTimestamp::from_utc_micros(TIME + seconds * 1_000_000).to_string();
    event(&json!({"_id": id, "event_timestamp": timestamp, "event_data": {"message": format!("event {id}")}}))
}

pub(super) fn all(criteria: Criteria) -> Search {
    Search { criteria, order: Order::Descending, after: None, offset: 0, limit: 10_000, time_max: MINUTE }
}

fn ids(page: &Page) -> Vec<&str> {
    page.items.iter().map(StoredEvent::id).collect()
}

async fn insert(bench: &impl StoreBench, events: &[NewEvent]) -> Vec<Outcome> {
    bench.store().insert(events.to_vec(), Expect::New).await.unwrap().outcomes
}

async fn search(bench: &impl StoreBench, search: Search) -> Page {
    bench.store().search(search).await.unwrap()
}

/// Follows pages to the end.
pub(super) async fn every_page(store: &dyn EventStore, mut search: Search) -> Vec<StoredEvent> {
    let mut found = Vec::new();
    loop {
        let page = store.search(search.clone()).await.unwrap();
        assert!(page.next.is_some() || page.complete, "an answer that is not complete says where to go on");
        found.extend(page.items);
        let Some(next) = page.next else { return found };
        search.after = Some(next);
    }
}

pub(super) async fn events_come_back_as_they_went_in<B: StoreBench>() {
    let bench = B::new().await;
    let ulid = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
    let documents = [
        json!({"_id": "full", "event_type": "node_error", "log_level": 40, "alert": true,
            "event_timestamp": "2026-11-23T09:18:44.331566+05:30", "source": {"user_id": ulid, "node_id": ulid},
            "event_data": {"z": [1, 2.5, null, {"": "ü\u{0}"}], "a": 12_345_678_901_234_567_890_u64, "$x.y": -0.0},
            "trace_id": "t", "span_id": "", "archived": true, "archived_at": "2026-11-24T00:00:00Z"}),
        json!({"_id": "", "event_timestamp": "2026-11-23T09:18:44", "event_data": "only a text"}),
        json!({"_id": "nothing", "event_data": null, "source": {}}),
    ];
    let events: Vec<NewEvent> = documents.iter().map(event).collect();
    assert_eq!(insert(&bench, &events).await, [Outcome::Stored, Outcome::Stored, Outcome::Stored]);
    for event in &events {
        let stored = bench.store().get(&event.event.id).await.unwrap().unwrap();
        assert_eq!(stored.event.to_string(), event.event.to_json().to_string());
        assert_eq!((stored.time, stored.received), (event.time, event.received));
    }
    assert_eq!(bench.store().get("other").await.unwrap(), None);
    assert_eq!(bench.store().insert(Vec::new(), Expect::New).await.unwrap().outcomes, []);
}

pub(super) async fn repeats_are_counted_and_conflicts_told<B: StoreBench>() {
    let bench = B::new().await;
    let (first, other) = (at("a", 1), at("a", 2));
    assert_eq!(insert(&bench, std::slice::from_ref(&first)).await, [Outcome::Stored]);
    let conflict = Outcome::Conflict(Box::new(other.event.to_json()));
    let outcomes = insert(&bench, &[at("b", 3), first.clone(), other]).await;
    assert_eq!(outcomes, [Outcome::Stored, Outcome::Duplicate, conflict]);
    assert_eq!(bench.store().count().await.unwrap(), 2);
    assert_eq!(bench.store().get("a").await.unwrap().unwrap().time, first.time);
    // The hash decides, not the form: what was read again under another config is the same event.
    let mut reparsed = at("a", 5);
    reparsed.hash = first.hash;
    assert_eq!(insert(&bench, &[reparsed]).await, [Outcome::Duplicate]);
}

pub(super) async fn an_insert_may_repeat_itself<B: StoreBench>() {
    let bench = B::new().await;
    let outcomes = insert(&bench, &[at("a", 1), at("a", 1), at("a", 2)]).await;
    assert!(matches!(outcomes[..], [Outcome::Stored, Outcome::Duplicate, Outcome::Conflict(_)]), "{outcomes:?}");
    assert_eq!(ids(&search(&bench, all(Criteria::default())).await), ["a"]);
}

pub(super) async fn all_survives_a_restart<B: StoreBench>() {
    let bench = B::new().await;
    insert(&bench, &[at("a", 1), at("b", 2)]).await;
    let bench = bench.reopened().await;
    assert_eq!(bench.store().count().await.unwrap(), 2);
    assert_eq!(*bench.store().last_seq().borrow(), 2);
    assert_eq!(bench.store().hashes(vec!["x".into(), "b".into()]).await.unwrap(), [None, Some(at("b", 2).hash)]);
    assert_eq!(ids(&search(&bench, all(Criteria::default())).await), ["b", "a"]);
    assert_eq!(insert(&bench, &[at("a", 1), at("c", 3)]).await, [Outcome::Duplicate, Outcome::Stored]);
    assert_eq!(bench.store().count().await.unwrap(), 3);
}

pub(super) async fn order_is_by_time_and_id<B: StoreBench>() {
    let bench = B::new().await;
    insert(&bench, &[at("b", 1), at("d", 0), at("a", 1), at("c", 2), at("B", 1), at("ä", 1)]).await;
    let descending = all(Criteria::default());
    let ascending = Search { order: Order::Ascending, ..descending.clone() };
    assert_eq!(ids(&search(&bench, descending).await), ["c", "ä", "b", "a", "B", "d"]);
    assert_eq!(ids(&search(&bench, ascending).await), ["d", "B", "a", "b", "ä", "c"]);
}

pub(super) async fn pages_have_no_hole_and_no_repeat<B: StoreBench>() {
    for order in [Order::Descending, Order::Ascending] {
        for text in [None, TextQuery::parse("event")] {
            let bench = B::new().await;
            // Hundreds of one instant, as instruments write that know whole seconds only.
            let events: Vec<NewEvent> = (0..700).map(|number| at(&format!("{number:04}"), number / 300)).collect();
            insert(&bench, &events).await;
            let criteria = Criteria { text, ..Criteria::default() };
            let mut next = Search { order, limit: 37, ..all(criteria) };
            let mut seen = Vec::new();
            for round in 0.. {
                let page = search(&bench, next.clone()).await;
                seen.extend(page.items.iter().map(|event| event.id().to_owned()));
                // What arrives meanwhile is in or out, but it disturbs nobody.
                insert(&bench, &[at(&format!("{round:04}-late"), round % 3)]).await;
                let Some(position) = page.next else { break };
                next.after = Some(position);
            }
            let old: Vec<&String> = seen.iter().filter(|id| !id.ends_with("late")).collect();
            let mut expected: Vec<String> = (0..700).map(|number| format!("{number:04}")).collect();
            if order == Order::Descending {
                expected.reverse();
            }
            assert_eq!(old, expected.iter().collect::<Vec<_>>());
            assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), seen.len(), "nothing comes twice");
        }
    }
}

pub(super) async fn offsets_leave_out<B: StoreBench>() {
    let bench = B::new().await;
    insert(&bench, &[at("a", 1), at("b", 2), at("c", 3), at("d", 4)]).await;
    let check = async |criteria: Criteria, offset: usize, limit: usize, expected: &[&str]| {
        let page = search(&bench, Search { offset, limit, ..all(criteria) }).await;
        assert_eq!(ids(&page), expected);
    };
    let word = Criteria { text: TextQuery::parse("event"), ..Criteria::default() };
    for criteria in [Criteria::default(), word] {
        check(criteria.clone(), 0, 2, &["d", "c"]).await;
        check(criteria.clone(), 1, 2, &["c", "b"]).await;
        check(criteria.clone(), 3, 2, &["a"]).await;
        check(criteria.clone(), 4, 2, &[]).await;
        check(criteria.clone(), 99, 2, &[]).await;
        check(criteria, 1, 0, &[]).await;
    }
}

/// A small store in which much differs.
async fn mixed<B: StoreBench>() -> (B, Vec<StoredEvent>) {
    let bench = B::new().await;
    let levels = [0, 10, 20, 30, 40, 50];
    let words = ["Valve stuck", "valve V-12 moved", "ÜBERDRUCK am Ventil", "übergabe", "x_y z²", "ΟΔΟΣ odos", "12 345"];
    let events: Vec<NewEvent> = (0..120_usize)
        .map(|number| {
            let timestamp = EventTimestamp::from_utc_micros(TIME + (number as i64 * 7919 % 120) * 1_000_000);
            let node = labtrail_shared::event_id::derive(
                labtrail_shared::event_id::FileIdentity { birth_ms: 1, hash: number as u64 % 3 },
                0,
            );
            event(&json!({
                "_id": format!("{number:03}"), "log_level": levels[number % 6], "archived": number % 4 == 0,
                "event_timestamp": timestamp.to_string(), "source": {"node_id": node},
                "event_type": if number % 5 == 0 { "node_error" } else { "log_info" },
                "event_data": {"message": words[number % 7], "fields": {"n": number, "tag": ["a", number % 2]},
                    "host": {"name": "hidden"}},
            }))
        })
        .collect();
    insert(&bench, &events).await;
    let mut stored = search(&bench, all(Criteria::default())).await.items;
    assert_eq!(stored.len(), 120);
    stored.sort_by_key(|event| std::cmp::Reverse(event.position()));
    (bench, stored)
}

fn some_criteria() -> Vec<Criteria> {
    let mut all = vec![Criteria::default()];
    all.extend(LogLevel::ALL.map(|level| Criteria { level_min: Some(level), ..Criteria::default() }));
    for (from, to) in
        [(Some(10), None), (None, Some(10)), (Some(10), Some(20)), (Some(20), Some(10)), (Some(999), None)]
    {
        let time = |seconds: Option<i64>| seconds.map(|seconds| TIME + seconds * 1_000_000);
        all.push(Criteria { from: time(from), to: time(to), ..Criteria::default() });
    }
    for text in [
        "valve",
        "VALVE stuck",
        "val",
        "val ",
        "v-1",
        "über",
        "ÜBER ",
        "x_y",
        "z²",
        "οδος",
        "ΟΔΟΣ ",
        "hidden",
        "34",
        "nowhere",
    ] {
        all.push(Criteria { text: TextQuery::parse(text), ..Criteria::default() });
        all.push(Criteria { text: TextQuery::parse(text), level_min: Some(LogLevel::Warning), ..Criteria::default() });
    }
    all.extend([true, false].map(|archived| Criteria { archived: Some(archived), ..Criteria::default() }));
    for selector in [
        json!({"log_level": {"$gte": 30}}),
        json!({"log_level": 40, "event_type": "node_error"}),
        json!({"event_type": "log_info", "log_level": {"$lt": 30}}),
        json!({"event_data.fields.n": {"$gt": 50, "$lte": 60}}),
        json!({"event_data.fields.tag": "a", "_id": "017"}),
        json!({"$or": [{"event_data.message": {"$regex": "^Valve"}}, {"event_data.fields.tag": 1}]}),
        json!({"source.node_id": {"$exists": false}}),
    ] {
        let filter = Some(Filter::parse(&selector).unwrap());
        all.push(Criteria { filter: filter.clone(), ..Criteria::default() });
        all.push(Criteria {
            filter,
            text: TextQuery::parse("v"),
            level_min: Some(LogLevel::Debug),
            ..Criteria::default()
        });
    }
    all
}

pub(super) async fn criteria_mean_what_they_say<B: StoreBench>() {
    let (bench, stored) = mixed::<B>().await;
    for criteria in some_criteria() {
        let expected: Vec<&StoredEvent> = stored.iter().filter(|event| criteria.matches(event)).collect();
        for order in [Order::Descending, Order::Ascending] {
            let found = every_page(bench.store().as_ref(), Search { order, limit: 7, ..all(criteria.clone()) }).await;
            let mut found: Vec<&StoredEvent> = found.iter().collect();
            if order == Order::Ascending {
                found.reverse();
            }
            assert_eq!(found, expected, "{criteria:?}");
        }
    }
}

pub(super) async fn filters_mean_what_they_say<B: StoreBench>() {
    for seed in (0..60).step_by(2) {
        let bench = B::new().await;
        let round = generate::event_round(seed);
        insert(&bench, &round.documents.iter().map(event).collect::<Vec<_>>()).await;
        let stored = search(&bench, all(Criteria::default())).await.items;
        assert_eq!(stored.len(), round.documents.len());
        for selector in &round.selectors {
            let criteria = Criteria { filter: Some(Filter::parse(selector).unwrap()), ..Criteria::default() };
            let expected: Vec<&StoredEvent> = stored.iter().filter(|event| criteria.matches(event)).collect();
            let page = search(&bench, all(criteria.clone())).await;
            assert_eq!(page.items.iter().collect::<Vec<_>>(), expected, "{selector}");
        }
    }
}

pub(super) async fn histograms_count_what_searches_find<B: StoreBench>() {
    let (bench, stored) = mixed::<B>().await;
    for criteria in some_criteria() {
        for buckets in [2, 10, 80] {
            let request = HistogramRequest { criteria: criteria.clone(), buckets, time_max: MINUTE };
            let histogram = bench.store().histogram(request).await.unwrap();
            assert!(histogram.complete);
            let width = histogram.bucket_micros;
            let slots = (histogram.to - 1).div_euclid(width) - histogram.from.div_euclid(width) + 1;
            assert!(slots <= i64::from(buckets), "{slots} slots for {buckets} buckets");
            let mut expected = std::collections::BTreeMap::<i64, [u64; 6]>::new();
            for event in stored.iter().filter(|event| criteria.matches(event)) {
                let level = LogLevel::from_json(&event.event["log_level"]).unwrap();
                let place = LogLevel::ALL.iter().position(|known| *known == level).unwrap();
                expected.entry(event.time.div_euclid(width) * width).or_default()[place] += 1;
            }
            let found = histogram.buckets.iter().map(|bucket| (bucket.time, bucket.counts)).collect();
            assert_eq!(expected, found, "{criteria:?}");
        }
    }
    let empty = B::new().await;
    let request = HistogramRequest { criteria: Criteria::default(), buckets: 80, time_max: MINUTE };
    assert_eq!(empty.store().histogram(request).await.unwrap().buckets, []);
}

pub(super) async fn arrivals_are_numbered<B: StoreBench>() {
    let bench = B::new().await;
    let mut arrivals = bench.store().last_seq();
    assert_eq!(*arrivals.borrow_and_update(), 0);
    insert(&bench, &[at("b", 2), at("a", 1), at("b", 2), at("c", 0)]).await;
    let arrived = tokio::time::timeout(MINUTE, arrivals.wait_for(|seq| *seq >= 3)).await;
    assert_eq!(*arrived.expect("what is stored is numbered soon").unwrap(), 3);
    let after = async |seq: i64, limit: usize| {
        let events = bench.store().events_after(seq, limit).await.unwrap();
        events.iter().map(|(seq, event)| (*seq, event.id().to_owned())).collect::<Vec<_>>()
    };
    let numbered = |list: &[(i64, &str)]| list.iter().map(|(seq, id)| (*seq, (*id).to_owned())).collect::<Vec<_>>();
    assert_eq!(after(0, 10).await, numbered(&[(1, "b"), (2, "a"), (3, "c")]));
    assert_eq!(after(1, 1).await, numbered(&[(2, "a")]));
    assert_eq!(after(3, 10).await, []);
    insert(&bench, &[at("a", 1)]).await;
    assert!(!arrivals.has_changed().unwrap(), "a repeat is no arrival");
}

pub(super) async fn what_is_archived_stays_until_it_is_purged<B: StoreBench>() {
    let bench = B::new().await;
    assert_eq!(bench.store().extent().await.unwrap(), None);
    let mut events: Vec<NewEvent> = (0..10).map(|number| at(&format!("e{number}"), number)).collect();
    let came_archived = |id: &str, archived_at: Value| {
        event(
            &json!({"_id": id, "archived": true, "archived_at": archived_at, "event_timestamp": "2026-09-21T00:00:00Z"}),
        )
    };
    events.push(came_archived("text", json!("2026-09-21T14:00:00+02:00")));
    events.push(came_archived("naive", json!("2026-09-21T12:30:00")));
    events.push(came_archived("null", Value::Null));
    insert(&bench, &events).await;
    let first = "2026-09-21T00:00:00Z".parse::<jiff::Timestamp>().unwrap().as_microsecond();
    assert_eq!(bench.store().extent().await.unwrap(), Some((first.min(TIME), (TIME + 9_000_000).max(first))));
    let archive = async |ids: &[&str], at: i64| {
        bench.store().archive(ids.iter().map(|id| (*id).to_owned()).collect(), at).await.unwrap()
    };
    let hour = 3_600_000_000;
    assert_eq!(archive(&["e1", "e1", "none", "e2", "text"], TIME + hour).await, 2);
    assert_eq!(archive(&["e1"], TIME + hour).await, 0, "once is enough");
    assert_eq!(archive(&[], TIME + hour).await, 0);
    assert_eq!(archive(&["e0", "e3", "e4"], TIME + 2 * hour).await, 3);
    let search_ids = async |archived: bool| {
        let criteria = Criteria { archived: Some(archived), from: Some(TIME), ..Criteria::default() };
        ids(&search(&bench, all(criteria)).await).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(search_ids(false).await, ["e9", "e8", "e7", "e6", "e5"]);
    assert_eq!(search_ids(true).await, ["e4", "e3", "e2", "e1", "e0"]);
    let stored = bench.store().get("e1").await.unwrap().unwrap().event;
    let text = EventTimestamp::from_utc_micros(TIME + hour).to_string();
    assert_eq!((&stored["archived"], stored["archived_at"].as_str()), (&json!(true), Some(text.trim_end_matches('Z'))));

    // The latest put aside first, page by page.
    let mut listed = Vec::new();
    let mut after = None;
    loop {
        let part = bench.store().archived(after, 3).await.unwrap();
        let Some((position, _)) = part.last() else { break };
        after = Some(position.clone());
        listed.extend(part.iter().map(|(_, event)| event.id().to_owned()));
    }
    let whole: Vec<String> =
        bench.store().archived(None, 100).await.unwrap().iter().map(|(_, event)| event.id().to_owned()).collect();
    assert_eq!(listed, whole);
    let of_ours: Vec<&str> = listed.iter().map(String::as_str).filter(|id| id.starts_with('e')).collect();
    assert_eq!(of_ours, ["e4", "e3", "e0", "e2", "e1"]);
    let place = |id: &str| listed.iter().position(|listed| listed == id).unwrap();
    assert!(place("naive") < place("text"), "12:30 UTC is later than 14:00 two hours east: {listed:?}");

    // What came archived goes by what it says, or by when it came.
    let purge = async |before: i64, limit: usize| bench.store().purge(before, limit).await.unwrap();
    let noon = "2026-09-21T12:00:00Z".parse::<jiff::Timestamp>().unwrap().as_microsecond();
    assert_eq!(purge(noon, 100).await, 0, "exclusive of the instant");
    assert_eq!(purge(noon + 1000, 100).await, 1);
    assert_eq!(bench.store().get("text").await.unwrap(), None);
    assert_eq!(purge(TIME + hour + 1000, 1).await, 1, "no more than the limit");
    let mut rest = 0;
    while purge(TIME + 3 * hour, 2).await > 0 {
        rest += 1;
        assert!(rest < 100, "it comes to an end");
    }
    assert_eq!(search_ids(true).await, Vec::<String>::new());
    assert_eq!(bench.store().count().await.unwrap(), 5);
    assert_eq!(bench.store().get("e9").await.unwrap().unwrap().id(), "e9");
    let bench = bench.reopened().await;
    assert_eq!(bench.store().count().await.unwrap(), 5);
    assert_eq!(bench.store().archived(None, 10).await.unwrap(), []);
}

pub(super) async fn dead_letters_are_kept_and_counted<B: StoreBench>() {
    let bench = B::new().await;
    let letter = |line: u32, bytes: &[u8]| DeadLetter {
        received: TIME,
        reason: "not_json".into(),
        detail: "expected value".to_owned(),
        origin: json!({"door": "http", "line": line}),
        id: (line == 1).then(|| "id".to_owned()),
        bytes: bytes.to_vec(),
    };
    bench.store().dead_letter(vec![letter(1, b"a\xFF\0"), letter(2, b"b"), letter(2, b"b")]).await.unwrap();
    bench.store().dead_letter(vec![letter(2, b"b"), letter(3, b"")]).await.unwrap();
    bench.store().dead_letter(Vec::new()).await.unwrap();
    let bench = bench.reopened().await;
    let list = bench.store().dead_letters(None, 10).await.unwrap();
    let seen: Vec<_> = list.iter().map(|letter| (letter.bytes.as_slice(), letter.times)).collect();
    assert_eq!(seen, [(&b""[..], 1), (b"b", 3), (b"a\xFF\0", 1)]);
    assert_eq!(list[2].origin, json!({"door": "http", "line": 1}));
    assert_eq!((list[2].id.as_deref(), list[2].received, list[2].reason.as_str()), (Some("id"), TIME, "not_json"));
    let rest = bench.store().dead_letters(Some(list[0].seq), 1).await.unwrap();
    assert_eq!(rest, list[1..2]);
    assert_eq!(bench.store().get_dead_letter(list[1].seq).await.unwrap().as_ref(), Some(&list[1]));
    assert!(bench.store().remove_dead_letter(list[1].seq).await.unwrap());
    assert!(!bench.store().remove_dead_letter(list[1].seq).await.unwrap());
    assert_eq!(bench.store().get_dead_letter(list[1].seq).await.unwrap(), None);
    assert_eq!(bench.store().dead_letters(None, 10).await.unwrap(), [list[0].clone(), list[2].clone()]);
}

pub(super) async fn little_time_gives_parts_of_the_answer<B: StoreBench>() {
    let bench = B::new().await;
    let events: Vec<NewEvent> = (0..30_000).map(|number| at(&format!("{number:05}"), number)).collect();
    insert(&bench, &events).await;
    let selector = json!({"event_data.message": {"$regex": "event 0[01]7.1"}});
    let expected = events.iter().filter(|event| {
        let id = &event.event.id;
        (id.starts_with("007") || id.starts_with("017")) && id.ends_with('1')
    });
    let mut expected: Vec<&str> = expected.map(|event| event.event.id.as_str()).collect();
    let criteria = Criteria { filter: Some(Filter::parse(&selector).unwrap()), ..Criteria::default() };
    for order in [Order::Ascending, Order::Descending] {
        let search = Search { order, limit: 10, time_max: Duration::from_millis(2), ..all(criteria.clone()) };
        let found = every_page(bench.store().as_ref(), search).await;
        assert_eq!(found.iter().map(StoredEvent::id).collect::<Vec<_>>(), expected);
        expected.reverse();
    }
}

/// A change of a row of the kind that is tested: its content is a text, or it is removed.
fn change(key: &str, expect: RowExpect, put: Option<(&str, Option<i64>)>) -> RowChange {
    let put = put.map(|(text, due)| RowContent { due, json: json!(text).to_string() });
    RowChange { kind: "tested", key: key.to_owned(), expect, put }
}

/// Rows as their keys, versions and contents.
async fn rows(store: &dyn EventStore) -> Vec<(String, i64, String)> {
    let rows = store.rows("tested", None, 1000).await.unwrap();
    rows.into_iter().map(|row| (row.key, row.version, serde_json::from_str(&row.json).unwrap())).collect()
}

pub(super) async fn rows_are_changed_only_as_expected<B: StoreBench>() {
    let bench = B::new().await;
    let changes = vec![
        change("a", RowExpect::Anything, Some(("a1", Some(30)))),
        change("a", RowExpect::Nothing, Some(("refused", None))),
        change("a", RowExpect::Version(1), Some(("a2", Some(20)))),
        change("a", RowExpect::Version(1), Some(("refused", None))),
        change("b", RowExpect::Version(1), Some(("refused", None))),
        change("b", RowExpect::Nothing, Some(("b1", None))),
        change("ü/ $.c", RowExpect::Anything, Some(("c1 \u{0}", Some(10)))),
        change("d", RowExpect::Anything, Some(("d1", Some(20)))),
        change("d", RowExpect::Version(2), None),
        change("e", RowExpect::Anything, None),
    ];
    let made = bench.store().change_rows(changes).await.unwrap();
    assert_eq!(made, [true, false, true, false, false, true, true, true, false, false]);
    let bench = bench.reopened().await;
    let store = bench.store();
    let row = |key: &str, version, text: &str| (key.to_owned(), version, text.to_owned());
    let expected = [row("a", 2, "a2"), row("b", 1, "b1"), row("d", 1, "d1"), row("ü/ $.c", 1, "c1 \u{0}")];
    assert_eq!(rows(&**store).await, expected);
    let keys = async |at, limit| -> Vec<String> {
        store.rows_due("tested", at, limit).await.unwrap().into_iter().map(|row| row.key).collect()
    };
    assert_eq!(keys(9, 10).await, Vec::<String>::new());
    assert_eq!(keys(20, 10).await, ["ü/ $.c", "a", "d"]);
    assert_eq!(keys(20, 2).await, ["ü/ $.c", "a"]);
    assert_eq!(
        store.rows("tested", Some("a"), 2).await.unwrap().iter().map(|row| &*row.key).collect::<Vec<_>>(),
        ["b", "d"]
    );
    assert_eq!(store.rows("other", None, 10).await.unwrap(), []);
    assert_eq!(store.row("other", "a").await.unwrap(), None);
    assert_eq!(store.row("tested", "a").await.unwrap().unwrap().due, Some(20));
    // What is removed and made again begins anew.
    let changes = vec![change("a", RowExpect::Version(2), None), change("a", RowExpect::Nothing, Some(("a3", None)))];
    assert_eq!(store.change_rows(changes).await.unwrap(), [true, true]);
    assert_eq!(rows(&**store).await[0], row("a", 1, "a3"));
}

/// A counter that everybody reads, and writes where nobody was faster, counts right.
pub(super) async fn rows_of_many_writers_lose_no_change<B: StoreBench>() {
    const WRITERS: usize = 8;
    const STEPS: usize = 25;
    let bench = B::new().await;
    let mut writers = tokio::task::JoinSet::new();
    for _ in 0..WRITERS {
        let store = Arc::clone(bench.store());
        writers.spawn(async move {
            let mut done = 0;
            while done < STEPS {
                let row = store.row("tested", "count").await.unwrap();
                let (expect, count) = row.map_or((RowExpect::Nothing, 0), |row| {
                    let count: String = serde_json::from_str(&row.json).unwrap();
                    (RowExpect::Version(row.version), count.parse::<usize>().unwrap())
                });
                let next = change("count", expect, Some((&(count + 1).to_string(), None)));
                done += usize::from(store.change_rows(vec![next]).await.unwrap()[0]);
            }
        });
    }
    writers.join_all().await;
    let total = (WRITERS * STEPS).to_string();
    assert_eq!(rows(&**bench.store()).await, [("count".to_owned(), (WRITERS * STEPS) as i64, total)]);
}
