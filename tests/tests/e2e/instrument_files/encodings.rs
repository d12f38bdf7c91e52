//! Text in every encoding of instruments, written one byte at a time.

use std::{collections::BTreeMap, fs::OpenOptions, io::Write, thread, time::Duration};

use labtrail_tests::lab::{DEADLINE, Lab, poll};

const FILES: usize = 20;
const PATIENCE: &str = "partial_after = \"300s\"\n";

/// The first line is one that tells `auto` what it needs. U+010A and U+0A15 hold the byte of a line end.
const TEXT: &str = "started run 17\nGröße 21 °C\nĊ and ਕ in one line\n温度 21\n𝒳 beyond 16 bits\n\nthe end\n";

fn utf16(text: &str, is_little: bool, has_mark: bool) -> Vec<u8> {
    let mark = has_mark.then_some(0xFEFF);
    let units = mark.into_iter().chain(text.encode_utf16());
    units.flat_map(|unit| if is_little { unit.to_le_bytes() } else { unit.to_be_bytes() }).collect()
}

fn lines(text: &str) -> Vec<String> {
    text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// The name of an encoding in the config, how its file is called, its bytes and its lines.
fn kinds() -> Vec<(&'static str, &'static str, Vec<u8>, Vec<String>)> {
    let crlf = TEXT.replace('\n', "\r\n");
    let western = "temperature 21 °C\nGröße – 5 €\nend\n";
    vec![
        ("auto", "utf8", TEXT.into(), lines(TEXT)),
        ("auto", "le-mark", utf16(&crlf, true, true), lines(TEXT)),
        ("auto", "be-mark", utf16(TEXT, false, true), lines(TEXT)),
        ("auto", "le-bare", utf16(TEXT, true, false), lines(TEXT)),
        ("auto", "be-bare", utf16(&crlf, false, false), lines(TEXT)),
        ("utf-16le", "le-named", utf16(TEXT, true, false), lines(TEXT)),
        ("utf-16be", "be-named", utf16(&crlf, false, true), lines(TEXT)),
        ("auto", "western-auto", b"temperature 21 \xB0C\nGr\xF6\xDFe \x96 5 \x80\nend\n".into(), lines(western)),
        (
            "windows-1252",
            "western",
            b"temperature 21 \xB0C\r\nGr\xF6\xDFe \x96 5 \x80\r\nend\r\n".into(),
            lines(western),
        ),
        // The second byte of the first character is a backslash elsewhere.
        (
            "shift_jis",
            "japanese",
            b"\x95\x5C\x8E\xA6\n\x89\xB7\x93\x78 21\x81\x8E\nend\n".into(),
            lines("表示\n温度 21℃\nend\n"),
        ),
        (
            "gbk",
            "chinese",
            b"\xCE\xC2\xB6\xC8\xD5\xFD\xB3\xA3\nrun \xCE\xC2\nend\n".into(),
            lines("温度正常\nrun 温\nend\n"),
        ),
    ]
}

#[test]
fn text_that_is_written_byte_by_byte_in_any_encoding_arrives_as_it_was_meant() {
    let lab = Lab::new();
    std::fs::create_dir_all(lab.path("logs")).unwrap();
    let kinds = kinds();
    let mut sections: BTreeMap<String, String> = BTreeMap::new();
    for (encoding, name, ..) in &kinds {
        sections.insert(format!("logs/{name}-*.log"), format!("{PATIENCE}encoding = \"{encoding}\"\n"));
    }
    let sections: Vec<(&str, &str)> = sections.iter().map(|(path, more)| (path.as_str(), more.as_str())).collect();
    let collector = lab.collector();
    let mut agent = lab.agent(&collector, &sections);
    let mut writers = Vec::new();
    for number in 0..FILES {
        let (_, name, bytes, lines) = &kinds[number % kinds.len()];
        let path = lab.path(format!("logs/{name}-{number}.log"));
        let file = OpenOptions::new().create(true).append(true).open(&path).unwrap();
        writers.push((path, file, bytes, lines));
    }
    let longest = writers.iter().map(|(_, _, bytes, _)| bytes.len()).max().unwrap();
    for at in 0..longest {
        for (_, file, bytes, _) in &mut writers {
            if let Some(byte) = bytes.get(at) {
                file.write_all(&[*byte]).unwrap();
            }
        }
        thread::sleep(Duration::from_millis(5));
        if at == longest / 2 {
            agent.kill();
            agent.start();
        }
    }
    let expected: usize = writers.iter().map(|(.., lines)| lines.len()).sum();
    poll(DEADLINE, || collector.total_events().filter(|total| *total as usize >= expected));
    agent.stop();
    let mut wrong = Vec::new();
    for (path, _, _, lines) in &writers {
        let stored = collector.messages_of(path);
        if stored != **lines {
            wrong.push(format!("{}: {stored:?}", path.file_name().unwrap().display()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    for event in collector.events() {
        assert!(event.at("/event_data/log/invalid_sequences").is_null(), "{}", event.message());
    }
    assert!(collector.dead_letters().is_empty());
}
