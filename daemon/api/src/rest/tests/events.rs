use std::{sync::Arc, time::Duration};

use axum::body::Body;
use http::StatusCode;
use http_body_util::BodyExt as _;
use kontraktor_access::{Caller, Scopes};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::Daemon;

const EVENTS: &str = "/api/v1/environments/demo/dev/events";

/// The events of one connection.
struct Events(Body, String);

impl Events {
    async fn open(daemon: &Daemon, headers: &[(&str, &str)]) -> Self {
        let response = daemon.open("GET", EVENTS, headers, Body::empty()).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self(response.into_body(), String::new())
    }

    /// Returns the name, the id and the data of the next event. None: the stream has ended.
    async fn next(&mut self) -> Option<(String, String, Value)> {
        loop {
            if let Some((event, rest)) = self.1.split_once("\n\n") {
                let field = |name: &str| {
                    let line = event.lines().find_map(|line| line.strip_prefix(name));
                    line.unwrap_or_default().trim().to_owned()
                };
                let parsed = (
                    field("event:"),
                    field("id:"),
                    serde_json::from_str(&field("data:")).unwrap_or_default(),
                );
                self.1 = rest.to_owned();
                return Some(parsed);
            }
            let frame = timeout(Duration::from_mins(1), self.0.frame()).await.expect("in time")?;
            self.1 += str::from_utf8(&frame.unwrap().into_data().unwrap()).unwrap();
        }
    }
}

#[tokio::test]
async fn changes_are_heard_once_and_missed_ones_after_a_reconnect() {
    let daemon = Daemon::start();
    daemon.put("dev", "A", "1").await;
    let mut events = Events::open(&daemon, &[]).await;
    daemon.put("dev", "A", "2").await;
    let (name, id, data) = events.next().await.unwrap();
    assert_eq!(
        (&*name, &data["revision"], &data["keys"], &data["origin"]),
        ("change", &json!(2), &json!(["A"]), &json!("demo/dev"))
    );
    assert_eq!((data["version"].as_str(), &data["written"]["actor"]), (Some(&*id), &json!("unix:ada")));
    drop(events);

    for value in ["3", "4"] {
        daemon.put("dev", "A", value).await;
    }
    let mut again = Events::open(&daemon, &[("last-event-id", &id)]).await;
    daemon.put("dev", "B", "5").await;
    for revision in 3..=5 {
        let (name, id, data) = again.next().await.unwrap();
        assert_eq!((&*name, &data["revision"]), ("change", &json!(revision)));
        assert_eq!(id.split('-').next().unwrap(), revision.to_string());
    }
    let mut unknown = Events::open(&daemon, &[("last-event-id", "2-000000000000000000000000")]).await;
    let (name, _, data) = unknown.next().await.unwrap();
    assert_eq!((&*name, &data["reset"], &data["revision"]), ("reset", &json!(true), &json!(5)));
}

#[tokio::test]
async fn a_stream_ends_with_its_environment_and_with_the_daemon() {
    let daemon = Daemon::start();
    daemon.put("dev", "A", "1").await;
    daemon.put("stays", "A", "1").await;
    let mut events = Events::open(&daemon, &[]).await;
    let stays = daemon.open("GET", "/api/v1/environments/demo/stays/events", &[], Body::empty()).await;
    daemon.send("DELETE", "/api/v1/environments/demo/dev?force=true", &[], "").await;
    let (name, _, data) = events.next().await.unwrap();
    assert_eq!((&*name, &data["deleted"]), ("deleted", &json!(true)));
    assert!(events.next().await.is_none());
    daemon.service.end_watches();
    let mut stays = Events(stays.into_body(), String::new());
    assert!(stays.next().await.is_none());
    assert!(daemon.get(EVENTS).await.problem().starts_with("503 shutting_down"));
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_when_the_token_expires_with_a_problem_that_says_so() {
    let daemon = Daemon::start();
    daemon.put("dev", "A", "1").await;
    let expires = Some(daemon.service.now() + jiff::SignedDuration::from_secs(30));
    let caller = Caller { expires, ..Caller::new("idp:bob", "test", Scopes::ALL) };
    let daemon = Daemon { caller: Some(Arc::new(caller)), ..daemon };
    let mut events = Events::open(&daemon, &[]).await;
    let (name, _, problem) = loop {
        // Comments keep the connection busy meanwhile.
        match events.next().await.unwrap() {
            (name, ..) if name.is_empty() => {}
            event => break event,
        }
    };
    assert_eq!(
        (&*name, &problem["status"], &problem["code"]),
        ("problem", &json!(401), &json!("unauthenticated"))
    );
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn only_those_who_may_read_may_watch() {
    let daemon = Daemon::start();
    daemon.put("dev", "A", "1").await;
    let nobody = Arc::new(Caller::new("unix:eve", "test", Scopes::NONE));
    let daemon = Daemon { caller: Some(nobody), ..daemon };
    assert!(daemon.get(EVENTS).await.problem().starts_with("403 denied"));
}
