//! A service on a port of 127.0.0.1 with its own thread, so that blocking tests can use it. It stops when it is dropped.
//!
//! It owns connections, TLS, and what a fault does to them. It does not know what the service is.

use std::{
    fmt, io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    thread::{self, JoinHandle},
};

use bytes::Bytes;
use http::{Response, header::CONTENT_LENGTH};
use http_body::{Body, Frame};
use http_body_util::{BodyExt as _, Either, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::oneshot,
};
use tokio_rustls::TlsAcceptor;

use super::{
    faults::{Faults, HttpFault},
    http::{Answer, Request, Service},
    traffic::Traffic,
};

/// A bound port whose URL is known before the service starts: services name themselves in their responses.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    tls: Option<Arc<ServerConfig>>,
}

impl Listener {
    /// Binds a free port, for HTTPS when a TLS configuration is given.
    ///
    /// # Panics
    /// When 127.0.0.1 has no free port.
    pub fn bind(tls: Option<Arc<ServerConfig>>) -> Self {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("127.0.0.1 has a free port");
        socket.set_nonblocking(true).expect("a socket can be switched");
        let address = socket.local_addr().expect("a bound socket has an address");
        Self { socket, address, tls }
    }

    /// Returns scheme, host and port, without a trailing slash.
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Starts the service.
    ///
    /// # Panics
    /// When the system has no more threads.
    pub fn serve(self, service: impl Service) -> Server {
        let url = self.url();
        let shared =
            Shared { service: Box::new(service), faults: Faults::default(), traffic: Traffic::default() };
        let (faults, traffic) = (shared.faults.clone(), shared.traffic.clone());
        let (stop, stopped) = oneshot::channel();
        let thread = thread::Builder::new()
            .name("double".to_owned())
            .spawn(move || self.run(Arc::new(shared), stopped))
            .expect("one more thread");
        Server { url, faults, traffic, stop: Some(stop), thread: Some(thread) }
    }

    fn run(self, shared: Arc<Shared>, mut stopped: oneshot::Receiver<()>) {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime of its own");
        // When this ends the runtime is dropped, and with it every connection.
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(self.socket).expect("a non-blocking socket");
            let acceptor = self.tls.map(TlsAcceptor::from);
            loop {
                let accepted = tokio::select! {
                    _ = &mut stopped => break,
                    accepted = listener.accept() => accepted,
                };
                let Ok((stream, _)) = accepted else { continue };
                let _ = stream.set_nodelay(true);
                let (shared, acceptor) = (shared.clone(), acceptor.clone());
                tokio::spawn(async move {
                    let Some(acceptor) = acceptor else { return serve(stream, shared).await };
                    // A client that rejects the certificate reports that itself.
                    if let Ok(stream) = acceptor.accept(stream).await {
                        serve(stream, shared).await;
                    }
                });
            }
        });
    }
}

/// A running service. It stops when it is dropped, with all its connections.
pub struct Server {
    url: String,
    faults: Faults,
    traffic: Traffic,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Returns scheme, host and port, without a trailing slash.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the faults to inject.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Returns the requests that were received.
    pub fn traffic(&self) -> &Traffic {
        &self.traffic
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("url", &self.url).field("faults", &self.faults).finish_non_exhaustive()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The thread may have ended already, by a panic of the service.
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Shared {
    service: Box<dyn Service>,
    faults: Faults,
    traffic: Traffic,
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, shared: Arc<Shared>) {
    let service = service_fn(move |request| respond(request, shared.clone()));
    // Errors here come from clients that disconnect and from injected faults, and are of no interest.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

type Content = Either<Full<Bytes>, Cut>;

async fn respond(
    request: hyper::Request<Incoming>,
    shared: Arc<Shared>,
) -> Result<Response<Content>, io::Error> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let request = Request::new(parts.method, parts.uri, parts.headers, body);
    let visit = shared.traffic.arrive(&request);
    if !visit.delay.is_zero() {
        tokio::time::sleep(visit.delay).await;
    }
    let mut whole = true;
    let answer = match shared.faults.take(&request) {
        None => shared.service.answer(&request),
        Some(HttpFault::Status { status, retry_after }) => {
            let answer = shared.service.failure(status);
            match retry_after {
                Some(seconds) => answer.with("retry-after", seconds.to_string()),
                None => answer,
            }
        }
        Some(HttpFault::Hang) => {
            shared.faults.released().await;
            shared.service.answer(&request)
        }
        Some(HttpFault::Truncate) => {
            whole = false;
            shared.service.answer(&request)
        }
        Some(HttpFault::Disconnect) => return Err(io::Error::from(io::ErrorKind::ConnectionAborted)),
        Some(HttpFault::WebPage) => {
            Answer::new(200, "text/html", "<!doctype html><title>Sign in</title><p>Sign in to continue.")
        }
        Some(HttpFault::Redirect(to)) => Answer::empty(302).with("location", to),
        Some(HttpFault::Instead(answer)) => answer,
    };
    visit.answered(answer.status);
    render(answer, whole)
}

fn render(answer: Answer, whole: bool) -> Result<Response<Content>, io::Error> {
    let mut response = Response::builder().status(answer.status);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    let content = if whole {
        Either::Left(Full::new(answer.body))
    } else {
        response = response.header(CONTENT_LENGTH, answer.body.len());
        Either::Right(Cut::new(&answer.body))
    };
    response.body(content).map_err(io::Error::other)
}

/// The first half of a body, then an error, at which hyper ends the connection.
struct Cut {
    half: Option<Bytes>,
    flushed: bool,
}

impl Cut {
    fn new(body: &Bytes) -> Self {
        Self { half: Some(body.slice(..body.len() / 2)), flushed: false }
    }
}

impl Body for Cut {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(half) = self.half.take() {
            return Poll::Ready(Some(Ok(Frame::data(half))));
        }
        if !self.flushed {
            // hyper flushes when the body is pending; an immediate error would discard the first half.
            self.flushed = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(io::Error::from(io::ErrorKind::ConnectionAborted))))
    }
}
