//! The API as a client sees it: conversions, refusals and their form, limits, health and reflection.

use super::common::{Home, batch, delete, environment, put};
use kontraktor_proto::{
    problem::from_status,
    v1::{
        AuditOperation, CreateEnvironmentRequest, CreateProjectRequest, GetEnvironmentRequest,
        GetSnapshotRequest, GetStatusRequest, GetVariableRequest, ListAuditEntriesRequest,
        ListEnvironmentsRequest, ListHistoryRequest, ListProjectsRequest, ListVariablesRequest, Problem,
        ProblemCode, ValueType, VerifyAuditRequest, WriteItem, WriteStatus, WriteVariablesRequest, variable,
    },
};
use tonic::{Request, Status};
use tonic_health::{
    ServingStatus,
    pb::{HealthCheckRequest, health_client::HealthClient},
};

fn problem(refused: Result<impl std::fmt::Debug, Status>) -> Problem {
    let status = refused.unwrap_err();
    from_status(&status).unwrap_or_else(|| panic!("no problem in {status:?}"))
}

fn invalid(refused: Result<impl std::fmt::Debug, Status>) -> String {
    let problem = problem(refused);
    assert_eq!(problem.code(), ProblemCode::Invalid, "{problem:?}");
    problem.field
}

#[tokio::test]
async fn what_is_written_is_read_back_with_author_origin_and_history() {
    let home = Home::new();
    let daemon = home.start();
    let mut request = Request::new(batch([put("greeting", "gru\u{308}n"), put("empty", "")]));
    request.metadata_mut().insert("kontraktor-via", "ktr".parse().unwrap());
    let written = daemon.variables().write_variables(request).await.unwrap().into_inner();
    assert!(!written.replayed);
    for result in &written.results {
        assert_eq!(
            (result.status(), result.revision, result.environment_revision),
            (WriteStatus::Written, 1, 1)
        );
    }

    let request = GetVariableRequest { environment: environment("demo", "dev"), key: "greeting".to_owned() };
    let read = daemon.variables().get_variable(request).await.unwrap().into_inner();
    assert_eq!(read.content, Some(variable::Content::Value("grün".to_owned())));
    assert_eq!((read.r#type(), read.revision), (ValueType::String, 1));
    let origin = read.origin.unwrap();
    assert_eq!((origin.environment, origin.revision), (environment("demo", "dev"), 1));
    let author = read.written.unwrap();
    assert!(author.actor.starts_with("unix:"), "{author:?}");
    assert_eq!(author.via, "ktr");
    assert_eq!(author.time.unwrap().nanos % 1_000, 0, "whole microseconds");

    let request = ListHistoryRequest {
        environment: environment("demo", "dev"),
        key: "greeting".to_owned(),
        ..Default::default()
    };
    let history = daemon.audit().list_history(request).await.unwrap().into_inner().entries;
    assert_eq!(history.len(), 1);
    assert_eq!(history[0].operation(), AuditOperation::VariableCreated);
    assert_eq!((history[0].old_value.as_deref(), history[0].new_value.as_deref()), (None, Some("grün")));
}

#[tokio::test]
async fn a_snapshot_is_not_modified_for_a_client_that_has_its_version() {
    let home = Home::new();
    let daemon = home.start();
    daemon.variables().write_variables(batch([put("a.x", "1"), put("b", "2")])).await.unwrap();
    let mut client = daemon.environments();
    let ask = GetSnapshotRequest { name: environment("demo", "dev"), ..Default::default() };
    let whole = client.get_snapshot(ask.clone()).await.unwrap().into_inner();
    assert_eq!((whole.variables.len(), whole.not_modified), (2, false));
    let held = GetSnapshotRequest { if_version_differs: whole.version.clone(), ..ask.clone() };
    let again = client.get_snapshot(held.clone()).await.unwrap().into_inner();
    assert_eq!((again.variables.len(), again.not_modified), (0, true));
    let prefixed = GetSnapshotRequest { prefix: "a.".to_owned(), ..ask };
    let part = client.get_snapshot(prefixed).await.unwrap().into_inner();
    assert_eq!(part.variables.iter().map(|entry| entry.key.as_str()).collect::<Vec<_>>(), ["a.x"]);

    daemon.variables().write_variables(batch([delete("b")])).await.unwrap();
    let changed = client.get_snapshot(held).await.unwrap().into_inner();
    assert_eq!((changed.variables.len(), changed.not_modified, changed.revision), (1, false, 2));
    assert_ne!(changed.version, whole.version);
}

#[tokio::test]
async fn bad_requests_name_the_field() {
    let home = Home::new();
    let daemon = home.start();
    let (mut projects, mut environments) = (daemon.projects(), daemon.environments());
    let (mut variables, mut audit) = (daemon.variables(), daemon.audit());

    let name = CreateProjectRequest { name: "Big".to_owned(), ..Default::default() };
    assert_eq!(invalid(projects.create_project(name).await), "project");
    let description =
        CreateProjectRequest { name: "p".to_owned(), description: "d".repeat(1025), ..Default::default() };
    assert_eq!(invalid(projects.create_project(description).await), "description");
    let token = ListProjectsRequest { page_token: "zz".to_owned(), ..Default::default() };
    assert_eq!(invalid(projects.list_projects(token).await), "page_token");
    assert_eq!(invalid(environments.get_environment(GetEnvironmentRequest { name: None }).await), "name");
    let name = CreateEnvironmentRequest { name: environment("p", "a/b"), ..Default::default() };
    assert_eq!(invalid(environments.create_environment(name).await), "env");
    let project = ListEnvironmentsRequest { project: "-".to_owned(), ..Default::default() };
    assert_eq!(invalid(environments.list_environments(project).await), "project");
    let key = GetVariableRequest { environment: environment("p", "e"), key: "9".to_owned() };
    assert_eq!(invalid(variables.get_variable(key).await), "key");
    let missing = ListVariablesRequest::default();
    assert_eq!(invalid(variables.list_variables(missing).await), "environment");
    let never = prost_types::Timestamp { seconds: i64::MAX, nanos: 0 };
    let start = ListAuditEntriesRequest { start_time: Some(never), ..Default::default() };
    assert_eq!(invalid(audit.list_audit_entries(start).await), "start_time");
    let end = ListAuditEntriesRequest { end_time: Some(never), ..Default::default() };
    assert_eq!(invalid(audit.list_audit_entries(end).await), "end_time");
    let hash = VerifyAuditRequest { expect_sequence: 1, expect_hash: "x".to_owned() };
    assert_eq!(invalid(audit.verify_audit(hash).await), "expect_hash");
    let lone = VerifyAuditRequest { expect_sequence: 0, expect_hash: "x".to_owned() };
    assert_eq!(invalid(audit.verify_audit(lone).await), "expect_sequence");

    let nil = uuid::Uuid::nil().to_string();
    for (id, message) in [
        ("", "batch_id is missing"),
        ("seven", "batch_id is not a UUID"),
        (&nil, "batch_id is the nil UUID, which identifies no batch"),
    ] {
        let request = WriteVariablesRequest { batch_id: id.to_owned(), ..batch([put("k", "v")]) };
        let refused = problem(variables.write_variables(request).await);
        assert_eq!((refused.field.as_str(), refused.message.as_str()), ("batch_id", message));
        assert_eq!(refused.code(), ProblemCode::Invalid);
        assert!(refused.remedy.starts_with("send a new UUID with each batch"), "{}", refused.remedy);
    }
    let mut via = Request::new(GetStatusRequest {});
    via.metadata_mut().insert("kontraktor-via", "Not Allowed".parse().unwrap());
    assert_eq!(invalid(daemon.system().get_status(via).await), "kontraktor-via");
}

#[tokio::test]
async fn a_bad_item_is_refused_without_affecting_its_neighbors() {
    let home = Home::new();
    let daemon = home.start();
    let unknown_type = {
        let mut item = put("odd", "v");
        let Some(kontraktor_proto::v1::write_item::Operation::Put(put)) = &mut item.operation else {
            unreachable!()
        };
        put.r#type = 77;
        item
    };
    let items = [
        put("good", "1"),
        put("9bad", "1"),
        unknown_type,
        put("long", &"v".repeat(65_537)),
        WriteItem { operation: None, ..put("idle", "") },
        WriteItem { environment: None, ..put("nowhere", "1") },
    ];
    let answer = daemon.variables().write_variables(batch(items)).await.unwrap().into_inner();
    let problems: Vec<_> = answer
        .results
        .iter()
        .map(|result| (result.status(), result.problem.as_ref().map_or("", |problem| problem.field.as_str())))
        .collect();
    let refused = WriteStatus::Refused;
    assert_eq!(problems[0], (WriteStatus::Written, ""));
    assert_eq!(problems[1], (refused, "key"));
    assert_eq!(problems[2], (refused, "type"));
    assert_eq!(problems[3], (refused, "value"));
    assert_eq!(problems[4], (refused, "operation"));
    assert_eq!(problems[5].0, refused);
}

#[tokio::test]
async fn a_conflict_carries_the_current_variable() {
    let home = Home::new();
    let daemon = home.start();
    let mut client = daemon.variables();
    client.write_variables(batch([put("k", "old")])).await.unwrap();
    let expect = |expect| WriteItem { expect: Some(expect), ..put("k", "new") };
    use kontraktor_proto::v1::write_item::Expect;
    for (item, code) in [
        (expect(Expect::ExpectAbsent(true)), ProblemCode::KeyExists),
        (expect(Expect::ExpectRevision(7)), ProblemCode::Conflict),
    ] {
        let answer = client.write_variables(batch([item])).await.unwrap().into_inner();
        let problem = answer.results[0].problem.clone().unwrap();
        assert_eq!(problem.code(), code);
        let current = problem.current.unwrap();
        assert_eq!(current.content, Some(variable::Content::Value("old".to_owned())));
        assert_eq!(current.revision, 1);
    }
    let answer =
        client.write_variables(batch([expect(Expect::ExpectRevision(1))])).await.unwrap().into_inner();
    assert_eq!(answer.results[0].status(), WriteStatus::Written);
}

#[tokio::test]
async fn a_batch_near_the_size_limit_passes_and_one_beyond_does_not() {
    let home = Home::new();
    let daemon = home.start();
    let value = "v".repeat(65_536);
    let items = (0..1_000).map(|number| put(&format!("k{number}"), &value));
    let answer = daemon.variables().write_variables(batch(items)).await.unwrap().into_inner();
    assert!(answer.results.iter().all(|result| result.status() == WriteStatus::Written));
    let snapshot = GetSnapshotRequest { name: environment("demo", "dev"), ..Default::default() };
    let mut client = daemon.environments().max_decoding_message_size(128 * 1024 * 1024);
    assert_eq!(client.get_snapshot(snapshot).await.unwrap().into_inner().variables.len(), 1_000);

    let items = (0..1_100).map(|number| put(&format!("k{number}"), &value));
    let refused = problem(daemon.variables().write_variables(batch(items)).await);
    assert_eq!(refused.code(), ProblemCode::Invalid);
    insta::assert_snapshot!(refused, @"the request is larger than 67108864 bytes (64 MiB), the maximum (send it in several smaller batches)");
}

#[tokio::test]
async fn lists_continue_where_the_previous_page_ended() {
    let home = Home::new();
    let daemon = home.start();
    daemon
        .variables()
        .write_variables(batch((0..25).map(|number| put(&format!("k{number:02}"), "v"))))
        .await
        .unwrap();
    let mut client = daemon.variables();
    let (mut keys, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListVariablesRequest {
            environment: environment("demo", "dev"),
            page_size: 10,
            page_token,
            ..Default::default()
        };
        let page = client.list_variables(request).await.unwrap().into_inner();
        assert!(page.variables.len() <= 10);
        keys.extend(page.variables.into_iter().map(|variable| variable.key));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(keys, (0..25).map(|number| format!("k{number:02}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn health_status_and_reflection_answer() {
    let home = Home::new();
    let daemon = home.start();
    let mut health = HealthClient::new(daemon.channel());
    for service in ["", "kontraktor.v1.Variables", "kontraktor.v1.System"] {
        let answer = health.check(HealthCheckRequest { service: service.to_owned() }).await.unwrap();
        assert_eq!(answer.into_inner().status, ServingStatus::Serving as i32, "{service}");
    }

    let status = daemon.system().get_status(GetStatusRequest {}).await.unwrap().into_inner();
    assert_eq!(status.version, env!("CARGO_PKG_VERSION"));
    assert_eq!(status.data_dir, home.data().display().to_string());
    assert!(status.writable && status.write_error.is_empty());
    assert!(status.store_version.contains("1.5"), "{}", status.store_version);

    use tonic_reflection::pb::v1::{
        ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
        server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
    };
    let list = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut answers = ServerReflectionClient::new(daemon.channel())
        .server_reflection_info(tokio_stream::iter([list]))
        .await
        .unwrap()
        .into_inner();
    let answer = answers.message().await.unwrap().unwrap().message_response.unwrap();
    let MessageResponse::ListServicesResponse(services) = answer else { panic!("{answer:?}") };
    let names: Vec<_> = services.service.iter().map(|service| service.name.as_str()).collect();
    for name in ["kontraktor.v1.Projects", "kontraktor.v1.Variables", "grpc.health.v1.Health"] {
        assert!(names.contains(&name), "{names:?}");
    }
}
