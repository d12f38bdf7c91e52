//! Numbers of arrival, when several collectors store at once.

use std::{collections::BTreeSet, time::Duration};

use serde_json::json;

use super::MongoBench;
use crate::store::{EventStore, Expect, NewEvent, conformance::StoreBench, conformance::event};

async fn numbers(store: &dyn EventStore) -> Vec<(i64, String)> {
    let events = store.events_after(0, 100_000).await.unwrap();
    events.into_iter().map(|(seq, event)| (seq, event.id().to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_collectors_number_what_they_store_densely_and_alike() {
    const EACH: usize = 2000;
    let first = MongoBench::new().await;
    let second = first.beside().await;
    let mut writers = tokio::task::JoinSet::new();
    for (name, bench) in [("a", &first), ("b", &second)] {
        let store = bench.store.clone();
        writers.spawn(async move {
            for start in (0..EACH).step_by(20) {
                let new = |number: usize| event(&json!({"_id": format!("{name}{number:05}")}));
                let events: Vec<NewEvent> = (start..start + 20).map(new).collect();
                store.insert(events, Expect::New).await.unwrap();
            }
        });
    }
    while let Some(written) = writers.join_next().await {
        written.unwrap();
    }
    let total = 2 * EACH as i64;
    for bench in [&first, &second] {
        let mut arrivals = bench.store.last_seq();
        let seen = tokio::time::timeout(Duration::from_secs(20), arrivals.wait_for(|seq| *seq >= total)).await;
        assert_eq!(*seen.expect("each sees what the other stored").unwrap(), total);
    }
    let seen = numbers(first.store.as_ref()).await;
    assert_eq!(seen, numbers(second.store.as_ref()).await);
    assert_eq!(seen.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), (1..=total).collect::<Vec<_>>());
    assert_eq!(seen.iter().map(|(_, id)| id).collect::<BTreeSet<_>>().len(), 2 * EACH);
    for name in ["a", "b"] {
        let own: Vec<&String> = seen.iter().map(|(_, id)| id).filter(|id| id.starts_with(name)).collect();
        assert!(own.is_sorted(), "what one collector stored keeps its order");
    }
    // From the middle of a document, and past events that are gone.
    let rest = first.store.events_after(1234, 3).await.unwrap();
    assert_eq!(rest.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), [1235, 1236, 1237]);
    let gone: Vec<&String> = seen[10..500].iter().map(|(_, id)| id).collect();
    let events = first.collection("events").await;
    events.delete_many(mongodb::bson::doc! {"_id": {"$in": gone}}).await.unwrap();
    let rest = first.store.events_after(8, 4).await.unwrap();
    assert_eq!(rest.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), [9, 10, 501, 502]);
}
