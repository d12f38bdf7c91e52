//! With real files, looked at more often than in earnest.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use labtrail_shared::shutdown::Stop;
use rustix::process::{Signal, getpid, kill_process};
use tokio::sync::mpsc;

use super::{Fingerprint, Reload, ReloadWatch};

/// Runs a watch of `file` beside what `act` does, which is given the events.
fn watch<F: Future<Output = ()>>(file: PathBuf, act: impl FnOnce(mpsc::Receiver<Reload>) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let loaded = Fingerprint::of(&file);
        let mut watch = ReloadWatch::new(file, loaded).expect("signals can be heard");
        watch.poll_interval = Duration::from_millis(300);
        let (reloads, events) = mpsc::channel(1);
        let stop = Stop::default();
        let acted = async {
            act(events).await;
            stop.give();
        };
        let (result, ()) = tokio::join!(watch.run(reloads, stop.clone()), acted);
        result.expect("a watch does not fail");
    });
}

async fn next(events: &mut mpsc::Receiver<Reload>) -> Option<Reload> {
    tokio::time::timeout(Duration::from_mins(1), events.recv()).await.expect("an event comes")
}

async fn assert_none(events: &mut mpsc::Receiver<Reload>) {
    let event = tokio::time::timeout(Duration::from_millis(1500), events.recv()).await;
    assert!(event.is_err(), "{event:?}");
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).expect("written");
}

#[test]
fn a_file_that_is_written_in_place_or_replaced_is_noticed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("agent.toml");
    write(&file, "1");
    watch(file.clone(), async |mut events| {
        write(&file, "2");
        assert_eq!(next(&mut events).await, Some(Reload::Changed));
        // As editors do: another file takes the name.
        let new = folder.path().join("agent.toml.new");
        write(&new, "3");
        fs::rename(&new, &file).expect("renamed");
        assert_eq!(next(&mut events).await, Some(Reload::Changed));
        // Written again with the same content, and gone.
        write(&file, "3");
        assert_none(&mut events).await;
        fs::remove_file(&file).expect("removed");
        assert_none(&mut events).await;
    });
}

#[test]
fn a_folder_that_is_a_link_to_another_one_now_is_noticed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let place = |name: &str| folder.path().join(name);
    // As Kubernetes mounts a ConfigMap: agent.toml -> ..data/agent.toml, ..data -> ..1
    for (version, text) in [("..1", "1"), ("..2", "2")] {
        fs::create_dir(place(version)).expect("made");
        write(&place(version).join("agent.toml"), text);
    }
    let link = |target: &str, name: &str| std::os::unix::fs::symlink(target, place(name)).expect("linked");
    link("..1", "..data");
    link("..data/agent.toml", "agent.toml");
    watch(place("agent.toml"), async |mut events| {
        link("..2", "..data_tmp");
        fs::rename(place("..data_tmp"), place("..data")).expect("renamed");
        assert_eq!(next(&mut events).await, Some(Reload::Changed));
    });
}

#[test]
fn a_hangup_asks_even_if_nothing_changed() {
    const CHILD: &str = "LABTRAIL_TEST_CHILD";
    // All watches of a process hear a signal, so this one has a process of its own.
    if std::env::var_os(CHILD).is_none() {
        let mut command = Command::new(std::env::current_exe().expect("a process knows its program"));
        command.args(["--exact", "reload::tests::a_hangup_asks_even_if_nothing_changed"]).env(CHILD, "1");
        let output = command.output().expect("a test can run itself");
        assert!(output.status.success(), "{output:?}");
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("agent.toml");
    write(&file, "1");
    watch(file, async |mut events| {
        for _ in 0..2 {
            kill_process(getpid(), Signal::HUP).expect("one may signal oneself");
            assert_eq!(next(&mut events).await, Some(Reload::Asked));
        }
        assert_none(&mut events).await;
    });
}
