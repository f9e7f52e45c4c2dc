//! No diagnostic shows a value, description, schema or reference: the author may have marked it sensitive, which a provider
//! cannot see.

use kontraktor_model::value::ValueType;
use kontraktor_proto::v1::{self, Problem, ProblemCode};
use tfplugin_proto::value::Value;

use super::{Harness, fake::secrets::Stored, fields, render, text};
use crate::framework::Fields;

const CANARY: &str = "canary-93c1";

/// Diagnostics of operations that must fail.
#[derive(Default)]
struct Failures(Vec<String>);

impl Failures {
    #[track_caller]
    fn add(&mut self, diagnostics: Vec<String>) {
        assert!(!diagnostics.is_empty(), "the operation fails");
        self.0.extend(diagnostics);
    }

    fn check(self) {
        for message in self.0 {
            assert!(!message.contains(CANARY), "{message}");
        }
    }
}

fn with<const N: usize>(base: &Fields, attributes: [(&str, Value); N]) -> Fields {
    let mut config = base.clone();
    config.extend(fields(attributes));
    config
}

/// Creates an object, changes it elsewhere by `change`, and fails to update, delete and create it.
async fn fail_after(
    harness: &Harness,
    failures: &mut Failures,
    kind: &str,
    [first, second]: [&Fields; 2],
    change: impl Fn(),
    remove: impl Fn(),
) {
    let created = harness.put(kind, None, first).await.success().expect("it was created");
    change();
    failures.add(harness.put(kind, Some(&created), second).await.diagnostics);
    failures.add(harness.put(kind, None, second).await.diagnostics);
    remove();
    failures.add(harness.put(kind, Some(&created), second).await.diagnostics);
}

#[tokio::test]
async fn of_variables() {
    let harness = Harness::new().await;
    let mut failures = Failures::default();
    let kind = "kontraktor_variable";
    let location = fields([("project", text("demo")), ("env", text("dev")), ("key", text("A"))]);
    let value = |n: u8| text(&format!("{CANARY}-{n}"));
    let first = with(&location, [("value", value(1)), ("description", value(1))]);
    let second = with(&location, [("value", value(2)), ("description", value(2))]);
    let theirs = || harness.daemon.write("demo/dev/A", ValueType::String, CANARY);
    let gone = || harness.daemon.delete("demo/dev/A");
    fail_after(&harness, &mut failures, kind, [&first, &second], theirs, gone).await;

    let created = harness.put(kind, None, &first).await.success().expect("it was created");
    theirs();
    failures.add(harness.delete(kind, &created).await.diagnostics);
    gone();
    harness.daemon.refer("demo/dev/A", &format!("vault://team/secret/{CANARY}#x"));
    failures.add(harness.put(kind, Some(&created), &second).await.diagnostics);
    failures.add(harness.put(kind, None, &second).await.diagnostics);
    gone();
    for value_type in ["number", "bool", "json", CANARY] {
        let wrong = with(&first, [("type", text(value_type))]);
        failures.add(harness.validate(kind, &wrong).await);
        if value_type != CANARY {
            failures.add(harness.apply(kind, None, Some(&wrong)).await.diagnostics);
        }
    }
    for (name, wrong) in [
        ("value", format!("{CANARY}\0")),
        ("value", CANARY.repeat(10_000)),
        ("description", CANARY.repeat(1_000)),
        ("key", format!("{CANARY}!")),
        ("on_conflict", CANARY.to_owned()),
    ] {
        let messages = harness.validate(kind, &with(&first, [(name, text(&wrong))])).await;
        assert!(!messages.is_empty(), "{name}");
        // A name is not a value.
        if name != "key" {
            failures.add(messages);
        }
    }
    let bulk = |value: Value| {
        fields([
            ("project", text("demo")),
            ("env", text("dev")),
            ("variables", Value::object([("A", value)])),
        ])
    };
    theirs();
    failures
        .add(render(&harness.planned("kontraktor_variables", None, Some(&bulk(value(1)))).await.diagnostics));
    failures.add(harness.apply("kontraktor_variables", None, Some(&bulk(value(1)))).await.diagnostics);
    failures.check();
}

#[tokio::test]
async fn of_settings() {
    let harness = Harness::new().await;
    let mut failures = Failures::default();
    let value = |n: u8| text(&format!("{CANARY}-{n}"));
    let theirs = || Some(format!("{CANARY} theirs"));

    let project = fields([("name", text("demo"))]);
    let configs = [1, 2].map(|n| with(&project, [("description", value(n))]));
    let created = harness.put("kontraktor_project", None, &configs[0]).await.success().expect("created");
    harness.daemon.change_project(v1::UpdateProjectRequest {
        name: "demo".to_owned(),
        description: theirs(),
        ..Default::default()
    });
    failures.add(harness.put("kontraktor_project", Some(&created), &configs[1]).await.diagnostics);
    failures.add(harness.put("kontraktor_project", None, &configs[1]).await.diagnostics);

    let environment = fields([("project", text("demo")), ("env", text("dev"))]);
    let configs = [1, 2].map(|n| with(&environment, [("description", value(n))]));
    let created = harness.put("kontraktor_environment", None, &configs[0]).await.success().expect("created");
    let change = v1::UpdateEnvironmentRequest { description: theirs(), ..Default::default() };
    harness.daemon.change_environment("demo/dev", change);
    failures.add(harness.put("kontraktor_environment", Some(&created), &configs[1]).await.diagnostics);
    failures.add(harness.put("kontraktor_environment", None, &configs[1]).await.diagnostics);

    let schema = fields([("project", text("demo")), ("name", text("s")), ("key_pattern", text("A"))]);
    let configs =
        [1, 2].map(|n| with(&schema, [("schema", text(&format!("{{\"description\":\"{CANARY} {n}\"}}")))]));
    let kind = "kontraktor_variable_schema";
    let theirs = format!("{{\"description\":\"{CANARY}\"}}");
    let change = || harness.daemon.set_schema("demo/s", &format!("{CANARY}.*"), &theirs);
    let remove = || harness.daemon.drop_schema("demo/s");
    fail_after(&harness, &mut failures, kind, [&configs[0], &configs[1]], change, remove).await;
    for (name, wrong) in [
        ("schema", CANARY.to_owned()),
        ("schema", format!("\"{CANARY}\"")),
        ("key_pattern", format!("{CANARY}(")),
        ("key_pattern", CANARY.repeat(1_000)),
    ] {
        failures.add(harness.validate(kind, &with(&configs[0], [(name, text(&wrong))])).await);
    }
    failures.check();
}

#[tokio::test]
async fn of_references() {
    let harness = Harness::new().await;
    let mut failures = Failures::default();
    let url = |n: u8| format!("vault://team/secret/{CANARY}-{n}#{CANARY}");
    let location = fields([("project", text("demo")), ("env", text("dev")), ("key", text("A"))]);
    let config = |reference: &str| with(&location, [("reference", text(reference))]);
    let kind = "kontraktor_secret_reference";
    let theirs = || harness.daemon.refer("demo/dev/A", &url(3));
    let gone = || harness.daemon.delete("demo/dev/A");
    fail_after(&harness, &mut failures, kind, [&config(&url(1)), &config(&url(2))], theirs, gone).await;

    for wrong in
        [format!("{CANARY}://x"), format!("vault://team/{CANARY}"), format!("vault://{CANARY}!/a/b#c")]
    {
        failures.add(harness.validate(kind, &config(&wrong)).await);
        failures
            .add(harness.data("kontraktor_secret", &fields([("reference", text(&wrong))])).await.diagnostics);
    }
    let problem = Problem::new(ProblemCode::SecretNotFound, "Vault \"team\" has no such secret.");
    harness.daemon.keep_secret(&url(1), Stored { problem: Some(problem), ..Stored::default() });
    harness.daemon.refer("demo/dev/A", &url(1));
    for by in [location.clone(), fields([("reference", text(&url(1)))]), fields([("id", text("demo/dev/A"))])]
    {
        failures.add(harness.open("kontraktor_secret", &by).await.diagnostics);
        if by.contains_key("id") {
            continue;
        }
        failures.add(harness.data("kontraktor_secret", &by).await.diagnostics);
    }
    let environment = fields([("project", text("demo")), ("env", text("dev"))]);
    failures.add(harness.open("kontraktor_environment", &environment).await.diagnostics);
    let verified = with(&config(&url(1)), [("verify", true.into())]);
    failures.add(render(&harness.planned(kind, None, Some(&verified)).await.diagnostics));
    failures.check();
}
