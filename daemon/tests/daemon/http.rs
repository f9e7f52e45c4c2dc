//! HTTP/1.1 and HTTP/2 beside gRPC, as curl(1) speaks them.

use std::process::Command;

use kontraktor_proto::v1::GetStatusRequest;
use testkit::{Daemon, Run};

use super::common::Home;

/// Runs curl over the daemon's socket, and returns what it prints: the status, the content type, and the body.
#[track_caller]
fn curl(daemon: &Daemon, arguments: &[&str], path: &str) -> String {
    let mut command = Command::new("curl");
    command.args([
        "--silent",
        "--show-error",
        "--write-out",
        "%{http_version} %{response_code} %{content_type}\n",
    ]);
    command.arg("--unix-socket").arg(daemon.socket()).args(arguments).arg(format!("http://localhost{path}"));
    Run::of(&mut command).ok().stdout
}

#[test]
fn the_probes_answer_over_both_versions_of_http() {
    let home = Home::new();
    let daemon = home.start();
    for (version, arguments) in [("1.1", &[][..]), ("2", &["--http2-prior-knowledge"])] {
        assert_eq!(
            curl(&daemon, arguments, "/healthz"),
            format!("ok\n{version} 200 text/plain; charset=utf-8\n")
        );
        assert_eq!(
            curl(&daemon, arguments, "/readyz"),
            format!("ready\n{version} 200 text/plain; charset=utf-8\n")
        );
        assert_eq!(
            curl(&daemon, arguments, "/nothing"),
            format!(
                r#"{{"type":"urn:kontraktor:problem:not_found","title":"Not found","status":404,"detail":"unknown path","code":"not_found","remedy":"see /openapi.json for the paths of the API, or use a gRPC client for kontraktor.v1"}}{version} 404 application/problem+json
"#
            )
        );
    }
    daemon.terminate().ok();
}

#[tokio::test]
async fn a_connection_of_http_1_is_kept_and_does_not_hold_the_stop() {
    let home = Home::new();
    let daemon = home.start();
    // Two requests on one connection.
    let count = curl(
        &daemon,
        &["--output", "/dev/null", "--write-out", "%{num_connects}\n", "http://localhost/healthz"],
        "/healthz",
    );
    assert!(count.contains("\n0"), "{count}");
    let idle = tokio::net::UnixStream::connect(daemon.socket()).await.unwrap();
    daemon.system().get_status(GetStatusRequest {}).await.unwrap();
    daemon.terminate().ok();
    drop(idle);
}
