//! Secrets that come in chunks, from a small daemon: they are complete or an error, and are requested again only until
//! the first message has come.

use std::time::Duration;

use kontraktor_model::limits::{MAX_SECRET_BYTES, MAX_SECRET_MESSAGE_BYTES};
use kontraktor_proto::{
    client::{Client, ClientError},
    v1::{self, ProblemCode},
};
use tonic::Code;

use super::common::{Act, Daemon, Piece, client, run_out_of_time};

const TIMEOUT: Duration = Duration::from_mins(2);

/// A daemon that answers with these pieces; the directory keeps its socket.
struct World {
    _dir: tempfile::TempDir,
    daemon: Daemon,
    client: Client,
}

impl World {
    fn new(script: impl IntoIterator<Item = Act>, pieces: Vec<Piece>) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let socket = dir.path().join("k.sock");
        let daemon = Daemon::start(socket.clone(), script);
        daemon.log().pieces = pieces;
        Self { _dir: dir, daemon, client: client(&socket, TIMEOUT) }
    }

    async fn stream(&self) -> Result<Vec<u8>, ClientError> {
        Self::receive(self.client.clone()).await
    }

    async fn receive(client: Client) -> Result<Vec<u8>, ClientError> {
        let (info, value) = client.stream_secret(v1::StreamSecretRequest::default()).await?;
        assert_eq!(info.secret.expect("a description").version, "7");
        assert_eq!(value.capacity(), value.len(), "made once, of the right size");
        Ok(value.to_vec())
    }

    async fn fail(pieces: Vec<Piece>) -> ClientError {
        let world = Self::new([], pieces);
        let error = world.stream().await.expect_err("incomplete");
        assert_eq!(world.daemon.calls(), 1, "what has begun is not requested again");
        error
    }
}

fn info(size: usize) -> Piece {
    let secret = v1::SecretResult { version: "7".to_owned(), ..Default::default() };
    let size = u64::try_from(size).expect("small");
    let info = v1::StreamedSecret { secret: Some(secret), size_bytes: size, hold: None };
    Piece::Send(v1::StreamSecretResponse { info: Some(info), chunk: Vec::new() }.into())
}

fn chunk(bytes: &[u8]) -> Piece {
    Piece::Send(v1::StreamSecretResponse { info: None, chunk: bytes.to_vec() }.into())
}

fn whole(value: &[u8]) -> Vec<Piece> {
    [info(value.len())].into_iter().chain(value.chunks(MAX_SECRET_MESSAGE_BYTES).map(chunk)).collect()
}

#[tokio::test]
async fn the_largest_secret_comes_whole() {
    let value: Vec<_> = (0..MAX_SECRET_BYTES).map(|at| (at % 251).to_le_bytes()[0]).collect();
    let world = World::new([], whole(&value));
    assert!(world.stream().await.expect("whole") == value);
    assert_eq!(world.daemon.calls(), 1);
}

#[tokio::test]
async fn small_ones_and_empty_ones_come_too() {
    for value in [&b""[..], b"x"] {
        assert_eq!(World::new([], whole(value)).stream().await.expect("whole"), value);
    }
    // The first message may bring the first piece.
    let Piece::Send(mut both) = info(3) else { unreachable!("it is sent") };
    both.chunk = b"ab".to_vec();
    let world = World::new([], vec![Piece::Send(both), chunk(b"c")]);
    assert_eq!(world.stream().await.expect("whole"), b"abc");
}

#[tokio::test]
async fn what_has_not_begun_is_asked_for_again() {
    let world = World::new([Act::Refuse(ProblemCode::Busy), Act::Plain(Code::Unavailable)], whole(b"x"));
    assert_eq!(world.stream().await.expect("answered in the end"), b"x");
    assert_eq!(world.daemon.calls(), 3);
}

#[tokio::test]
async fn a_secret_that_is_cut_short_is_an_error() {
    let short = World::fail(vec![info(10), chunk(b"hunter2")]).await;
    let ClientError::Interrupted { received: 7, size: 10, .. } = &short else { panic!("{short:?}") };
    assert!(
        short
            .to_string()
            .ends_with(" to StreamSecret was interrupted after 7 of 10 bytes: the stream ended early")
    );
    assert_eq!(short.remedy(), Some("try again, or check the daemon's log"));
    assert!(!format!("{short:?}").contains("hunter2"));

    let cut = World::fail(vec![info(10), chunk(b"hunter2"), Piece::Die]).await;
    assert!(matches!(cut, ClientError::Interrupted { operation: "StreamSecret", size: 10, .. }), "{cut:?}");

    // All has come, but the daemon says that something went wrong.
    let refused = World::fail(vec![info(1), chunk(b"x"), Piece::Refuse(ProblemCode::Storage)]).await;
    assert_eq!(refused.problem().expect("a problem").code(), ProblemCode::Storage);
}

#[tokio::test]
async fn a_secret_that_stops_coming_times_out() {
    for pieces in [vec![Piece::Hang], vec![info(2), chunk(b"x"), Piece::Hang]] {
        let world = World::new([], pieces);
        let call = World::receive(world.client.clone());
        let error = run_out_of_time(&world.daemon, call).await.expect_err("incomplete");
        assert_eq!(world.daemon.calls(), 1, "what has begun is not requested again");
        assert!(matches!(error, ClientError::TimedOut { operation: "StreamSecret", .. }), "{error:?}");
    }
}

#[tokio::test]
async fn answers_that_make_no_sense_are_protocol_errors() {
    let odd = [
        (vec![], "the response is empty"),
        (vec![chunk(b"hunter2")], "the first message does not describe the secret"),
        (vec![info(7), info(7)], "a later message describes the secret again"),
        (
            vec![info(6), chunk(b"hunter2")],
            "the stream is longer than the 6 bytes that its first message announces",
        ),
        (vec![info(MAX_SECRET_BYTES + 1)], "the secret is 16777217 bytes long; at most 16777216 are allowed"),
    ];
    for (pieces, expected) in odd {
        let error = World::fail(pieces).await;
        let ClientError::Protocol { operation: "StreamSecret", reason, .. } = error else {
            panic!("{error:?}")
        };
        assert_eq!(reason, expected);
    }
}
