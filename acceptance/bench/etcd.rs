//! etcd as a rival: its server from the system's package, and the few messages of its API that a write and a read take.

use std::{
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use http::uri::PathAndQuery;
use tonic::{Status, transport::Channel};
use tonic_prost::ProstCodec;

/// An etcd of one member, with its data in a directory of the benchmark. It ends with this value.
pub(crate) struct Etcd {
    process: Child,
    url: String,
}

impl Etcd {
    /// Starts it. None: it is not installed.
    pub(crate) async fn start(folder: &Path) -> Option<Self> {
        let [client, peer] = [free_port(), free_port()].map(|port| format!("http://127.0.0.1:{port}"));
        let process = Command::new("etcd")
            .arg("--data-dir")
            .arg(folder.join("etcd"))
            .args(["--name", "bench", "--log-level", "error"])
            .args(["--listen-client-urls", &client, "--advertise-client-urls", &client])
            .args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer])
            .args(["--initial-cluster", &format!("bench={peer}")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let etcd = Self { process, url: client };
        let deadline = Instant::now() + Duration::from_secs(30);
        while Instant::now() < deadline {
            if let Ok(mut client) = etcd.client().await
                && client.put("ready", "1").await.is_ok()
            {
                return Some(etcd);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        None
    }

    /// Connects. Each client has a connection of its own.
    pub(crate) async fn client(&self) -> Result<EtcdClient, tonic::transport::Error> {
        Channel::from_shared(self.url.clone()).expect("a URL").connect().await.map(EtcdClient)
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

/// A connection to etcd.
#[derive(Clone)]
pub(crate) struct EtcdClient(Channel);

/// Field numbers are those of etcd's API; fields that the benchmark does not use are left out.
#[derive(Clone, PartialEq, prost::Message)]
struct PutRequest {
    #[prost(bytes = "vec", tag = "1")]
    key: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct PutResponse {}

#[derive(Clone, PartialEq, prost::Message)]
struct RangeRequest {
    #[prost(bytes = "vec", tag = "1")]
    key: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct RangeResponse {
    #[prost(message, repeated, tag = "2")]
    found: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct KeyValue {
    #[prost(bytes = "vec", tag = "5")]
    value: Vec<u8>,
}

impl EtcdClient {
    /// Writes a key; the answer comes when it is on disk.
    pub(crate) async fn put(&mut self, key: &str, value: &str) -> Result<(), Status> {
        let request = PutRequest { key: key.into(), value: value.into() };
        self.call("/etcdserverpb.KV/Put", request).await.map(|PutResponse {}| ())
    }

    /// Reads a key.
    pub(crate) async fn get(&mut self, key: &str) -> Result<Vec<u8>, Status> {
        let answer: RangeResponse =
            self.call("/etcdserverpb.KV/Range", RangeRequest { key: key.into() }).await?;
        answer
            .found
            .into_iter()
            .next()
            .map(|found| found.value)
            .ok_or_else(|| Status::not_found("no such key"))
    }

    async fn call<Q, A>(&mut self, path: &'static str, request: Q) -> Result<A, Status>
    where
        Q: prost::Message + Send + Sync + 'static,
        A: prost::Message + Default + Send + Sync + 'static,
    {
        let mut grpc = tonic::client::Grpc::new(self.0.clone());
        grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
        let path = PathAndQuery::from_static(path);
        let answer = grpc.unary(tonic::Request::new(request), path, ProstCodec::<Q, A>::default()).await?;
        Ok(answer.into_inner())
    }
}
