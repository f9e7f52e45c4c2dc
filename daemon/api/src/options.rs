//! What the operator decides about the API.

use std::{path::PathBuf, sync::Arc};

use super::{auth::Identity, connection_limits::ConnectionLimits, limits::RateLimits};

/// What the operator decides about the API.
#[derive(Debug, Clone)]
pub struct ApiOptions {
    /// The data directory, which the daemon's status shows.
    pub data_dir: PathBuf,
    /// What connections from the network may take.
    pub connections: ConnectionLimits,
    /// The origins (RFC 6454) of web pages that may use the API, such as `https://console.example.com`.
    pub cors_origins: Arc<[String]>,
    /// Who may call from the network.
    pub identity: Arc<Identity>,
    /// How often.
    pub limits: Arc<RateLimits>,
}
