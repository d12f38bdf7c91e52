mod fixtures;
mod samples;

use super::{System, TEXTS, all, find, get, list, section, show};
use crate::config::FilesSection;

#[test]
fn every_preset_is_a_section_that_compiles() {
    for preset in all() {
        let section = preset.section_with(&["x".to_owned()]).unwrap();
        section.framing().unwrap_or_else(|error| panic!("{}: {error}", preset.name));
        section.record_parser().unwrap_or_else(|error| panic!("{}: {error}", preset.name));
        assert!(section.paths.is_some() && section.preset.is_none(), "{}", preset.name);
        assert!(!preset.title.is_empty() && preset.notes.ends_with('.'), "{}", preset.name);
        assert!(preset.usual_paths(System::Linux).iter().all(|path| !path.contains('\\')), "{}", preset.name);
    }
    assert_eq!(all().len(), TEXTS.len());
}

#[test]
fn what_is_shown_can_be_pasted() {
    #[derive(serde::Deserialize)]
    struct Config {
        files: Vec<FilesSection>,
    }
    for preset in all() {
        for system in [System::Windows, System::Linux] {
            let text = show(preset.name, system).unwrap();
            toml::from_str::<toml::Table>(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
            if system != System::this() {
                // Paths are those of the other system.
                continue;
            }
            let config: Config = toml::from_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
            let [shown] = config.files.as_slice() else { panic!("{text}") };
            let paths: Vec<&str> = shown.paths.iter().flatten().map(crate::source::file::Pattern::text).collect();
            assert_eq!(paths, preset.usual_paths(system));
            let without_paths = FilesSection { paths: None, ..shown.clone() };
            assert_eq!(toml::to_string(&without_paths).unwrap(), toml::to_string(&preset.section()).unwrap());
            assert!(list(system).contains(&preset.title));
        }
    }
}

#[test]
fn a_wrong_name_gets_the_nearest() {
    let check = |name: &str, nearest: &str| {
        let message = get(name).unwrap_err().to_string();
        assert!(message.contains(nearest), "{name}: {message}");
    };
    check("agilent-chemstaton", "did you mean \"agilent-chemstation\"?");
    check("venus", "did you mean \"hamilton-venus-trace\"?");
    check("SYSLOG", "did you mean \"syslog\"?");
    check("zzz", "there is no preset \"zzz\": `labtrail-agent presets` lists all");
    assert_eq!(find("syslog").map(|preset| preset.name), Some("syslog"));
    assert!(section("syslog").unwrap().paths.is_some());
}
