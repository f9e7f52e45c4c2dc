//! What the tests of the daemon share: a scratch directory, and requests.

use std::{path::PathBuf, process::Command};

use http_body_util::Full;
use kontraktor_proto::v1::{
    Delete, EnvironmentName, Put, ValueType, WriteGroup, WriteItem, WriteVariablesRequest, put, write_item,
};
use tempfile::TempDir;
use testkit::{Daemon, DaemonBuilder, Run};
use tonic::{
    body::Body,
    codegen::{Bytes, http},
};

/// A directory for one daemon: its data and its socket.
pub(crate) struct Home {
    pub(crate) dir: TempDir,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.dir.path().join("run/k.sock")
    }

    pub(crate) fn builder(&self) -> DaemonBuilder {
        Daemon::builder(self.dir.path()).socket(self.socket())
    }

    #[track_caller]
    pub(crate) fn start(&self) -> Daemon {
        self.builder().start()
    }

    /// Runs a command that ends without being stopped.
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        self.tidy(&mut self.builder().args(arguments).command())
    }

    /// Runs a command to its end and replaces the directory's path in what it prints by `HOME`.
    pub(crate) fn tidy(&self, command: &mut Command) -> Run {
        let path = self.dir.path().display().to_string();
        let run = Run::of(command);
        Run { stdout: run.stdout.replace(&path, "HOME"), stderr: run.stderr.replace(&path, "HOME"), ..run }
    }
}

/// Returns the name as messages carry it.
#[expect(clippy::unnecessary_wraps, reason = "messages want an Option")]
pub(crate) fn environment(project: &str, env: &str) -> Option<EnvironmentName> {
    Some(EnvironmentName { project: project.to_owned(), env: env.to_owned() })
}

/// Writes a string into `demo/dev`, which is created if missing.
pub(crate) fn put(key: &str, value: &str) -> WriteItem {
    WriteItem {
        environment: environment("demo", "dev"),
        key: key.to_owned(),
        operation: Some(write_item::Operation::Put(Put {
            r#type: ValueType::String.into(),
            content: Some(put::Content::Value(value.to_owned())),
            description: String::new(),
            create_missing: true,
            deletion_protection: None,
        })),
        expect: None,
    }
}

pub(crate) fn delete(key: &str) -> WriteItem {
    WriteItem { operation: Some(write_item::Operation::Delete(Delete {})), ..put(key, "") }
}

/// A batch in which each item is a group of its own.
pub(crate) fn batch(items: impl IntoIterator<Item = WriteItem>) -> WriteVariablesRequest {
    WriteVariablesRequest {
        batch_id: uuid::Uuid::new_v4().to_string(),
        groups: items.into_iter().map(|item| WriteGroup { items: vec![item] }).collect(),
    }
}

/// A message as gRPC frames it: a flag for compression, the length, and the bytes.
pub(crate) fn framed(flag: u8, announced: u32, message: &[u8]) -> Vec<u8> {
    [&[flag][..], &announced.to_be_bytes(), message].concat()
}

/// A gRPC request with these bytes as its body, whatever they are.
pub(crate) fn post(path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> http::Request<Body> {
    let mut request = http::Request::post(format!("http://localhost{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::new(Full::new(Bytes::from(body)))).unwrap()
}
