//! Finding forms in a text, byte by byte: after each byte it is known which forms end there, and how much of the text may
//! still become one.
//!
//! All forms that the text may be in the middle of are followed at once, as by a nondeterministic automaton. The crates
//! `aho-corasick` and `regex` find fixed texts and patterns faster. But they do not wipe what is made of secrets, do not report
//! what may still become a match, and would need thousands of texts for one secret: each character has some thirty spellings, and
//! a line break may be anywhere.

mod search;

use std::sync::Arc;

use zeroize::{Zeroize as _, Zeroizing};

pub(super) use self::search::Search;
use super::{
    forms::{Form, Kind, MIN_LINE_BYTES},
    gap::Gap,
    spellings::{Meaning, Spellings},
};

/// Escapes begin with these also where nothing of a secret can be seen yet.
const INTRODUCERS: &[u8] = b"\\%&=";

/// The forms to find. Wiped as a whole, because also lengths and first bytes reveal something.
pub(super) struct Matcher {
    /// The forms, one after another.
    text: Zeroizing<Vec<u8>>,
    forms: Vec<Extent>,
    spellings: Arc<Spellings>,
    /// The forms that begin with each byte.
    by_first: Vec<Vec<u32>>,
    /// The forms that may continue with each byte at the beginning of a line, of which too little is in the line before to be
    /// searched for; and how far in the form.
    by_line_start: Vec<Vec<(u32, usize)>>,
    /// Which two bytes may begin a form: a bit for each pair.
    pairs: Zeroizing<Vec<u64>>,
    /// Which bytes may begin the spelling of a form's first character.
    introducers: [bool; 256],
}

/// Where a form is in the text of all.
#[derive(Clone, Copy)]
struct Extent {
    from: usize,
    to: usize,
    kind: Kind,
}

impl Extent {
    /// Returns the most bytes that an occurrence has, which bounds what is held back. Only gaps and doubled backslashes make
    /// one longer.
    fn limit(self) -> usize {
        1024 + 12 * (self.to - self.from)
    }
}

impl Matcher {
    /// Forms must have at least two bytes.
    pub(super) fn new(forms: &[Form]) -> Self {
        // Allocated once: a vector that grows leaves its bytes behind.
        let mut text = Zeroizing::new(Vec::with_capacity(forms.iter().map(|form| form.text.len()).sum()));
        let mut extents = Vec::with_capacity(forms.len());
        for form in forms {
            let from = text.len();
            text.extend_from_slice(&form.text);
            extents.push(Extent { from, to: text.len(), kind: form.kind });
        }
        let mut characters = non_ascii(forms);
        let mut matcher = Self {
            text,
            forms: extents,
            spellings: Spellings::new(&characters),
            by_first: vec![Vec::new(); 256],
            by_line_start: vec![Vec::new(); 256],
            pairs: Zeroizing::new(vec![0; 256 * 256 / 64]),
            introducers: [false; 256],
        };
        characters.zeroize();
        matcher.index();
        matcher
    }

    pub(super) fn is_empty(&self) -> bool {
        self.forms.is_empty()
    }

    /// Returns how many bytes may be held back.
    pub(super) fn max_open(&self) -> usize {
        self.forms.iter().map(|form| form.limit()).max().unwrap_or_default()
    }

    fn index(&mut self) {
        let mut begins_with_symbol = false;
        for (form, extent) in self.forms.iter().enumerate() {
            let form = u32::try_from(form).expect("the forms of one environment's secrets are far from 4 Gi");
            begins_with_symbol |=
                extent.kind == Kind::Text && !self.text[extent.from].is_ascii_alphanumeric();
            for first in written_as(extent.kind, self.text[extent.from]) {
                self.by_first[usize::from(first)].push(form);
                for second in 0..=255 {
                    if self.may_continue(*extent, extent.from + 1, second) {
                        let (word, bit) = pair(first, second);
                        self.pairs[word] |= bit;
                    }
                }
            }
            let length = extent.to - extent.from;
            for offset in 1..MIN_LINE_BYTES.min((length + 1).saturating_sub(MIN_LINE_BYTES)) {
                let byte = self.text[extent.from + offset];
                if !byte.is_ascii_whitespace() && (extent.kind != Kind::Hex || offset % 2 == 0) {
                    for byte in written_as(extent.kind, byte) {
                        self.by_line_start[usize::from(byte)].push((form, offset));
                    }
                }
            }
        }
        for byte in 0..=255 {
            self.introducers[usize::from(byte)] = !self.is_empty()
                && self.spellings.first(byte).is_some()
                && (begins_with_symbol || INTRODUCERS.contains(&byte));
        }
    }

    /// Returns whether a byte may follow after a part of a form.
    fn may_continue(&self, form: Extent, at: usize, byte: u8) -> bool {
        is_written(form.kind, self.text[at], byte)
            || (form.kind != Kind::Hex && self.spellings.first_of(byte, self.text[at]).is_some())
            || self.gap(form, at, byte).is_some()
    }

    /// Returns whether a form may begin with these two bytes.
    fn may_begin(&self, first: u8, second: u8) -> bool {
        let (word, bit) = pair(first, second);
        self.pairs[word] & bit != 0
    }

    /// Returns the gap that begins with the byte. Short forms are not broken into pieces, except where they have line breaks.
    fn gap(&self, form: Extent, at: usize, byte: u8) -> Option<Gap> {
        let hex = form.kind == Kind::Hex;
        if hex && (at - form.from) % 2 == 1 {
            return None;
        }
        let breakable = form.to - form.from >= MIN_LINE_BYTES || is_line_break(self.text[at]);
        if breakable { Gap::enter(byte, hex) } else { None }
    }

    /// Returns how many bytes of the form are what a spelling means, if it is what the form has there.
    fn meant(&self, form: Extent, at: usize, meaning: Meaning) -> Option<usize> {
        let rest = &self.text[at..form.to];
        match (form.kind, meaning) {
            (Kind::Base64, Meaning::Character(character)) => {
                u8::try_from(character).is_ok_and(|byte| is_written(form.kind, rest[0], byte)).then_some(1)
            }
            (Kind::Hex, _) | (Kind::Base64, Meaning::Byte(_)) => None,
            (Kind::Text, meaning) => {
                meaning.with_bytes(|bytes| rest.starts_with(bytes).then_some(bytes.len()))
            }
        }
    }
}

impl Drop for Matcher {
    fn drop(&mut self) {
        for form in &mut self.forms {
            (form.from, form.to) = (0, 0);
        }
        self.by_first.zeroize();
        self.by_line_start.zeroize();
        self.introducers.zeroize();
    }
}

fn pair(first: u8, second: u8) -> (usize, u64) {
    let pair = (usize::from(first) << 8) | usize::from(second);
    (pair / 64, 1 << (pair % 64))
}

/// Returns the bytes that a form's byte may be written as.
fn written_as(kind: Kind, byte: u8) -> impl Iterator<Item = u8> {
    let other = match (kind, byte) {
        (Kind::Base64, b'+') => b'-',
        (Kind::Base64, b'/') => b'_',
        (Kind::Hex, _) => byte.to_ascii_uppercase(),
        _ => byte,
    };
    [byte, other].into_iter().take(if other == byte { 1 } else { 2 })
}

/// Returns whether a form's byte may be written as this byte.
fn is_written(kind: Kind, byte: u8, written: u8) -> bool {
    let canonical = match (kind, written) {
        (Kind::Base64, b'-') => b'+',
        (Kind::Base64, b'_') => b'/',
        (Kind::Hex, _) => written.to_ascii_lowercase(),
        _ => written,
    };
    canonical == byte
}

fn is_line_break(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

/// Returns the non-ASCII characters of the forms, each once.
fn non_ascii(forms: &[Form]) -> Vec<char> {
    let texts = || {
        let texts = forms.iter().filter(|form| form.kind == Kind::Text);
        texts.filter_map(|form| std::str::from_utf8(&form.text).ok()).flat_map(str::chars)
    };
    let wanted = |character: &char| !character.is_ascii();
    // Counted first: a vector that grows leaves its content behind.
    let mut characters = Vec::with_capacity(texts().filter(wanted).count());
    characters.extend(texts().filter(wanted));
    characters.sort_unstable();
    characters.dedup();
    characters
}
