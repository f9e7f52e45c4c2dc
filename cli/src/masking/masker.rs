//! Masking one text as it arrives.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::matcher::{Matcher, Search};

/// What replaces a secret.
pub(super) const MASK: &[u8] = b"***";

/// How much of a text is searched at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// Masks one text, which may arrive in any pieces.
pub struct Masker {
    search: Search,
    /// The end of the text so far that may still become a secret, and behind it, while it is searched, what is new.
    held: Zeroizing<Vec<u8>>,
    /// The number of bytes at the beginning of `held` that are already in the output, as part of a mask.
    written: usize,
    /// The secret ranges of `held`: in order, never overlapping.
    secret: Vec<(usize, usize)>,
    /// Whether the output ends with a mask that covers the last byte written.
    masking: bool,
}

impl Masker {
    pub(super) fn new(matcher: Arc<Matcher>) -> Self {
        // Never grows, so that no copy is left behind.
        let held = Zeroizing::new(Vec::with_capacity(matcher.max_open() + CHUNK_BYTES));
        Self { search: Search::new(matcher), held, written: 0, secret: Vec::new(), masking: false }
    }

    /// Adds text, and appends to `out` what is certain by now.
    pub fn push(&mut self, text: &[u8], out: &mut Vec<u8>) {
        for chunk in text.chunks(CHUNK_BYTES) {
            self.find(chunk);
            let open = self.held.len() - length(self.search.open(), self.search.position());
            self.write(open, out);
        }
    }

    /// Ends the text, and appends to `out` what was held back.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        self.write(self.held.len(), out);
        self.search.restart();
    }

    /// Finds the secrets in the chunk and in what was held back before it.
    fn find(&mut self, chunk: &[u8]) {
        let before = self.held.len();
        self.held.extend_from_slice(chunk);
        for (index, byte) in chunk.iter().enumerate() {
            if let Some(from) = self.search.push(*byte) {
                let end = before + index + 1;
                self.mark(end - length(from, self.search.position()), end);
            }
        }
    }

    /// Marks a range as secret. Ends never decrease from call to call.
    fn mark(&mut self, mut from: usize, end: usize) {
        while let Some((earlier, to)) = self.secret.last().copied() {
            if to < from {
                break;
            }
            from = from.min(earlier);
            self.secret.pop();
        }
        self.secret.push((from, end));
    }

    /// Writes everything up to `open`, and the secret that crosses it; keeps what follows.
    fn write(&mut self, open: usize, out: &mut Vec<u8>) {
        let mut at = self.written;
        for (from, to) in &self.secret {
            if *from > open {
                break;
            }
            if *from > at {
                out.extend_from_slice(&self.held[at..*from]);
                self.masking = false;
            }
            if *to > at {
                if !self.masking {
                    out.extend_from_slice(MASK);
                }
                self.masking = true;
                at = *to;
            }
        }
        if open > at {
            out.extend_from_slice(&self.held[at..open]);
            self.masking = false;
            at = open;
        }
        self.written = at - open;
        self.held.drain(..open);
        self.secret.retain(|(_, to)| *to > open);
        for (from, to) in &mut self.secret {
            *from = from.saturating_sub(open);
            *to -= open;
        }
    }
}

/// Returns how many bytes are between two positions in a text; all of them are held.
fn length(from: u64, to: u64) -> usize {
    usize::try_from(to - from).expect("what is held fits into memory")
}
