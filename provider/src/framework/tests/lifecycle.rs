//! One object through the calls, in the order in which a host makes them, and what is left when they fail.

use std::collections::BTreeMap;

use tfplugin_proto::value::{AttributePath, Type, Value};
use tfplugin_proto::wire::provider_server::Provider as _;
use tfplugin_proto::wire::{self, apply_resource_change, plan_resource_change, read_resource};
use tonic::Request;

use super::shelf::{Library, book_schema};
use super::{fields, received, render, sent, whole};
use crate::framework::Server;
use crate::framework::fields::Fields;

const BOOK: &str = "shelf_book";

async fn library() -> Server<Library> {
    let server = Server::new(Library);
    configure(&server, Value::Null).await;
    server
}

async fn configure(server: &Server<Library>, root: Value) {
    let ty = Type::object([("root", Type::String)]);
    let request = wire::configure_provider::Request {
        terraform_version: "1.11.4".to_owned(),
        config: sent(Some(&fields([("root", root)])), &ty),
        ..Default::default()
    };
    let answer = server.configure_provider(Request::new(request)).await.unwrap().into_inner();
    assert!(answer.diagnostics.is_empty(), "{:?}", answer.diagnostics);
}

fn book<const N: usize>(attributes: [(&str, Value); N]) -> Fields {
    whole(&book_schema(), attributes)
}

async fn plan(
    server: &Server<Library>,
    prior: Option<&Fields>,
    config: Option<&Fields>,
    private: &[u8],
) -> plan_resource_change::Response {
    let ty = book_schema().object_type();
    let request = plan_resource_change::Request {
        type_name: BOOK.to_owned(),
        prior_state: sent(prior, &ty),
        proposed_new_state: sent(config, &ty),
        config: sent(config, &ty),
        prior_private: private.to_vec(),
        ..Default::default()
    };
    server.plan_resource_change(Request::new(request)).await.unwrap().into_inner()
}

async fn apply(
    server: &Server<Library>,
    prior: Option<&Fields>,
    planned: Option<wire::DynamicValue>,
    private: &[u8],
) -> apply_resource_change::Response {
    let ty = book_schema().object_type();
    let request = apply_resource_change::Request {
        type_name: BOOK.to_owned(),
        prior_state: sent(prior, &ty),
        planned_state: planned,
        planned_private: private.to_vec(),
        ..Default::default()
    };
    server.apply_resource_change(Request::new(request)).await.unwrap().into_inner()
}

async fn read(server: &Server<Library>, state: &Fields, private: &[u8]) -> read_resource::Response {
    let request = read_resource::Request {
        type_name: BOOK.to_owned(),
        current_state: sent(Some(state), &book_schema().object_type()),
        private: private.to_vec(),
        ..Default::default()
    };
    server.read_resource(Request::new(request)).await.unwrap().into_inner()
}

fn state(message: Option<&wire::DynamicValue>) -> Option<Fields> {
    received(message, &book_schema().object_type())
}

fn private(bytes: &[u8]) -> BTreeMap<String, String> {
    serde_json::from_slice(bytes).expect("private state is JSON")
}

/// Plans and applies, and gives the new state and private state.
async fn change(
    server: &Server<Library>,
    prior: Option<&Fields>,
    config: Option<&Fields>,
    private: &[u8],
) -> apply_resource_change::Response {
    let planned = plan(server, prior, config, private).await;
    assert!(planned.diagnostics.is_empty(), "{:?}", planned.diagnostics);
    apply(server, prior, planned.planned_state, &planned.planned_private).await
}

#[tokio::test]
async fn a_book_is_created_read_changed_and_deleted() {
    let server = library().await;
    let config = book([("title", Value::from("Dune"))]);
    let created = change(&server, None, Some(&config), &[]).await;
    assert!(created.diagnostics.is_empty());
    let first = state(created.new_state.as_ref()).expect("it exists");
    assert_eq!((&first["id"], &first["edition"]), (&Value::from("dune"), &Value::from(1_u64)));
    assert_eq!((&first["pages"], &first["place"]), (&Value::from(100_u64), &Value::from(7_u64)));
    assert_eq!(private(&created.private)["receipt"], "for Dune");

    let again = read(&server, &first, &created.private).await;
    assert_eq!(state(again.new_state.as_ref()).as_ref(), Some(&first));
    assert_eq!(private(&again.private)["receipt"], "for Dune");
    assert_eq!(private(&again.private)["read"], "yes");

    let config = book([("title", Value::from("DUNE")), ("pages", Value::from(600_u64))]);
    let changed = change(&server, Some(&first), Some(&config), &again.private).await;
    let second = state(changed.new_state.as_ref()).expect("it exists");
    assert_eq!((&second["title"], &second["edition"]), (&Value::from("Dune"), &Value::from(2_u64)));
    assert_eq!(private(&changed.private)["receipt"], "for Dune");

    let destroyed = plan(&server, Some(&second), None, &changed.private).await;
    assert_eq!(state(destroyed.planned_state.as_ref()), None);
    assert_eq!(destroyed.planned_private, changed.private);
    let deleted = apply(&server, Some(&second), destroyed.planned_state, &destroyed.planned_private).await;
    assert_eq!((state(deleted.new_state.as_ref()), deleted.diagnostics.len()), (None, 0));

    let gone = read(&server, &second, &[]).await;
    assert_eq!((state(gone.new_state.as_ref()), gone.diagnostics.len()), (None, 0));
}

#[tokio::test]
async fn a_new_identity_is_planned_twice_and_replaced() {
    let server = library().await;
    let config = book([("title", Value::from("Dune"))]);
    let created = change(&server, None, Some(&config), &[]).await;
    let first = state(created.new_state.as_ref()).expect("it exists");
    let config = book([("title", Value::from("Emma"))]);
    let planned = plan(&server, Some(&first), Some(&config), &created.private).await;
    let paths: Vec<String> =
        planned.requires_replace.iter().map(|path| AttributePath::from(path.clone()).to_string()).collect();
    assert_eq!(paths, ["title"]);
    // The second plan of a replacement: no prior state, the first plan's private.
    let planned = plan(&server, None, Some(&config), &planned.planned_private).await;
    assert!(planned.requires_replace.is_empty());
    let fresh = state(planned.planned_state.as_ref()).expect("it will exist");
    assert_eq!((&fresh["id"], &fresh["edition"]), (&Value::from("emma"), &Value::Unknown));
}

#[tokio::test]
async fn a_refused_create_leaves_nothing() {
    let server = library().await;
    let answer = change(&server, None, Some(&book([("title", Value::from("refused"))])), &[]).await;
    assert_eq!(render(&answer.diagnostics), ["Error: Refused"]);
    assert_eq!(state(answer.new_state.as_ref()), None);
}

#[tokio::test]
async fn a_create_that_fails_half_way_leaves_what_exists() {
    let server = library().await;
    let answer = change(&server, None, Some(&book([("title", Value::from("half"))])), &[]).await;
    assert_eq!(render(&answer.diagnostics), ["Error: Half done"]);
    let left = state(answer.new_state.as_ref()).expect("half of it exists");
    assert_eq!((&left["title"], &left["edition"]), (&Value::from("half"), &Value::Null));
    assert_eq!(private(&answer.private)["receipt"], "for half");
}

#[tokio::test]
async fn a_resource_that_leaves_something_unknown_is_found_out() {
    let server = library().await;
    let answer = change(&server, None, Some(&book([("title", Value::from("vague"))])), &[]).await;
    assert_eq!(render(&answer.diagnostics), ["Error: Unknown value after apply"]);
    assert_eq!(state(answer.new_state.as_ref()).expect("it exists")["edition"], Value::Null);
}

#[tokio::test]
async fn a_refused_update_or_delete_keeps_the_state() {
    let server = library().await;
    let config = book([("title", Value::from("Dune")), ("note", Value::from("chained"))]);
    let created = change(&server, None, Some(&config), &[]).await;
    let first = state(created.new_state.as_ref()).expect("it exists");

    let config = book([("title", Value::from("Dune")), ("note", Value::from("refused"))]);
    let answer = change(&server, Some(&first), Some(&config), &created.private).await;
    assert_eq!(render(&answer.diagnostics), ["Error: Refused"]);
    assert_eq!(state(answer.new_state.as_ref()).as_ref(), Some(&first));
    assert_eq!(private(&answer.private)["receipt"], "for Dune");

    let answer = change(&server, Some(&first), None, &created.private).await;
    assert_eq!(render(&answer.diagnostics), ["Error: Chained"]);
    assert_eq!(state(answer.new_state.as_ref()), Some(first));
    assert_eq!(private(&answer.private)["receipt"], "for Dune");
}

#[tokio::test]
async fn a_failed_read_keeps_the_state() {
    let server = library().await;
    let burning = book([("id", Value::from("b")), ("title", Value::from("burning"))]);
    let answer = read(&server, &burning, b"{\"a\":\"b\"}").await;
    assert_eq!(render(&answer.diagnostics), ["Error: On fire"]);
    assert_eq!(state(answer.new_state.as_ref()), Some(burning));
    assert_eq!(answer.private, b"{\"a\":\"b\"}");
}

#[tokio::test]
async fn reading_waits_for_a_provider_that_is_not_ready_and_says_so_once() {
    let server = Server::new(Library);
    configure(&server, Value::Unknown).await;
    let held = book([("id", Value::from("dune")), ("title", Value::from("Dune"))]);
    let first = read(&server, &held, b"{\"a\":\"b\"}").await;
    assert_eq!(render(&first.diagnostics), ["Warning: The root is not known yet"]);
    assert_eq!(
        (state(first.new_state.as_ref()), first.private),
        (Some(held.clone()), b"{\"a\":\"b\"}".to_vec())
    );
    let second = read(&server, &held, &[]).await;
    assert_eq!((render(&second.diagnostics).len(), state(second.new_state.as_ref())), (0, Some(held)));
    // A new configuration is a new session.
    configure(&server, Value::Unknown).await;
    assert_eq!(read(&server, &book([]), &[]).await.diagnostics.len(), 1);

    let request = wire::import_resource_state::Request {
        type_name: BOOK.to_owned(),
        id: "dune".to_owned(),
        ..Default::default()
    };
    let answer = server.import_resource_state(Request::new(request)).await.unwrap().into_inner();
    assert_eq!(render(&answer.diagnostics), ["Error: The root is not known yet"]);
}

#[tokio::test]
async fn stopping_interrupts_what_reads_and_serves_on() {
    let server = std::sync::Arc::new(library().await);
    let slow = book([("id", Value::from("s")), ("title", Value::from("slow"))]);
    let reading = tokio::spawn({
        let (server, slow) = (server.clone(), slow.clone());
        async move { read(&server, &slow, &[]).await }
    });
    while !reading.is_finished() {
        tokio::task::yield_now().await;
        let answer = server.stop_provider(Request::new(wire::stop_provider::Request {})).await.unwrap();
        assert_eq!(answer.into_inner().error, "");
    }
    let answer = reading.await.unwrap();
    assert_eq!(render(&answer.diagnostics), ["Error: Interrupted"]);
    assert_eq!(state(answer.new_state.as_ref()), Some(slow));
    let config = book([("title", Value::from("Dune"))]);
    assert!(change(&server, None, Some(&config), &[]).await.diagnostics.is_empty());
}

#[tokio::test]
async fn private_state_of_someone_else_is_refused() {
    let server = library().await;
    let held = book([("id", Value::from("dune")), ("title", Value::from("Dune"))]);
    let answer = read(&server, &held, b"\xff").await;
    assert_eq!(render(&answer.diagnostics), ["Error: Invalid private state"]);
    assert_eq!((state(answer.new_state.as_ref()), answer.private), (Some(held), b"\xff".to_vec()));
}
