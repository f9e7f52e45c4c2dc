//! The first bytes of HTTP/2, exchanged before a connection counts as made.
//!
//! The client sends the first part of its preface and waits for the server's first frame (RFC 9113 §3.4). Without it, a
//! server that rejects the client's certificate would do so after requests were sent, because a client of TLS 1.3 completes its
//! handshake before the server has looked at the certificate; those requests would count as lost.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};

/// What every client sends first, before its SETTINGS.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The length of a frame's header.
const HEADER_BYTES: usize = 9;
/// The type of the frame that every server sends first, at this place of the header.
const SETTINGS: (usize, u8) = (3, 4);

/// Why a connection cannot be used.
pub(super) enum GreetError {
    /// It was interrupted.
    Io(io::Error),
    /// The server answered with something else, which starts like this.
    NotHttp2(Vec<u8>),
}

/// Sends the preface, and waits until the server answers with the start of a frame of SETTINGS.
pub(super) async fn greet<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
) -> Result<Greeted<S>, GreetError> {
    let sent = async {
        stream.write_all(PREFACE).await?;
        stream.flush().await
    };
    let sent = sent.await;
    let mut header = [0; HEADER_BYTES];
    let mut length = 0;
    while length < HEADER_BYTES {
        match stream.read(&mut header[length..]).await {
            Ok(0) => break,
            Ok(read) => length += read,
            // What the server said before it closed explains more than that nothing could be sent.
            Err(error) if length == 0 => return Err(GreetError::Io(error)),
            Err(_) => break,
        }
    }
    if length == 0 {
        let error = sent.err().unwrap_or_else(|| io::ErrorKind::UnexpectedEof.into());
        return Err(GreetError::Io(error));
    }
    if length < HEADER_BYTES || header[SETTINGS.0] != SETTINGS.1 {
        return Err(GreetError::NotHttp2(header[..length].to_vec()));
    }
    Ok(Greeted { stream, unread: HEADER_BYTES, header, unsent: PREFACE.len() })
}

/// A stream on which the preface was sent and the first header was received: the first is swallowed when it is written, and the
/// second is what is read first.
pub(super) struct Greeted<S> {
    stream: S,
    header: [u8; HEADER_BYTES],
    /// How many bytes of the header are still to be read.
    unread: usize,
    /// How many bytes of the preface are still to be written.
    unsent: usize,
}

impl<S: AsyncRead + Unpin> AsyncRead for Greeted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.unread == 0 {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        let start = HEADER_BYTES - self.unread;
        let count = self.unread.min(buffer.remaining());
        buffer.put_slice(&self.header[start..start + count]);
        self.unread -= count;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Greeted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.unsent == 0 {
            return Pin::new(&mut self.stream).poll_write(context, bytes);
        }
        let count = self.unsent.min(bytes.len());
        let start = PREFACE.len() - self.unsent;
        if bytes[..count] != PREFACE[start..start + count] {
            return Poll::Ready(Err(io::Error::other(
                "the client does not start with the preface of HTTP/2",
            )));
        }
        self.unsent -= count;
        Poll::Ready(Ok(count))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.unsent == 0 {
            return Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        }
        let first = slices.iter().find(|slice| !slice.is_empty()).map_or(&[][..], |slice| &**slice);
        self.as_mut().poll_write(context, first)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;

    const SERVER_SETTINGS: [u8; HEADER_BYTES] = [0, 0, 0, 4, 0, 0, 0, 0, 0];

    #[tokio::test]
    async fn the_preface_is_sent_once_and_nothing_that_comes_is_lost() {
        let (client, mut server) = duplex(1024);
        server.write_all(&SERVER_SETTINGS).await.expect("room");
        server.write_all(b"rest").await.expect("room");
        let mut client = greet(client).await.unwrap_or_else(|_| panic!("a server of HTTP/2"));
        // As hyper may write it: in pieces, and together with what follows.
        client.write_all(&PREFACE[..10]).await.expect("swallowed");
        client.write_all(&[&PREFACE[10..], b"frame"].concat()).await.expect("swallowed and sent");
        drop({
            let mut read = Vec::new();
            let mut byte = [0; 5];
            while read.len() < 13 {
                let count = client.read(&mut byte).await.expect("readable");
                read.extend_from_slice(&byte[..count]);
            }
            assert_eq!(read, [&SERVER_SETTINGS[..], b"rest"].concat());
            client
        });
        let mut received = Vec::new();
        server.read_to_end(&mut received).await.expect("the client is gone");
        assert_eq!(received, [&PREFACE[..], b"frame"].concat());
    }

    #[tokio::test]
    async fn a_server_of_another_protocol_is_recognised() {
        let (client, mut server) = duplex(1024);
        server.write_all(b"HTTP/1.1 400 Bad Request\r\n").await.expect("room");
        assert!(matches!(greet(client).await, Err(GreetError::NotHttp2(start)) if start == b"HTTP/1.1 "));
        let (client, server) = duplex(1024);
        drop(server);
        assert!(matches!(greet(client).await, Err(GreetError::Io(_))));
    }
}
