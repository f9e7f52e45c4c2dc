//! The daemon itself.

use serde::Serialize;

use super::text::{non_empty, time};
use crate::v1;

/// The daemon's state.
#[derive(Debug, Serialize)]
pub struct Status {
    /// The address at which the client reached the daemon.
    pub host: String,
    /// The daemon's version.
    pub version: String,
    /// When it was started.
    pub started: Option<String>,
    /// The directory with its data.
    pub data_dir: String,
    /// The version of the store's engine.
    pub store_version: String,
    /// The version of the store's tables.
    pub schema_version: u32,
    /// The number of projects.
    pub projects: u64,
    /// The number of environments.
    pub environments: u64,
    /// The number of variables.
    pub variables: u64,
    /// The sequence number of the newest row of the log.
    pub head_sequence: u64,
    /// The hash of the newest row of the log, in hexadecimal.
    pub head_hash: String,
    /// The actor that the daemon takes the caller for.
    pub actor: String,
    /// Whether it accepts writes.
    pub writable: bool,
    /// Why it does not accept writes.
    pub reason: Option<String>,
}

impl Status {
    /// Makes the shape of a status that came from `host`.
    pub fn new(host: String, status: v1::Status) -> Self {
        Self {
            host,
            version: status.version,
            started: status.started.map(time),
            data_dir: status.data_dir,
            store_version: status.store_version,
            schema_version: status.schema_version,
            projects: status.projects,
            environments: status.environments,
            variables: status.variables,
            head_sequence: status.head_sequence,
            head_hash: status.head_hash,
            actor: status.actor,
            writable: status.writable,
            reason: non_empty(status.trouble),
        }
    }
}
