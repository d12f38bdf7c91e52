//! Why a store in `MongoDB` could not be opened, and how its failures look to the users of any store.

use std::{error::Error as StdError, sync::Arc};

use mongodb::error::{Error, ErrorKind, WriteFailure};
use thiserror::Error;

use crate::store::StoreError;

/// Why a store in `MongoDB` could not be opened. That the server is away is no reason: it may come.
#[derive(Debug, Error)]
#[error("open the store {url}")]
pub struct MongoOpenError {
    /// The connection string, without its password.
    pub(super) url: String,
    /// What the driver says.
    pub(super) source: Error,
}

/// What the driver does not say itself.
#[derive(Debug, Clone, Error)]
pub(super) enum Trouble {
    #[error("the server did not answer within {0} s")]
    Silent(u64),
    #[error("the server was not there a moment ago: {0}")]
    AwayBefore(String),
    #[error("the server did not confirm that it will keep what was written: {0}")]
    NotConfirmed(String),
    #[error("the server refused a document with error {code}: {message}")]
    Refused { code: i32, message: String },
    #[error("the server's answer is not understood: {0}")]
    Odd(&'static str),
    #[error("what the server had a moment ago is gone: it was lost with another server")]
    Gone,
    #[error("the store is closing")]
    Closing,
    #[error("the documents that are in the way of new ones keep changing")]
    Unsteady,
}

impl Trouble {
    pub(super) fn passing(self, attempt: &'static str) -> StoreError {
        StoreError::Unavailable { attempt, source: Arc::new(self) }
    }

    pub(super) fn lasting(self, attempt: &'static str) -> StoreError {
        StoreError::Failed { attempt, source: Arc::new(self) }
    }

    /// What an error number of the server means for the one who waits.
    pub(super) fn of_code(self, code: i32, attempt: &'static str) -> StoreError {
        if is_environment(code) { self.passing(attempt) } else { self.lasting(attempt) }
    }
}

/// Whether waiting may help decides what a sender is told.
pub(super) fn store_error(attempt: &'static str, error: Error) -> StoreError {
    let may_pass = match error.kind.as_ref() {
        ErrorKind::Io(_)
        | ErrorKind::ServerSelection { .. }
        | ErrorKind::ConnectionPoolCleared { .. }
        | ErrorKind::Authentication { .. }
        | ErrorKind::DnsResolve { .. }
        | ErrorKind::InvalidTlsConfig { .. }
        | ErrorKind::Shutdown
        | ErrorKind::IncompatibleServer { .. }
        // A reply that is cut short comes from a connection that broke.
        | ErrorKind::InvalidResponse { .. }
        | ErrorKind::Write(WriteFailure::WriteConcernError(_)) => true,
        _ => code(&error).is_some_and(is_environment),
    };
    let source: Arc<dyn StdError + Send + Sync> = Arc::new(error);
    if may_pass { StoreError::Unavailable { attempt, source } } else { StoreError::Failed { attempt, source } }
}

/// The number of the server's error.
pub(super) fn code(error: &Error) -> Option<i32> {
    match error.kind.as_ref() {
        ErrorKind::Command(command) => Some(command.code),
        ErrorKind::Write(WriteFailure::WriteError(write)) => Some(write.code),
        ErrorKind::Write(WriteFailure::WriteConcernError(concern)) => Some(concern.code),
        _ => None,
    }
}

/// Whether the same operation may well succeed at once, because another server has taken over or the connection was old.
pub(super) fn is_worth_repeating(error: &Error) -> bool {
    match error.kind.as_ref() {
        ErrorKind::Io(_) | ErrorKind::ConnectionPoolCleared { .. } | ErrorKind::InvalidResponse { .. } => true,
        _ => code(error).is_some_and(|code| CHANGE_OF_PRIMARY.contains(&code)),
    }
}

/// Whether no server could be found at all.
pub(super) fn is_away(error: &Error) -> bool {
    matches!(error.kind.as_ref(), ErrorKind::ServerSelection { .. })
}

/// Whether the time that an operation was given is over.
pub(super) fn is_time_up(error: &Error) -> bool {
    code(error) == Some(MAX_TIME_EXPIRED)
}

pub(super) const DUPLICATE_KEY: i32 = 11000;
const MAX_TIME_EXPIRED: i32 = 50;

/// The server that was asked is not the primary (any more), or is ending.
const CHANGE_OF_PRIMARY: [i32; 9] = [91, 189, 10107, 10058, 11600, 11602, 13435, 13436, 9001];

/// Errors that do not come from what was sent, but from where it was sent to.
const ENVIRONMENT: [i32; 39] = [
    6,     // HostUnreachable
    7,     // HostNotFound
    11,    // UserNotFound
    13,    // Unauthorized
    18,    // AuthenticationFailed
    24,    // LockTimeout
    33,    // AuthSchemaIncompatible
    46,    // LockBusy
    50,    // MaxTimeMSExpired
    63,    // StaleShardVersion
    64,    // WriteConcernFailed
    70,    // ShardNotFound
    79,    // UnknownReplWriteConcern
    80,    // FailedConfigServer
    82,    // NoProgressMade
    89,    // NetworkTimeout
    94,    // NotYetInitialized
    100,   // UnsatisfiableWriteConcern
    112,   // WriteConflict
    117,   // ConflictingOperationInProgress
    133,   // FailedToSatisfyReadPreference
    134,   // ReadConcernMajorityNotAvailableYet
    146,   // ExceededMemoryLimit
    202,   // NetworkInterfaceExceededTimeLimit
    216,   // ElectionInProgress
    249,   // StaleChunkHistory
    262,   // ExceededTimeLimit
    290,   // TransactionExceededLifetimeLimitSeconds
    317,   // ConnectionPoolExpired
    321,   // BackupCursorOpenConflictWithCheckpoint
    356,   // TransactionsTooOld
    365,   // TenantMigrationAborted
    371,   // UserWritesBlocked
    391,   // ReauthenticationRequired
    407,   // TemporarilyUnavailable
    462,   // IngressRequestRateLimitExceeded
    11601, // Interrupted
    13388, // StaleConfig
    14031, // OutOfDiskSpace
];

fn is_environment(code: i32) -> bool {
    ENVIRONMENT.contains(&code) || CHANGE_OF_PRIMARY.contains(&code)
}

/// Whether an error is about one document and will not go away: it is too large, a rule of the collection's owner forbids
/// it, an index cannot take it.
pub(super) fn is_about_the_document(code: i32) -> bool {
    const REFUSALS: [i32; 17] = [
        2,     // BadValue
        9,     // FailedToParse
        14,    // TypeMismatch
        15,    // Overflow
        16,    // InvalidLength
        22,    // InvalidBSON
        52,    // DollarPrefixedFieldName
        55,    // InvalidDBRef
        56,    // EmptyFieldName
        57,    // DottedFieldName
        66,    // ImmutableField
        121,   // DocumentValidationFailure
        171,   // CannotIndexParallelArrays
        10334, // BSONObjectTooLarge
        17280, // KeyTooLong
        17419, // the document grew too large
        17420, // the document grew too large
    ];
    // Errors of geographic and other special indexes that the database's owner may have made.
    REFUSALS.contains(&code) || matches!(code, 16_755..=16_766)
}
