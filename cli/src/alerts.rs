//! `labtrail alerts`: tries alert rules before anybody trusts them.

mod check;
mod test;
mod test_receiver;

use std::process::ExitCode;

use clap::{Args, Subcommand};

const EXAMPLES: &str = "\
Examples:
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
            Action::Check(check) => check.run(),
            Action::Test(test) => test.run(),
            Action::TestReceiver(test) => test.run(),
        }
    }
}
