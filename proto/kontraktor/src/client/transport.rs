//! The channel to the daemon, and the metadata of every request.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use http::Uri;
use kontraktor_model::limits::{MAX_VIA_CHARS, VIA_METADATA};
use tokio::time::Instant;
use tonic::{
    metadata::{Ascii, MetadataMap, MetadataValue},
    transport::{Channel, Endpoint},
};
use tower::service_fn;

use super::{
    channel::GrpcChannel,
    connect::{ConnectError, Target, TrustedUsers},
    credentials::Authorization,
    error::ClientError,
    options::ClientOptions,
    settings::SettingError,
    tls::Tls,
};
use crate::{
    endpoint::{Host, Scheme, Server, fallback_dir_of},
    v1::{Problem, ProblemCode},
};

/// The details of a refusal travel in a header; hyper's default of 16 KiB would just hold one.
const MAX_HEADER_LIST_BYTES: u32 = 64 * 1024;

/// How often an idle connection over TCP is used. Load balancers cut those that are idle for a minute and more, some without
/// saying so: the next request would wait for an answer that never comes.
const PING_INTERVAL: Duration = Duration::from_secs(20);
/// How long the answer to a ping may take before the connection counts as lost.
const PING_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) struct Transport {
    connector: Connector,
    /// The channel in use, and when it was created.
    channel: Mutex<(GrpcChannel, Instant)>,
    pub(super) metadata: MetadataMap,
    pub(super) authorization: Authorization,
    tls: Option<Arc<Tls>>,
    was_connected: Arc<AtomicBool>,
}

impl Transport {
    /// Creates a channel that connects on the first request. Needs a running tokio.
    pub(super) fn new(options: &ClientOptions) -> Result<Self, ClientError> {
        let load_tls = || Tls::new(&options.tls).map(Arc::new);
        let (target, tls) = match &options.host {
            Host::Unix(socket) => {
                let target = Target::Unix {
                    socket: socket.clone(),
                    directory: fallback_dir_of(socket),
                    users: TrustedUsers::new(options.daemon_uid),
                };
                (target, None)
            }
            Host::Network(server) => {
                let tls = if server.scheme() == Scheme::Https { Some(load_tls()?) } else { None };
                (Target::Network { server: server.clone(), tls: tls.clone() }, tls)
            }
        };
        let target = Arc::new(target);
        let authorization = Authorization::new(
            &options.credentials,
            &target,
            options.host.to_string(),
            || tls.clone().map_or_else(load_tls, Ok),
            &options.user_agent,
            options.timeout,
        )?;
        let was_connected = Arc::<AtomicBool>::default();
        let connector = Connector {
            endpoint: endpoint(options)?,
            target,
            timeout: options.timeout,
            was_connected: Arc::clone(&was_connected),
        };
        let channel = Mutex::new((connector.channel(), Instant::now()));
        Ok(Self { connector, channel, metadata: metadata(options)?, authorization, tls, was_connected })
    }

    /// Returns the channel for a request. It connects when it is first used, and again when its connection was closed.
    pub(super) fn channel(&self) -> GrpcChannel {
        self.lock().0.clone()
    }

    /// Replaces what a request was refused with that began at `start`. Returns whether the request can be made again with
    /// something newer: another token, or what the files of the client certificate hold now. The daemon knows the certificate
    /// of a connection from its beginning, so that it takes a new connection.
    pub(super) fn renew_credentials(&self, start: Instant) -> bool {
        if self.authorization.discard(start) {
            return true;
        }
        if !self.authorization.is_certificate(self.tls.as_deref()) {
            return false;
        }
        let mut channel = self.lock();
        // Another request has replaced it meanwhile.
        if channel.1 <= start {
            // Requests that run on the old one end there.
            *channel = (self.connector.channel(), Instant::now());
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, (GrpcChannel, Instant)> {
        self.channel.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether there has been a connection since [`Self::give_up`] was last called.
    pub(super) fn was_connected(&self) -> bool {
        self.was_connected.load(Ordering::Relaxed)
    }

    /// Records that a call waited in vain, so that the next one does not wait as long again.
    pub(super) fn give_up(&self) {
        self.was_connected.store(false, Ordering::Relaxed);
    }

    /// Returns what the daemon refused to accept as credentials, and what to do about it.
    pub(super) fn describe_rejection(&self) -> (String, &'static str) {
        self.authorization.describe_rejection(self.tls.as_deref())
    }
}

impl From<SettingError> for ClientError {
    fn from(error: SettingError) -> Self {
        invalid(error.name, &error.to_string())
    }
}

/// Creates channels.
struct Connector {
    endpoint: Endpoint,
    target: Arc<Target>,
    timeout: Duration,
    was_connected: Arc<AtomicBool>,
}

impl Connector {
    /// Returns a channel that connects when it is first used.
    fn channel(&self) -> GrpcChannel {
        let (target, was_connected) = (Arc::clone(&self.target), Arc::clone(&self.was_connected));
        let timeout = self.timeout;
        let connector = service_fn(move |_| {
            let (target, was_connected) = (Arc::clone(&target), Arc::clone(&was_connected));
            async move {
                let stream = target.connect_http2(timeout).await?;
                was_connected.store(true, Ordering::Relaxed);
                Ok::<_, ConnectError>(stream)
            }
        });
        let channel: Channel = self.endpoint.connect_with_connector_lazy(connector);
        GrpcChannel::new(channel)
    }
}

fn endpoint(options: &ClientOptions) -> Result<Endpoint, ClientError> {
    // The address is not resolved here; it becomes the :scheme and :authority of the requests.
    let endpoint = match &options.host {
        Host::Unix(_) => Endpoint::from_static("http://localhost"),
        // With https here, tonic would look for TLS of its own.
        Host::Network(server) => Endpoint::from_static("http://localhost")
            .origin(origin(server)?)
            .http2_keep_alive_interval(PING_INTERVAL)
            .keep_alive_timeout(PING_TIMEOUT)
            .keep_alive_while_idle(true),
    };
    let endpoint = endpoint.user_agent(&options.user_agent).map_err(|_| {
        invalid("user_agent", "the user agent contains characters that are not allowed in a header")
    })?;
    Ok(endpoint.http2_max_header_list_size(MAX_HEADER_LIST_BYTES))
}

fn origin(server: &Server) -> Result<Uri, ClientError> {
    server.to_string().parse().map_err(|_| invalid("host", "the address in host cannot be sent"))
}

fn metadata(options: &ClientOptions) -> Result<MetadataMap, ClientError> {
    let mut metadata = MetadataMap::new();
    metadata.insert(VIA_METADATA, via(&options.via)?);
    Ok(metadata)
}

fn via(text: &str) -> Result<MetadataValue<Ascii>, ClientError> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if text.is_empty() || text.len() > MAX_VIA_CHARS || !text.bytes().all(allowed) {
        return Err(invalid("via", "the client's name must be 1 to 32 characters of a-z, 0-9 and \"-\""));
    }
    text.parse().map_err(|_| invalid("via", "the client's name cannot be sent"))
}

fn invalid(field: &str, message: &str) -> ClientError {
    ClientError::Refused(Box::new(Problem::new(ProblemCode::Invalid, message).with_field(field)))
}
