//! The collector may be away whenever it likes.

use labtrail_tests::lab::Lab;

#[test]
fn an_agent_that_starts_before_its_collector_delivers_everything_once_it_is_there() {
    let lab = Lab::new();
    let lines: Vec<String> = (0..5000).map(|number| format!("line {number} before the collector")).collect();
    let path = lab.write("logs/a.log", lines.join("\n") + "\n");
    let mut collector = lab.absent_collector();
    let mut agent = lab.agent(&collector, &[("logs", "")]);
    labtrail_tests::lab::wait_until("the agent notices", || agent.log().contains("cannot deliver").then_some(()));
    lab.append("logs/a.log", "written while nobody listens\n");
    collector.start();
    collector.wait_for_events(5001);

    collector.kill();
    lab.append("logs/a.log", "written while the collector is away\n");
    lab.write("logs/b.log", "a new file while the collector is away\n");
    collector.start();
    collector.wait_for_events(5003);
    agent.stop();
    assert_eq!(collector.total_events(), Some(5003));
    let messages = collector.messages_of(&path);
    assert_eq!(messages[..5000], lines);
    assert_eq!(messages[5000..], ["written while nobody listens", "written while the collector is away"]);
    assert_eq!(collector.messages_of(&lab.path("logs/b.log")), ["a new file while the collector is away"]);
}

#[test]
fn an_agent_that_is_stopped_while_the_collector_is_away_sends_the_rest_at_its_next_start() {
    let lab = Lab::new();
    let path = lab.write("logs/a.log", "first\n");
    let mut collector = lab.collector();
    let mut agent = lab.agent(&collector, &[("logs", "")]);
    collector.wait_for_events(1);
    collector.kill();
    lab.append("logs/a.log", "second\n");
    labtrail_tests::lab::wait_until("the agent has read it", || agent.log().contains("cannot deliver").then_some(()));
    agent.kill();
    lab.append("logs/a.log", "third\n");
    agent.start();
    collector.start();
    collector.wait_for_events(3);
    agent.stop();
    assert_eq!(collector.messages_of(&path), ["first", "second", "third"]);
}
