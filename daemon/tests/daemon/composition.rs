//! Imports, moments and going back, as a client sees them.

use kontraktor_proto::{
    problem::from_status,
    v1::{
        CreateEnvironmentRequest, DeleteEnvironmentRequest, EnvironmentName, GetSnapshotRequest, ImportList,
        ListHistoryRequest, ListVariablesRequest, PointInTime, Problem, ProblemCode,
        RollbackEnvironmentRequest, Snapshot, UpdateEnvironmentRequest, WriteItem, point_in_time, variable,
    },
};
use testkit::Daemon;
use tonic::Status;

use super::common::{Home, batch, delete, environment, put};

/// The item in another environment than `demo/dev`.
fn into(project: &str, env: &str, item: WriteItem) -> WriteItem {
    WriteItem { environment: environment(project, env), ..item }
}

async fn import(daemon: &Daemon, name: Option<EnvironmentName>, imports: &[(&str, &str)]) {
    let environments = imports.iter().filter_map(|(project, env)| environment(project, env)).collect();
    let request =
        UpdateEnvironmentRequest { name, imports: Some(ImportList { environments }), ..Default::default() };
    daemon.environments().update_environment(request).await.unwrap();
}

fn ask(at: Option<point_in_time::At>) -> GetSnapshotRequest {
    GetSnapshotRequest {
        name: environment("demo", "dev"),
        at: at.map(|at| PointInTime { at: Some(at) }),
        ..Default::default()
    }
}

async fn get(daemon: &Daemon, request: GetSnapshotRequest) -> Result<Snapshot, Status> {
    daemon.environments().get_snapshot(request).await.map(tonic::Response::into_inner)
}

fn seen(snapshot: &Snapshot) -> Vec<String> {
    let variables = snapshot.variables.iter();
    variables
        .map(|found| {
            let origin = found.origin.clone().unwrap();
            let from = origin.environment.unwrap();
            let Some(variable::Content::Value(value)) = &found.content else { panic!("{found:?}") };
            format!("{}={value} < {}/{}@{}", found.key, from.project, from.env, origin.revision)
        })
        .collect()
}

fn problem(refused: Result<impl std::fmt::Debug, Status>) -> Problem {
    let status = refused.unwrap_err();
    from_status(&status).unwrap_or_else(|| panic!("no problem in {status:?}"))
}

/// `demo/dev` imports `shared/base`, and both have changed since.
async fn layered(daemon: &Daemon) {
    let items =
        [into("shared", "base", put("A", "base")), into("shared", "base", put("B", "base")), put("B", "own")];
    daemon.variables().write_variables(batch(items)).await.unwrap();
    import(daemon, environment("demo", "dev"), &[("shared", "base")]).await;
    daemon.variables().write_variables(batch([put("B", "newer")])).await.unwrap();
    let newer = into("shared", "base", put("A", "newer"));
    daemon.variables().write_variables(batch([newer])).await.unwrap();
}

#[tokio::test]
async fn imported_variables_come_with_their_origin_and_revalidate() {
    let home = Home::new();
    let daemon = home.start();
    layered(&daemon).await;
    let whole = get(&daemon, ask(None)).await.unwrap();
    assert_eq!(seen(&whole), ["A=newer < shared/base@2", "B=newer < demo/dev@3"]);
    assert_eq!(whole.imports, [environment("shared", "base").unwrap()]);
    let own = get(&daemon, GetSnapshotRequest { own_only: true, ..ask(None) }).await.unwrap();
    assert_eq!(seen(&own), ["B=newer < demo/dev@3"]);
    assert_ne!(own.version, whole.version);

    let held = GetSnapshotRequest { if_version_differs: whole.version.clone(), ..ask(None) };
    let same = get(&daemon, held.clone()).await.unwrap();
    assert!(same.not_modified && same.variables.is_empty());
    let another = into("shared", "base", put("C", "1"));
    daemon.variables().write_variables(batch([another])).await.unwrap();
    let changed = get(&daemon, held).await.unwrap();
    assert_eq!((changed.not_modified, changed.variables.len(), changed.revision), (false, 3, 3));
    let held = GetSnapshotRequest { own_only: true, if_version_differs: own.version, ..ask(None) };
    assert!(get(&daemon, held).await.unwrap().not_modified, "what is imported does not touch what is own");
}

#[tokio::test]
async fn a_snapshot_of_the_past_has_the_imports_of_the_past() {
    let home = Home::new();
    let mut daemon = home.start();
    layered(&daemon).await;
    let newest = get(&daemon, ask(None)).await.unwrap();
    let second = get(&daemon, ask(Some(point_in_time::At::Revision(2)))).await.unwrap();
    assert_eq!(seen(&second), ["A=base < shared/base@1", "B=own < demo/dev@2"]);
    let third = get(&daemon, ask(Some(point_in_time::At::Revision(3)))).await.unwrap();
    assert_eq!(seen(&third), ["A=base < shared/base@1", "B=newer < demo/dev@3"]);
    let time = newest.variables[0].written.clone().unwrap().time.unwrap();
    let then = get(&daemon, ask(Some(point_in_time::At::Time(time)))).await.unwrap();
    assert_eq!(then, newest, "nothing was written since");
    let held = GetSnapshotRequest {
        if_version_differs: second.version.clone(),
        ..ask(Some(point_in_time::At::Revision(2)))
    };
    assert!(get(&daemon, held).await.unwrap().not_modified);

    import(&daemon, environment("demo", "dev"), &[]).await;
    for (project, env) in [("demo", "dev"), ("shared", "base")] {
        let request = DeleteEnvironmentRequest { name: environment(project, env), force: true };
        daemon.environments().delete_environment(request).await.unwrap();
    }
    // Also after everything is gone, and in another process.
    daemon.kill();
    let daemon = home.start();
    assert_eq!(get(&daemon, ask(Some(point_in_time::At::Revision(2)))).await.unwrap(), second);
    let gone = problem(get(&daemon, ask(Some(point_in_time::At::Revision(5)))).await);
    assert_eq!((gone.code(), gone.field.as_str()), (ProblemCode::NotFound, "at"));
    let none = GetSnapshotRequest { at: Some(PointInTime { at: None }), ..ask(None) };
    let none = problem(get(&daemon, none).await);
    assert_eq!((none.code(), none.field.as_str()), (ProblemCode::Invalid, "at"));
}

#[tokio::test]
async fn history_ends_where_it_is_asked_to() {
    let home = Home::new();
    let daemon = home.start();
    layered(&daemon).await;
    let request = ListHistoryRequest {
        environment: environment("demo", "dev"),
        key: "B".to_owned(),
        until: Some(PointInTime { at: Some(point_in_time::At::Revision(2)) }),
        ..Default::default()
    };
    let entries = daemon.audit().list_history(request).await.unwrap().into_inner().entries;
    assert_eq!(entries.iter().map(|entry| entry.new_value.as_deref()).collect::<Vec<_>>(), [Some("own")]);
}

#[tokio::test]
async fn an_environment_is_rolled_back_whole_or_not_at_all() {
    let home = Home::new();
    let daemon = home.start();
    layered(&daemon).await;
    daemon.variables().write_variables(batch([put("NEW", "1"), delete("B")])).await.unwrap();
    let wish =
        RollbackEnvironmentRequest { name: environment("demo", "dev"), to_revision: 1, expect_revision: 3 };
    let mut client = daemon.environments();
    let late = problem(client.rollback_environment(wish.clone()).await);
    assert_eq!(late.code(), ProblemCode::Conflict);
    let done = RollbackEnvironmentRequest { expect_revision: 4, ..wish.clone() };
    let done = client.rollback_environment(done).await.unwrap().into_inner();
    assert_eq!((done.written_variable_count, done.deleted_variable_count), (1, 1));
    let after = done.environment.unwrap();
    assert_eq!((after.revision, after.imports.len(), after.variable_count), (5, 0, 1));
    let whole = get(&daemon, ask(None)).await.unwrap();
    assert_eq!(seen(&whole), ["B=own < demo/dev@5"]);
    let never = RollbackEnvironmentRequest { to_revision: 5, expect_revision: 0, ..wish };
    let never = problem(client.rollback_environment(never).await);
    assert_eq!((never.code(), never.field.as_str()), (ProblemCode::Invalid, "to_revision"));
}

/// The raw client here takes 4 MiB, as every gRPC client does by default; a page of a thousand large values has more.
#[tokio::test]
async fn a_page_ends_where_it_holds_enough() {
    let home = Home::new();
    let daemon = home.start();
    let big = "x".repeat(60_000);
    let items = (0..200).map(|i| put(&format!("KEY{i:03}"), &big));
    daemon.variables().write_variables(batch(items)).await.unwrap();
    let mut keys = Vec::new();
    let mut token = String::new();
    let mut sizes = Vec::new();
    loop {
        let request = ListVariablesRequest {
            environment: environment("demo", "dev"),
            page_token: token,
            ..Default::default()
        };
        let page = daemon.variables().list_variables(request).await.unwrap().into_inner();
        sizes.push(page.variables.len());
        keys.extend(page.variables.into_iter().map(|found| found.key));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(sizes, [52, 52, 52, 44]);
    assert_eq!(keys, (0..200).map(|i| format!("KEY{i:03}")).collect::<Vec<_>>());

    let mut seen = Vec::new();
    let mut token = String::new();
    loop {
        let request = ListHistoryRequest {
            environment: environment("demo", "dev"),
            page_size: 1_000,
            page_token: token,
            ..Default::default()
        };
        let page = daemon.audit().list_history(request).await.unwrap().into_inner();
        assert!(page.entries.len() <= 53, "{}", page.entries.len());
        seen.extend(page.entries.into_iter().map(|entry| entry.revision));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(seen.len(), 201, "the variables and the environment itself");
}

/// More entries than are answered on the call's own thread.
#[tokio::test]
async fn large_answers_are_whole() {
    let home = Home::new();
    let daemon = home.start();
    let create = CreateEnvironmentRequest {
        name: environment("shared", "base"),
        create_missing: true,
        ..Default::default()
    };
    daemon.environments().create_environment(create).await.unwrap();
    let items = (0..3_000).flat_map(|i| {
        let key = format!("KEY{i:04}");
        let own = (i % 3 == 0).then(|| put(&key, "own"));
        own.into_iter().chain([into("shared", "base", put(&key, "base"))])
    });
    daemon.variables().write_variables(batch(items.collect::<Vec<_>>())).await.unwrap();
    import(&daemon, environment("demo", "dev"), &[("shared", "base")]).await;
    let whole = get(&daemon, ask(None)).await.unwrap();
    assert_eq!(whole.variables.len(), 3_000);
    assert_eq!(seen(&whole).iter().filter(|line| line.contains("=own < demo/dev@2")).count(), 1_000);
    let part = get(&daemon, GetSnapshotRequest { prefix: "KEY00".to_owned(), ..ask(None) }).await.unwrap();
    assert_eq!(seen(&part), seen(&whole)[..100]);
}
