//! Watching an environment, from a small daemon: one sequence of changes, whatever ends its streams.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use kontraktor_proto::{
    client::{Client, ClientError, Watch},
    problem,
    v1::{
        self, EnvironmentChange, Problem, ProblemCode,
        environments_server::{Environments, EnvironmentsServer},
    },
};
use tokio::net::UnixListener;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::{Request, Response, Status, transport::Server};

use super::common::client;

type Item = Result<EnvironmentChange, Status>;

/// A daemon whose streams have these items, one stream after the other. The last never ends.
#[derive(Clone, Default)]
struct Watched {
    streams: Arc<Mutex<VecDeque<Vec<Item>>>>,
    /// After which version each was asked for.
    asked: Arc<Mutex<Vec<String>>>,
}

#[expect(clippy::unnecessary_wraps, reason = "an item of a stream")]
fn change(version: &str) -> Item {
    Ok(EnvironmentChange { version: version.to_owned(), ..EnvironmentChange::default() })
}

fn refusal(code: ProblemCode) -> Item {
    Err(problem::to_status(Problem::new(code, "refused")))
}

impl Watched {
    fn start(streams: Vec<Vec<Item>>) -> (Self, Client, tempfile::TempDir) {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let socket = dir.path().join("k.sock");
        let watched = Self { streams: Arc::new(Mutex::new(streams.into())), ..Self::default() };
        let listener = UnixListener::bind(&socket).expect("the socket is free");
        let service = EnvironmentsServer::new(watched.clone());
        tokio::spawn(
            Server::builder().add_service(service).serve_with_incoming(UnixListenerStream::new(listener)),
        );
        (watched, client(&socket, Duration::from_mins(2)), dir)
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("no test panics with it").clone()
    }
}

async fn next(watch: &mut Watch) -> Result<Option<String>, ClientError> {
    let next = tokio::time::timeout(Duration::from_mins(1), watch.next()).await.expect("in time");
    Ok(next?.map(|change| change.version))
}

#[tokio::test]
async fn a_watch_continues_after_the_last_change_whatever_ends_a_stream() {
    let ends: Vec<Vec<Item>> = vec![
        vec![change("2-b"), change("3-c")],
        vec![refusal(ProblemCode::Unauthenticated)],
        vec![change("4-d"), refusal(ProblemCode::ShuttingDown)],
        vec![Err(Status::unavailable("from a proxy"))],
        vec![change(""), change("5-e")],
    ];
    let (daemon, client, _dir) = Watched::start(ends);
    let mut watch = client.watch_environment(v1::WatchEnvironmentRequest::default()).await.expect("opened");
    for expected in ["2-b", "3-c", "4-d", "", "5-e"] {
        assert_eq!(next(&mut watch).await.expect("a change").as_deref(), Some(expected));
    }
    // The first version is that of the snapshot.
    assert_eq!(daemon.asked(), ["1-a", "3-c", "3-c", "4-d", "4-d"]);
}

#[tokio::test]
async fn a_watch_ends_where_the_environment_is_deleted_or_hidden() {
    let deleted = Ok(EnvironmentChange { deleted: true, ..EnvironmentChange::default() });
    let (daemon, client, _dir) = Watched::start(vec![vec![deleted], vec![change("9-z")]]);
    let request = v1::WatchEnvironmentRequest { after_version: "7-x".to_owned(), ..Default::default() };
    let mut watch = client.watch_environment(request.clone()).await.expect("opened");
    assert_eq!(next(&mut watch).await.expect("the last change").as_deref(), Some(""));
    assert_eq!(next(&mut watch).await.expect("the end"), None);
    assert_eq!(daemon.asked(), ["7-x"]);

    let (daemon, client, _dir) = Watched::start(vec![vec![refusal(ProblemCode::NotFound)], vec![]]);
    let mut watch = client.watch_environment(request).await.expect("opened");
    let hidden = next(&mut watch).await.expect_err("refused");
    assert_eq!(hidden.problem().map(Problem::code), Some(ProblemCode::NotFound));
    assert_eq!(next(&mut watch).await.expect("the end"), None);
    assert_eq!(daemon.asked(), ["7-x"]);
}

#[tonic::async_trait]
impl Environments for Watched {
    type WatchEnvironmentStream = tokio_stream::wrappers::ReceiverStream<Item>;

    async fn watch_environment(
        &self,
        request: Request<v1::WatchEnvironmentRequest>,
    ) -> Result<Response<Self::WatchEnvironmentStream>, Status> {
        assert!(!request.metadata().contains_key("grpc-timeout"), "the stream has no deadline");
        self.asked.lock().expect("no test panics with it").push(request.into_inner().after_version);
        let (items, is_last) = {
            let mut streams = self.streams.lock().expect("no test panics with it");
            (streams.pop_front().unwrap_or_default(), streams.is_empty())
        };
        let (sender, receiver) = tokio::sync::mpsc::channel(1);
        tokio::spawn(async move {
            for item in items {
                if sender.send(item).await.is_err() {
                    return;
                }
            }
            if is_last {
                sender.closed().await;
            }
        });
        Ok(Response::new(receiver.into()))
    }

    async fn get_snapshot(
        &self,
        _: Request<v1::GetSnapshotRequest>,
    ) -> Result<Response<v1::Snapshot>, Status> {
        Ok(Response::new(v1::Snapshot { version: "1-a".to_owned(), ..Default::default() }))
    }

    async fn create_environment(
        &self,
        _: Request<v1::CreateEnvironmentRequest>,
    ) -> Result<Response<v1::Environment>, Status> {
        Err(Status::unimplemented("it only watches"))
    }

    async fn get_environment(
        &self,
        _: Request<v1::GetEnvironmentRequest>,
    ) -> Result<Response<v1::Environment>, Status> {
        Err(Status::unimplemented("it only watches"))
    }

    async fn update_environment(
        &self,
        _: Request<v1::UpdateEnvironmentRequest>,
    ) -> Result<Response<v1::Environment>, Status> {
        Err(Status::unimplemented("it only watches"))
    }

    async fn delete_environment(
        &self,
        _: Request<v1::DeleteEnvironmentRequest>,
    ) -> Result<Response<v1::DeleteEnvironmentResponse>, Status> {
        Err(Status::unimplemented("it only watches"))
    }

    async fn list_environments(
        &self,
        _: Request<v1::ListEnvironmentsRequest>,
    ) -> Result<Response<v1::ListEnvironmentsResponse>, Status> {
        Err(Status::unimplemented("it only watches"))
    }

    async fn rollback_environment(
        &self,
        _: Request<v1::RollbackEnvironmentRequest>,
    ) -> Result<Response<v1::RollbackEnvironmentResponse>, Status> {
        Err(Status::unimplemented("it only watches"))
    }
}
