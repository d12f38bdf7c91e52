//! The types an event can have: MADSci's closed list.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::level::LogLevel;

macro_rules! event_types {
    ($($variant:ident $name:literal,)*) => {
        /// What kind of thing happened, in MADSci's words.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum EventType {
            $(
                #[doc = concat!("`", $name, "`")]
                $variant,
            )*
        }

        impl EventType {
            /// All types, in MADSci's order.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The name of the type as it stands in JSON.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

event_types! {
    Unknown "unknown",
    Log "log",
    LogDebug "log_debug",
    LogInfo "log_info",
    LogWarning "log_warning",
    LogError "log_error",
    LogCritical "log_critical",
    Test "test",
    LabCreate "lab_create",
    LabStart "lab_start",
    LabStop "lab_stop",
    NodeCreate "node_create",
    NodeStart "node_start",
    NodeStop "node_stop",
    NodeConfigUpdate "node_config_update",
    NodeStatusUpdate "node_status_update",
    NodeError "node_error",
    WorkcellCreate "workcell_create",
    WorkcellStart "workcell_start",
    WorkcellStop "workcell_stop",
    WorkcellConfigUpdate "workcell_config_update",
    WorkcellStatusUpdate "workcell_status_update",
    WorkflowCreate "workflow_create",
    WorkflowStart "workflow_start",
    WorkflowComplete "workflow_complete",
    WorkflowAbort "workflow_abort",
    ExperimentCreate "experiment_create",
    ExperimentStart "experiment_start",
    ExperimentComplete "experiment_complete",
    ExperimentFailed "experiment_failed",
    ExperimentCancelled "experiment_cancelled",
    ExperimentPause "experiment_pause",
    ExperimentContinued "experiment_continued",
    CampaignCreate "campaign_create",
    CampaignStart "campaign_start",
    CampaignComplete "campaign_complete",
    CampaignAbort "campaign_abort",
    ActionStatusChange "action_status_change",
    ResourceCreate "resource_create",
    ResourceUpdate "resource_update",
    ResourceDelete "resource_delete",
    ResourceAllocate "resource_allocate",
    ResourceRelease "resource_release",
    LocationCreate "location_create",
    LocationUpdate "location_update",
    LocationDelete "location_delete",
    AttachmentCreate "attachment_create",
    AttachmentDelete "attachment_delete",
    DataStore "data_store",
    DataQuery "data_query",
    DataExport "data_export",
    ManagerStart "manager_start",
    ManagerStop "manager_stop",
    ManagerError "manager_error",
    ManagerHealthCheck "manager_health_check",
    WorkflowStepStart "workflow_step_start",
    WorkflowStepComplete "workflow_step_complete",
    WorkflowStepFailed "workflow_step_failed",
    ActionStart "action_start",
    ActionComplete "action_complete",
    ActionFailed "action_failed",
    BackupCreate "backup_create",
    BackupRestore "backup_restore",
}

impl EventType {
    /// The type of that name, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|event_type| event_type.name().eq_ignore_ascii_case(name))
    }

    /// The type of a log record: by its level when it states one, as MADSci's own client does.
    pub fn of_log_record(level: Option<LogLevel>) -> Self {
        match level {
            None | Some(LogLevel::NotSet) => Self::Log,
            Some(LogLevel::Debug) => Self::LogDebug,
            Some(LogLevel::Info) => Self::LogInfo,
            Some(LogLevel::Warning) => Self::LogWarning,
            Some(LogLevel::Error) => Self::LogError,
            Some(LogLevel::Critical) => Self::LogCritical,
        }
    }
}

#[expect(clippy::derivable_impls, reason = "the variants are made by a macro, which cannot mark one of them")]
impl Default for EventType {
    fn default() -> Self {
        Self::Unknown
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl Serialize for EventType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for EventType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::from_name(&name)
            .ok_or_else(|| serde::de::Error::custom(format!("{name:?} is not one of MADSci's event types")))
    }
}

#[cfg(test)]
mod tests {
    use super::EventType;

    #[test]
    fn the_list_is_madscis() {
        assert_eq!(EventType::ALL.len(), 63);
        assert_eq!(EventType::default(), EventType::Unknown);
        assert_eq!(EventType::from_name("NODE_Start"), Some(EventType::NodeStart));
        assert_eq!(EventType::from_name("node start"), None);
    }
}
