//! The daemon itself.

use serde::Serialize;

use super::text::{non_empty, time};
use crate::v1;

/// The daemon's state.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Status {
    /// The address at which the client reached the daemon.
    pub host: String,
    /// The daemon's version.
    pub version: String,
    /// When it was started.
    pub start_time: Option<String>,
    /// The directory with its data.
    pub data_dir: String,
    /// The version of the store's engine.
    pub store_version: String,
    /// The version of the store's tables.
    pub schema_version: u32,
    /// The number of projects.
    pub project_count: u64,
    /// The number of environments.
    pub environment_count: u64,
    /// The number of variables, without secret references.
    pub variable_count: u64,
    /// The number of secret references.
    pub secret_reference_count: u64,
    /// The sequence number of the newest row of the log.
    pub head_sequence: u64,
    /// The hash of the newest row of the log, in hexadecimal.
    pub head_hash: String,
    /// The actor that the daemon takes the caller for.
    pub actor: String,
    /// The caller's readable name.
    pub display_name: Option<String>,
    /// Whether it accepts writes.
    pub writable: bool,
    /// Why it does not accept writes.
    pub write_error: Option<String>,
}

impl Status {
    /// Makes the shape of a status that came from `host`.
    pub fn new(host: String, status: v1::Status) -> Self {
        Self {
            host,
            version: status.version,
            start_time: status.start_time.map(time),
            data_dir: status.data_dir,
            store_version: status.store_version,
            schema_version: status.schema_version,
            project_count: status.project_count,
            environment_count: status.environment_count,
            variable_count: status.variable_count,
            secret_reference_count: status.secret_reference_count,
            head_sequence: status.head_sequence,
            head_hash: status.head_hash,
            actor: status.actor,
            display_name: non_empty(status.display_name),
            writable: status.writable,
            write_error: non_empty(status.write_error),
        }
    }
}
