//! A daemon of a few lines on a unix socket: it answers as its script says, and remembers what it was sent.

use std::{
    collections::VecDeque,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use kontraktor_proto::{
    client::{Client, ClientOptions},
    endpoint::Host,
    problem,
    v1::{
        self, Problem, ProblemCode,
        projects_server::{Projects, ProjectsServer},
        variables_server::{Variables, VariablesServer},
    },
};
use tokio::{net::UnixListener, runtime::Runtime};
use tokio_stream::wrappers::UnixListenerStream;
use tonic::{Request, Response, Status, metadata::MetadataMap, transport::Server};

/// What the daemon does with one request.
#[derive(Clone)]
pub(crate) enum Act {
    Answer,
    Refuse(ProblemCode),
    /// A status without details, as a proxy would send it.
    Plain(tonic::Code),
    Sleep(Duration),
    /// The connection is cut without an answer, and the daemon is gone.
    Die,
}

#[derive(Default)]
pub(crate) struct Log {
    pub(crate) script: VecDeque<Act>,
    pub(crate) calls: Vec<(&'static str, MetadataMap)>,
    pub(crate) batches: Vec<String>,
    /// The daemon's own threads: without them nothing of it is left, open connections included.
    life: Option<Runtime>,
}

#[derive(Clone)]
pub(crate) struct Daemon {
    log: Arc<Mutex<Log>>,
    socket: PathBuf,
}

impl Daemon {
    /// Listens before it returns. Once the script is used up, everything is answered.
    pub(crate) fn start(socket: PathBuf, script: impl IntoIterator<Item = Act>) -> Self {
        let daemon = Self { log: Arc::default(), socket };
        daemon.log().script = script.into_iter().collect();
        daemon.listen();
        daemon
    }

    /// Listens (again) on the socket.
    pub(crate) fn listen(&self) {
        let _ = std::fs::remove_file(&self.socket);
        let life = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("threads can be started");
        let guard = life.enter();
        let listener = UnixListener::bind(&self.socket).expect("the socket is free");
        drop(guard);
        let server = Server::builder()
            .add_service(ProjectsServer::new(self.clone()))
            .add_service(VariablesServer::new(self.clone()).max_decoding_message_size(128 * 1024 * 1024))
            .serve_with_incoming(UnixListenerStream::new(listener));
        life.spawn(server);
        self.log().life = Some(life);
    }

    /// Cuts every connection, as kill -9 does.
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
            Act::Refuse(code) => {
                Err(problem::to_status(Problem::new(code, format!("refused: {}", code.as_str_name()))))
            }
            Act::Plain(code) => Err(Status::new(code, "from a proxy")),
            Act::Sleep(time) => {
                tokio::time::sleep(time).await;
                Ok(Response::new(T::default()))
            }
            Act::Die => {
                self.die();
                std::future::pending().await
            }
        }
    }
}

/// A client with a short timeout.
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
