//! What a client needs to know before it connects.

use std::time::Duration;

use super::{credentials::Credentials, tls::TlsOptions};
use crate::endpoint::Host;

/// How long a call may take, retries included, when no timeout is set.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_mins(1);

/// The longest time that one call may take: a day. Longer timeouts are cut to it, because gRPC cannot carry any length.
pub const MAX_TIMEOUT: Duration = Duration::from_hours(24);

/// The settings of a [`Client`](super::Client).
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// The daemon's address.
    pub host: Host,
    /// How long one call may take, retries included; at most [`MAX_TIMEOUT`].
    pub timeout: Duration,
    /// What the client is, for the audit log: `[a-z0-9-]{1,32}`, such as `terraform` or `ktr`.
    pub via: String,
    /// Name and version of the program, such as `ktr/0.1.0`.
    pub user_agent: String,
    /// What says who the client is.
    pub credentials: Credentials,
    /// Whom the client trusts on the network, and the certificate that it shows.
    pub tls: TlsOptions,
    /// A user whose daemon is trusted, by uid, in addition to this process's user and root.
    pub daemon_uid: Option<u32>,
}

impl ClientOptions {
    /// Returns options with the default timeout, without credentials, and for a daemon of this process's user or root, or one
    /// whose certificate the system trusts. The user agent is `via` and this crate's version.
    pub fn new(host: Host, via: impl Into<String>) -> Self {
        let via = via.into();
        let user_agent = format!("{via}/{}", env!("CARGO_PKG_VERSION"));
        Self {
            host,
            timeout: DEFAULT_TIMEOUT,
            via,
            user_agent,
            credentials: Credentials::None,
            tls: TlsOptions::default(),
            daemon_uid: None,
        }
    }
}
