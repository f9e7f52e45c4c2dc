//! JSON Schemas of projects, as a client sees them.

use kontraktor_proto::{
    problem::from_status,
    v1::{
        CreateSchemaRequest, DeleteSchemaRequest, GetSchemaRequest, ListSchemasRequest, Problem, ProblemCode,
        SchemaSettings, UpdateSchemaRequest, WriteResult, WriteStatus,
    },
};
use tonic::Status;

use super::common::{Home, batch, put};

fn problem(refused: Result<impl std::fmt::Debug, Status>) -> Problem {
    let status = refused.unwrap_err();
    from_status(&status).unwrap_or_else(|| panic!("no problem in {status:?}"))
}

fn levels(name: &str) -> CreateSchemaRequest {
    CreateSchemaRequest {
        project: "demo".to_owned(),
        name: name.to_owned(),
        key_pattern: "LEVEL|.*_LEVEL".to_owned(),
        schema: r#"{ "enum": ["debug", "info"] }"#.to_owned(),
        create_missing: true,
        adopt_existing: false,
    }
}

#[tokio::test]
async fn a_schema_keeps_wrong_values_out_until_it_is_changed_or_deleted_also_over_kill_9() {
    let home = Home::new();
    let mut daemon = home.start();
    let made = daemon.schemas().create_schema(levels("levels")).await.unwrap().into_inner();
    assert_eq!(made.schema, r#"{ "enum": ["debug", "info"] }"#, "as its author wrote it");
    assert!(made.changed.unwrap().actor.starts_with("unix:"));
    daemon.kill();

    let daemon = home.start();
    let answer = daemon
        .variables()
        .write_variables(batch([put("LOG_LEVEL", "loud"), put("LEVEL", "info"), put("OTHER", "loud")]))
        .await
        .unwrap()
        .into_inner();
    let statuses: Vec<WriteStatus> = answer.results.iter().map(WriteResult::status).collect();
    assert_eq!(statuses, [WriteStatus::Refused, WriteStatus::Written, WriteStatus::Written]);
    let refused = answer.results[0].problem.clone().unwrap();
    assert_eq!((refused.code(), &*refused.field), (ProblemCode::SchemaViolation, "value"));
    let violation = refused.schema_violation.clone().unwrap();
    assert_eq!(
        (&*violation.schema, &*violation.schema_path, &*violation.value_path),
        ("levels", "/enum", "")
    );
    assert!(!format!("{refused:?}").contains("loud"), "{refused:?}");
    insta::assert_snapshot!(refused, @r#"key "LOG_LEVEL" of environment "demo/dev" violates schema "levels" of project "demo": /enum: must be one of "debug", "info" (write a value that conforms, or change the schema first)"#);

    let mut client = daemon.schemas();
    let narrower = UpdateSchemaRequest {
        project: "demo".to_owned(),
        name: "levels".to_owned(),
        key_pattern: "LEVEL".to_owned(),
        schema: r#"{"enum": ["info"]}"#.to_owned(),
        expect: Some(SchemaSettings { key_pattern: made.key_pattern, schema: made.schema }),
    };
    client.update_schema(narrower.clone()).await.unwrap();
    assert_eq!(problem(client.update_schema(narrower).await).code(), ProblemCode::Conflict);
    let name = || ("demo".to_owned(), "levels".to_owned());
    let (project, schema) = name();
    let read = client.get_schema(GetSchemaRequest { project, name: schema }).await.unwrap().into_inner();
    assert_eq!((&*read.key_pattern, &*read.schema), ("LEVEL", r#"{"enum": ["info"]}"#));
    let (project, schema) = name();
    client.delete_schema(DeleteSchemaRequest { project, name: schema }).await.unwrap();
    let (project, schema) = name();
    let gone = problem(client.get_schema(GetSchemaRequest { project, name: schema }).await);
    assert_eq!((gone.code(), &*gone.field), (ProblemCode::NotFound, "name"));
}

#[tokio::test]
async fn bad_schemas_are_refused_by_field_and_lists_have_pages() {
    let home = Home::new();
    let daemon = home.start();
    let mut client = daemon.schemas();
    let cases = [
        ("project", CreateSchemaRequest { project: "Big".to_owned(), ..levels("a") }),
        ("name", CreateSchemaRequest { name: "a/b".to_owned(), ..levels("a") }),
        ("key_pattern", CreateSchemaRequest { key_pattern: "(".to_owned(), ..levels("a") }),
        ("schema", CreateSchemaRequest { schema: "{".to_owned(), ..levels("a") }),
        (
            "schema",
            CreateSchemaRequest { schema: r#"{"$ref": "http://127.0.0.1/x"}"#.to_owned(), ..levels("a") },
        ),
    ];
    for (field, request) in cases {
        let refused = problem(client.create_schema(request).await);
        assert_eq!((refused.code(), &*refused.field), (ProblemCode::Invalid, field));
    }
    for name in ["b", "a", "c"] {
        client.create_schema(levels(name)).await.unwrap();
    }
    let (mut names, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListSchemasRequest { project: "demo".to_owned(), page_size: 2, page_token };
        let page = client.list_schemas(request).await.unwrap().into_inner();
        assert!(page.schemas.len() <= 2);
        names.extend(page.schemas.into_iter().map(|schema| schema.name));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(names, ["a", "b", "c"]);
}
