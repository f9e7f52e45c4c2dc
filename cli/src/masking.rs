//! Masking: text that arrives in pieces passes through, and secrets in it become `***`.
//!
//! # What is masked
//! - Each secret that has at least 4 bytes after trimming white space.
//! - Of a secret that is JSON: each string in it, on the same condition; in a string that is JSON too, again. Numbers,
//!   booleans and the names of fields are not masked: `5432` and `true` occur everywhere.
//! - Of a secret or a string with several lines: also each line of at least 8 bytes.
//!
//! Each of these in every one of its forms:
//!
//! - as text, where each character may be written in any way that `spellings` knows: as it is, or as shells, programming
//!   languages, JSON, YAML, SQL, URLs, HTML and others escape it. Every character on its own, so it does not matter which of
//!   them a tool escapes;
//! - in base64, in both alphabets, with and without padding, alone and inside a longer text (as in `user:password`), and in
//!   base64 of that again;
//! - in hexadecimal digits, also with separators, and as a list of bytes in decimal digits;
//! - broken into several lines anywhere, indented or quoted (see `gap`), from 16 bytes on; of shorter ones, less than 8 bytes may
//!   stay visible in each line.
//!
//! All bytes of every occurrence are masked, overlapping ones too; adjacent masks become one `***`. Visible beside a mask
//! remain the first character of an escape; of base64 inside a longer text, the characters that also depend on that text; and
//! less than 8 bytes before the first line break.
//!
//! # What it costs
//! Only the bytes at the end that may still become a secret are held back, at most 12 times the length of the longest form and
//! 1 KiB.
//!
//! A password of 16 characters has some 20 forms, which together are 40 times as long as it is; a private key of 1.7 KB has 600
//! with its lines, 60 times as long. On text such as source code that is masked at some 150 MB/s with the password, 50 MB/s with
//! the key, and 15 MB/s with the key and 20 small JSON objects. The time for a byte is proportional to the number
//! of forms that the text may be in the middle of: it is longest for text that is dense with beginnings of secrets, and for
//! long secrets that repeat themselves.
//!
//! This module knows bytes, and not where they come from or go to.

mod forms;
mod gap;
mod json_strings;
mod masker;
mod matcher;
mod spellings;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use self::masker::Masker;
use self::{forms::append_forms, matcher::Matcher};

/// A value that is wiped.
type Pattern = zeroize::Zeroizing<Vec<u8>>;

/// The secrets to mask.
#[derive(Clone)]
pub struct Secrets {
    matcher: Arc<Matcher>,
}

/// What of a secret is too short to mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TooShort {
    /// All of it.
    Secret,
    /// This many strings in it, which is JSON.
    Strings(usize),
}

impl Secrets {
    /// Prepares to mask the values. Also returns the indices, in the order given, of those that are too short to mask, or
    /// have strings that are. Empty values and strings are not among them, because there is nothing to mask.
    pub fn new<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> (Self, Vec<(usize, TooShort)>) {
        let (mut forms, mut too_short) = (Vec::new(), Vec::new());
        for (index, value) in values.into_iter().enumerate() {
            too_short.extend(append_forms(value, &mut forms).map(|short| (index, short)));
        }
        forms.sort_unstable_by(|a, b| (a.kind, a.text.as_slice()).cmp(&(b.kind, b.text.as_slice())));
        forms.dedup();
        (Self { matcher: Arc::new(Matcher::new(&forms)) }, too_short)
    }

    /// Returns whether there is nothing to mask.
    pub fn is_empty(&self) -> bool {
        self.matcher.is_empty()
    }

    /// Returns a masker for one text, from its beginning to its end.
    pub fn masker(&self) -> Masker {
        Masker::new(Arc::clone(&self.matcher))
    }
}
