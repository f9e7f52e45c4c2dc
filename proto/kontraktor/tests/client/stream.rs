//! Secrets that come in pieces, from a small daemon: they are whole or an error, and are asked for again only as long as
//! nothing of them has come.

use std::time::{Duration, Instant};

use kontraktor_model::limits::{MAX_SECRET_BYTES, MAX_SECRET_MESSAGE_BYTES};
use kontraktor_proto::{
    client::{Client, ClientError},
    v1::{self, ProblemCode},
};
use tonic::Code;

use super::common::{Act, Daemon, Piece, client};

const LONG: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(400);

/// A daemon that answers with these pieces; the directory keeps its socket.
struct World {
    _dir: tempfile::TempDir,
    daemon: Daemon,
    client: Client,
}

impl World {
    fn new(timeout: Duration, script: impl IntoIterator<Item = Act>, pieces: Vec<Piece>) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let socket = dir.path().join("k.sock");
        let daemon = Daemon::start(socket.clone(), script);
        daemon.log().pieces = pieces;
        Self { _dir: dir, daemon, client: client(&socket, timeout) }
    }

    async fn stream(&self) -> Result<Vec<u8>, ClientError> {
        let (head, value) = self.client.stream_secret(v1::StreamSecretRequest::default()).await?;
        assert_eq!(head.secret.expect("told").version, "7");
        assert_eq!(value.capacity(), value.len(), "made once, of the right size");
        Ok(value.to_vec())
    }

    async fn fail(timeout: Duration, pieces: Vec<Piece>) -> ClientError {
        let world = Self::new(timeout, [], pieces);
        let error = world.stream().await.expect_err("not whole");
        assert_eq!(world.daemon.calls(), 1, "what has begun is not asked for again");
        error
    }
}

fn head(size: usize) -> Piece {
    let secret = v1::SecretResult { version: "7".to_owned(), ..Default::default() };
    let size = u64::try_from(size).expect("small");
    let head = v1::StreamedSecret { secret: Some(secret), size, hold: None };
    Piece::Send(v1::StreamSecretResponse { head: Some(head), chunk: Vec::new() }.into())
}

fn chunk(bytes: &[u8]) -> Piece {
    Piece::Send(v1::StreamSecretResponse { head: None, chunk: bytes.to_vec() }.into())
}

fn whole(value: &[u8]) -> Vec<Piece> {
    [head(value.len())].into_iter().chain(value.chunks(MAX_SECRET_MESSAGE_BYTES).map(chunk)).collect()
}

#[tokio::test]
async fn the_largest_secret_comes_whole() {
    let value: Vec<_> = (0..MAX_SECRET_BYTES).map(|at| (at % 251).to_le_bytes()[0]).collect();
    let world = World::new(LONG, [], whole(&value));
    assert!(world.stream().await.expect("whole") == value);
    assert_eq!(world.daemon.calls(), 1);
}

#[tokio::test]
async fn small_ones_and_empty_ones_come_too() {
    for value in [&b""[..], b"x"] {
        assert_eq!(World::new(LONG, [], whole(value)).stream().await.expect("whole"), value);
    }
    // The first message may bring the first piece.
    let Piece::Send(mut both) = head(3) else { unreachable!("it is sent") };
    both.chunk = b"ab".to_vec();
    let world = World::new(LONG, [], vec![Piece::Send(both), chunk(b"c")]);
    assert_eq!(world.stream().await.expect("whole"), b"abc");
}

#[tokio::test]
async fn what_has_not_begun_is_asked_for_again() {
    let world =
        World::new(LONG, [Act::Refuse(ProblemCode::Busy), Act::Plain(Code::Unavailable)], whole(b"x"));
    assert_eq!(world.stream().await.expect("answered in the end"), b"x");
    assert_eq!(world.daemon.calls(), 3);
}

#[tokio::test]
async fn a_secret_that_is_cut_short_is_an_error() {
    let short = World::fail(LONG, vec![head(10), chunk(b"hunter2")]).await;
    let ClientError::BrokenOff { received: 7, size: 10, .. } = &short else { panic!("{short:?}") };
    assert!(
        short.to_string().ends_with("broke off its answer to StreamSecret after 7 of 10 bytes: it ended")
    );
    assert_eq!(short.remedy(), Some("try again, or look at the daemon's log"));
    assert!(!format!("{short:?}").contains("hunter2"));

    let cut = World::fail(LONG, vec![head(10), chunk(b"hunter2"), Piece::Die]).await;
    assert!(matches!(cut, ClientError::BrokenOff { operation: "StreamSecret", size: 10, .. }), "{cut:?}");

    // All has come, but the daemon says that something went wrong.
    let refused = World::fail(LONG, vec![head(1), chunk(b"x"), Piece::Refuse(ProblemCode::Storage)]).await;
    assert_eq!(refused.problem().expect("a problem").code(), ProblemCode::Storage);
}

#[tokio::test]
async fn a_secret_that_stops_coming_times_out() {
    let begin = Instant::now();
    for pieces in [vec![Piece::Hang], vec![head(2), chunk(b"x"), Piece::Hang]] {
        let error = World::fail(SHORT, pieces).await;
        assert!(matches!(error, ClientError::TimedOut { operation: "StreamSecret", .. }), "{error:?}");
    }
    assert!(begin.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn answers_that_make_no_sense_are_protocol_errors() {
    let odd = [
        (vec![], "the answer is empty"),
        (vec![chunk(b"hunter2")], "the first message does not say what follows"),
        (vec![head(7), head(7)], "a second message says what follows"),
        (vec![head(6), chunk(b"hunter2")], "more than the 6 bytes came that were announced"),
        (
            vec![head(MAX_SECRET_BYTES + 1)],
            "a secret of 16777217 bytes is announced: at most 16777216 are allowed",
        ),
    ];
    for (pieces, expected) in odd {
        let error = World::fail(LONG, pieces).await;
        let ClientError::Protocol { operation: "StreamSecret", reason, .. } = error else {
            panic!("{error:?}")
        };
        assert_eq!(reason, expected);
    }
}
