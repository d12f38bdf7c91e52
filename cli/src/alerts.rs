//! `labtrail alerts`: shows alerts, attends to them, and tries rules before anybody trusts them.

mod ack;
mod asked;
mod check;
mod list;
mod silence;
mod test;
mod test_receiver;

use std::process::ExitCode;

use clap::{Args, Subcommand};

const EXAMPLES: &str = "\
Examples:
  labtrail alerts list
      What fires now, in which group, since when, and who attends to it.
  labtrail alerts ack 7f3a --note 'pump is being changed'
      Somebody attends to it: no repeats and no escalation until it is over.
  labtrail alerts silence rule=node-errors group.source.node_id=01J... --for 2h --note maintenance
      Nothing is told of these alerts for two hours. --list shows silences, --end ID ends one, --preview only looks.
  labtrail alerts check rules/*.toml
      Is each rule right? All that is wrong is said at once, with file, line and remedy.
  labtrail alerts test node-errors --rules rules/*.toml --since 7d
      What would it have told of, and when? The collector judges what it has stored; nothing is sent.
  labtrail alerts test-receiver receivers.toml ops-mail
      Does a mail arrive? The server's own words are shown if not.

Exit code 0: all is well. 1: something is wrong. 2: it could not be found out.";

/// The arguments of `labtrail alerts`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Alerts {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Shows what fires now, and what did.
    List(list::List),
    /// Says that somebody attends to an alert, or no longer does.
    Ack(ack::Ack),
    /// Silences alerts for a while; shows and ends silences.
    Silence(silence::Silence),
    /// Reads files of rules, and says what is wrong with them or what they watch for.
    Check(check::Check),
    /// Tries a rule over what a collector has stored, and says what it would have told of.
    Test(test::Test),
    /// Sends a notification to a receiver: a mail, a webhook, a chat, a command.
    TestReceiver(test_receiver::TestReceiver),
}

impl Alerts {
    /// Does what is asked.
    pub(crate) fn run(self) -> ExitCode {
        match self.action {
            Action::List(list) => list.run(),
            Action::Ack(ack) => ack.run(),
            Action::Silence(silence) => silence.run(),
            Action::Check(check) => check.run(),
            Action::Test(test) => test.run(),
            Action::TestReceiver(test) => test.run(),
        }
    }
}
