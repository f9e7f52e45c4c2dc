//! A daemon of a few lines on a unix socket or a port: it responds as its script says, and records the requests.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    path::PathBuf,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard},
    task::{Context, Poll},
    time::Duration,
};

use kontraktor_proto::{
    client::{Client, ClientOptions},
    endpoint::Host,
    problem,
    v1::{
        self, Problem, ProblemCode,
        projects_server::{Projects, ProjectsServer},
        secrets_server::{Secrets, SecretsServer},
        variables_server::{Variables, VariablesServer},
    },
};
use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream, UnixListener},
    runtime::Runtime,
    sync::mpsc,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream, UnixListenerStream};
use tonic::{
    Request, Response, Status,
    metadata::MetadataMap,
    transport::{Server, server::Connected},
};

/// What the daemon does with one request.
#[derive(Clone)]
pub(crate) enum Act {
    Answer,
    Refuse(ProblemCode),
    /// A status without details, as a proxy would send it.
    Plain(tonic::Code),
    /// Accepts only this token.
    RequireToken(&'static str),
    /// Busy, with a time before which the request must not be repeated.
    BusyFor(Duration),
    /// Nothing ever.
    Hang,
    /// The connection is cut without an answer, and the daemon is gone.
    Die,
}

/// What follows in an answer that comes in pieces.
#[derive(Clone)]
pub(crate) enum Piece {
    Send(Box<v1::StreamSecretResponse>),
    Refuse(ProblemCode),
    /// As [`Act::Die`].
    Die,
    /// Nothing ever again.
    Hang,
}

#[derive(Default)]
pub(crate) struct Log {
    pub(crate) script: VecDeque<Act>,
    /// Of every answer to `StreamSecret`.
    pub(crate) pieces: Vec<Piece>,
    pub(crate) calls: Vec<(&'static str, MetadataMap)>,
    pub(crate) batches: Vec<String>,
    /// How many connections over TLS were made.
    pub(crate) connections: usize,
    /// The daemon's own threads: without them nothing of it is left, open connections included.
    life: Option<Runtime>,
}

/// Where it listens.
#[derive(Clone)]
enum ListenAddress {
    Socket(PathBuf),
    Port(SocketAddr, Option<Arc<ServerConfig>>),
}

#[derive(Clone)]
pub(crate) struct Daemon {
    log: Arc<Mutex<Log>>,
    address: ListenAddress,
}

impl Daemon {
    /// Listens before it returns. Once the script is used up, everything is answered.
    pub(crate) fn start(socket: PathBuf, script: impl IntoIterator<Item = Act>) -> Self {
        Self::start_at(ListenAddress::Socket(socket), script)
    }

    /// As [`Self::start`], on a free port of 127.0.0.1, with TLS if given.
    pub(crate) fn start_on_port(
        tls: Option<Arc<ServerConfig>>,
        script: impl IntoIterator<Item = Act>,
    ) -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = free.local_addr().expect("bound");
        drop(free);
        Self::start_at(ListenAddress::Port(address, tls), script)
    }

    fn start_at(address: ListenAddress, script: impl IntoIterator<Item = Act>) -> Self {
        let daemon = Self { log: Arc::default(), address };
        daemon.log().script = script.into_iter().collect();
        daemon.listen();
        daemon
    }

    /// Returns its port.
    pub(crate) fn port(&self) -> u16 {
        match &self.address {
            ListenAddress::Socket(_) => panic!("it listens on a socket"),
            ListenAddress::Port(address, _) => address.port(),
        }
    }

    /// Uses another TLS configuration from the next start on.
    pub(crate) fn set_tls(&mut self, tls: Arc<ServerConfig>) {
        if let ListenAddress::Port(_, current) = &mut self.address {
            *current = Some(tls);
        }
    }

    /// Listens (again) on the socket.
    pub(crate) fn listen(&self) {
        let life = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("threads can be started");
        let server = Server::builder()
            .add_service(ProjectsServer::new(self.clone()))
            .add_service(SecretsServer::new(self.clone()))
            .add_service(VariablesServer::new(self.clone()).max_decoding_message_size(128 * 1024 * 1024));
        let guard = life.enter();
        match &self.address {
            ListenAddress::Socket(socket) => {
                let _ = std::fs::remove_file(socket);
                let listener = UnixListener::bind(socket).expect("the socket is free");
                life.spawn(server.serve_with_incoming(UnixListenerStream::new(listener)));
            }
            ListenAddress::Port(address, tls) => {
                let listener = listen_again(*address);
                match tls.clone() {
                    None => drop(life.spawn(server.serve_with_incoming(TcpListenerStream::new(listener)))),
                    Some(tls) => {
                        let (sender, receiver) = mpsc::channel(1);
                        life.spawn(accept(self.clone(), listener, tls, sender));
                        life.spawn(server.serve_with_incoming(ReceiverStream::new(receiver)));
                    }
                }
            }
        }
        drop(guard);
        self.log().life = Some(life);
    }

    /// Cuts every connection, as kill -9 does, and returns when all are closed.
    pub(crate) async fn stop(&self) {
        let life = self.log().life.take().expect("it is alive");
        tokio::task::spawn_blocking(|| drop(life)).await.expect("a runtime that can be dropped");
        let_tasks_notice().await;
    }

    /// Cuts every connection, and does not wait until they are closed.
    pub(crate) fn die(&self) {
        self.log().life.take().expect("it is alive").shutdown_background();
    }

    pub(crate) fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().expect("no test panics while it looks at the log")
    }

    pub(crate) fn calls(&self) -> usize {
        self.log().calls.len()
    }

    async fn act<T: Default>(
        &self,
        name: &'static str,
        metadata: &MetadataMap,
    ) -> Result<Response<T>, Status> {
        let act = {
            let mut log = self.log();
            log.calls.push((name, metadata.clone()));
            log.script.pop_front().unwrap_or(Act::Answer)
        };
        match act {
            Act::Answer => Ok(Response::new(T::default())),
            Act::Refuse(code) => Err(refusal(code)),
            Act::Plain(code) => Err(Status::new(code, "from a proxy")),
            Act::RequireToken(token) => {
                let authorization = metadata.get("authorization").and_then(|value| value.to_str().ok());
                if authorization == Some(&*format!("Bearer {token}")) {
                    return Ok(Response::new(T::default()));
                }
                Err(Status::unauthenticated("no"))
            }
            Act::BusyFor(time) => {
                let retry_after_ms = u64::try_from(time.as_millis()).expect("a short time");
                let busy = Problem::new(ProblemCode::Busy, "busy for a while");
                Err(problem::to_status(Problem { retry_after_ms, ..busy }))
            }
            Act::Hang => std::future::pending().await,
            Act::Die => {
                self.die();
                std::future::pending().await
            }
        }
    }
}

/// Listens where a daemon listened a moment ago.
fn listen_again(address: SocketAddr) -> TcpListener {
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.set_reuseaddr(true).expect("an option of every system");
    socket.bind(address).expect("the port is free");
    socket.listen(16).expect("bound")
}

async fn accept(
    daemon: Daemon,
    listener: TcpListener,
    tls: Arc<ServerConfig>,
    connections: mpsc::Sender<Result<Encrypted, std::io::Error>>,
) {
    let acceptor = TlsAcceptor::from(tls);
    while let Ok((stream, _)) = listener.accept().await {
        let (daemon, acceptor, connections) = (daemon.clone(), acceptor.clone(), connections.clone());
        tokio::spawn(async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                daemon.log().connections += 1;
                let _ = connections.send(Ok(Encrypted(stream))).await;
            }
        });
    }
}

struct Encrypted(TlsStream<TcpStream>);

impl Connected for Encrypted {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for Encrypted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Encrypted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

fn refusal(code: ProblemCode) -> Status {
    problem::to_status(Problem::new(code, format!("refused: {}", code.as_str_name())))
}

/// Gives the client's tasks the time to notice what has arrived on their sockets. Each sleep lets all tasks run that
/// have something to do, so this does not depend on how long they take.
pub(crate) async fn let_tasks_notice() {
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Waits until the daemon has received this many requests.
pub(crate) async fn received(daemon: &Daemon, calls: usize) {
    while daemon.calls() < calls {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Moves the client's clock on.
pub(crate) async fn skip(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

/// Makes a call that gets no response: as soon as the daemon has received it, the client's clock runs to the deadline.
pub(crate) async fn run_out_of_time<T: Send + 'static>(
    daemon: &Daemon,
    call: impl Future<Output = T> + Send + 'static,
) -> T {
    let before = daemon.calls();
    let call = tokio::spawn(call);
    received(daemon, before + 1).await;
    let_tasks_notice().await;
    // A paused clock jumps to the next timer whenever no task has anything to do.
    tokio::time::pause();
    let result = call.await.expect("no panic");
    tokio::time::resume();
    result
}

/// Returns a client with this timeout.
pub(crate) fn client(socket: &std::path::Path, timeout: Duration) -> Client {
    Client::new(ClientOptions { timeout, ..ClientOptions::new(Host::Unix(socket.to_owned()), "ktr") })
}

/// Outlives the client's test: a runtime may not be dropped inside another one.
impl Drop for Log {
    fn drop(&mut self) {
        if let Some(life) = self.life.take() {
            life.shutdown_background();
        }
    }
}

#[tonic::async_trait]
impl Projects for Daemon {
    async fn create_project(
        &self,
        request: Request<v1::CreateProjectRequest>,
    ) -> Result<Response<v1::Project>, Status> {
        self.act("CreateProject", request.metadata()).await
    }

    async fn get_project(
        &self,
        request: Request<v1::GetProjectRequest>,
    ) -> Result<Response<v1::Project>, Status> {
        self.act("GetProject", request.metadata()).await
    }

    async fn update_project(
        &self,
        request: Request<v1::UpdateProjectRequest>,
    ) -> Result<Response<v1::Project>, Status> {
        self.act("UpdateProject", request.metadata()).await
    }

    async fn delete_project(
        &self,
        request: Request<v1::DeleteProjectRequest>,
    ) -> Result<Response<v1::DeleteProjectResponse>, Status> {
        self.act("DeleteProject", request.metadata()).await
    }

    async fn list_projects(
        &self,
        request: Request<v1::ListProjectsRequest>,
    ) -> Result<Response<v1::ListProjectsResponse>, Status> {
        self.act("ListProjects", request.metadata()).await
    }
}

#[tonic::async_trait]
impl Variables for Daemon {
    async fn write_variables(
        &self,
        request: Request<v1::WriteVariablesRequest>,
    ) -> Result<Response<v1::WriteVariablesResponse>, Status> {
        self.log().batches.push(request.get_ref().batch_id.clone());
        self.act("WriteVariables", request.metadata()).await
    }

    async fn get_variable(
        &self,
        request: Request<v1::GetVariableRequest>,
    ) -> Result<Response<v1::Variable>, Status> {
        self.act("GetVariable", request.metadata()).await
    }

    async fn list_variables(
        &self,
        request: Request<v1::ListVariablesRequest>,
    ) -> Result<Response<v1::ListVariablesResponse>, Status> {
        self.act("ListVariables", request.metadata()).await
    }
}

#[tonic::async_trait]
impl Secrets for Daemon {
    type StreamSecretStream = ReceiverStream<Result<v1::StreamSecretResponse, Status>>;

    async fn stream_secret(
        &self,
        request: Request<v1::StreamSecretRequest>,
    ) -> Result<Response<Self::StreamSecretStream>, Status> {
        self.act::<()>("StreamSecret", request.metadata()).await?;
        let (sender, receiver) = mpsc::channel(1);
        let (daemon, pieces) = (self.clone(), self.log().pieces.clone());
        tokio::spawn(async move {
            for piece in pieces {
                let item = match piece {
                    Piece::Send(message) => Ok(*message),
                    Piece::Refuse(code) => Err(refusal(code)),
                    Piece::Die => return daemon.die(),
                    Piece::Hang => std::future::pending().await,
                };
                if sender.send(item).await.is_err() {
                    return;
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn read_secrets(
        &self,
        request: Request<v1::ReadSecretsRequest>,
    ) -> Result<Response<v1::ReadSecretsResponse>, Status> {
        self.act("ReadSecrets", request.metadata()).await
    }

    async fn read_environment(
        &self,
        request: Request<v1::ReadEnvironmentRequest>,
    ) -> Result<Response<v1::ReadEnvironmentResponse>, Status> {
        self.act("ReadEnvironment", request.metadata()).await
    }

    async fn check_secrets(
        &self,
        request: Request<v1::CheckSecretsRequest>,
    ) -> Result<Response<v1::CheckSecretsResponse>, Status> {
        self.act("CheckSecrets", request.metadata()).await
    }

    async fn renew_hold(&self, request: Request<v1::RenewHoldRequest>) -> Result<Response<v1::Hold>, Status> {
        self.act("RenewHold", request.metadata()).await
    }

    async fn release_hold(
        &self,
        request: Request<v1::ReleaseHoldRequest>,
    ) -> Result<Response<v1::ReleaseHoldResponse>, Status> {
        self.act("ReleaseHold", request.metadata()).await
    }

    async fn purge_secrets(
        &self,
        request: Request<v1::PurgeSecretsRequest>,
    ) -> Result<Response<v1::PurgeSecretsResponse>, Status> {
        self.act("PurgeSecrets", request.metadata()).await
    }

    async fn list_vaults(
        &self,
        request: Request<v1::ListVaultsRequest>,
    ) -> Result<Response<v1::ListVaultsResponse>, Status> {
        self.act("ListVaults", request.metadata()).await
    }
}
