//! What a provider refuses to start with, and how it says so.

use crate::support::{COOKIE, DEADLINE, Identity, example, files, output};

/// What it says when it refuses to start: one line on stderr, nothing on stdout, exit code 1, no socket.
async fn refusal(variables: &[(&str, &str)]) -> String {
    let dir = tempfile::tempdir().unwrap();
    let mut command = example("minimal");
    command.env("PLUGIN_UNIX_SOCKET_DIR", dir.path()).envs(variables.iter().copied());
    let output = output(command).await;
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(output.stdout.is_empty());
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(files(dir.path()).is_empty());
    stderr
}

#[tokio::test]
async fn started_by_hand_it_says_what_it_is() {
    let says = "this program is the Terraform provider registry.terraform.io/example/minimal, which terraform and tofu start \
                themselves; to debug it, start it with --debug\n";
    assert_eq!(refusal(&[]).await, says);
    assert_eq!(refusal(&[(COOKIE.0, "")]).await, says);
    assert_eq!(refusal(&[(COOKIE.0, "wrong"), ("PLUGIN_PROTOCOL_VERSIONS", "6")]).await, says);
}

#[tokio::test]
async fn it_speaks_only_version_6() {
    for versions in ["5", "4,5", "7", "66", "six", "5,\u{1b}[2J\n"] {
        let says = refusal(&[COOKIE, ("PLUGIN_PROTOCOL_VERSIONS", versions)]).await;
        let versions = versions.escape_debug();
        assert!(
            says.starts_with(&format!("unsupported PLUGIN_PROTOCOL_VERSIONS \"{versions}\": ")),
            "{says}"
        );
    }
}

#[tokio::test]
async fn a_malformed_certificate_is_refused_and_not_treated_as_absent() {
    let pem = Identity::new().pem;
    let two = pem.repeat(2);
    let cut = pem.replace("-----END CERTIFICATE-----", "");
    let empty = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
    let damaged = pem.replacen("\nMI", "\n!!", 1);
    for broken in ["", "certificate", empty, &two, &cut, &key, &damaged] {
        let says =
            refusal(&[COOKIE, ("PLUGIN_PROTOCOL_VERSIONS", "6"), ("PLUGIN_CLIENT_CERT", broken)]).await;
        assert!(says.starts_with("invalid PLUGIN_CLIENT_CERT: "), "{says}");
    }
}

#[tokio::test]
async fn a_socket_that_cannot_be_made_is_named() {
    let variables = [COOKIE, ("PLUGIN_PROTOCOL_VERSIONS", "6")];
    let says = refusal(&[variables[0], variables[1], ("PLUGIN_UNIX_SOCKET_DIR", "/nowhere/at/all")]).await;
    assert!(says.starts_with("cannot listen on /nowhere/at/all/plugin"), "{says}");
    let long = format!("/{}", "long/".repeat(40));
    let says = refusal(&[variables[0], variables[1], ("PLUGIN_UNIX_SOCKET_DIR", &long)]).await;
    assert!(says.contains("with a short path"), "{says}");
    let says = refusal(&[variables[0], variables[1], ("PLUGIN_UNIX_SOCKET_GROUP", "no-such-group")]).await;
    assert!(says.contains("PLUGIN_UNIX_SOCKET_GROUP \"no-such-group\": the group does not exist"), "{says}");
}

#[tokio::test]
async fn a_handshake_that_cannot_be_printed_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let mut command = example("minimal");
    command.envs([COOKIE, ("PLUGIN_PROTOCOL_VERSIONS", "6")]).env("PLUGIN_UNIX_SOCKET_DIR", dir.path());
    let child = command.stdout(full).spawn().unwrap();
    let output = tokio::time::timeout(DEADLINE, child.wait_with_output()).await.unwrap().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr.starts_with("cannot write the handshake to stdout: "), "{stderr}");
    assert!(files(dir.path()).is_empty());
}
