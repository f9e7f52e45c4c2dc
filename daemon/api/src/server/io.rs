//! The bytes of a connection, counted as a running call while its peer does not read what is to be written, and noted as what
//! happens on the connection.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::{
    activity::Activity,
    listener::Socket,
    running::{Counted, Running},
};

/// One accepted connection.
pub(super) struct Connection {
    socket: Box<dyn Socket>,
    running: Running,
    activity: Activity,
    /// Present while the peer does not read what is to be written.
    blocked: Option<Counted>,
}

impl Connection {
    pub(super) fn new(socket: Box<dyn Socket>, running: Running, activity: Activity) -> Self {
        Self { socket, running, activity, blocked: None }
    }

    fn socket(self: Pin<&mut Self>) -> Pin<&mut dyn Socket> {
        Pin::new(&mut *self.get_mut().socket)
    }

    /// Notes whether something waits to be written.
    fn noted<T>(mut self: Pin<&mut Self>, written: Poll<T>) -> Poll<T> {
        if written.is_ready() {
            self.blocked = None;
        } else if self.blocked.is_none() {
            self.blocked = Some(self.running.begin());
        }
        self.activity.wrote(written.is_pending());
        written
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let read = Pin::new(&mut *this.socket).poll_read(context, buffer);
        if read.is_ready() {
            this.activity.received(&buffer.filled()[before..]);
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = self.as_mut().socket().poll_write(context, bytes);
        self.noted(written)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket().poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket().poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = self.as_mut().socket().poll_write_vectored(context, slices);
        self.noted(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::UnixStream,
        time::timeout,
    };

    use super::*;

    /// Waits until so many calls run.
    async fn assert_running(running: &Running, expected: usize) {
        let mut count = running.count();
        let reached = timeout(Duration::from_mins(2), count.wait_for(|count| *count == expected)).await;
        assert!(reached.is_ok(), "{expected} should run, and {} do", *running.count().borrow());
    }

    /// Waits until no call has been running for a short while.
    async fn assert_quiet(running: &Running) {
        let quiet = timeout(Duration::from_mins(2), running.quiet()).await;
        assert!(quiet.is_ok(), "{} calls still run", *running.count().borrow());
    }

    #[tokio::test]
    async fn a_connection_whose_peer_does_not_read_counts_as_running_and_an_idle_one_does_not() {
        let running = Running::default();
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let mut connection = Connection::new(Box::new(ours), running.clone(), Activity::new());
        connection.write_all(b"a few bytes").await.unwrap();
        assert_quiet(&running).await;

        let written = tokio::spawn(async move {
            connection.write_all(&vec![0; 8 * 1024 * 1024]).await.unwrap();
            connection
        });
        assert_running(&running, 1).await;
        theirs.read_exact(&mut vec![0; 8 * 1024 * 1024 + 11]).await.unwrap();
        let _connection = written.await.unwrap();
        assert_quiet(&running).await;
    }

    #[tokio::test]
    async fn a_connection_that_is_gone_does_not_count() {
        let running = Running::default();
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let mut connection = Connection::new(Box::new(ours), running.clone(), Activity::new());
        let written = tokio::spawn(async move { connection.write_all(&vec![0; 8 * 1024 * 1024]).await });
        assert_running(&running, 1).await;
        written.abort();
        assert_quiet(&running).await;
    }
}
