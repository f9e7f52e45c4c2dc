//! Passing on what the command prints, masked.

use std::time::Duration;

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    task::JoinHandle,
    time::timeout,
};
use zeroize::Zeroizing;

use crate::mask::Masker;

const CHUNK_BYTES: usize = 16 * 1024;

/// When the command has ended, processes that it left behind may still hold its output open. What they say is passed on
/// until they have been silent for so long.
const SILENCE: Duration = Duration::from_millis(200);

/// One of the command's outputs on its way to ours.
pub(super) struct Stream {
    passing: JoinHandle<()>,
    ended: tokio::sync::watch::Sender<bool>,
}

impl Stream {
    pub(super) fn pass(
        from: impl AsyncRead + Unpin + Send + 'static,
        to: impl AsyncWrite + Unpin + Send + 'static,
        masker: Masker,
    ) -> Self {
        let (ended, command_ended) = tokio::sync::watch::channel(false);
        let passing = tokio::spawn(async move {
            // Whoever reads our output may have gone. Then the command is told in its turn, when its pipe is closed.
            let _ = pass(from, to, masker, command_ended).await;
        });
        Self { passing, ended }
    }

    /// The command has ended: passes on the rest.
    pub(super) async fn finish(self) {
        self.ended.send_replace(true);
        let _ = self.passing.await;
    }
}

async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut masker: Masker,
    mut command_ended: tokio::sync::watch::Receiver<bool>,
) -> std::io::Result<()> {
    let mut chunk = Zeroizing::new(vec![0; CHUNK_BYTES]);
    let mut out = Vec::with_capacity(CHUNK_BYTES);
    loop {
        let ended = *command_ended.borrow_and_update();
        let read = if ended {
            match timeout(SILENCE, from.read(&mut chunk)).await {
                Ok(read) => read?,
                Err(_) => 0,
            }
        } else {
            tokio::select! {
                read = from.read(&mut chunk) => read?,
                _ = command_ended.changed() => continue,
            }
        };
        match chunk.get(..read) {
            Some(text) if read > 0 => masker.push(text, &mut out),
            _ => {
                masker.finish(&mut out);
                to.write_all(&out).await?;
                return to.flush().await;
            }
        }
        if !out.is_empty() {
            to.write_all(&out).await?;
            to.flush().await?;
            out.clear();
        }
    }
}
