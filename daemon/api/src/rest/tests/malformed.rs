use axum::body::Body;
use http::StatusCode;
use kontraktor_model::limits::MAX_MESSAGE_BYTES;

use super::Daemon;

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn every_failure_is_a_problem_that_says_what_is_wrong() {
    let daemon = Daemon::start();
    daemon.put("dev", "A", "1").await;
    let mut found = Vec::new();
    for (method, path, headers, body) in [
        ("GET", "/api/v1", &[][..], ""),
        ("GET", "/api/v1/nothing/here", &[], ""),
        ("DELETE", "/api/v1/variables", &[], ""),
        ("PUT", "/api/v1/environments/demo/dev", &[], ""),
        ("POST", "/api/v1/projects", &[], "{}"),
        ("POST", "/api/v1/projects", &[("content-type", "text/plain")], "{}"),
        ("POST", "/api/v1/projects", &[JSON], "{\"project\": \"demo\""),
        ("POST", "/api/v1/projects", &[JSON], "{\"project\": \"demo\", \"nmae\": \"hunter2\"}"),
        ("POST", "/api/v1/projects", &[JSON], "{\"project\": 7}"),
        ("POST", "/api/v1/projects", &[JSON], "{\"project\": \"Not a name\"}"),
        ("GET", "/api/v1/projects/%FF", &[], ""),
        ("GET", "/api/v1/projects/UPPER", &[], ""),
        ("GET", "/api/v1/projects?page_size=many", &[], ""),
        ("GET", "/api/v1/projects?page_size=0", &[], ""),
        ("GET", "/api/v1/projects?size=1", &[], ""),
        ("GET", "/api/v1/projects?page_size=1&page_size=2", &[], ""),
        ("GET", "/api/v1/projects?access_token=hunter2", &[], ""),
        ("GET", "/api/v1/environments/demo/dev/snapshot?at=yesterday", &[], ""),
        ("GET", "/api/v1/environments/demo/dev/snapshot?at=99", &[], ""),
        ("GET", "/api/v1/diff?from=demo/dev", &[], ""),
        ("GET", "/api/v1/diff?from=demo&to=demo/dev", &[], ""),
        ("GET", "/api/v1/diff?from=demo/dev@99&to=demo/dev", &[], ""),
        ("GET", "/api/v1/audit/entries?sort=time", &[], ""),
        ("GET", "/api/v1/audit/entries?start_time=noon", &[], ""),
        ("GET", "/api/v1/projects/demo", &[("if-none-match", "x")], ""),
        ("POST", "/api/v1/variables", &[JSON, ("idempotency-key", "once")], "{\"groups\": []}"),
        ("PUT", "/api/v1/environments/demo/dev/variables/A", &[JSON], "{\"value\": \"hunter2\"}"),
        (
            "PUT",
            "/api/v1/environments/demo/dev/variables/A",
            &[JSON],
            "{\"type\": \"hunter2\", \"value\": \"\"}",
        ),
        (
            "PUT",
            "/api/v1/environments/demo/dev/variables/A",
            &[JSON],
            "{\"type\": \"bool\", \"value\": \"hunter2\"}",
        ),
    ] {
        let answer = daemon.send(method, path, headers, body).await;
        assert!(!String::from_utf8_lossy(&answer.body).contains("hunter2"), "{method} {path}");
        found.push(format!("{method} {path}\n  {}", answer.problem()));
    }
    insta::assert_snapshot!(found.join("\n"), @r#"
        GET /api/v1
          404 not_found : the path does not exist
        GET /api/v1/nothing/here
          404 not_found : the path does not exist
        DELETE /api/v1/variables
          405 invalid : the resource does not have this method
        PUT /api/v1/environments/demo/dev
          405 invalid : the resource does not have this method
        POST /api/v1/projects
          415 invalid : the request's body is not declared as JSON
        POST /api/v1/projects
          415 invalid : the request's body is not declared as JSON
        POST /api/v1/projects
          400 invalid : invalid JSON at line 1 column 18 of the request's body
        POST /api/v1/projects
          400 invalid : unknown field `nmae` in `nmae` at line 1 column 26 of the request's body
        POST /api/v1/projects
          400 invalid : invalid type, expected a string in `project` at line 1 column 13 of the request's body
        POST /api/v1/projects
          400 invalid project: project has 'N' at character 1; use 1 to 63 characters of a-z, 0-9 and "-", with a letter or a digit at the beginning and at the end
        GET /api/v1/projects/%FF
          400 invalid : the path is not UTF-8 after percent-decoding
        GET /api/v1/projects/UPPER
          400 invalid project: project has 'U' at character 1; use 1 to 63 characters of a-z, 0-9 and "-", with a letter or a digit at the beginning and at the end
        GET /api/v1/projects?page_size=many
          400 invalid page_size: invalid page_size: expected a whole number
        GET /api/v1/projects?page_size=0
          400 invalid page_size: invalid page_size: expected a number from 1 to 1000
        GET /api/v1/projects?size=1
          400 invalid query: unknown parameter; expected one of sort, page_size, cursor
        GET /api/v1/projects?page_size=1&page_size=2
          400 invalid page_size: the parameter page_size occurs twice
        GET /api/v1/projects?access_token=hunter2
          400 invalid query: credentials in the URL are refused: proxies and logs keep them
        GET /api/v1/environments/demo/dev/snapshot?at=yesterday
          400 invalid at: invalid at: expected a revision, or a time such as 2026-05-01T12:00:00Z
        GET /api/v1/environments/demo/dev/snapshot?at=99
          404 not_found at: environment "demo/dev" has no revision 99; the newest is 1
        GET /api/v1/diff?from=demo/dev
          400 invalid to: to is missing; expected PROJECT/ENV or PROJECT/ENV@AT
        GET /api/v1/diff?from=demo&to=demo/dev
          400 invalid from: environment is not of the form PROJECT/ENV; write the project's name, one slash and the environment's name, as in infra-demo/dev
        GET /api/v1/diff?from=demo/dev@99&to=demo/dev
          404 not_found from: environment "demo/dev" has no revision 99; the newest is 1
        GET /api/v1/audit/entries?sort=time
          400 invalid sort: invalid sort: expected sequence or -sequence
        GET /api/v1/audit/entries?start_time=noon
          400 invalid start_time: invalid start_time: expected a time such as 2026-05-01T12:00:00Z
        GET /api/v1/projects/demo
          400 invalid if-none-match: malformed header if-none-match: expected * or a list of entity tags in quotes
        POST /api/v1/variables
          400 invalid idempotency-key: invalid header Idempotency-Key: expected a UUID
        PUT /api/v1/environments/demo/dev/variables/A
          400 invalid type: the item has no type
        PUT /api/v1/environments/demo/dev/variables/A
          400 invalid : unknown variant, expected one of `string`, `number`, `bool`, `json` in `type` at line 1 column 18 of the request's body
        PUT /api/v1/environments/demo/dev/variables/A
          400 invalid value: value is not a bool; write true or false
        "#);
}

#[tokio::test]
async fn a_method_that_a_resource_does_not_have_is_answered_with_those_that_it_has() {
    let daemon = Daemon::start();
    let answer = daemon.send("PUT", "/api/v1/projects", &[], "").await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    let mut methods: Vec<_> = answer.header("allow").split(',').collect();
    methods.sort_unstable();
    assert_eq!(methods, ["GET", "HEAD", "POST"]);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_before_it_is_read() {
    let daemon = Daemon::start();
    let length = (MAX_MESSAGE_BYTES + 1).to_string();
    let announced =
        daemon.send("POST", "/api/v1/variables", &[JSON, ("content-length", &length)], "{}").await;
    assert!(announced.problem().starts_with("413 invalid"), "{}", announced.problem());
    let chunk = bytes::Bytes::from(vec![b' '; 1 << 20]);
    let endless = Body::from_stream(tokio_stream::iter(std::iter::repeat_with(move || {
        Ok::<_, std::convert::Infallible>(chunk.clone())
    })));
    let sent = daemon.send("POST", "/api/v1/variables", &[JSON], endless).await;
    assert!(sent.problem().starts_with("413 invalid"), "{}", sent.problem());
}

#[tokio::test]
async fn a_request_without_a_caller_is_refused() {
    let daemon = Daemon { caller: None, ..Daemon::start() };
    assert!(daemon.get("/api/v1/projects").await.problem().starts_with("403 denied"));
    assert_eq!(daemon.get("/openapi.json").await.status, StatusCode::OK);
}
