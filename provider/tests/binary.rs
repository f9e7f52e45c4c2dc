//! The binary as a process: what a person who starts it by hand sees. What a host sees is the acceptance tests' matter.

use std::process::{Command, Output, Stdio};

fn run(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_terraform-provider-kontraktor"))
        .args(arguments)
        .env_clear()
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .output()
        .expect("the binary starts")
}

#[test]
fn started_by_hand_it_says_what_it_is() {
    for arguments in [&[][..], &["--help"], &["apply"]] {
        let output = run(arguments, &[]);
        assert_eq!(output.status.code(), Some(1));
        assert!(output.stdout.is_empty(), "standard output belongs to the handshake");
        let told = String::from_utf8(output.stderr).expect("a text");
        assert!(told.contains("registry.terraform.io/kontraktor/kontraktor"), "{told}");
        assert_eq!(told.lines().count(), 1, "{told}");
    }
}

#[test]
fn it_knows_its_version() {
    let output = run(&["--version"], &[]);
    assert!(output.status.success());
    let expected = format!("terraform-provider-kontraktor {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(String::from_utf8(output.stdout).expect("a text"), expected);
}

#[test]
fn a_socket_with_too_long_a_path_is_named_with_its_length() {
    let folder = format!("/{}", "x".repeat(100));
    let output = run(&["--debug"], &[("TMPDIR", &folder)]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    let report = String::from_utf8(output.stderr).expect("a text");
    assert!(report.contains("is 124 bytes long; the system allows at most 107"), "{report}");
    assert!(report.contains("set PLUGIN_UNIX_SOCKET_DIR or TMPDIR"), "{report}");
}

#[test]
fn a_host_of_another_protocol_is_refused() {
    let cookie = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2";
    let output = run(&[], &[("TF_PLUGIN_MAGIC_COOKIE", cookie), ("PLUGIN_PROTOCOL_VERSIONS", "4,5")]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    assert_eq!(String::from_utf8(output.stderr).expect("a text").lines().count(), 1);
}
