//! Connecting over TCP, with TLS where the address demands it. There are no proxies.

use std::{
    error::Error,
    io, iter,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
    vec,
};

use hyper_util::client::legacy::connect::{HttpConnector, dns::Name};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tower::{Service, ServiceExt as _};

use super::{
    super::tls::{Tls, handshake_failure},
    ConnectError, Retryability, Stream,
};
use crate::endpoint::{Scheme, Server};

/// When TCP starts to ask whether the other end is still there. Firewalls forget connections after some minutes.
const TCP_KEEPALIVE: Duration = Duration::from_secs(30);

/// Connects, and makes the handshake of TLS for this protocol (ALPN).
pub(super) async fn connect(
    server: &Server,
    tls: Option<&Tls>,
    protocol: &[u8],
) -> Result<Box<dyn Stream>, ConnectError> {
    let stream = open(server).await?;
    let Some(tls) = tls else { return Ok(Box::new(stream)) };
    let name = ServerName::try_from(server.name().to_owned())
        .map_err(|_| ConnectError::never("its name cannot be in a certificate".to_owned(), "correct host"))?;
    let connector = TlsConnector::from(Arc::new(tls.config(protocol)));
    match connector.connect(name, stream).await {
        Ok(stream) => Ok(Box::new(stream)),
        Err(error) => Err(tls_failure(&error, server, Some(tls))),
    }
}

pub(super) fn timed_out() -> ConnectError {
    ConnectError::after_restart(
        "connecting timed out",
        "check host and port, and that no firewall is between this machine and the daemon",
    )
}

async fn open(server: &Server) -> Result<TcpStream, ConnectError> {
    let mut connector = HttpConnector::new_with_resolver(Resolver {
        name: server.name().to_owned(),
        loopback_only: server.scheme() == Scheme::Http,
    });
    connector.set_nodelay(true);
    connector.set_keepalive(Some(TCP_KEEPALIVE));
    // The scheme is that of TCP: what follows is not the connector's matter.
    let uri = format!("http://{}", server.authority_with_port())
        .parse()
        .map_err(|_| ConnectError::never("its address is invalid".to_owned(), "correct host"))?;
    match connector.oneshot(uri).await {
        Ok(stream) => Ok(stream.into_inner()),
        Err(error) => Err(open_failure(&error, server)),
    }
}

fn open_failure(error: &(dyn Error + 'static), server: &Server) -> ConnectError {
    if let Some(error) = find::<ResolveError>(error) {
        return match error {
            // The name may be known again in a moment: this is no more permanent than a daemon that does not listen.
            ResolveError::Unknown(error) => ConnectError::after_restart(
                format!("the name {} cannot be resolved: {}", server.name(), lookup_reason(error)),
                "check the name in host, and this machine's DNS",
            ),
            ResolveError::NotLoopback(address) => ConnectError::never(
                format!(
                    "{} leads to {}, and http:// is allowed only to this machine",
                    server.name(),
                    address.ip()
                ),
                "use https://",
            ),
        };
    }
    match find::<io::Error>(error) {
        Some(error) => io_failure(error),
        None => ConnectError::after_restart("the connection failed", "check host and port"),
    }
}

/// Returns what getaddrinfo(3) reports, without what std puts before it.
fn lookup_reason(error: &io::Error) -> String {
    let text = error.to_string();
    text.strip_prefix("failed to lookup address information: ").unwrap_or(&text).to_owned()
}

fn io_failure(error: &io::Error) -> ConnectError {
    let listen = "start the daemon with `kontraktord --listen ADDRESS:PORT`, or check host and port";
    match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            ConnectError::after_restart("the connection was refused: nothing listens there", listen)
        }
        io::ErrorKind::TimedOut => timed_out(),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            ConnectError::after_restart("there is no route to it", "check host, and this machine's network")
        }
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::UnexpectedEof => closed(),
        _ => ConnectError::after_restart(error.to_string(), listen),
    }
}

/// Returns the error of a server that answered the start of HTTP/2 with these bytes.
pub(super) fn not_http2(start: &[u8], server: &Server) -> ConnectError {
    // A record of TLS starts with its type: 21 is an alert (RFC 8446 §5.1), the answer to what is no handshake.
    if server.scheme() == Scheme::Http && start.first() == Some(&21) {
        return ConnectError::never("the server expects TLS".to_owned(), "use https:// in host");
    }
    ConnectError::never(
        "the server does not speak HTTP/2, which gRPC requires".to_owned(),
        "check host and port; a load balancer before the daemon must pass HTTP/2 or TCP on",
    )
}

/// The server, or a load balancer before it, closed the connection before it had answered anything.
fn closed() -> ConnectError {
    ConnectError::after_restart(
        "the connection was closed before the daemon answered",
        "check the daemon's log, and that kontraktord, and nothing else, listens at host",
    )
}

/// Returns why a connection failed before the server had answered anything. With TLS 1.3 it rejects a client's certificate only
/// after the handshake of the client is complete.
pub(in super::super) fn tls_failure(
    error: &(dyn Error + 'static),
    server: &Server,
    tls: Option<&Tls>,
) -> ConnectError {
    if let (Some(error), Some(tls)) = (find::<rustls::Error>(error), tls) {
        let (reason, remedy) = handshake_failure(error, tls, server.name());
        return ConnectError { retryability: Retryability::Never, reason, remedy };
    }
    match find::<io::Error>(error) {
        Some(error) => io_failure(error),
        None => closed(),
    }
}

/// Returns the first error of this type among an error and its causes.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    iter::successors(Some(error), |&error| match error.downcast_ref::<io::Error>() {
        // The source of an I/O error is that of the error it wraps, which would be skipped.
        Some(error) => error.get_ref().map(|inner| inner as &(dyn Error + 'static)),
        None => error.source(),
    })
    .find_map(|error| error.downcast_ref())
}

#[derive(Debug, thiserror::Error)]
enum ResolveError {
    #[error("the name cannot be resolved")]
    Unknown(#[source] io::Error),
    #[error("the name leads to another machine")]
    NotLoopback(SocketAddr),
}

/// Asks the system for the addresses of a name.
#[derive(Clone)]
struct Resolver {
    name: String,
    /// Whether other machines are refused.
    loopback_only: bool,
}

impl Service<Name> for Resolver {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = ResolveError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, ResolveError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ResolveError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Name) -> Self::Future {
        let Self { name, loopback_only } = self.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await.map_err(ResolveError::Unknown)?;
            let addresses: Vec<_> = found.collect();
            match addresses.iter().find(|address| loopback_only && !address.ip().is_loopback()) {
                Some(address) => Err(ResolveError::NotLoopback(*address)),
                None => Ok(addresses.into_iter()),
            }
        })
    }
}
