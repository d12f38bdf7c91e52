//! One broker: its settings, its data, its process.

use std::{fs, path::PathBuf, process::Child};

use super::{
    access::Access,
    java::{assert_success, java},
};
use crate::services::server::Server;

/// Kafka writes the ids of clusters as a UUID in base64; any will do.
const CLUSTER_ID: &str = "TGFidHJhaWxUZXN0c0thZg";

/// What a broker keeps through all its lives.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// Counted from 0.
    pub(super) index: usize,
    /// Where clients come.
    pub(super) port: u16,
    /// Where the controllers of all brokers listen, this one's at its index.
    pub(super) controllers: Vec<u16>,
    /// How much memory it may take, and what else Java is told.
    pub(super) java_options: Vec<String>,
    /// Settings, data and logs.
    pub(super) folder: PathBuf,
}

impl Plan {
    /// Kafka's number for it.
    pub(super) fn id(&self) -> i32 {
        i32::try_from(self.index).expect("there are few brokers") + 1
    }

    pub(super) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    fn settings_file(&self) -> PathBuf {
        self.folder.join("server.properties")
    }

    /// Writes its settings.
    pub(super) fn write(&self, access: Option<&Access>) {
        let (id, address, controller) = (self.id(), self.address(), self.controllers[self.index]);
        let replicas = self.controllers.len();
        // One broker may be away without anything being refused.
        let replicas_in_sync_min = if replicas >= 3 { 2 } else { 1 };
        let voters: Vec<String> =
            (1..).zip(&self.controllers).map(|(id, port)| format!("{id}@127.0.0.1:{port}")).collect();
        let voters = voters.join(",");
        let data = self.folder.join("data");
        let data = data.display();
        let listeners = access.map(|access| format!(",SASL_SSL://{}", access.address())).unwrap_or_default();
        let mut settings = format!(
            "process.roles=broker,controller\n\
             node.id={id}\n\
             controller.quorum.voters={voters}\n\
             listeners=PLAINTEXT://{address},CONTROLLER://127.0.0.1:{controller}{listeners}\n\
             advertised.listeners=PLAINTEXT://{address}{listeners}\n\
             listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL\n\
             controller.listener.names=CONTROLLER\n\
             inter.broker.listener.name=PLAINTEXT\n\
             log.dirs={data}\n\
             auto.create.topics.enable=false\n\
             default.replication.factor={replicas}\n\
             min.insync.replicas={replicas_in_sync_min}\n\
             offsets.topic.replication.factor={replicas}\n\
             transaction.state.log.replication.factor={replicas}\n\
             transaction.state.log.min.isr={replicas_in_sync_min}\n\
             share.coordinator.state.topic.replication.factor={replicas}\n\
             share.coordinator.state.topic.min.isr={replicas_in_sync_min}\n"
        );
        // A group need not wait for members, and the fewer partitions Kafka keeps for itself the sooner it is up.
        settings += "group.initial.rebalance.delay.ms=0\noffsets.topic.num.partitions=4\n\
                     transaction.state.log.num.partitions=4\nshare.coordinator.state.topic.num.partitions=4\n";
        // A broker that was killed is noticed in seconds, and is let in again as soon.
        settings += "broker.heartbeat.interval.ms=500\nbroker.session.timeout.ms=3000\n";
        // Little memory, and deleted topics free their space at once.
        settings += "log.cleaner.dedupe.buffer.size=4194304\nlog.segment.delete.delay.ms=1000\n";
        if let Some(access) = access {
            settings += access.settings();
        }
        fs::create_dir_all(&self.folder).expect("folders can be made");
        fs::write(self.settings_file(), settings).expect("a file can be written");
    }
}

/// A broker that runs or does not.
#[derive(Debug)]
pub(super) struct Broker {
    plan: Plan,
    server: Option<Server>,
}

impl Broker {
    pub(super) fn absent(plan: Plan) -> Self {
        Self { plan, server: None }
    }

    /// Prepares the data folders of new brokers.
    pub(super) fn format(plans: &[Plan]) {
        let start = |plan: &Plan| -> Child {
            let mut command = java(&[]);
            command.args(["kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c"]).arg(plan.settings_file());
            let log = fs::File::create(plan.folder.join("format.log")).expect("a file can be written");
            let piped = log.try_clone().expect("a file can be shared");
            command.stdout(log).stderr(piped).spawn().expect("java can be started")
        };
        let started: Vec<Child> = plans.iter().map(start).collect();
        for (plan, child) in plans.iter().zip(started) {
            let mut output = child.wait_with_output().expect("a child can be waited for");
            output.stdout = fs::read(plan.folder.join("format.log")).unwrap_or_default();
            assert_success("formatting the data folder of a broker", &output);
        }
    }

    /// Starts it, without waiting until it answers.
    pub(super) fn start(&mut self) {
        assert!(self.server.is_none(), "broker {} runs already", self.plan.index);
        let mut command = java(&self.plan.java_options);
        command.arg("kafka.Kafka").arg(self.plan.settings_file());
        let name = format!("kafka-{}", self.plan.index);
        self.server = Some(Server::start(&name, command, &self.plan.folder));
    }

    pub(super) fn stop(&mut self) {
        self.server().process().terminate();
        self.server = None;
    }

    pub(super) fn kill(&mut self) {
        self.server = None;
    }

    pub(super) fn server(&mut self) -> &mut Server {
        self.server.as_mut().unwrap_or_else(|| panic!("broker {} does not run", self.plan.index))
    }

    /// Panics with its log when it has ended by itself.
    pub(super) fn assert_running(&mut self) {
        let process = self.server().process();
        let ended = process.ended();
        assert!(ended.is_none(), "broker ended with {ended:?}: {}", process.log());
    }
}
