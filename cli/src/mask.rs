//! Masking: a text that comes in pieces passes through, and what is secret in it becomes `***`.
//!
//! # What is masked
//! Of each secret that has at least 4 bytes when the blanks at its ends are left out:
//!
//! - its bytes, without those blanks;
//! - inside a JSON text (as most programs write it, with `<`, `>` and `&` as `\u003c` and so on, or with everything that
//!   is not ASCII so);
//! - in base64, in both alphabets, with and without padding, on its own and inside of a longer text (as in
//!   `user:password`);
//! - percent-encoded as URLs and forms have it.
//!
//! Of a secret that has several lines, or is a JSON object or list, also each line and each text in it that has at least
//! 8 bytes.
//!
//! Everything that belongs to any occurrence is masked, wherever occurrences overlap; what hangs together becomes one
//! `***`. Nothing is held back but the bytes at the end that may still become a secret.
//!
//! It knows bytes; it knows nothing of where they come from and where they go.

mod automaton;
mod forms;
mod masker;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub(crate) use self::masker::Masker;
use self::{automaton::Automaton, forms::forms};

/// What a masked secret looks like.
const MASK: &[u8] = b"***";

/// What is to be masked.
#[derive(Clone)]
pub(crate) struct Secrets {
    automaton: Arc<Automaton>,
}

impl Secrets {
    /// Also answers with the places, in the order given, of those that are too short to be masked. Empty ones are not
    /// among them: there is nothing to mask.
    pub(crate) fn new<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> (Self, Vec<usize>) {
        let (mut patterns, mut short) = (Vec::new(), Vec::new());
        for (place, value) in values.into_iter().enumerate() {
            let before = patterns.len();
            forms(value, &mut patterns);
            if patterns.len() == before && !value.is_empty() {
                short.push(place);
            }
        }
        patterns.sort_unstable_by(|a, b| a.as_slice().cmp(b.as_slice()));
        patterns.dedup();
        (Self { automaton: Arc::new(Automaton::new(&patterns)) }, short)
    }

    /// Whether there is nothing to mask.
    pub(crate) fn is_empty(&self) -> bool {
        self.automaton.is_empty()
    }

    /// For one text from its beginning to its end.
    pub(crate) fn masker(&self) -> Masker {
        Masker::new(Arc::clone(&self.automaton))
    }
}
