//! Every problem that a secret can have, as people read it, and that no byte of a secret is in what is told or logged.

use std::{
    io,
    sync::{Arc, Mutex},
};

use kontraktor_model::limits::MAX_SECRET_MESSAGE_BYTES;
use kontraktor_proto::v1::{Problem, ProblemCode};
use tfplugin_proto::value::Value;
use tracing_subscriber::filter::LevelFilter;

use super::{Harness, fake::secrets::Stored, fields, text, told};
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
            assert!(message.contains(URL) || code == ProblemCode::SecretTooLarge, "{message}");
        }
    }
    insta::assert_snapshot!(messages.join("\n\n"), @r"
    Error at key: Cannot read the secret demo/dev/DB_PASSWORD: the reference is not valid
    What the daemon says of it. The reference is vault://team/secret/app/db#password

    Correct it; the function reference_parse shows what a reference is made of.

    Error at key: Cannot read the secret demo/dev/DB_PASSWORD: the key holds a plain variable
    What the daemon says of it. The reference is vault://team/secret/app/db#password

    Read it with data.kontraktor_variable, or name the key of a secret reference.

    Error at key: Cannot read the secret demo/dev/DB_PASSWORD: the daemon has no such vault
    What the daemon says of it. The reference is vault://team/secret/app/db#password

    Check the vault's name and kind in the reference, or have the daemon's operator configure it in kontraktord.toml.

    Error at key: Cannot read the secret demo/dev/DB_PASSWORD: the vault does not answer
    What the daemon says of it. The reference is vault://team/secret/app/db#password

    The vault asks to be left alone for 30s.

    Try again when it does; `kontraktord vault check NAME` says what is wrong with it.

    Error at key: Cannot read the secret demo/dev/DB_PASSWORD: the daemon cannot sign in to the vault
    What the daemon says of it. The reference is vault://team/secret/app/db#password

    Have the daemon's operator run `kontraktord vault check NAME`, which explains.

    Error at key: Cannot read the secret demo/dev/DB_PASSWORD: the vault does not let the daemon read it
    What the daemon says of it. The reference is vault://team/secret/app/db#password

    Give the daemon's identity in the vault the right to read this secret.

    Error at key: Cannot read the secret demo/dev/DB_PASSWORD: the vault's answer cannot be used
    What the daemon says of it. The reference is vault://team/secret/app/db#password

    Have the daemon's operator run `kontraktord vault check NAME`: it may not be the vault that answers.

    Error at key: Cannot read the secret demo/dev/DB_PASSWORD: the vault has no such secret
    What the daemon says of it. The reference is vault://team/secret/app/db#password

    Create it in the vault, or correct the reference.

    Error at key: Cannot read the secret demo/dev/DB_PASSWORD: the vault no longer has this version
    What the daemon says of it. The reference is vault://team/secret/app/db#password

    Ask for another version, or leave the version out for the newest.

    Error at key: Cannot read the secret demo/dev/DB_PASSWORD: it is disabled in the vault
    What the daemon says of it. The reference is vault://team/secret/app/db#password

    Enable or recover it in the vault.

    Error at key: Cannot read the secret demo/dev/DB_PASSWORD: it has no such field
    What the daemon says of it. The reference is vault://team/secret/app/db#password

    Correct what stands behind the # of the reference, or add the field in the vault.

    Error at key: Cannot read the secret demo/dev/DB_PASSWORD: it has no fields
    What the daemon says of it. The reference is vault://team/secret/app/db#password

    Leave the # and what follows out of the reference, or store a JSON object in the vault.

    Error at key: Cannot read the secret demo/dev/DB_PASSWORD: it is too large
    What the daemon says of it. The reference is vault://team/secret/app/db#password

    Keep it at 16 MiB (16,777,216 bytes) at most: what is larger belongs elsewhere.

    Error at key: Cannot read the secret demo/dev/DB_PASSWORD: its lease is over
    What the daemon says of it. The reference is vault://team/secret/app/db#password

    Run it again, and the secret is read anew; where the run takes longer than the vault lets a lease live, have the vault's operator raise that limit.

    Error at key: Cannot read the secret demo/dev/DB_PASSWORD: no version of it is on record for that moment
    What the daemon says of it. The reference is vault://team/secret/app/db#password

    Name a later moment, or leave at out: a version is on record from when the secret is first read through the daemon.
    ");
}

#[tokio::test]
async fn a_check_that_fails_tells_each_problem_at_the_reference() {
    let harness = Harness::new().await;
    let mut config = by_key();
    config.extend(fields([("reference", text(URL)), ("verify", true.into())]));
    for code in codes() {
        refuse(&harness, Problem::new(code, "what the daemon says of it").with_field("key"));
        let answer = harness.planned("kontraktor_secret_reference", None, Some(&config)).await;
        let warned = told(&answer.diagnostics);
        assert_eq!(warned.len(), 1, "{warned:?}");
        let beginning = "Warning at reference: Cannot verify the secret reference demo/dev/DB_PASSWORD: ";
        assert!(warned[0].starts_with(beginning), "{code:?}: {}", warned[0]);
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
async fn no_byte_of_a_secret_is_told_or_logged() {
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
                heard.append(&mut open.told);
                heard.push(String::from_utf8(open.private.clone().unwrap_or_default()).unwrap());
                harness.renew(kind, &mut open).await;
                heard.append(&mut open.told);
                harness.daemon.expire_holds();
                harness.renew(kind, &mut open).await;
                heard.append(&mut open.told);
                heard.extend(harness.close(kind, &open).await);
            }
            let mut config = by_key();
            config.extend(fields([("reference", text(URL)), ("verify", Value::Bool(true))]));
            let reference = harness.planned("kontraktor_secret_reference", None, Some(&config)).await;
            heard.extend(told(&reference.diagnostics));
            heard.push(format!("{:?}", reference.planned_state));
            heard.extend(harness.data("kontraktor_secret", &by_key()).await.told);
        }
    }
    // What an author took for a reference may be the secret itself.
    let mistaken = fields([("reference", text(CANARY))]);
    heard.extend(harness.validate_ephemeral("kontraktor_secret", &mistaken).await);
    heard.extend(harness.open("kontraktor_secret", &mistaken).await.told);
    heard.extend(harness.data("kontraktor_secret", &mistaken).await.told);
    drop(guard);

    let logged = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    assert!(logged.contains("h2::") || logged.contains("tonic"), "everything was logged");
    for form in forms(CANARY) {
        assert!(heard.iter().all(|message| !message.contains(&form)), "a message holds {form:?}");
        assert!(!logged.contains(&form), "the log holds {form:?}");
    }
}
