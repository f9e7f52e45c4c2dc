//! The channel to the daemon, and the metadata of every request.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use http::Uri;
use kontraktor_model::limits::{MAX_VIA_CHARS, VIA_METADATA};
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
    pub(super) channel: GrpcChannel,
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
        let channel = channel(options, target, Arc::clone(&was_connected))?;
        Ok(Self { channel, metadata: metadata(options)?, authorization, tls, was_connected })
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

fn channel(
    options: &ClientOptions,
    target: Arc<Target>,
    was_connected: Arc<AtomicBool>,
) -> Result<GrpcChannel, ClientError> {
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
    let endpoint = endpoint
        .user_agent(&options.user_agent)
        .map_err(|_| {
            invalid("user_agent", "the user agent contains characters that are not allowed in a header")
        })?
        .http2_max_header_list_size(MAX_HEADER_LIST_BYTES);
    let timeout = options.timeout;
    let connector = service_fn(move |_| {
        let (target, was_connected) = (Arc::clone(&target), Arc::clone(&was_connected));
        async move {
            let stream = target.connect_http2(timeout).await?;
            was_connected.store(true, Ordering::Relaxed);
            Ok::<_, ConnectError>(stream)
        }
    });
    let channel: Channel = endpoint.connect_with_connector_lazy(connector);
    Ok(GrpcChannel::new(channel))
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
