//! Masking: text that arrives in pieces passes through, and secrets in it become `***`.
//!
//! # What is masked
//! Of each secret that has at least 4 bytes after trimming white space:
//!
//! - its bytes, trimmed;
//! - inside JSON text: as most programs escape it, with `<`, `>` and `&` as `\u003c` and so on, and with every non-ASCII
//!   character escaped;
//! - in base64, in both alphabets, with and without padding, alone and inside a longer text (as in `user:password`);
//! - percent-encoded, as in URLs and forms.
//!
//! Of a secret that has several lines, or is a JSON object or array, also each line and each string of at least 8 bytes.
//!
//! All bytes of every occurrence are masked, overlapping ones too; adjacent masks become one `***`. Only the bytes at the end
//! that may still become a secret are held back.
//!
//! This module knows bytes, and not where they come from or go to.

mod automaton;
mod masker;
mod patterns;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use self::masker::Masker;
use self::{automaton::Automaton, patterns::append_patterns};

/// The secrets to mask.
#[derive(Clone)]
pub struct Secrets {
    automaton: Arc<Automaton>,
}

impl Secrets {
    /// Prepares to mask the values. Also returns the indices, in the order given, of those that are too short to mask; empty
    /// values are not among them, because there is nothing to mask.
    pub fn new<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> (Self, Vec<usize>) {
        let (mut patterns, mut too_short) = (Vec::new(), Vec::new());
        for (index, value) in values.into_iter().enumerate() {
            let before = patterns.len();
            append_patterns(value, &mut patterns);
            if patterns.len() == before && !value.is_empty() {
                too_short.push(index);
            }
        }
        patterns.sort_unstable_by(|a, b| a.as_slice().cmp(b.as_slice()));
        patterns.dedup();
        (Self { automaton: Arc::new(Automaton::new(&patterns)) }, too_short)
    }

    /// Returns whether there is nothing to mask.
    pub fn is_empty(&self) -> bool {
        self.automaton.is_empty()
    }

    /// Returns a masker for one text, from its beginning to its end.
    pub fn masker(&self) -> Masker {
        Masker::new(Arc::clone(&self.automaton))
    }
}
