//! Log lines, and those who do not read them.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, Stdio},
};

use kontraktor_proto::v1::{GetStatusRequest, system_client::SystemClient};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tonic::transport::Endpoint;

use super::common::Home;

/// Ends the process whatever becomes of the test.
struct Unread(Child);

impl Drop for Unread {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn a_log_that_nobody_reads_stops_neither_answers_nor_the_end() {
    let home = Home::new();
    let mut command = home.builder().env("KONTRAKTOR_LOG", "trace").command();
    let mut daemon = Unread(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    let mut announced = String::new();
    BufReader::new(daemon.0.stdout.take().unwrap()).read_line(&mut announced).unwrap();
    assert!(announced.starts_with("listening on "), "{announced}");

    let host = format!("unix://{}", home.socket().display());
    let mut client = SystemClient::new(Endpoint::from_shared(host).unwrap().connect_lazy());
    // Each call is traced in more than a kilobyte, and a pipe takes 64.
    for _ in 0..1_000 {
        client.get_status(GetStatusRequest {}).await.unwrap();
    }
    kill(Pid::from_raw(daemon.0.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
    let status = daemon.0.wait().unwrap();
    assert_eq!(status.code(), Some(0), "{status:?}");
    let mut log = Vec::new();
    daemon.0.stderr.take().unwrap().read_to_end(&mut log).unwrap();
    assert!(log.len() >= 60 * 1024, "the pipe was full: {} bytes", log.len());
}
