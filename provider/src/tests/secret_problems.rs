//! The diagnostics for every problem with a secret, and that no byte of a secret is in a diagnostic or log line.

use std::{
    io,
    sync::{Arc, Mutex},
};

use kontraktor_model::limits::MAX_SECRET_MESSAGE_BYTES;
use kontraktor_proto::v1::{Problem, ProblemCode};
use tfplugin_proto::value::Value;
use tracing_subscriber::filter::LevelFilter;

use super::{Harness, fake::secrets::Stored, fields, render, text};
use crate::framework::Fields;

const URL: &str = "vault://team/secret/app/db#password";

/// All problems that are about secrets.
fn codes() -> impl Iterator<Item = ProblemCode> {
    (18..=32).map(|code| ProblemCode::try_from(code).expect("it is a code"))
}

fn by_key() -> Fields {
    fields([("project", text("demo")), ("env", text("dev")), ("key", text("DB_PASSWORD"))])
}

fn refuse(harness: &Harness, problem: Problem) {
    harness.daemon.keep_secret(URL, Stored { problem: Some(problem), ..Stored::default() });
}

async fn harness() -> Harness {
    let harness = Harness::new().await;
    harness.daemon.refer("demo/dev/DB_PASSWORD", URL);
    harness
}

#[tokio::test]
async fn each_problem_has_a_summary_a_remedy_and_the_attribute() {
    let harness = harness().await;
    let mut messages = Vec::new();
    for code in codes() {
        let wait = if code == ProblemCode::VaultUnavailable { 30_000 } else { 0 };
        let problem = Problem::new(code, "what the daemon says of it").with_field("reference");
        refuse(&harness, Problem { retry_after_ms: wait, ..problem });
        let data = harness.data("kontraktor_secret", &by_key()).await;
        messages.push(data.message().to_owned());
        // The daemon knows better.
        let problem = Problem::new(code, "what the daemon says of it").with_remedy("do as the daemon says");
        refuse(&harness, problem);
        for message in [
            harness.data("kontraktor_secret", &by_key()).await.message(),
            harness.open("kontraktor_secret", &by_key()).await.message(),
            harness
                .open("kontraktor_environment", &fields([("project", text("demo")), ("env", text("dev"))]))
                .await
                .message(),
        ] {
            assert!(message.contains("Do as the daemon says."), "{message}");
            assert!(!message.contains(URL), "{message}");
        }
    }
    insta::assert_snapshot!(messages.join("\n\n"), @"
    Error at key: Invalid secret reference
    Failed to read secret demo/dev/DB_PASSWORD. What the daemon says of it.

    Correct the reference. The function reference_parse shows the parts of a reference.

    Error at key: Key holds a plain variable
    Failed to read secret demo/dev/DB_PASSWORD. What the daemon says of it.

    Read it with data.kontraktor_variable, or name the key of a secret reference.

    Error at key: Unknown vault
    Failed to read secret demo/dev/DB_PASSWORD. What the daemon says of it.

    Check the vault's name and kind in the reference, or ask the daemon's operator to configure the vault in kontraktord.toml.

    Error at key: Vault unavailable
    Failed to read secret demo/dev/DB_PASSWORD. What the daemon says of it.

    The vault asks clients to wait 30s before they try again.

    Try again when the vault responds. Run `kontraktord vault check NAME` to find the cause.

    Error at key: Vault sign-in failed
    Failed to read secret demo/dev/DB_PASSWORD. What the daemon says of it.

    Ask the daemon's operator to run `kontraktord vault check NAME`, which explains the failure.

    Error at key: Access to secret denied
    Failed to read secret demo/dev/DB_PASSWORD. What the daemon says of it.

    Grant the daemon's identity in the vault permission to read this secret.

    Error at key: Unusable response from vault
    Failed to read secret demo/dev/DB_PASSWORD. What the daemon says of it.

    Ask the daemon's operator to run `kontraktord vault check NAME`: another service may be answering in place of the vault.

    Error at key: Secret not found
    Failed to read secret demo/dev/DB_PASSWORD. What the daemon says of it.

    Create the secret in the vault, or correct the reference.

    Error at key: Secret version not found
    Failed to read secret demo/dev/DB_PASSWORD. What the daemon says of it.

    Choose another version, or leave the version out to read the newest.

    Error at key: Secret is disabled
    Failed to read secret demo/dev/DB_PASSWORD. What the daemon says of it.

    Enable or recover the secret in the vault.

    Error at key: Secret field not found
    Failed to read secret demo/dev/DB_PASSWORD. What the daemon says of it.

    Correct the field name after the # in the reference, or add the field in the vault.

    Error at key: Secret has no fields
    Failed to read secret demo/dev/DB_PASSWORD. What the daemon says of it.

    Remove the # and the field name from the reference, or store a JSON object in the vault.

    Error at key: Secret is too large
    Failed to read secret demo/dev/DB_PASSWORD. What the daemon says of it.

    Keep the secret within 16 MiB (16,777,216 bytes).

    Error at key: Lease has ended
    Failed to read secret demo/dev/DB_PASSWORD. What the daemon says of it.

    Run Terraform again to read the secret anew. If the run takes longer than the vault's longest lease, ask the vault's operator to raise that limit.

    Error at key: No secret version recorded for that time
    Failed to read secret demo/dev/DB_PASSWORD. What the daemon says of it.

    Choose a later time, or leave at out. Versions are recorded from the first time the secret is read through the daemon.
    ");
}

#[tokio::test]
async fn a_check_that_fails_reports_each_problem_at_the_reference() {
    let harness = Harness::new().await;
    let mut config = by_key();
    config.extend(fields([("reference", text(URL)), ("verify", true.into())]));
    for code in codes() {
        refuse(&harness, Problem::new(code, "what the daemon says of it").with_field("key"));
        let answer = harness.planned("kontraktor_secret_reference", None, Some(&config)).await;
        let warned = render(&answer.diagnostics);
        assert_eq!(warned.len(), 1, "{warned:?}");
        let beginning = "Failed to verify secret reference demo/dev/DB_PASSWORD. ";
        assert!(warned[0].starts_with("Warning at reference: "), "{code:?}: {}", warned[0]);
        assert!(
            warned[0].lines().nth(1).is_some_and(|line| line.starts_with(beginning)),
            "{code:?}: {}",
            warned[0]
        );
    }
}

/// Lines that are logged, as one text.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Text that is in no message and no log line, in whatever form bytes are printed.
fn forms(secret: &str) -> [String; 3] {
    use base64::Engine as _;
    let bytes = format!("{:?}", secret.as_bytes());
    [
        secret.to_owned(),
        base64::engine::general_purpose::STANDARD.encode(secret),
        bytes.trim_matches(['[', ']']).to_owned(),
    ]
}

#[tokio::test]
async fn no_byte_of_a_secret_is_reported_or_logged() {
    const CANARY: &str = "canary-5f1d0c7e-must-not-appear";
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);

    let harness = harness().await;
    let mut heard: Vec<String> = Vec::new();
    let large = CANARY.repeat(MAX_SECRET_MESSAGE_BYTES / CANARY.len() + 1);
    let decomposed = format!("{CANARY}u\u{308}");
    for value in [CANARY, &large, &decomposed] {
        for (stale, dynamic) in [(false, true), (true, false)] {
            let stored = Stored { value: value.as_bytes().to_vec(), stale, dynamic, ..Stored::default() };
            harness.daemon.keep_secret(URL, stored);
            let environment = fields([("project", text("demo")), ("env", text("dev"))]);
            for (kind, config) in [("kontraktor_secret", by_key()), ("kontraktor_environment", environment)] {
                let mut open = harness.open(kind, &config).await;
                let shown = open.result.clone().expect("it is read");
                let read = [
                    &shown.get("value").cloned(),
                    &shown.get("secrets").and_then(|secrets| secrets.get("DB_PASSWORD")).cloned(),
                ];
                assert!(
                    read.into_iter()
                        .flatten()
                        .any(|value| value.as_str().is_some_and(|text| text.contains(CANARY)))
                );
                heard.append(&mut open.diagnostics);
                heard.push(String::from_utf8(open.private.clone().unwrap_or_default()).unwrap());
                harness.renew(kind, &mut open).await;
                heard.append(&mut open.diagnostics);
                harness.daemon.expire_holds();
                harness.renew(kind, &mut open).await;
                heard.append(&mut open.diagnostics);
                heard.extend(harness.close(kind, &open).await);
            }
            let mut config = by_key();
            config.extend(fields([("reference", text(URL)), ("verify", Value::Bool(true))]));
            let reference = harness.planned("kontraktor_secret_reference", None, Some(&config)).await;
            heard.extend(render(&reference.diagnostics));
            heard.push(format!("{:?}", reference.planned_state));
            heard.extend(harness.data("kontraktor_secret", &by_key()).await.diagnostics);
        }
    }
    // What an author took for a reference may be the secret itself.
    let mistaken = fields([("reference", text(CANARY))]);
    heard.extend(harness.validate_ephemeral("kontraktor_secret", &mistaken).await);
    heard.extend(harness.open("kontraktor_secret", &mistaken).await.diagnostics);
    heard.extend(harness.data("kontraktor_secret", &mistaken).await.diagnostics);
    drop(guard);

    let logged = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    assert!(logged.contains("h2::") || logged.contains("tonic"), "everything was logged");
    for form in forms(CANARY) {
        assert!(heard.iter().all(|message| !message.contains(&form)), "a message holds {form:?}");
        assert!(!logged.contains(&form), "the log holds {form:?}");
    }
}
