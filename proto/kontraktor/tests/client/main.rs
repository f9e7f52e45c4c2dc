//! The client against a small daemon on a unix socket: what is retried, what is not, and which error each failure is.

mod certificates;
mod common;
mod network;
mod stream;
mod tokens;
mod watch;

use std::{os::unix::net::UnixListener, path::Path, time::Duration};

use common::{Act, Daemon, client, received, run_out_of_time, skip};
use kontraktor_proto::{
    client::{Client, ClientError, ClientOptions, Credentials, new_batch_id},
    endpoint::Host,
    v1::{self, ProblemCode},
};
use tokio::time::Instant;
use tonic::Code;

const TIMEOUT: Duration = Duration::from_mins(2);

fn socket() -> (tempfile::TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("k.sock");
    (dir, path)
}

fn batch() -> v1::WriteVariablesRequest {
    v1::WriteVariablesRequest { batch_id: new_batch_id(), groups: Vec::new() }
}

fn get() -> v1::GetProjectRequest {
    v1::GetProjectRequest { name: "demo".to_owned() }
}

fn create() -> v1::CreateProjectRequest {
    v1::CreateProjectRequest { name: "demo".to_owned(), ..Default::default() }
}

#[tokio::test]
async fn what_is_sent_along() {
    let (_dir, path) = socket();
    let daemon = Daemon::start(path.clone(), []);
    let options = ClientOptions {
        credentials: Credentials::Token("s3cret".into()),
        user_agent: "test/1".to_owned(),
        ..ClientOptions::new(Host::Unix(path), "terraform")
    };
    assert!(!format!("{options:?}").contains("s3cret"));
    Client::new(options).get_project(get()).await.expect("answered");

    let log = daemon.log();
    let (name, metadata) = &log.calls[0];
    let text = |key: &str| metadata.get(key).expect("sent").to_str().expect("text").to_owned();
    assert_eq!(*name, "GetProject");
    assert_eq!(text("kontraktor-via"), "terraform");
    assert_eq!(text("authorization"), "Bearer s3cret");
    assert!(text("user-agent").starts_with("test/1"));
    assert!(metadata.contains_key("grpc-timeout"));
}

#[tokio::test]
async fn a_missing_daemon_is_reported_at_once() {
    let (_dir, path) = socket();
    // A paused clock moves only when someone sleeps.
    tokio::time::pause();
    let begin = Instant::now();
    for attempt in ["no socket", "nobody listens"] {
        let error = client(&path, TIMEOUT).write_variables(batch()).await.expect_err(attempt);
        let ClientError::NotReachable { target, remedy, .. } = &error else { panic!("{error:?}") };
        assert_eq!(*target, format!("unix://{}", path.display()));
        assert!(remedy.contains("kontraktord"), "{remedy}");
        // A socket whose owner is gone stays in the file system.
        drop(UnixListener::bind(&path));
    }
    assert_eq!(begin.elapsed(), Duration::ZERO);
}

#[tokio::test]
async fn refusals_come_through_whole() {
    let (_dir, path) = socket();
    let daemon = Daemon::start(path.clone(), [Act::Refuse(ProblemCode::NotEmpty)]);
    let error = client(&path, TIMEOUT)
        .delete_project(v1::DeleteProjectRequest { name: "demo".to_owned(), ..Default::default() })
        .await
        .expect_err("refused");
    assert_eq!(error.problem().expect("a problem").code(), ProblemCode::NotEmpty);
    assert_eq!(daemon.calls(), 1);
}

#[tokio::test]
async fn a_busy_daemon_is_asked_again() {
    let (_dir, path) = socket();
    let codes = [ProblemCode::Busy, ProblemCode::ShuttingDown, ProblemCode::IssuerUnavailable];
    let busy = codes.map(Act::Refuse);
    let daemon = Daemon::start(path.clone(), busy.clone());
    let client = client(&path, TIMEOUT);
    client.get_project(get()).await.expect("answered in the end");
    assert_eq!(daemon.calls(), 4);
    // The daemon has not looked at it, so a write without an id may be sent again too.
    daemon.log().script.extend(busy);
    client.create_project(create()).await.expect("answered in the end");
    assert_eq!(daemon.calls(), 8);
}

#[tokio::test]
async fn a_daemon_that_stays_busy_says_so_in_the_end() {
    let (_dir, path) = socket();
    let busy = [Act::BusyFor(Duration::ZERO), Act::BusyFor(Duration::ZERO), Act::BusyFor(2 * TIMEOUT)];
    let daemon = Daemon::start(path.clone(), busy);
    let error = client(&path, TIMEOUT).write_variables(batch()).await.expect_err("busy");
    assert_eq!(error.problem().expect("a problem").code(), ProblemCode::Busy);
    assert_eq!(daemon.calls(), 3);
}

#[tokio::test]
async fn a_batch_whose_answer_is_lost_is_sent_again_with_its_id() {
    let (_dir, path) = socket();
    let daemon = Daemon::start(path.clone(), [Act::Die]);
    let request = batch();
    let client = client(&path, TIMEOUT);
    let write = tokio::spawn({
        let (client, request) = (client.clone(), request.clone());
        async move { client.write_variables(request).await }
    });
    received(&daemon, 1).await;
    // Gone for a while: connections are refused in between.
    for _ in 0..10 {
        skip(Duration::from_secs(1)).await;
    }
    assert!(!write.is_finished());
    daemon.listen();
    write.await.expect("no panic").expect("answered after the restart");
    assert_eq!(daemon.log().batches, vec![request.batch_id.clone(), request.batch_id]);
}

#[tokio::test]
async fn a_batch_that_is_never_answered_has_an_unknown_outcome() {
    let (_dir, path) = socket();
    let daemon = Daemon::start(path.clone(), [Act::Die]);
    let client = |path: &Path| client(path, TIMEOUT);
    let write = |client: Client| async move { client.write_variables(batch()).await };
    let error = run_out_of_time(&daemon, write(client(&path))).await.expect_err("the daemon is gone");
    assert!(matches!(error, ClientError::OutcomeUnknown { operation: "WriteVariables", .. }), "{error:?}");
    drop(daemon);

    let (_dir, path) = socket();
    let daemon = Daemon::start(path.clone(), [Act::Hang]);
    let error = run_out_of_time(&daemon, write(client(&path))).await.expect_err("too slow");
    let ClientError::OutcomeUnknown { reason, .. } = error else { panic!("{error:?}") };
    assert_eq!(reason, "deadline exceeded");
}

#[tokio::test]
async fn a_batch_that_was_lost_and_then_refused_is_refused_only_where_the_daemon_has_looked() {
    let (_dir, path) = socket();
    let seen = [Act::Plain(Code::Unavailable), Act::Refuse(ProblemCode::BatchMismatch)];
    let _daemon = Daemon::start(path.clone(), seen);
    let error = client(&path, TIMEOUT).write_variables(batch()).await.expect_err("refused");
    assert_eq!(error.problem().expect("a problem").code(), ProblemCode::BatchMismatch);

    let (_dir, path) = socket();
    let unseen = [Act::Plain(Code::Unavailable), Act::BusyFor(2 * TIMEOUT)];
    let _daemon = Daemon::start(path.clone(), unseen);
    let error = client(&path, TIMEOUT).write_variables(batch()).await.expect_err("busy");
    assert!(matches!(error, ClientError::OutcomeUnknown { .. }), "{error:?}");
}

#[tokio::test]
async fn any_other_write_is_sent_once() {
    let acts = [
        Act::Die,
        Act::Plain(Code::Unavailable),
        Act::Plain(Code::Internal),
        // The store broke over it, and cannot say whether the write was kept.
        Act::Refuse(ProblemCode::Storage),
        Act::Hang,
    ];
    for act in acts {
        let (_dir, path) = socket();
        let daemon = Daemon::start(path.clone(), [act]);
        let client = client(&path, TIMEOUT);
        let call = async move { client.create_project(create()).await };
        let error = run_out_of_time(&daemon, call).await.expect_err("no response");
        assert!(matches!(error, ClientError::OutcomeUnknown { operation: "CreateProject", .. }), "{error:?}");
        assert_eq!(daemon.calls(), 1);
    }
}

#[tokio::test]
async fn reads_are_repeated_and_then_time_out() {
    let (_dir, path) = socket();
    let daemon = Daemon::start(path.clone(), [Act::Plain(Code::Unavailable), Act::Plain(Code::Unavailable)]);
    client(&path, TIMEOUT).get_project(get()).await.expect("answered in the end");
    assert_eq!(daemon.calls(), 3);

    daemon.log().script.push_back(Act::Hang);
    let client = client(&path, TIMEOUT);
    let call = async move { client.get_project(get()).await };
    let error = run_out_of_time(&daemon, call).await.expect_err("too slow");
    assert!(matches!(error, ClientError::TimedOut { .. }), "{error:?}");
    assert_eq!(
        error.to_string(),
        format!(
            "kontraktord at unix://{} did not respond to GetProject within 2m: deadline exceeded",
            path.display()
        )
    );
}

#[tokio::test]
async fn a_client_finds_a_restarted_daemon() {
    let (_dir, path) = socket();
    let daemon = Daemon::start(path.clone(), []);
    let client = client(&path, TIMEOUT);
    client.get_project(get()).await.expect("answered");
    daemon.die();
    daemon.listen();
    client.get_project(get()).await.expect("answered by the new one");
}

#[tokio::test]
async fn a_daemon_that_is_away_for_a_while_fails_no_call() {
    let (_dir, path) = socket();
    let daemon = Daemon::start(path.clone(), []);
    let client = client(&path, TIMEOUT);
    client.get_project(get()).await.expect("answered");
    // Killed, it leaves a socket on which nobody listens; stopped, it leaves none.
    for leaves_the_socket in [true, false] {
        daemon.stop().await;
        if !leaves_the_socket {
            std::fs::remove_file(&path).expect("removed");
        }
        let before = daemon.calls();
        // Nothing is sent while nobody listens, so also a write that is sent once only may wait.
        let calls: Vec<_> = (0..8)
            .map(|call| {
                let client = client.clone();
                tokio::spawn(async move {
                    match call % 3 {
                        0 => client.get_project(get()).await.map(drop),
                        1 => client.create_project(create()).await.map(drop),
                        _ => client.write_variables(batch()).await.map(drop),
                    }
                })
            })
            .collect();
        for _ in 0..10 {
            skip(Duration::from_secs(1)).await;
        }
        assert!(calls.iter().all(|call| !call.is_finished()), "they wait");
        daemon.listen();
        for call in calls {
            call.await.expect("no panic").expect("answered after the restart");
        }
        assert_eq!(daemon.calls(), before + 8, "each was sent once");
    }
}

#[tokio::test]
async fn a_daemon_that_stays_away_is_waited_for_once() {
    let (_dir, path) = socket();
    let daemon = Daemon::start(path.clone(), []);
    let client = client(&path, TIMEOUT);
    client.get_project(get()).await.expect("answered");
    daemon.stop().await;
    // The daemon's absence shows at once, so the clock jumps from one attempt to the next.
    tokio::time::pause();
    let begin = Instant::now();
    for _ in 0..20 {
        let error = client.create_project(create()).await.expect_err("nobody listens");
        assert!(matches!(error, ClientError::NotReachable { .. }), "{error:?}");
    }
    assert!(begin.elapsed() < 2 * TIMEOUT, "only the first one waits: {:?}", begin.elapsed());
    tokio::time::resume();
    // Back after all, it is waited for again.
    daemon.listen();
    client.get_project(get()).await.expect("answered");
    daemon.stop().await;
    let call = tokio::spawn(async move { client.get_project(get()).await });
    for _ in 0..10 {
        skip(Duration::from_secs(1)).await;
    }
    assert!(!call.is_finished(), "it waits");
    daemon.listen();
    call.await.expect("no panic").expect("answered");
}

#[tokio::test]
async fn what_the_other_side_does_not_know_is_a_protocol_error() {
    let (_dir, path) = socket();
    // The small daemon has no such service.
    let daemon = Daemon::start(path.clone(), []);
    let error = client(&path, TIMEOUT).get_status(v1::GetStatusRequest {}).await.expect_err("unimplemented");
    assert!(matches!(error, ClientError::Protocol { operation: "GetStatus", .. }), "{error:?}");
    assert_eq!(daemon.calls(), 0);
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_here() {
    let (_dir, path) = socket();
    let daemon = Daemon::start(path.clone(), []);
    let field = |error: ClientError| error.problem().expect("a problem").field.clone();

    let via = Client::new(ClientOptions::new(Host::Unix(path.clone()), "Terra form"));
    assert_eq!(field(via.get_project(get()).await.expect_err("a bad name")), "via");
    let token = Client::new(ClientOptions {
        credentials: Credentials::Token("a\nb".into()),
        ..ClientOptions::new(Host::Unix(path.clone()), "ktr")
    });
    assert_eq!(field(token.get_project(get()).await.expect_err("a bad token")), "oauth_token");

    let big = v1::CreateProjectRequest { description: "x".repeat(64 * 1024 * 1024), ..create() };
    let error = client(&path, TIMEOUT).create_project(big).await.expect_err("too large");
    assert!(error.to_string().contains("at most 67108864 are allowed"), "{error}");
    assert_eq!(daemon.calls(), 0);
}

#[tokio::test]
async fn no_timeout_is_too_long() {
    let (_dir, path) = socket();
    let _daemon = Daemon::start(path.clone(), []);
    client(&path, Duration::MAX).get_project(get()).await.expect("answered");
}

#[tokio::test]
async fn requests_of_many_megabytes_pass() {
    let (_dir, path) = socket();
    let daemon = Daemon::start(path.clone(), []);
    let put = v1::Put { content: Some(v1::put::Content::Value("v".repeat(65_536))), ..v1::Put::default() };
    let item =
        v1::WriteItem { operation: Some(v1::write_item::Operation::Put(put)), ..v1::WriteItem::default() };
    let request =
        v1::WriteVariablesRequest { groups: vec![v1::WriteGroup { items: vec![item; 300] }], ..batch() };
    client(&path, TIMEOUT).write_variables(request).await.expect("answered");
    assert_eq!(daemon.calls(), 1);
}
