//! Who may do what: a listener with TLS and login, users, access control lists.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use super::java::{assert_success, run};
use crate::lab::free_address;

/// Only the broker reads the key store, and only in the folder of one test.
const KEY_STORE_PASSWORD: &str = "labtrail";

/// A name and its password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Login {
    /// Who logs in.
    pub username: &'static str,
    /// The password.
    pub password: &'static str,
}

impl Login {
    /// Knows PLAIN; may do nothing until it is allowed.
    pub const AGENT: Self = Self { username: "agent", password: "agent-secret" };
    /// Knows PLAIN; may do nothing until it is allowed.
    pub const COLLECTOR: Self = Self { username: "collector", password: "collector-secret" };
}

/// What an operation is done to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource<'a> {
    /// A topic, or `*` for all.
    Topic(&'a str),
    /// A consumer group, or `*` for all.
    Group(&'a str),
    /// The cluster itself.
    Cluster,
}

/// The secured listener.
#[derive(Debug)]
pub(super) struct Access {
    address: String,
    ca_file: PathBuf,
    settings: String,
}

impl Access {
    /// Makes a certificate for a broker on loopback, in this folder.
    pub(super) fn new(folder: &Path) -> Self {
        let (store, ca_file) = (folder.join("broker.p12"), folder.join("ca.pem"));
        let keytool = |arguments: &[&str]| {
            let mut command = Command::new("keytool");
            command.args(arguments).args([
                "-alias",
                "broker",
                "-storetype",
                "PKCS12",
                "-storepass",
                KEY_STORE_PASSWORD,
            ]);
            let output =
                command.arg("-keystore").arg(&store).output().expect("keytool, a part of Java, can be started");
            assert_success("keytool", &output);
        };
        // Signed by itself: whoever trusts this certificate trusts this broker.
        keytool(&[
            "-genkeypair",
            "-keyalg",
            "EC",
            "-validity",
            "30",
            "-dname",
            "CN=localhost",
            "-ext",
            "san=ip:127.0.0.1,dns:localhost",
            "-ext",
            "bc:c=ca:true",
        ]);
        keytool(&["-exportcert", "-rfc", "-file", ca_file.to_str().expect("paths of tests are UTF-8")]);
        let settings = format!(
            "ssl.keystore.type=PKCS12\n\
             ssl.keystore.location={}\n\
             ssl.keystore.password={KEY_STORE_PASSWORD}\n\
             sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512\n\
             listener.name.sasl_ssl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule \
             required {};\n\
             listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config={SCRAM_MODULE} required;\n\
             authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n\
             super.users=User:ANONYMOUS\n",
            store.display(),
            [Login::AGENT, Login::COLLECTOR]
                .map(|login| format!("user_{}=\"{}\"", login.username, login.password))
                .join(" "),
        );
        Self { address: free_address().to_string(), ca_file, settings }
    }

    pub(super) fn address(&self) -> String {
        self.address.clone()
    }

    pub(super) fn ca_file(&self) -> &Path {
        &self.ca_file
    }

    /// What the broker's settings need to say.
    pub(super) fn settings(&self) -> &str {
        &self.settings
    }
}

const SCRAM_MODULE: &str = "org.apache.kafka.common.security.scram.ScramLoginModule";

#[track_caller]
pub(super) fn add_scram_user(brokers: &str, name: &str, password: &str) {
    let config = format!("SCRAM-SHA-512=[password={password}]");
    change_user(brokers, name, &["--add-config", &config]);
}

#[track_caller]
pub(super) fn remove_scram_user(brokers: &str, name: &str) {
    change_user(brokers, name, &["--delete-config", "SCRAM-SHA-512"]);
}

#[track_caller]
fn change_user(brokers: &str, name: &str, change: &[&str]) {
    let mut arguments = vec!["--bootstrap-server", brokers, "--alter", "--entity-type", "users", "--entity-name", name];
    arguments.extend(change);
    run("kafka.admin.ConfigCommand", &arguments);
}

/// `change` is `--add` or `--remove`.
#[track_caller]
pub(super) fn change_acl(brokers: &str, change: &str, user: &str, operations: &[&str], resource: Resource<'_>) {
    let principal = format!("User:{user}");
    let mut arguments = vec!["--bootstrap-server", brokers, change, "--force", "--allow-principal", &principal];
    for operation in operations {
        arguments.extend(["--operation", operation]);
    }
    match resource {
        Resource::Topic(name) => arguments.extend(["--topic", name]),
        Resource::Group(name) => arguments.extend(["--group", name]),
        Resource::Cluster => arguments.push("--cluster"),
    }
    run("org.apache.kafka.tools.AclCommand", &arguments);
}
