//! Masking one text as it arrives.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::automaton::{Automaton, ROOT, State};

/// What replaces a secret.
pub(super) const MASK: &[u8] = b"***";

/// How much of a text is searched at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// Masks one text, which may arrive in any pieces.
pub struct Masker {
    automaton: Arc<Automaton>,
    state: State,
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
    pub(super) fn new(automaton: Arc<Automaton>) -> Self {
        // Never grows, so that no copy is left behind.
        let held = Zeroizing::new(Vec::with_capacity(automaton.longest_pattern() + CHUNK_BYTES));
        Self { automaton, state: ROOT, held, written: 0, secret: Vec::new(), masking: false }
    }

    /// Adds text, and appends to `out` what is certain by now.
    pub fn push(&mut self, text: &[u8], out: &mut Vec<u8>) {
        for chunk in text.chunks(CHUNK_BYTES) {
            self.search(chunk);
            let open = self.held.len() - self.automaton.open(self.state);
            self.write(open, out);
        }
    }

    /// Ends the text, and appends to `out` what was held back.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        self.write(self.held.len(), out);
        self.state = ROOT;
    }

    /// Finds the secrets in the chunk and in what was held back before it.
    fn search(&mut self, chunk: &[u8]) {
        let before = self.held.len();
        self.held.extend_from_slice(chunk);
        for (index, byte) in chunk.iter().enumerate() {
            self.state = self.automaton.next(self.state, *byte);
            let length = self.automaton.longest(self.state);
            if length > 0 {
                let end = before + index + 1;
                self.mark(end - length, end);
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
