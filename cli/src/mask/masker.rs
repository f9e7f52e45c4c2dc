//! One text, masked as it comes.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::{
    MASK,
    automaton::{Automaton, ROOT, State},
};

/// How much of a text is looked at at once.
const PIECE: usize = 64 * 1024;

/// Masks one text. Its parts may be cut anywhere.
pub(crate) struct Masker {
    automaton: Arc<Automaton>,
    state: State,
    /// The end of the text so far that may still become a secret, and behind it, while it is looked at, what is new.
    held: Zeroizing<Vec<u8>>,
    /// Bytes at the beginning of `held` that stand in the output already, as part of a mask.
    told: usize,
    /// What of `held` is secret: from and to, in order, never overlapping.
    secret: Vec<(usize, usize)>,
    /// The output ends with a mask whose last byte is the last one that was told.
    masking: bool,
}

impl Masker {
    pub(super) fn new(automaton: Arc<Automaton>) -> Self {
        // Never grows, so that no copy is left behind.
        let held = Zeroizing::new(Vec::with_capacity(automaton.longest_pattern() + PIECE));
        Self { automaton, state: ROOT, held, told: 0, secret: Vec::new(), masking: false }
    }

    /// Appends what can be told of the text so far.
    pub(crate) fn push(&mut self, text: &[u8], out: &mut Vec<u8>) {
        for piece in text.chunks(PIECE) {
            self.look(piece);
            let open = self.held.len() - self.automaton.open(self.state);
            self.tell(open, out);
        }
    }

    /// Appends what was held back: the text is over.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) {
        self.tell(self.held.len(), out);
        self.state = ROOT;
    }

    /// Finds what is secret in the piece and in what was held back before it.
    fn look(&mut self, piece: &[u8]) {
        let before = self.held.len();
        self.held.extend_from_slice(piece);
        for (index, byte) in piece.iter().enumerate() {
            self.state = self.automaton.next(self.state, *byte);
            let length = self.automaton.longest(self.state);
            if length > 0 {
                let end = before + index + 1;
                self.mark(end - length, end);
            }
        }
    }

    /// All of this is secret. Ends never come before an earlier end.
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

    /// Writes all up to the open end, and the secret that reaches into it; keeps the open end.
    fn tell(&mut self, open: usize, out: &mut Vec<u8>) {
        let mut at = self.told;
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
        self.told = at - open;
        self.held.drain(..open);
        self.secret.retain(|(_, to)| *to > open);
        for (from, to) in &mut self.secret {
            *from = from.saturating_sub(open);
            *to -= open;
        }
    }
}
