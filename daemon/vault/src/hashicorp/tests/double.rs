//! A server on a loopback port that answers HTTP/1.1 as a test says, also in ways that no server should.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::{Notify, watch},
    task::JoinHandle,
};

/// A request that came.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) method: String,
    /// The path and the query, as they were sent.
    pub(super) target: String,
    headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Seen {
    /// What lies behind `/v1/`, without the query.
    pub(super) fn path(&self) -> &str {
        let path = self.target.split('?').next().unwrap();
        path.strip_prefix("/v1/").unwrap_or(path)
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn token(&self) -> Option<&str> {
        self.header("x-vault-token")
    }
}

/// What is answered.
#[derive(Debug, Clone)]
pub(super) enum Reply {
    /// A status, headers and a body, to which a length is added.
    Whole(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// The same, and the connection ends before the body does.
    CutOff(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// Without a length that is said before.
    Chunked(Vec<u8>),
    /// The connection ends without an answer.
    HangUp,
    /// Nothing, for ever.
    Silence,
    /// This, when it is released.
    Held(Arc<Notify>, Box<Reply>),
}

impl Reply {
    pub(super) fn json(status: u16, body: Value) -> Self {
        Self::Whole(status, vec![("content-type", "application/json".into())], body.to_string().into_bytes())
    }

    /// An error in Vault's form.
    pub(super) fn error(status: u16, text: &str) -> Self {
        Self::json(status, serde_json::json!({ "errors": [text] }))
    }

    pub(super) fn empty(status: u16) -> Self {
        Self::Whole(status, Vec::new(), Vec::new())
    }

    pub(super) fn nothing() -> Self {
        Self::json(404, serde_json::json!({ "errors": [] }))
    }

    pub(super) fn with(self, name: &'static str, value: &str) -> Self {
        match self {
            Self::Whole(status, mut headers, body) => {
                headers.retain(|(header, _)| *header != name);
                headers.push((name, value.to_owned()));
                Self::Whole(status, headers, body)
            }
            other => other,
        }
    }
}

/// The server. It ends when it is dropped.
pub(super) struct Double {
    address: String,
    seen: watch::Receiver<Vec<Seen>>,
    task: JoinHandle<()>,
}

type Answer = dyn Fn(&Seen) -> Reply + Send + Sync;

impl Double {
    pub(super) async fn start(answer: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (sender, seen) = watch::channel(Vec::new());
        let (sender, answer): (_, Arc<Answer>) = (Arc::new(sender), Arc::new(answer));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&sender), Arc::clone(&answer)));
            }
        });
        Self { address, seen, task }
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// All requests so far.
    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.borrow().clone()
    }

    /// Methods and paths of all requests so far.
    pub(super) fn paths(&self) -> Vec<String> {
        self.seen().iter().map(|seen| format!("{} {}", seen.method, seen.target)).collect()
    }

    pub(super) fn count(&self, path: &str) -> usize {
        self.seen().iter().filter(|seen| seen.path() == path).count()
    }

    /// Waits until there was this request so many times.
    pub(super) async fn saw(&self, path: &str, times: usize) {
        let mut seen = self.seen.clone();
        let enough = |all: &Vec<Seen>| all.iter().filter(|seen| seen.path() == path).count() >= times;
        seen.wait_for(enough).await.unwrap();
    }
}

impl Drop for Double {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, seen: Arc<watch::Sender<Vec<Seen>>>, answer: Arc<Answer>) {
    let mut buffer = Vec::new();
    while let Some(request) = request(&mut stream, &mut buffer).await {
        let reply = answer(&request);
        seen.send_modify(|all| all.push(request));
        let reply = match reply {
            Reply::Held(release, reply) => {
                release.notified().await;
                *reply
            }
            reply => reply,
        };
        let (status, headers, body, rest) = match reply {
            Reply::HangUp => return,
            Reply::Silence | Reply::Held(..) => std::future::pending().await,
            Reply::Whole(status, headers, body) => {
                let length = ("content-length", body.len().to_string());
                (status, headers, body, Some(length))
            }
            Reply::CutOff(status, headers, body) => {
                let length = ("content-length", (body.len() + 1).to_string());
                (status, headers, body, Some(length))
            }
            Reply::Chunked(body) => {
                let mut chunks = Vec::new();
                for chunk in body.chunks(60_000) {
                    chunks.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                    chunks.extend_from_slice(chunk);
                    chunks.extend_from_slice(b"\r\n");
                }
                chunks.extend_from_slice(b"0\r\n\r\n");
                let headers = vec![("content-type", "application/json".to_owned())];
                (200, headers, chunks, Some(("transfer-encoding", "chunked".to_owned())))
            }
        };
        let cut_off = rest
            .as_ref()
            .is_some_and(|(name, length)| *name == "content-length" && *length != body.len().to_string());
        let mut head = format!("HTTP/1.1 {status} Whatever\r\n");
        for (name, value) in headers.into_iter().chain(rest) {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        // A client that has seen enough may be gone.
        if stream.write_all(head.as_bytes()).await.is_err()
            || stream.write_all(&body).await.is_err()
            || cut_off
        {
            return;
        }
    }
}

/// The next request of a connection, or `None` at its end.
async fn request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Seen> {
    let end = loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        more(stream, buffer).await?;
    };
    let head = String::from_utf8(buffer[..end].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let mut first = lines.next().unwrap().split(' ');
    let (method, target) = (first.next().unwrap().to_owned(), first.next().unwrap().to_owned());
    let headers: Vec<(String, String)> = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.map_or(0, |(_, length)| length.parse().unwrap());
    while buffer.len() < end + 4 + length {
        more(stream, buffer).await?;
    }
    let body = String::from_utf8(buffer[end + 4..end + 4 + length].to_vec()).unwrap();
    buffer.drain(..end + 4 + length);
    Some(Seen { method, target, headers, body })
}

async fn more(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<()> {
    let read = stream.read_buf(buffer).await.ok()?;
    (read > 0).then_some(())
}

/// Something that changes while a double answers.
#[derive(Clone, Default)]
pub(super) struct Shared<T>(Arc<Mutex<T>>);

impl<T: Clone> Shared<T> {
    pub(super) fn new(value: T) -> Self {
        Self(Arc::new(Mutex::new(value)))
    }

    pub(super) fn get(&self) -> T {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set(&self, value: T) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = value;
    }
}
