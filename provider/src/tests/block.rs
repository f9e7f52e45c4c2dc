//! The provider block, the process's environment, and a daemon that is not there.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

use tfplugin_proto::value::Value;
use tfplugin_proto::wire;
use tfplugin_proto::wire::provider_server::Provider as _;
use tonic::Request;

use super::{Harness, fields, render, socket, text, types};
use crate::framework::{Fields, Server};
use crate::{Kontraktor, Settings};

const VARIABLE: &str = "kontraktor_variable";

fn held() -> Fields {
    fields([
        ("project", text("demo")),
        ("env", text("dev")),
        ("key", text("A")),
        ("revision", Value::from(1_u64)),
    ])
}

async fn configured<const N: usize>(settings: Settings, block: [(&str, Value); N]) -> Vec<String> {
    let ty = &types()["provider"];
    let mut config: Fields =
        ty.as_object().unwrap().attributes.keys().map(|name| (name.clone(), Value::Null)).collect();
    config.extend(fields(block));
    let request = wire::configure_provider::Request {
        config: Some(Value::Map(config).to_dynamic(ty).unwrap()),
        ..Default::default()
    };
    let server = Server::new(Kontraktor::new(settings));
    render(&server.configure_provider(Request::new(request)).await.unwrap().into_inner().diagnostics)
}

fn settings(host: &str, timeout: &str) -> Settings {
    let set = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Settings { host: set(host), timeout: set(timeout), ..Settings::default() }
}

#[tokio::test]
async fn environment_variables_that_are_no_text_are_not_taken_for_unset() {
    let garbled = |garbled: &'static str| {
        let found = OsString::from_vec(b"unix:///run/\xff.sock".to_vec());
        Settings::from_lookup(|name| (name == garbled).then(|| found.clone()))
    };
    insta::assert_snapshot!(configured(garbled("KONTRAKTOR_HOST"), []).await[0], @"
    Error: Invalid KONTRAKTOR_HOST
    The environment variable KONTRAKTOR_HOST is not valid UTF-8. Correct it, or unset it.
    ");
    for (name, attribute, value) in [
        ("KONTRAKTOR_HOST", "host", "unix:///run/k.sock"),
        ("KONTRAKTOR_TOKEN", "oauth_token", "t"),
        ("KONTRAKTOR_CA_CERTIFICATE", "ca_certificate", "/ca.pem"),
        ("KONTRAKTOR_TIMEOUT", "timeout", "2m"),
    ] {
        let diagnostics = configured(garbled(name), []).await;
        assert!(diagnostics[0].starts_with(&format!("Error: Invalid {name}\n")), "{diagnostics:?}");
        // What the block says is used, and nothing else is looked at.
        assert_eq!(configured(garbled(name), [(attribute, text(value))]).await, [""; 0]);
    }
}

#[tokio::test]
async fn the_uid_of_a_daemon_is_checked() {
    let with = |uid: &str| Settings { daemon_uid: Some(uid.to_owned()), ..settings("", "") };
    assert!(configured(with("990"), []).await.is_empty());
    insta::assert_snapshot!(configured(with("root"), []).await[0], @"
    Error: Invalid KONTRAKTOR_DAEMON_UID
    Invalid KONTRAKTOR_DAEMON_UID: expected the uid of the user who runs the daemon, such as 990.
    ");
}

#[tokio::test]
async fn empty_texts_in_the_block_say_nothing() {
    let diagnostics = configured(settings("ftp://x", ""), [("host", text(""))]).await;
    assert!(diagnostics[0].starts_with("Error: Invalid KONTRAKTOR_HOST\n"), "{diagnostics:?}");

    let harness = Harness::with([("oauth_token", text(""))]).await;
    assert!(harness.read(VARIABLE, &held()).await.success().is_none());
    assert_eq!(harness.daemon.authorization(), None);
    harness.configure([("oauth_token", text("t"))]).await;
    assert!(harness.read(VARIABLE, &held()).await.success().is_none());
    assert_eq!(harness.daemon.authorization().as_deref(), Some("Bearer t"));
}

#[tokio::test]
async fn the_block_and_the_environment_are_checked() {
    let none = || settings("", "");
    assert!(configured(none(), []).await.is_empty());
    assert!(configured(none(), [("host", text("unix:///run/k.sock"))]).await.is_empty());
    // The block has precedence.
    let bad = settings("ftp://x", "soon");
    assert!(configured(bad, [("host", text("unix:///k")), ("timeout", text("2m"))]).await.is_empty());

    insta::assert_snapshot!(configured(none(), [("host", text("http://k.example.com"))]).await[0], @"
    Error at host: Invalid host
    plain http:// would send tokens and values unencrypted, and is allowed only to localhost, 127.0.0.1 and [::1]. Use https://.
    ");
    insta::assert_snapshot!(configured(none(), [("timeout", text("soon"))]).await[0], @r#"
    Error at timeout: Invalid timeout
    timeout is not a duration. Set a duration such as "60s", "500ms" or "2m", at most 1h.
    "#);
    insta::assert_snapshot!(configured(settings("ftp://x", ""), []).await[0], @r#"
    Error: Invalid KONTRAKTOR_HOST
    unsupported host scheme ftp://; expected unix:///path/to/kontraktord.sock or https://NAME[:PORT]. Omit host to use the local daemon's socket.
    "#);
    insta::assert_snapshot!(configured(settings("", "2h"), []).await[0], @r#"
    Error: Invalid KONTRAKTOR_TIMEOUT
    timeout is longer than 1h. Set a duration such as "60s", "500ms" or "2m", at most 1h.
    "#);
    for timeout in ["0s", "61m", "", "-1s", "1"] {
        let diagnostics = configured(none(), [("timeout", text(timeout))]).await;
        assert!(
            diagnostics[0].starts_with("Error at timeout: Invalid timeout\n"),
            "{timeout}: {diagnostics:?}"
        );
    }
}

fn with_environment<const N: usize>(variables: [(&'static str, &str); N]) -> Settings {
    let connection = variables.into_iter().map(|(name, value)| (name, value.into())).collect();
    Settings { connection, ..Settings::default() }
}

#[tokio::test]
async fn settings_of_the_network_are_checked_when_the_provider_is_configured() {
    let https = ("host", text("https://k.example.com"));
    let refused = [
        configured(with_environment([]), [https.clone(), ("ca_certificate", text("/none/ca.pem"))]).await,
        configured(with_environment([("KONTRAKTOR_CA_CERTIFICATE", "/none/ca.pem")]), [https]).await,
        configured(with_environment([]), [("oauth_token", text("hunter2")), ("client_id", text("hunter2"))])
            .await,
        configured(
            with_environment([("KONTRAKTOR_TOKEN", "hunter2"), ("KONTRAKTOR_CLIENT_ID", "hunter2")]),
            [],
        )
        .await,
        configured(with_environment([]), [("client_id", text("hunter2"))]).await,
        configured(
            with_environment([("KONTRAKTOR_CLIENT_SECRET", "hunter2")]),
            [("client_id", text("id")), ("token_url", text("http://hunter2"))],
        )
        .await,
    ]
    .concat()
    .join("\n\n");
    assert!(!refused.contains("hunter2"), "{refused}");
    insta::assert_snapshot!(refused, @"
    Error at ca_certificate: Invalid ca_certificate
    The file /none/ca.pem cannot be read: No such file or directory (os error 2).

    Error: Invalid KONTRAKTOR_CA_CERTIFICATE
    The file /none/ca.pem cannot be read: No such file or directory (os error 2).

    Error at oauth_token: Invalid oauth_token
    Both oauth_token and client_id are set, and only one source of tokens can be used. Unset one of them.

    Error: Invalid KONTRAKTOR_TOKEN
    Both KONTRAKTOR_TOKEN and KONTRAKTOR_CLIENT_ID are set, and only one source of tokens can be used. Unset one of them.

    Error at client_id: Invalid client_id
    The setting client_secret is missing; set client_id and client_secret together.

    Error at token_url: Invalid token_url
    Plain http:// would send the client secret unencrypted, and is allowed only to localhost, 127.0.0.1 and [::1]. Use https://.
    ");
}

#[tokio::test]
async fn a_source_of_tokens_in_the_block_replaces_the_one_in_the_environment() {
    let environment = with_environment([
        ("KONTRAKTOR_TOKEN", "t"),
        ("KONTRAKTOR_CLIENT_SECRET", "s"),
        // Not looked at on a socket.
        ("KONTRAKTOR_CA_CERTIFICATE", "/none/ca.pem"),
    ]);
    assert!(configured(environment.clone(), [("client_id", text("id"))]).await.is_empty());
    assert!(configured(environment.clone(), [("oauth_token", text("t"))]).await.is_empty());
    assert_eq!(configured(environment, []).await.len(), 1);
}

fn batch(window_ms: Value, max_items: Value) -> Value {
    Value::object([("window_ms", window_ms), ("max_items", max_items)])
}

#[tokio::test]
async fn the_bounds_of_batch_are_checked() {
    let number = |text: &str| Value::Number(text.parse().expect("a number"));
    for (window_ms, max_items) in [("0", "1"), ("100", "10000"), ("3", "200")] {
        let block = batch(number(window_ms), number(max_items));
        assert_eq!(configured(settings("", ""), [("batch", block)]).await, [""; 0]);
    }
    for unknown in [Value::Unknown, batch(Value::Unknown, Value::Unknown), batch(Value::Null, Value::Null)] {
        assert_eq!(configured(settings("", ""), [("batch", unknown)]).await, [""; 0]);
    }
    for (window_ms, max_items) in [("101", "0"), ("-1", "10001"), ("0.5", "1.5")] {
        let block = batch(number(window_ms), number(max_items));
        assert_eq!(
            configured(settings("", ""), [("batch", block)]).await,
            [
                "Error at batch.window_ms: Invalid batch.window_ms\nwindow_ms must be a whole number between 0 and 100.",
                "Error at batch.max_items: Invalid batch.max_items\nmax_items must be a whole number between 1 and 10000.",
            ]
        );
    }
}

#[tokio::test]
async fn a_block_that_is_not_known_yet_fails_only_what_needs_it() {
    let harness = Harness::new().await;
    harness.configure([("host", Value::Unknown), ("oauth_token", Value::Unknown)]).await;
    let mut config = held();
    config.remove("revision");
    config.insert("value".to_owned(), text("a"));
    let (planned, _) = harness.plan(VARIABLE, None, Some(&config)).await;
    assert_eq!(planned["value"], text("a"));

    let read = harness.read(VARIABLE, &held()).await;
    insta::assert_snapshot!(read.message(), @"
    Warning: Provider configuration not known yet
    The provider block sets host and oauth_token to a value that is known only after other resources are applied. Until then the state is kept as it was last read, and nothing can be imported.
    ");
    assert!(read.state.is_some());
    assert!(harness.read(VARIABLE, &held()).await.success().is_some(), "it is said once");
    let config = fields([("project", text("demo")), ("env", text("dev"))]);
    let outcome = harness.data("kontraktor_environment", &config).await;
    assert!(
        outcome.message().contains("the provider block sets host and oauth_token to a value"),
        "{:?}",
        outcome.diagnostics
    );
    assert_eq!(harness.apply(VARIABLE, None, Some(&planned)).await.diagnostics.len(), 1);
}

#[tokio::test]
async fn whether_to_create_is_asked_only_when_something_is_created() {
    let harness = Harness::with([("create_missing", Value::Unknown)]).await;
    assert!(harness.read(VARIABLE, &held()).await.success().is_none());
    let config =
        fields([("project", text("demo")), ("env", text("dev")), ("key", text("A")), ("value", text("a"))]);
    let outcome = harness.put(VARIABLE, None, &config).await;
    assert!(
        outcome.message().contains("the provider block sets create_missing to a value"),
        "{:?}",
        outcome.diagnostics
    );
}

#[tokio::test]
async fn a_daemon_that_is_not_there_is_named_with_the_command_that_starts_it() {
    let harness = Harness::new().await;
    let nobody = socket(harness.dir()).with_file_name("nobody.sock");
    let host = format!("unix://{}", nobody.display());
    harness.configure([("host", text(&host))]).await;
    let outcome = harness.read(VARIABLE, &held()).await;
    insta::assert_snapshot!(outcome.message().replace(&nobody.display().to_string(), "/nobody.sock"), @"
    Error: Failed to read variable demo/dev/A
    Cannot reach kontraktord at unix:///nobody.sock: the socket does not exist.

    Start the daemon with `kontraktord --socket /nobody.sock`.
    ");
    assert!(outcome.state.is_some(), "nothing is lost");

    let mut changed = held();
    changed.insert("value".to_owned(), text("b"));
    let outcome = harness.put(VARIABLE, Some(&held()), &changed).await;
    assert!(outcome.message().contains("kontraktord"), "{:?}", outcome.diagnostics);
    assert!(outcome.state.is_some(), "nothing is lost");
    assert!(harness.delete(VARIABLE, &held()).await.state.is_some(), "nothing is lost");
    changed.remove("revision");
    assert_eq!(harness.put(VARIABLE, None, &changed).await.state, None, "nothing was sent");
}
