//! The channel to the daemon, and the metadata of every request.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use kontraktor_model::limits::{MAX_VIA_CHARS, VIA_METADATA};
use secrecy::ExposeSecret as _;
use tonic::{
    metadata::{Ascii, MetadataMap, MetadataValue},
    transport::{Channel, Endpoint},
};
use tower::service_fn;

use super::{
    connect::{ConnectError, TrustedUsers, connect},
    error::ClientError,
    options::ClientOptions,
};
use crate::{
    endpoint::{Host, TOKEN_VARIABLE, fallback_dir_of},
    v1::{Problem, ProblemCode},
};

/// The details of a refusal travel in a header; hyper's default of 16 KiB would just hold one.
const MAX_HEADER_LIST_BYTES: u32 = 64 * 1024;

pub(super) struct Transport {
    pub(super) channel: Channel,
    pub(super) metadata: MetadataMap,
    was_connected: Arc<AtomicBool>,
}

impl Transport {
    /// Creates a channel that connects on the first request. Needs a running tokio.
    pub(super) fn new(options: &ClientOptions) -> Result<Self, ClientError> {
        let Host::Unix(socket) = &options.host else {
            return Err(ClientError::Unsupported {
                target: options.host.to_string(),
                reason: "https is not supported yet".to_owned(),
            });
        };
        let was_connected = Arc::<AtomicBool>::default();
        let users = TrustedUsers::new(options.daemon_uid);
        let channel = channel(socket.clone(), users, &options.user_agent, Arc::clone(&was_connected))?;
        Ok(Self { channel, metadata: metadata(options)?, was_connected })
    }

    /// Returns whether there has been a connection since [`Self::give_up`] was last called.
    pub(super) fn was_connected(&self) -> bool {
        self.was_connected.load(Ordering::Relaxed)
    }

    /// Records that a call waited in vain, so that the next one does not wait as long again.
    pub(super) fn give_up(&self) {
        self.was_connected.store(false, Ordering::Relaxed);
    }
}

fn channel(
    socket: PathBuf,
    users: TrustedUsers,
    user_agent: &str,
    was_connected: Arc<AtomicBool>,
) -> Result<Channel, ClientError> {
    let directory = fallback_dir_of(&socket);
    // The address is never resolved; it becomes the :authority of the requests.
    let endpoint = Endpoint::from_static("http://localhost")
        .user_agent(user_agent)
        .map_err(|_| {
            invalid("user_agent", "the user agent contains characters that are not allowed in a header")
        })?
        .http2_max_header_list_size(MAX_HEADER_LIST_BYTES);
    let connector = service_fn(move |_| {
        let (socket, directory, users) = (socket.clone(), directory.clone(), users.clone());
        let was_connected = Arc::clone(&was_connected);
        async move {
            let stream = connect(&socket, directory.as_ref(), &users).await?;
            was_connected.store(true, Ordering::Relaxed);
            Ok::<_, ConnectError>(stream)
        }
    });
    Ok(endpoint.connect_with_connector_lazy(connector))
}

fn metadata(options: &ClientOptions) -> Result<MetadataMap, ClientError> {
    let mut metadata = MetadataMap::new();
    metadata.insert(VIA_METADATA, via(&options.via)?);
    if let Some(token) = &options.token {
        let mut bearer: MetadataValue<Ascii> =
            format!("Bearer {}", token.expose_secret()).parse().map_err(|_| {
                invalid(
                    "oauth_token",
                    &format!(
                        "the token in oauth_token or {TOKEN_VARIABLE} contains characters that are not allowed in a \
                         header"
                    ),
                )
            })?;
        bearer.set_sensitive(true);
        metadata.insert("authorization", bearer);
    }
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
