//! Last lines that nobody finishes in time: they are sent as they are, whoever is away meanwhile.

use labtrail_tests::lab::{Lab, wait_until};

/// A line is written in three pieces, of which the first two are sent unfinished. With `is_killed` the agent dies after
/// each of them, before the collector has taken anything.
fn check_pieces(is_killed: bool) {
    let lab = Lab::new();
    let path = lab.write("logs/a.log", "whole\nabc");
    let mut collector = lab.absent_collector();
    let mut agent = lab.agent(&collector, &[("logs", "partial_after = \"100ms\"")]);
    for (cuts, next) in [("[9]", "def"), ("[9,12]", "ghi\nnext\n")] {
        wait_until("the line is cut", || agent.has_saved(&format!("\"cuts\":{cuts}")).then_some(()));
        if is_killed {
            agent.kill();
        }
        lab.append("logs/a.log", next);
        if is_killed {
            agent.start();
        }
    }
    collector.start();
    collector.wait_for_events(5);
    // What is acknowledged is sent again, or is not: either way it is stored once.
    agent.kill();
    agent.start();
    lab.append("logs/a.log", "last\n");
    collector.wait_for_events(6);
    agent.stop();
    assert_eq!(collector.messages_of(&path), ["whole", "abc", "def", "ghi", "next", "last"], "killed: {is_killed}");
    assert_eq!(collector.total_events(), Some(6), "killed: {is_killed}");
    assert!(collector.dead_letters().is_empty(), "killed: {is_killed}: {:?}", collector.dead_letters());
}

#[test]
fn a_line_that_is_sent_unfinished_twice_while_the_collector_is_away_is_three_events() {
    check_pieces(false);
}

#[test]
fn a_line_that_is_sent_unfinished_twice_by_agents_that_were_killed_is_three_events() {
    check_pieces(true);
}

#[test]
fn a_line_of_which_one_piece_is_acknowledged_is_cut_again_after_the_agent_was_killed() {
    let lab = Lab::new();
    let path = lab.write("logs/a.log", "whole\nabc");
    let mut collector = lab.collector();
    let mut agent = lab.agent(&collector, &[("logs", "partial_after = \"100ms\"")]);
    collector.wait_for_events(2);
    collector.kill();
    lab.append("logs/a.log", "def");
    // How far the collector got may be known by now, or not.
    let is_cut = || agent.has_saved("\"cuts\":[9,12]") || agent.has_saved("\"cuts\":[12]");
    wait_until("the line is cut again", || is_cut().then_some(()));
    agent.kill();
    lab.append("logs/a.log", "ghi\nnext\n");
    agent.start();
    collector.start();
    collector.wait_for_events(5);
    agent.stop();
    assert_eq!(collector.messages_of(&path), ["whole", "abc", "def", "ghi", "next"]);
    assert_eq!(collector.total_events(), Some(5));
    assert!(collector.dead_letters().is_empty(), "{:?}", collector.dead_letters());
}

#[test]
fn an_unfinished_last_line_is_sent_though_the_collector_was_away_for_longer_than_was_waited_for_its_end() {
    const LINES: usize = 2000;
    /// The agent says it at most once in each of its longest pauses, of 300 ms.
    const FAILURES: usize = 8;
    let lab = Lab::new();
    let mut collector = lab.absent_collector();
    let backlog: Vec<String> = (0..LINES).map(|line| format!("line {line} {}", "x".repeat(100))).collect();
    let before = lab.write("logs/a.log", "before the backlog\nunfinished before it");
    let large = lab.write("logs/b.log", backlog.join("\n") + "\nunfinished behind it");
    let after = lab.write("logs/c.log", "after the backlog\nunfinished after it");
    let short = lab.write("logs/d.log", "nothing but an unfinished line");
    let ship = "batch_bytes_max = \"64KiB\"\nqueue_bytes_max = \"64KiB\"";
    let mut agent = lab.agent_that_ships(&collector, ship, &[("logs", "partial_after = \"300ms\"")]);
    let is_long_away = || agent.log().matches("cannot deliver").count() >= FAILURES;
    wait_until("the collector was away for long", || is_long_away().then_some(()));
    collector.start();
    collector.wait_for_events(LINES as u64 + 6);
    agent.stop();
    assert_eq!(collector.messages_of(&before), ["before the backlog", "unfinished before it"]);
    assert_eq!(collector.messages_of(&after), ["after the backlog", "unfinished after it"]);
    assert_eq!(collector.messages_of(&short), ["nothing but an unfinished line"]);
    let events = collector.events_of(&large);
    let last = events.last().expect("there are some");
    assert_eq!((last.message(), last.at("/event_data/log/partial")), ("unfinished behind it", &true.into()));
    assert_eq!((events.len(), collector.total_events()), (LINES + 1, Some(LINES as u64 + 6)));
}
