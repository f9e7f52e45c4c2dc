//! Passing on what the command prints, masked.

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

use crate::mask::{Masker, Secrets};

const CHUNK_BYTES: usize = 64 * 1024;

/// The most that a command can leave in a pipe when it ends: what Linux lets an ordinary user give one.
const MAX_LEFT_BYTES: usize = 1024 * 1024;

/// One of the command's outputs on its way to ours.
pub(super) struct Stream {
    from: Receiver,
    to: Arc<File>,
    masker: Masker,
}

/// Gives the command pipes to print into: one where our outputs are the same place, so that everything keeps its order.
/// Needs a running tokio.
pub(super) fn redirect(command: &mut Command, secrets: &Secrets) -> io::Result<Vec<Stream>> {
    let (stdout, stderr) = (file(io::stdout())?, file(io::stderr())?);
    if is_same(&stdout, &stderr)? {
        let (both, into) = Stream::new(stdout, secrets)?;
        command.stdout(into.try_clone()?).stderr(into);
        return Ok(vec![both]);
    }
    let ((out, into_out), (err, into_err)) = (Stream::new(stdout, secrets)?, Stream::new(stderr, secrets)?);
    command.stdout(into_out).stderr(into_err);
    Ok(vec![out, err])
}

/// An output of ours without the buffer before it, which nobody wipes.
fn file(output: impl AsFd) -> io::Result<File> {
    Ok(File::from(output.as_fd().try_clone_to_owned()?))
}

fn is_same(one: &File, other: &File) -> io::Result<bool> {
    let (one, other) = (one.metadata()?, other.metadata()?);
    Ok((one.dev(), one.ino()) == (other.dev(), other.ino()))
}

impl Stream {
    fn new(to: File, secrets: &Secrets) -> io::Result<(Self, PipeWriter)> {
        let (reader, writer) = io::pipe()?;
        let from = Receiver::from_owned_fd(OwnedFd::from(reader))?;
        Ok((Self { from, to: Arc::new(to), masker: secrets.masker() }, writer))
    }

    /// Passes everything on until the command closes its output. When the command has ended, what it has left in the pipe
    /// is passed on, and what others write into it, whom it left behind, is not waited for.
    ///
    /// # Errors
    /// Where our output does not take it. The pipe is closed then, and the command told in its turn.
    pub(super) async fn pass(mut self, mut ended: watch::Receiver<bool>) -> io::Result<()> {
        let mut chunk = Zeroizing::new(vec![0; CHUNK_BYTES]);
        let mut out = Vec::new();
        loop {
            tokio::select! {
                // First, so that a pipe which is never empty does not hide the end.
                biased;
                _ = ended.wait_for(|ended| *ended) => break,
                ready = self.from.readable() => ready?,
            }
            match self.from.try_read(&mut chunk) {
                Ok(0) => break,
                Ok(read) => self.masker.push(&chunk[..read], &mut out),
                Err(error) if is_later(&error) => continue,
                Err(error) => return Err(error),
            }
            out = write(&self.to, out).await?;
        }
        // Without tokio, which may not have heard yet that there is something.
        let mut rest = File::from(self.from.into_nonblocking_fd()?);
        let mut left = MAX_LEFT_BYTES;
        while left > 0 {
            match rest.read(&mut chunk) {
                Ok(0) => break,
                Ok(read) => {
                    self.masker.push(&chunk[..read], &mut out);
                    left = left.saturating_sub(read);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            out = write(&self.to, out).await?;
        }
        self.masker.finish(&mut out);
        write(&self.to, out).await.map(drop)
    }
}

/// Writes it in a thread of its own, because whoever reads may take long; gives the memory back.
async fn write(to: &Arc<File>, mut out: Vec<u8>) -> io::Result<Vec<u8>> {
    if out.is_empty() {
        return Ok(out);
    }
    let to = Arc::clone(to);
    spawn_blocking(move || {
        write_all(&to, &out)?;
        out.clear();
        Ok(out)
    })
    .await
    .map_err(io::Error::other)?
}

/// As [`io::Write::write_all`], also where somebody else who has the same terminal open made it non-blocking.
fn write_all(mut to: &File, mut out: &[u8]) -> io::Result<()> {
    while !out.is_empty() {
        match to.write(out) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => out = &out[written..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                poll(&mut [PollFd::new(to.as_fd(), PollFlags::POLLOUT)], PollTimeout::NONE)?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn is_later(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
