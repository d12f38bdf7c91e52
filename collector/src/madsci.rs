//! A collector in the place of MADSci's Event Manager: its settings become those of the collector, and its id in MADSci's
//! registry becomes ours.

use std::{collections::BTreeMap, env, path::PathBuf, sync::Arc, time::Duration};

use labtrail_shared::{
    shutdown::{Stop, Tasks},
    telemetry::with_causes,
};
use serde_json::Value;
use thiserror::Error;
use tracing::{error, info, warn};

use crate::{
    config::{AdoptedSettings, Config, ListenAddress, ManagerId},
    madsci_registry::{Claim, Identity, RENEWAL_PERIOD, RegistryError},
    madsci_settings::{FilesFrom, Loaded, MadsciSettings, SettingsAnswer, SettingsError, Sources, settings_answer},
    store::StoreKind,
};

/// After its lock has ended a name may be somebody else's.
const CLAIM_LIFE: Duration = Duration::from_secs(30);

/// From where MADSci's settings are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingsFrom {
    /// Only from variables that begin with `EVENT_`.
    Environment,
    /// From all variables, and from the files that MADSci would find.
    Search,
    /// From all variables, and from this file.
    File(PathBuf),
}

/// Why the settings could not be taken over.
#[derive(Debug, Error)]
pub enum MadsciError {
    /// Some are wrong.
    #[error("read MADSci's settings:\n{0}")]
    Settings(String),
    /// One of them means nothing to the collector.
    #[error("use MADSci's setting {setting}: {reason}")]
    Setting {
        /// Which.
        setting: &'static str,
        /// Why.
        reason: String,
    },
    /// There is no id in MADSci's registry, and none can be made.
    #[error("find this manager's id in MADSci's registry: {0}")]
    Registry(String),
}

impl From<SettingsError> for MadsciError {
    fn from(error: SettingsError) -> Self {
        Self::Settings(error.to_string())
    }
}

impl From<RegistryError> for MadsciError {
    fn from(error: RegistryError) -> Self {
        Self::Registry(with_causes(&error))
    }
}

/// What was taken over. It cannot be printed, since passwords stand in the environment.
#[derive(Default)]
#[expect(missing_debug_implementations, reason = "there are passwords in it")]
pub struct Adopted {
    files: Vec<PathBuf>,
    origins: Vec<(String, String)>,
    warnings: Vec<String>,
    /// What is needed to find our id in the registry, if it counts.
    registry: Option<Box<(MadsciSettings, Sources)>>,
}

/// Makes a config say what MADSci's settings say. Where they are silent, MADSci's defaults count unless the config comes from
/// a file, which `has_file` says.
pub fn adopt(config: &mut Config, from: &SettingsFrom, has_file: bool) -> Result<Adopted, MadsciError> {
    let is_madsci = *from != SettingsFrom::Environment;
    let variables =
        env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    // Other programs may be meant by names such as DB_URL; who asks for MADSci's settings means them.
    let environment: BTreeMap<String, String> =
        variables.filter(|(name, _)| is_madsci || name.to_ascii_uppercase().starts_with("EVENT_")).collect();
    let sources = Sources {
        environment,
        working_directory: env::current_dir().unwrap_or_default(),
        home: env::home_dir(),
        files: match from {
            SettingsFrom::Environment => FilesFrom::None,
            SettingsFrom::Search => FilesFrom::Search,
            SettingsFrom::File(file) => FilesFrom::File(file.clone()),
        },
    };
    let loaded = MadsciSettings::load(&sources)?;
    if !is_madsci && loaded.origins.iter().next().is_none() {
        return Ok(Adopted::default());
    }
    apply(config, &loaded, is_madsci && !has_file)?;
    let adopted = Adopted {
        files: loaded.files,
        origins: loaded.origins.iter().map(|(setting, origin)| (setting.to_owned(), origin.to_string())).collect(),
        warnings: loaded.ignored.iter().map(ToString::to_string).collect(),
        registry: is_madsci.then(|| Box::new((loaded.settings.clone(), sources))),
    };
    config.madsci = AdoptedSettings(Some(Arc::new(loaded.settings)));
    Ok(adopted)
}

fn apply(config: &mut Config, loaded: &Loaded, by_default: bool) -> Result<(), MadsciError> {
    let Loaded { settings, origins, .. } = loaded;
    let is_meant = |setting: &str| by_default || origins.is_set(setting);
    let wrong = |setting: &'static str| move |reason: String| MadsciError::Setting { setting, reason };
    if is_meant("server_url") {
        let (host, port) = (settings.server_url.host().trim_matches(['[', ']']), settings.server_url.port());
        config.listen = ListenAddress { host: host.to_owned(), port };
    }
    if is_meant("mongo_db_url") {
        config.store.kind = StoreKind::Mongodb;
        config.store.mongodb.url = settings.mongo_db_url.reveal().parse().map_err(wrong("mongo_db_url"))?;
    }
    if is_meant("database_name") {
        config.store.mongodb.database.clone_from(&settings.database_name);
    }
    if is_meant("collection_name") {
        config.store.mongodb.collection.clone_from(&settings.collection_name);
    }
    if let Some(id) = settings.manager_id.as_deref().filter(|id| !id.is_empty()) {
        config.manager_id = Some(id.parse().map_err(wrong("manager_id"))?);
    }
    let days = |setting: &'static str, days: u64| {
        u32::try_from(days)
            .map_err(|_| "it is not within the calendar".to_owned())
            .and_then(TryFrom::try_from)
            .map_err(wrong(setting))
    };
    let retention = &mut config.retention;
    if is_meant("retention_enabled") {
        retention.enabled = settings.retention_enabled;
    }
    if is_meant("soft_delete_after_days") {
        retention.archive_after_days = days("soft_delete_after_days", settings.soft_delete_after_days)?;
    }
    if is_meant("hard_delete_after_days") {
        retention.delete_after_days = days("hard_delete_after_days", settings.hard_delete_after_days)?;
    }
    if is_meant("retention_check_interval_hours") {
        let hours = settings.retention_check_interval_hours.saturating_mul(3600);
        retention.check_interval.0 = Duration::from_secs(hours);
    }
    if is_meant("archive_batch_size") {
        let size = usize::try_from(settings.archive_batch_size).ok().and_then(std::num::NonZeroUsize::new);
        retention.batch_events =
            size.ok_or_else(|| wrong("archive_batch_size")("it is no number of events".to_owned()))?;
    }
    // MADSci's default is never enough for a lab of some size; what somebody has set is meant.
    if origins.is_set("max_batches_per_run") {
        retention.batches_max = usize::try_from(settings.max_batches_per_run).unwrap_or(0);
    }
    if is_meant("fail_on_retention_error") {
        retention.fail_on_error = settings.fail_on_retention_error;
    }
    let backup = &mut config.backup;
    if is_meant("backup_enabled") {
        backup.enabled = settings.backup_enabled;
    }
    if let Some(schedule) = settings.backup_schedule.as_deref().filter(|schedule| !schedule.trim().is_empty()) {
        backup.schedule = schedule.parse().map_err(wrong("backup_schedule"))?;
    }
    if is_meant("backup_dir") {
        backup.dir = Some(settings.backup_dir.clone());
    }
    if is_meant("backup_max_count") {
        let count = usize::try_from(settings.backup_max_count).unwrap_or(usize::MAX);
        backup.keep = count.max(1).try_into().map_err(wrong("backup_max_count"))?;
    }
    Ok(())
}

/// What `GET /settings` answers: MADSci's settings as they take effect here.
pub(crate) fn answer(config: &Config, manager_id: &str, asked: SettingsAnswer) -> Value {
    let read = config.madsci.0.as_deref().cloned();
    let mut settings = read.unwrap_or_else(|| {
        let sources = Sources {
            environment: BTreeMap::new(),
            working_directory: PathBuf::from("."),
            home: None,
            files: FilesFrom::None,
        };
        MadsciSettings::load(&sources).expect("defaults are right").settings
    });
    settings.server_url = config.listen.server_url().unwrap_or(settings.server_url);
    settings.database_name = config.database_name();
    settings.collection_name.clone_from(&config.store.mongodb.collection);
    let retention = &config.retention;
    settings.retention_enabled = retention.enabled;
    settings.soft_delete_after_days = retention.archive_after_days.get().into();
    settings.hard_delete_after_days = retention.delete_after_days.get().into();
    settings.retention_check_interval_hours = retention.check_interval.0.as_secs().div_ceil(3600);
    settings.archive_batch_size = retention.batch_events.get() as u64;
    settings.fail_on_retention_error = retention.fail_on_error;
    settings.backup_enabled = config.backup.enabled;
    settings.backup_dir = config.backup_dir();
    settings.backup_max_count = config.backup.keep.get() as u64;
    if config.backup.enabled {
        settings.backup_schedule = Some(config.backup.schedule.to_string());
    }
    settings_answer(&settings, manager_id, asked)
}

impl Adopted {
    /// Says what was taken over, and finds our id in MADSci's registry, which `config` says from then on; another process may
    /// have to let go of our name first. It is kept until `stop` is given.
    pub async fn start(mut self, config: &mut Config, tasks: &mut Tasks, stop: Stop) -> Result<(), MadsciError> {
        for file in &self.files {
            info!(file = %file.display(), "MADSci's settings are read from this file");
        }
        for (setting, origin) in &self.origins {
            info!(setting, from = origin, "a setting of MADSci's is used");
        }
        for text in &self.warnings {
            warn!("{text}");
        }
        let Some(registry) = self.registry.take() else { return Ok(()) };
        info!(
            "looking for this manager's id in MADSci's registry; a process that was killed a moment ago holds it for up to 30 s"
        );
        let found = tokio::task::spawn_blocking(move || Identity::find(&registry.0, &registry.1)).await;
        let identity = found.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
        if let Some(id) = identity.overruled {
            let id_in_use = &identity.id;
            warn!(
                "the setting manager_id ({id}) is not used: the registry knows this manager as {id_in_use}; set \
                 enable_registry_resolution to false to use it"
            );
        }
        config.manager_id = Some(ManagerId(identity.id));
        if let Some(claim) = identity.claim {
            keep(claim, tasks, stop);
        }
        Ok(())
    }
}

fn keep(claim: Claim, tasks: &mut Tasks, stop: Stop) {
    info!(name = claim.name(), id = claim.id, is_new = claim.is_new, registry = %claim.file().display(), "this manager's id");
    let claim = Arc::new(claim);
    tasks.start("registry", async move {
        loop {
            tokio::select! {
                () = stop.given() => break,
                () = tokio::time::sleep(RENEWAL_PERIOD) => {}
            }
            let ours = Arc::clone(&claim);
            if let Ok(Err(cause)) = tokio::task::spawn_blocking(move || ours.renew()).await {
                error!(
                    reason = with_causes(&cause),
                    seconds = CLAIM_LIFE.as_secs(),
                    "our name in MADSci's registry could not be renewed; after some time another process may take it"
                );
            }
        }
        if let Some(claim) = Arc::into_inner(claim) {
            let released = tokio::task::spawn_blocking(move || claim.release()).await;
            if let Ok(Err(cause)) = released {
                warn!(reason = with_causes(&cause), "our name in MADSci's registry was not given free");
            }
        }
        Ok::<(), std::convert::Infallible>(())
    });
}
