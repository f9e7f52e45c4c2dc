//! Passing the command's output through, masked.

use std::{
    fs::File,
    io::{self, ErrorKind, PipeWriter, Read as _, Write as _},
    os::{
        fd::{AsFd, OwnedFd},
        unix::fs::MetadataExt as _,
    },
    process::Command,
    sync::Arc,
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tokio::{net::unix::pipe::Receiver, sync::watch, task::spawn_blocking};
use zeroize::Zeroizing;

use crate::masking::{Masker, Secrets};

const CHUNK_BYTES: usize = 64 * 1024;

/// The most that a command can leave in a pipe when it ends: the largest pipe that Linux grants an ordinary user.
const MAX_PIPE_BYTES: usize = 1024 * 1024;

/// One of the command's outputs on its way to one of ours.
pub(super) struct Stream {
    source: Receiver,
    target: Arc<File>,
    masker: Masker,
}

/// Gives the command pipes to print into: a single one if our outputs are the same file, so that everything keeps its order.
/// Needs a running tokio.
pub(super) fn redirect(command: &mut Command, secrets: &Secrets) -> io::Result<Vec<Stream>> {
    let (stdout, stderr) = (unbuffered(io::stdout())?, unbuffered(io::stderr())?);
    if is_same_file(&stdout, &stderr)? {
        let (both, writer) = Stream::new(stdout, secrets)?;
        command.stdout(writer.try_clone()?).stderr(writer);
        return Ok(vec![both]);
    }
    let ((out, out_writer), (err, err_writer)) =
        (Stream::new(stdout, secrets)?, Stream::new(stderr, secrets)?);
    command.stdout(out_writer).stderr(err_writer);
    Ok(vec![out, err])
}

/// Returns one of our outputs without its buffer, which is never wiped.
fn unbuffered(output: impl AsFd) -> io::Result<File> {
    Ok(File::from(output.as_fd().try_clone_to_owned()?))
}

fn is_same_file(one: &File, other: &File) -> io::Result<bool> {
    let (one, other) = (one.metadata()?, other.metadata()?);
    Ok((one.dev(), one.ino()) == (other.dev(), other.ino()))
}

impl Stream {
    fn new(target: File, secrets: &Secrets) -> io::Result<(Self, PipeWriter)> {
        let (reader, writer) = io::pipe()?;
        let source = Receiver::from_owned_fd(OwnedFd::from(reader))?;
        Ok((Self { source, target: Arc::new(target), masker: secrets.masker() }, writer))
    }

    /// Passes everything through until the command closes its output. When the command has ended, what it left in the pipe is
    /// passed through; processes that it left behind are not waited for.
    ///
    /// # Errors
    /// If our output cannot be written. The pipe is closed then, and the command's next write fails in turn.
    pub(super) async fn pass_through(mut self, mut ended: watch::Receiver<bool>) -> io::Result<()> {
        let mut chunk = Zeroizing::new(vec![0; CHUNK_BYTES]);
        let mut out = Vec::new();
        loop {
            tokio::select! {
                // The end first, so that a pipe which is never empty does not hide it.
                biased;
                _ = ended.wait_for(|ended| *ended) => break,
                ready = self.source.readable() => ready?,
            }
            match self.source.try_read(&mut chunk) {
                Ok(0) => break,
                Ok(read) => self.masker.push(&chunk[..read], &mut out),
                Err(error) if is_retryable(&error) => continue,
                Err(error) => return Err(error),
            }
            out = write(&self.target, out).await?;
        }
        // Without tokio, which may not know yet that the pipe is readable.
        let mut source = File::from(self.source.into_nonblocking_fd()?);
        let mut left = MAX_PIPE_BYTES;
        while left > 0 {
            match source.read(&mut chunk) {
                Ok(0) => break,
                Ok(read) => {
                    self.masker.push(&chunk[..read], &mut out);
                    left = left.saturating_sub(read);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            out = write(&self.target, out).await?;
        }
        self.masker.finish(&mut out);
        write(&self.target, out).await.map(drop)
    }
}

/// Writes the bytes on a blocking thread, because the reader may be slow; returns the emptied buffer.
async fn write(target: &Arc<File>, mut out: Vec<u8>) -> io::Result<Vec<u8>> {
    if out.is_empty() {
        return Ok(out);
    }
    let target = Arc::clone(target);
    spawn_blocking(move || {
        write_all(&target, &out)?;
        out.clear();
        Ok(out)
    })
    .await
    .map_err(io::Error::other)?
}

/// As [`io::Write::write_all`], and waits if another process that shares the terminal made it non-blocking.
fn write_all(mut target: &File, mut out: &[u8]) -> io::Result<()> {
    while !out.is_empty() {
        match target.write(out) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => out = &out[written..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                poll(&mut [PollFd::new(target.as_fd(), PollFlags::POLLOUT)], PollTimeout::NONE)?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn is_retryable(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
