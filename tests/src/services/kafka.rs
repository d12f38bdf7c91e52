//! Apache Kafka: one broker, several, or one that asks who is there.

mod access;
mod broker;
mod clients;
mod java;
mod record;

use std::{
    path::PathBuf,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
};

use rdkafka::ClientConfig;

use self::{
    access::Access,
    broker::{Broker, Plan},
};
pub use self::{
    access::{Login, Resource},
    record::{NewRecord, Record},
};
use super::folder::Folder;
use crate::lab::free_address;

/// Several brokers fit beside what is tested.
const SMALL: &[&str] = &["-Xms128m", "-Xmx512m"];

/// With both compilers of Java.
const MEASURED: &[&str] = &["-Xmx1g", "-XX:TieredStopAtLevel=4"];

/// A cluster of brokers, which are also its controllers. Brokers are counted from 0.
#[derive(Debug)]
pub struct Kafka {
    brokers: Vec<Mutex<Broker>>,
    plans: Vec<Plan>,
    access: Option<Access>,
    // Dropped last, when no broker writes into it.
    _folder: Folder,
}

impl Kafka {
    /// One broker, on which every topic has one replica.
    pub fn start() -> Self {
        Self::cluster(1)
    }

    /// So many brokers. Topics have as many replicas, and with three of them a write with `acks=all` needs two.
    pub fn cluster(brokers: usize) -> Self {
        Self::launch(brokers, SMALL)
    }

    /// One broker for benchmarks: slower to start, and as fast as Java makes it.
    pub fn for_measuring() -> Self {
        Self::launch(1, MEASURED)
    }

    /// One broker with a second listener ([`Self::secured_brokers`]) that speaks TLS and asks for a login. There
    /// everything is forbidden that was not allowed with [`Self::allow`]. Who comes to [`Self::brokers`] may do anything.
    pub fn secured() -> Self {
        let folder = Folder::new("kafka");
        let access = Access::new(folder.path());
        Self::launch_in(folder, 1, Some(access), SMALL)
    }

    /// One broker for all tests of a process. Each uses topics and groups of its own.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Kafka> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    fn launch(brokers: usize, java_options: &[&str]) -> Self {
        Self::launch_in(Folder::new("kafka"), brokers, None, java_options)
    }

    fn launch_in(folder: Folder, brokers: usize, access: Option<Access>, java_options: &[&str]) -> Self {
        java::archive_classes_once(|option| {
            let kafka = Self::launch_prepared(Folder::new("kafka"), 1, None, &[option]);
            kafka.create_topic("t", 1, &[]);
            kafka.produce("t", "key", "value", &[]);
            kafka.read_all("t");
            kafka.stop(0);
        });
        Self::launch_prepared(folder, brokers, access, java_options)
    }

    fn launch_prepared(folder: Folder, brokers: usize, access: Option<Access>, java_options: &[&str]) -> Self {
        let ports: Vec<(u16, u16)> = (0..brokers).map(|_| (free_address().port(), free_address().port())).collect();
        let controllers: Vec<u16> = ports.iter().map(|(_, controller)| *controller).collect();
        let plan = |(index, (port, _)): (usize, &(u16, u16))| {
            let plan = Plan {
                java_options: java_options.iter().map(|option| (*option).to_owned()).collect(),
                index,
                port: *port,
                controllers: controllers.clone(),
                folder: folder.join(format!("broker-{index}")),
            };
            plan.write(access.as_ref());
            plan
        };
        let plans: Vec<Plan> = ports.iter().enumerate().map(plan).collect();
        let brokers = plans.iter().map(|plan| Mutex::new(Broker::absent(plan.clone()))).collect();
        let kafka = Self { brokers, plans, access, _folder: folder };
        Broker::format(&kafka.plans);
        for broker in 0..kafka.plans.len() {
            kafka.broker(broker).start();
        }
        for broker in 0..kafka.plans.len() {
            kafka.wait_until_ready(broker);
        }
        kafka
    }

    /// Where its brokers are asked: `127.0.0.1:20001,127.0.0.1:20003`.
    pub fn brokers(&self) -> String {
        let addresses: Vec<String> = self.plans.iter().map(Plan::address).collect();
        addresses.join(",")
    }

    /// How many brokers there are.
    pub fn len(&self) -> usize {
        self.plans.len()
    }

    /// There is always one.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Where a broker is asked with TLS and login. Only of [`Self::secured`].
    pub fn secured_brokers(&self) -> String {
        self.access().address()
    }

    /// The certificate, in PEM, that vouches for the broker's. Only of [`Self::secured`].
    pub fn ca_file(&self) -> PathBuf {
        self.access().ca_file().to_owned()
    }

    /// Asks a broker to end, as its service manager does, and waits until it has.
    pub fn stop(&self, broker: usize) {
        self.broker(broker).stop();
    }

    /// Ends a broker as a power failure would.
    pub fn kill(&self, broker: usize) {
        self.broker(broker).kill();
    }

    /// Starts a broker that was stopped or killed, with its data and at its address, and waits until it answers.
    pub fn start_broker(&self, broker: usize) {
        self.broker(broker).start();
        self.wait_until_ready(broker);
    }

    /// Stops a broker where it stands (`SIGSTOP`): connections stay open, nobody answers.
    pub fn pause(&self, broker: usize) {
        self.broker(broker).server().process().pause();
    }

    /// Lets a broker go on after [`Self::pause`].
    pub fn resume(&self, broker: usize) {
        self.broker(broker).server().process().resume();
    }

    /// The number of a broker's process.
    pub fn process_id(&self, broker: usize) -> u32 {
        self.broker(broker).server().process().id()
    }

    /// Adds a user who logs in with SCRAM-SHA-512, or changes the password of one.
    pub fn add_scram_user(&self, name: &str, password: &str) {
        access::add_scram_user(&self.brokers(), name, password);
    }

    /// Removes a user who logs in with SCRAM-SHA-512.
    pub fn remove_scram_user(&self, name: &str) {
        access::remove_scram_user(&self.brokers(), name);
    }

    /// Allows a user these operations, such as `Write`, `Read`, `Describe`, `Create` or `All`.
    pub fn allow(&self, user: &str, operations: &[&str], resource: Resource<'_>) {
        access::change_acl(&self.brokers(), "--add", user, operations, resource);
    }

    /// Takes back what [`Self::allow`] gave.
    pub fn revoke(&self, user: &str, operations: &[&str], resource: Resource<'_>) {
        access::change_acl(&self.brokers(), "--remove", user, operations, resource);
    }

    fn access(&self) -> &Access {
        self.access.as_ref().expect("Kafka::secured() started it")
    }

    fn broker(&self, broker: usize) -> MutexGuard<'_, Broker> {
        // A test that failed while it held a broker is told of elsewhere.
        self.brokers[broker].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A client of all brokers.
    fn client(&self) -> ClientConfig {
        clients::client(&self.brokers())
    }

    fn wait_until_ready(&self, broker: usize) {
        let plan = &self.plans[broker];
        clients::wait_until_member(&plan.address(), plan.id(), || self.broker(broker).assert_running());
    }
}
