use std::{collections::BTreeMap, sync::Arc};

use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::{
    AgentEvent, BatchEncoder, Envelope, Outline, RecordBody, VERSION, WireRecord, decode, expand, expand_unknown,
    split, split::split_at,
};
use crate::{
    event_id::{FileIdentity, derive},
    level::LogLevel,
    record_hash,
};

fn envelope() -> Envelope {
    Envelope {
        version: VERSION,
        agent: "pc7".to_owned(),
        host: "pc7".to_owned(),
        file: "/data/RUN.LOG".to_owned(),
        input: None,
        host_facts: Arc::default(),
        identity: FileIdentity { birth_ms: 1_700_000_000_000, hash: 42 },
        offset: 100,
        time: None,
        zone_offset: None,
        zone: Some("Europe/Zurich".to_owned()),
        observed: 1_700_000_000_000_000,
        labels: Arc::new(BTreeMap::from([("bench".to_owned(), "3".to_owned())])),
        fields: Arc::default(),
        source: None,
    }
}

fn record(offset: u64, text: &str) -> WireRecord<'_> {
    WireRecord::of_text(offset, text)
}

fn round_trip(records: &[WireRecord<'_>]) -> Vec<AgentEvent> {
    let envelope = envelope();
    let mut body = Vec::new();
    let mut encoder = BatchEncoder::begin(&envelope, &mut body);
    for record in records {
        encoder.push(record, &mut body);
    }
    let batches = decode(&body).expect("what was written is read");
    assert_eq!(batches.len(), 1);
    assert_eq!(batches[0].envelope, envelope);
    let (events, refusals) = expand(&batches[0], &TimeZone::UTC);
    assert_eq!(refusals, []);
    events
}

#[test]
fn a_batch_becomes_events() {
    let time = 1_780_000_000_000_000;
    let records = [
        record(100, "no time is known yet"),
        WireRecord {
            time: Some((time, None)),
            level: Some((LogLevel::Warning, "WARN")),
            ..record(121, "a \"quoted\" \\ tab\t")
        },
        record(200, "  continued"),
        WireRecord {
            time: Some((time + 5, Some(3600))),
            level: Some((LogLevel::Info, "INFO")),
            ..record(212, "later")
        },
        WireRecord {
            body: RecordBody::Json { object: r#"{"msg":"from JSON","n":1.50}"#, message_key: Some("msg") },
            is_partial: true,
            ..record(218, "")
        },
    ];
    let events = round_trip(&records);
    let printed: Vec<String> = events.iter().map(|event| event.event.event_data.to_string()).collect();
    let place = |offset: u64, rest: &str| {
        format!(
            r#""host":{{"name":"pc7"}},"log":{{"file":{{"path":"/data/RUN.LOG"}},"offset":{offset}{rest}}},"labels":{{"bench":"3"}}"#
        )
    };
    assert_eq!(
        printed,
        [
            format!(r#"{{"message":"no time is known yet",{}}}"#, place(100, r#","timestamp_source":"observed""#)),
            format!(r#"{{"message":"a \"quoted\" \\ tab\t",{}}}"#, place(121, r#","level":"WARN""#)),
            format!(r#"{{"message":"  continued",{}}}"#, place(200, r#","timestamp_source":"inherited""#)),
            format!(r#"{{"message":"later",{}}}"#, place(212, r#","level":"INFO""#)),
            format!(
                r#"{{"message":"from JSON",{},"fields":{{"msg":"from JSON","n":1.5}}}}"#,
                place(218, r#","timestamp_source":"inherited","partial":true"#)
            ),
        ]
    );
    assert_eq!(events[1].event.event_timestamp.to_string(), "2026-05-28T20:26:40");
    assert_eq!(events[1].time, time - 2 * 3_600_000_000, "summer time in Zurich");
    assert_eq!(events[3].event.event_timestamp.to_string(), "2026-05-28T20:26:40.000005+01:00");
    assert_eq!(events[4].event.event_type.name(), "log");
    assert_eq!(events[1].event.event_type.name(), "log_warning");
    assert_eq!(events[1].hash, record_hash::of_raw_record("a \"quoted\" \\ tab\t".as_bytes()));
}

#[test]
fn what_version_2_brought_is_in_the_event() {
    let mut envelope = envelope();
    envelope.fields = Arc::new(serde_json::from_str(r#"{"method":"A","operator":"x"}"#).expect("an object"));
    let found = |envelope: &Envelope, record: &WireRecord<'_>| {
        let mut body = Vec::new();
        BatchEncoder::begin(envelope, &mut body).push(record, &mut body);
        let (mut events, refusals) = expand(&decode(&body).expect("what was written is read")[0], &TimeZone::UTC);
        assert_eq!(refusals, []);
        events.remove(0).event
    };
    envelope.host_facts = Arc::new(serde_json::from_str(r#"{"architecture":"x86_64"}"#).expect("an object"));
    let text = WireRecord { fields: r#""operator":"y","n":1.5"#, tags: &["time_ambiguous"], ..record(100, "m") };
    let data = found(&envelope, &text).event_data;
    assert_eq!(data["fields"].to_string(), r#"{"method":"A","operator":"y","n":1.5}"#);
    assert_eq!(data["tags"].to_string(), r#"["time_ambiguous"]"#);
    assert_eq!(data["host"].to_string(), r#"{"name":"pc7","architecture":"x86_64"}"#);
    let json = WireRecord { body: RecordBody::Json { object: r#"{"a":1}"#, message_key: None }, ..record(100, "") };
    assert_eq!(found(&envelope, &json).event_data["fields"].to_string(), r#"{"method":"A","operator":"x","a":1}"#);
    assert_eq!(found(&envelope, &record(100, "m")).id, derive(envelope.identity, 100));
    let number = 0xABCD_0000_0000_1234;
    let numbered = found(&envelope, &WireRecord { number: Some(number), ..record(100, "m") });
    assert_eq!(numbered.id, derive(envelope.identity.of_number(number), 0x1234));
    assert_eq!(numbered.event_data["log"]["offset"], 100);
    envelope.file.clear();
    envelope.input = Some("udp://0.0.0.0:514".into());
    let data = found(&envelope, &WireRecord { address: Some("10.0.0.7:514"), ..record(100, "m") }).event_data;
    assert_eq!(data["input"], "udp://0.0.0.0:514");
    assert_eq!(data["log"].to_string(), r#"{"source":{"address":"10.0.0.7:514"},"timestamp_source":"observed"}"#);
}

#[test]
fn a_madsci_event_keeps_its_id_and_hashes_as_if_it_had_been_posted() {
    let text = r#"{"event_id":"01ARZ3NDEKTSV4RRFFQ69G5FAV","event_type":"node_start","log_level":20,"event_timestamp":"2026-11-23T09:18:44"}"#;
    let events = round_trip(&[WireRecord { body: RecordBody::MadsciEvent(text), ..record(100, "") }]);
    assert_eq!(events[0].event.id, "01ARZ3NDEKTSV4RRFFQ69G5FAV");
    assert_eq!(events[0].hash, record_hash::of_whole_event(&events[0].event.to_json()));
}

#[test]
fn what_cannot_be_read_is_handed_back() {
    assert!(decode(b"").is_err());
    assert!(decode(b"{\"o\":1}\n").is_err());
    assert!(decode(b"{\"labtrail\":1}\n").is_err());
    let mut body = Vec::new();
    let envelope = envelope();
    let mut encoder = BatchEncoder::begin(&envelope, &mut body);
    encoder.push(&record(100, "good"), &mut body);
    body.extend_from_slice(
        b"{\"o\":5,\"j\":[1]}\n{\"o\":5,\"m\":\"good\"}\nnonsense\n{\"o\":5,\"m\":\"lost its place\"}\n",
    );
    let batches = decode(&body).expect("the envelope is valid");
    let (events, refusals) = expand(&batches[0], &TimeZone::UTC);
    assert_eq!(events.len(), 2);
    assert_eq!(refusals.iter().map(|refusal| refusal.index).collect::<Vec<_>>(), [1, 3, 4]);
    assert_eq!(refusals[0].id, Some(derive(envelope.identity, 105)));
    assert_eq!(refusals[2].line, b"{\"o\":5,\"m\":\"lost its place\"}");
}

#[test]
fn one_event_cannot_be_cut() {
    let mut body = Vec::new();
    let mut encoder = BatchEncoder::begin(&envelope(), &mut body);
    assert_eq!(split(&body), None);
    encoder.push(&record(100, "alone"), &mut body);
    assert_eq!(split(&body), None);
    assert_eq!(split(b"nonsense"), None);
}

#[test]
fn version_1_as_it_was_first_written_is_still_read() {
    let body = br#"{"labtrail":1,"agent":"pc7","host":"pc7","file":"/x.log","identity":{"birth_ms":5,"hash":6},"offset":0,"observed":7}
{"o":0,"t":1780000000000000,"z":3600,"l":30,"v":"WRN","m":"hello"}
{"o":10,"t":250,"h":9,"p":1,"c":99,"i":2,"m":"world"}
"#;
    let (events, refusals) = expand(&decode(body).expect("version 1")[0], &TimeZone::UTC);
    assert_eq!(refusals, []);
    assert_eq!(events[1].event.event_timestamp.to_string(), "2026-05-28T20:26:40.000250+01:00");
    assert_eq!(events[1].hash, 9);
    assert_eq!(events[1].event.event_data["log"]["original_length"], 99);
}

proptest! {
    #[test]
    fn any_text_comes_back_as_it_was(texts in prop::collection::vec(any::<String>(), 1..20)) {
        let texts: Vec<String> = texts.into_iter().map(|text| text.replace('\n', "\u{0}")).collect();
        let records: Vec<WireRecord<'_>> =
            texts.iter().enumerate().map(|(index, text)| record(100 + index as u64 * 7, text)).collect();
        for (event, text) in round_trip(&records).iter().zip(&texts) {
            prop_assert_eq!(event.event.event_data["message"].as_str(), Some(text.as_str()));
            prop_assert_eq!(event.hash, record_hash::of_raw_record(text.as_bytes()));
        }
    }

    #[test]
    fn a_batch_that_is_cut_anywhere_means_the_same(
        lines in prop::collection::vec(
            (0..500_u64, prop::option::of((-9_000_000_000..9_000_000_000_i64, prop::option::of(-50_000..50_000_i32))), "[a-z]{0,30}"),
            2..20,
        ),
        known in prop::option::of((0..1_800_000_000_000_000_i64, prop::option::of(-50_000..50_000_i32))),
        cut in any::<prop::sample::Index>(),
    ) {
        let envelope = Envelope {
            time: known.map(|(time, _)| time),
            zone_offset: known.and_then(|(_, zone_offset)| zone_offset),
            ..envelope()
        };
        let mut body = Vec::new();
        let mut encoder = BatchEncoder::begin(&envelope, &mut body);
        let mut offset = envelope.offset;
        for (length, time, text) in &lines {
            encoder.push(&WireRecord { time: *time, ..record(offset, text) }, &mut body);
            offset += length;
        }
        let whole = decode(&body).expect("what was written is read");
        let (expected, _) = expand(&whole[0], &TimeZone::UTC);
        let cut = 1 + cut.index(lines.len() - 1);
        for (first, second) in [split_at(&whole[0], cut), split(&body)].into_iter().flatten() {
            prop_assert_eq!((first.count + second.count) as usize, lines.len());
            let mut found = Vec::new();
            for part in [&first, &second] {
                let batches = decode(&part.body).expect("a part is a batch");
                prop_assert_eq!(batches[0].lines.len(), part.count as usize);
                let (events, refusals) = expand(&batches[0], &TimeZone::UTC);
                prop_assert_eq!(refusals, []);
                found.extend(events);
            }
            prop_assert_eq!(&found, &expected);
        }
        prop_assert!(split_at(&whole[0], cut).is_some() && split(&body).is_some());
    }

    #[test]
    fn what_is_known_is_left_out_and_all_else_is_as_it_was(
        lines in prop::collection::vec((1_u64..9, prop_oneof!["m[a-c]?", "j[a-c]?", "e[a-c]?", "x"]), 1..20),
        known in prop::collection::vec(any::<bool>(), 20),
    ) {
        let mut body = Vec::new();
        BatchEncoder::begin(&envelope(), &mut body);
        for (step, text) in &lines {
            let content = match text.split_at(1) {
                ("m", text) => format!(r#""l":40,"m":"{text}""#),
                ("j", text) => format!(r#""k":"a","j":{{"a":"{text}"}}"#),
                ("e", text) => format!(r#""e":{{"_id":"{text}","log_level":30,"alert":true,"event_data":{{"a":"{text}"}}}}"#),
                _ => r#""l":77,"m":"not a level""#.to_owned(),
            };
            body.extend_from_slice(format!("{{\"o\":{step},\"t\":{step},{content}}}\n").as_bytes());
        }
        let batch = &decode(&body).expect("it has an envelope")[0];
        let (expected, refused) = expand(batch, &TimeZone::UTC);
        let mut told = Vec::new();
        let (none, _) = expand_unknown(batch, &TimeZone::UTC, |Outline { id, hash, level, alert }| {
            told.push((id.to_owned(), hash, level, alert));
            true
        });
        prop_assert_eq!(none, []);
        let outline =
            |AgentEvent { event, hash, .. }: &AgentEvent| (event.id.clone(), *hash, event.log_level, event.alert);
        prop_assert_eq!(told, expected.iter().map(outline).collect::<Vec<_>>());
        let mut asked = known.iter();
        let (others, refusals) = expand_unknown(batch, &TimeZone::UTC, |_| *asked.next().expect("not asked so often"));
        let unknown = expected.into_iter().zip(&known).filter(|(_, known)| !**known).map(|(event, _)| event);
        prop_assert_eq!(others, unknown.collect::<Vec<_>>());
        prop_assert_eq!(refusals, refused);
    }

    #[test]
    fn decoding_never_panics(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut with_envelope = Vec::new();
        BatchEncoder::begin(&envelope(), &mut with_envelope);
        with_envelope.extend_from_slice(&body);
        for body in [&body, &with_envelope] {
            if let Ok(batches) = decode(body) {
                for batch in &batches {
                    let (events, refusals) = expand(batch, &TimeZone::UTC);
                    prop_assert_eq!(events.len() + refusals.len(), batch.lines.len());
                }
            }
        }
    }
}
