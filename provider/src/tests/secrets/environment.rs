//! Ephemeral `kontraktor_environment`: everything in one answer, or nothing and why.

use kontraktor_model::{
    limits::{MAX_SECRET_BYTES, MAX_SECRET_MESSAGE_BYTES},
    value::ValueType,
};
use kontraktor_proto::v1::{self, Problem, ProblemCode};
use tfplugin_proto::value::Value;

use super::{
    super::{
        Harness,
        fake::secrets::{Stored, count, renewal},
        text,
    },
    ENVIRONMENT, LEASED, SECRET, URL, by_key, dev, harness, leased,
};

fn map<const N: usize>(entries: [(&str, &str); N]) -> Value {
    Value::object(entries.map(|(key, value)| (key, text(value))))
}

#[tokio::test]
async fn an_environment_opens_with_its_variables_and_secrets() {
    let harness = harness().await;
    harness.daemon.write("demo/dev/HOST", ValueType::String, "db");
    harness.daemon.write("demo/dev/PORT", ValueType::Number, "5432.0");
    harness.daemon.keep_value("azure-kv://cloud/keystore", [0xff, 0x00, 0xfe], "");
    harness.daemon.refer("demo/dev/KEYSTORE", "azure-kv://cloud/keystore");
    let result = harness.open(ENVIRONMENT, &dev([])).await.success();
    assert_eq!(result["variables"], map([("HOST", "db"), ("PORT", "5432")]));
    let secrets = [("DB_PASSWORD", text("s3cret")), ("KEYSTORE", Value::Null)];
    assert_eq!(result["secrets"], Value::object(secrets.clone()));
    assert_eq!(result["secrets_base64"], map([("KEYSTORE", "/wD+")]));
    let all = [("HOST", text("db")), ("PORT", text("5432"))].into_iter().chain(secrets);
    assert_eq!(result["all"], Value::object(all));
    assert_eq!(result["versions"], Value::object([("DB_PASSWORD", text("7")), ("KEYSTORE", Value::Null)]));
    assert_eq!(result["revision"], 4_u64.into());

    let result = harness.open(ENVIRONMENT, &dev([("prefix", text("DB_"))])).await.success();
    assert_eq!((&result["all"], &result["prefix"]), (&map([("DB_PASSWORD", "s3cret")]), &text("DB_")));
    assert_eq!(harness.daemon.secrets.request(), 2, "one request each");
}

#[tokio::test]
async fn imported_secrets_are_part_of_an_environment_unless_they_are_left_out() {
    let harness = Harness::new().await;
    harness.daemon.keep_value(URL, "s3cret", "7");
    harness.daemon.refer("shared/base/DB_PASSWORD", URL);
    harness.daemon.write("demo/dev/HOST", ValueType::String, "db");
    let name = v1::EnvironmentName { project: "shared".to_owned(), env: "base".to_owned() };
    let imports = v1::ImportList { environments: vec![name] };
    harness.daemon.change_environment(
        "demo/dev",
        v1::UpdateEnvironmentRequest { imports: Some(imports), ..Default::default() },
    );
    let result = harness.open(ENVIRONMENT, &dev([])).await.success();
    assert_eq!(result["all"], map([("DB_PASSWORD", "s3cret"), ("HOST", "db")]));
    let result = harness.open(ENVIRONMENT, &dev([("own_only", true.into())])).await.success();
    assert_eq!(result["all"], map([("HOST", "db")]));
    assert_eq!(harness.open(SECRET, &by_key("DB_PASSWORD")).await.success()["value"], text("s3cret"));
}

#[tokio::test]
async fn leases_of_an_environment_are_renewed_and_given_back_together() {
    let harness = harness().await;
    let large = "k".repeat(MAX_SECRET_MESSAGE_BYTES + 1);
    harness.daemon.keep_secret(LEASED, leased("pw"));
    harness.daemon.refer("demo/dev/LEASED", LEASED);
    let other = "vault://team/database/creds/large#key";
    harness.daemon.keep_secret(other, leased(&large));
    harness.daemon.refer("demo/dev/LARGE", other);
    let mut open = harness.open(ENVIRONMENT, &dev([])).await;
    assert!(
        open.result.as_ref().unwrap()["all"].get("LARGE") == Some(&text(&large)),
        "{:?}",
        open.diagnostics
    );
    assert_eq!((open.renew_at, harness.daemon.holds().len()), (Some(renewal(0)), 2));
    harness.renew(ENVIRONMENT, &mut open).await;
    assert_eq!((open.renew_at, open.diagnostics.len()), (Some(renewal(1)), 0));
    assert_eq!(count(&harness.daemon.secrets.renewals), 2);
    assert_eq!(harness.close(ENVIRONMENT, &open).await, [""; 0]);
    assert_eq!(harness.daemon.holds().len(), 0);
}

#[tokio::test]
async fn one_secret_that_cannot_be_read_fails_the_environment_and_nothing_is_held() {
    let harness = harness().await;
    harness.daemon.keep_secret(LEASED, leased("hunter2"));
    harness.daemon.refer("demo/dev/LEASED", LEASED);
    harness.daemon.refer("demo/dev/GONE", "vault://team/secret/gone#password");
    let denied = Problem::new(ProblemCode::VaultDenied, "vault \"team\" does not let the daemon read this");
    let url = "vault://team/secret/denied#password";
    harness.daemon.keep_secret(url, Stored { problem: Some(denied), ..Stored::default() });
    harness.daemon.refer("demo/dev/DENIED", url);
    let open = harness.open(ENVIRONMENT, &dev([])).await;
    assert_eq!(open.result, None);
    insta::assert_snapshot!(open.diagnostics.join("\n\n"), @r#"
    Error at env: Access to secret denied
    Failed to read secret demo/dev/DENIED. Vault "team" does not let the daemon read this.

    Grant the daemon's identity in the vault permission to read this secret.

    Error at env: Secret not found
    Failed to read secret demo/dev/GONE. Vault "team" has no such secret.

    Create the secret in the vault, or correct the reference.
    "#);
    assert!(!format!("{open:?}").contains("hunter2"));
    assert_eq!(harness.daemon.holds().len(), 0, "nobody would close it");
}

#[tokio::test]
async fn an_environment_holds_no_more_than_a_stream() {
    let harness = Harness::with([("timeout", text("60s"))]).await;
    for key in ["A", "B"] {
        let url = format!("azure-kv://cloud/{key}");
        harness.daemon.keep_value(&url, "k".repeat(MAX_SECRET_BYTES / 2 + 1), "1");
        harness.daemon.refer(&format!("demo/dev/{key}"), &url);
    }
    let open = harness.open(ENVIRONMENT, &dev([])).await;
    insta::assert_snapshot!(open.message(), @"
    Error at env: Secret is too large
    Failed to read secret demo/dev/B. Together with this one, the secrets of demo/dev exceed 16777216 bytes (16 MiB).

    Narrow the environment with prefix, and read large secrets with ephemeral kontraktor_secret.
    ");
}

#[tokio::test]
async fn an_environment_of_the_past_has_the_versions_of_that_time() {
    let harness = harness().await;
    harness.open(SECRET, &by_key("DB_PASSWORD")).await.success();
    harness.daemon.keep("demo/dev");
    harness.daemon.keep_value(URL, "rotated", "8");
    assert_eq!(
        harness.open(ENVIRONMENT, &dev([])).await.success()["secrets"],
        map([("DB_PASSWORD", "rotated")])
    );
    let pinned = "vault://team/secret/app/db?version=7#password";
    for value in ["s3cret".to_owned(), "k".repeat(MAX_SECRET_MESSAGE_BYTES + 1)] {
        harness.daemon.keep_value(pinned, &value, "7");
        let past = harness.open(ENVIRONMENT, &dev([("at", text("1"))])).await.success();
        assert!(past["secrets"].get("DB_PASSWORD") == Some(&text(&value)));
        assert_eq!(past["versions"], map([("DB_PASSWORD", "7")]));
    }
    let open = harness.open(ENVIRONMENT, &dev([("at", text("9"))])).await;
    assert!(open.message().starts_with("Error at at: Failed to read environment demo/dev"), "{open:?}");
}

#[tokio::test]
async fn an_environment_that_is_not_there_says_how_to_wait_for_it() {
    let harness = Harness::new().await;
    let open = harness.open(ENVIRONMENT, &dev([])).await;
    insta::assert_snapshot!(open.message(), @r#"
    Error at env: Failed to read environment demo/dev with its secrets
    There is no such environment.

    If this configuration creates the environment: Terraform opens an ephemeral resource as soon as its arguments are known, even during a plan, and depends_on does not delay that. Derive an argument from the id of a kontraktor_secret_reference, which is unknown until the reference is created, so that Terraform waits:

      env = split("/", kontraktor_secret_reference.NAME.id)[1]
    "#);
    assert_eq!(open.result, None);
    harness.configure([("host", Value::Unknown)]).await;
    let open = harness.open(ENVIRONMENT, &dev([])).await;
    assert!(
        open.message().contains("the provider block sets host to a value that is known only after"),
        "{open:?}"
    );
    let open = harness.open(SECRET, &by_key("A")).await;
    assert!(
        open.message().contains("the provider block sets host to a value that is known only after"),
        "{open:?}"
    );
}
