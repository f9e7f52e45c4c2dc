//! A search in one text.

use std::{mem, sync::Arc};

use super::{Extent, Matcher, is_line_break, is_written};
use crate::masking::{
    forms::{Kind, MIN_LINE_BYTES},
    gap::Gap,
    spellings::Node,
};

/// Among so few threads, equal ones are found by comparing.
const FEW_THREADS: usize = 8;

/// With more threads, equal ones are found by sorting.
const MANY_THREADS: usize = 32;

/// The most bytes of the spelling of a form's first character; only repeated backslashes make one longer.
const MAX_SPELLING_BYTES: u64 = 64;

/// A search in one text, from its beginning.
pub(in crate::masking) struct Search {
    matcher: Arc<Matcher>,
    /// How many bytes the text has so far.
    position: u64,
    /// The last byte, which may begin a form.
    last: Option<u8>,
    /// Whether the last byte is the first one of a line.
    last_begins_line: bool,
    threads: Vec<Thread>,
    /// Spellings of what may be the first character of a form, and where the text was after their first byte.
    starts: Vec<(Node, u64)>,
    /// The gap that the text is in, whatever precedes it.
    gap: Option<Gap>,
    /// Room for the next threads and starts.
    spare: (Vec<Thread>, Vec<(Node, u64)>),
}

/// One way to read the end of the text as the beginning of a form.
#[derive(Clone, Copy)]
struct Thread {
    form: u32,
    /// How far in the text of all forms.
    at: usize,
    within: Within,
    /// Where the occurrence begins.
    from: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Within {
    /// Between two characters.
    Nothing,
    Spelling(Node),
    Gap(Gap),
}

impl Search {
    pub(in crate::masking) fn new(matcher: Arc<Matcher>) -> Self {
        Self {
            matcher,
            position: 0,
            last: None,
            last_begins_line: false,
            threads: Vec::new(),
            starts: Vec::new(),
            gap: None,
            spare: (Vec::new(), Vec::new()),
        }
    }

    /// Returns how many bytes the text has so far.
    pub(in crate::masking) fn position(&self) -> u64 {
        self.position
    }

    /// Adds a byte of the text. Returns where the longest form that ends with it begins.
    pub(in crate::masking) fn push(&mut self, byte: u8) -> Option<u64> {
        let last = self.last.replace(byte);
        let position = self.position;
        self.position += 1;
        let begins = last.filter(|last| self.matcher.may_begin(*last, byte));
        let introduces = self.matcher.introducers[usize::from(byte)];
        let begins_line = self.gap.is_some_and(Gap::may_end);
        let line = last.filter(|_| mem::replace(&mut self.last_begins_line, begins_line));
        let gap = self.gap.and_then(|gap| gap.next(byte, false));
        self.gap = gap.or_else(|| Gap::enter(byte, false));
        if begins.is_none()
            && !introduces
            && line.is_none()
            && self.threads.is_empty()
            && self.starts.is_empty()
        {
            return None;
        }
        let matcher = &*self.matcher;
        let (threads, starts) = mem::take(&mut self.spare);
        let mut step = Step { matcher, byte, position, threads, starts, found: None };
        for thread in &self.threads {
            step.advance(*thread);
        }
        if let Some(first) = begins {
            for form in &matcher.by_first[usize::from(first)] {
                let at = matcher.forms[*form as usize].from + 1;
                step.advance(Thread { form: *form, at, within: Within::Nothing, from: position - 1 });
            }
        }
        if let Some(first) = line {
            for (form, offset) in &matcher.by_line_start[usize::from(first)] {
                let extent = matcher.forms[*form as usize];
                let at = extent.from + offset + 1;
                if matcher.may_continue(extent, at, byte) {
                    step.advance(Thread { form: *form, at, within: Within::Nothing, from: position - 1 });
                }
            }
        }
        for (node, from) in &self.starts {
            if let Some(node) = matcher.spellings.child(*node, byte) {
                step.start(node, *from);
            }
        }
        if introduces && let Some(node) = matcher.spellings.first(byte) {
            // The first byte of an escape stays visible: held back, it would keep prompts from being seen.
            step.start(node, position + 1);
        }
        let Step { mut threads, starts, found, .. } = step;
        if threads.len() > MANY_THREADS {
            threads.sort_unstable_by_key(|thread| (thread.at, thread.within, thread.from));
            threads.dedup_by_key(|thread| (thread.at, thread.within));
        }
        self.spare = (mem::replace(&mut self.threads, threads), mem::replace(&mut self.starts, starts));
        self.spare.0.clear();
        self.spare.1.clear();
        found
    }

    /// Returns from where on the text may still become a form.
    pub(in crate::masking) fn open(&self) -> u64 {
        let begins = self.last.is_some_and(|last| {
            let last = usize::from(last);
            !self.matcher.by_first[last].is_empty()
                || self.last_begins_line && !self.matcher.by_line_start[last].is_empty()
        });
        let threads = self.threads.iter().map(|thread| thread.from);
        let starts = self.starts.iter().map(|(_, from)| *from);
        let open = threads.chain(starts).min().unwrap_or(self.position);
        open.min(self.position - u64::from(begins))
    }

    /// Ends the text, and begins another.
    pub(in crate::masking) fn restart(&mut self) {
        self.position = 0;
        self.last = None;
        self.last_begins_line = false;
        self.threads.clear();
        self.starts.clear();
        self.gap = None;
    }
}

/// What one byte does.
struct Step<'a> {
    matcher: &'a Matcher,
    byte: u8,
    /// Where the byte is.
    position: u64,
    threads: Vec<Thread>,
    starts: Vec<(Node, u64)>,
    found: Option<u64>,
}

impl Step<'_> {
    fn form(&self, thread: Thread) -> Extent {
        self.matcher.forms[thread.form as usize]
    }

    fn advance(&mut self, thread: Thread) {
        match thread.within {
            Within::Nothing => {
                self.read(thread);
                self.enter_gap(thread);
            }
            Within::Spelling(node) => {
                if let Some(node) = self.matcher.spellings.child(node, self.byte) {
                    self.reach(thread, node);
                }
            }
            Within::Gap(gap) => {
                if gap.may_end() {
                    self.leave_gap(thread);
                }
                if let Some(gap) = gap.next(self.byte, self.form(thread).kind == Kind::Hex) {
                    self.push(Thread { within: Within::Gap(gap), ..thread });
                }
            }
        }
    }

    /// Reads the byte as the next character, or as the beginning of a spelling of it.
    fn read(&mut self, thread: Thread) {
        let form = self.form(thread);
        let expected = self.matcher.text[thread.at];
        if is_written(form.kind, expected, self.byte) {
            self.pass(thread, 1);
        }
        if form.kind == Kind::Hex {
            return;
        }
        // CRLF written as LF
        if expected == b'\r' && self.matcher.text[thread.at..form.to].starts_with(b"\r\n") {
            self.read(Thread { at: thread.at + 1, ..thread });
        }
        if let Some(node) = self.matcher.spellings.first_of(self.byte, expected) {
            self.reach(thread, node);
        }
    }

    /// Continues at a node of the spellings of the next character.
    fn reach(&mut self, thread: Thread, node: Node) {
        let form = self.form(thread);
        for meaning in self.matcher.spellings.meanings(node) {
            if let Some(length) = self.matcher.meant(form, thread.at, meaning) {
                self.pass(thread, length);
            }
        }
        if self.matcher.spellings.has_children(node) {
            self.push(Thread { within: Within::Spelling(node), ..thread });
        }
    }

    fn enter_gap(&mut self, thread: Thread) {
        let form = self.form(thread);
        let Some(gap) = self.matcher.gap(form, thread.at, self.byte) else { return };
        // So little that it may be anything is not held back at the end of a line. The rest is found where the next begins.
        let is_enough = self.position - thread.from >= MIN_LINE_BYTES as u64
            || gap == Gap::Separator
            || (form.kind == Kind::Text && is_line_break(self.matcher.text[thread.at]));
        if is_enough {
            self.push(Thread { within: Within::Gap(gap), ..thread });
        }
    }

    /// Reads the byte as the one after a gap. It also replaces white space that the form has there.
    fn leave_gap(&mut self, thread: Thread) {
        let form = self.form(thread);
        self.read(thread);
        let rest = &self.matcher.text[thread.at..form.to];
        let blank = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        if form.kind == Kind::Text && (1..rest.len()).contains(&blank) {
            self.read(Thread { at: thread.at + blank, ..thread });
        }
    }

    /// Continues at a node of the spellings of the first character of a form.
    fn start(&mut self, node: Node, from: u64) {
        let matcher = self.matcher;
        for meaning in matcher.spellings.meanings(node) {
            let first = meaning.with_bytes(|bytes| bytes[0]);
            for form in &matcher.by_first[usize::from(first)] {
                let extent = matcher.forms[*form as usize];
                if let Some(length) = matcher.meant(extent, extent.from, meaning) {
                    self.pass(Thread { form: *form, at: extent.from, within: Within::Nothing, from }, length);
                }
            }
        }
        if matcher.spellings.has_children(node)
            && self.position.saturating_sub(from) < MAX_SPELLING_BYTES
            && !self.starts.iter().any(|(known, _)| *known == node)
        {
            self.starts.push((node, from));
        }
    }

    /// Continues after a character of the form.
    fn pass(&mut self, thread: Thread, length: usize) {
        let at = thread.at + length;
        if at < self.form(thread).to {
            self.push(Thread { at, within: Within::Nothing, ..thread });
        } else {
            self.found = Some(self.found.map_or(thread.from, |found| found.min(thread.from)));
        }
    }

    fn push(&mut self, thread: Thread) {
        let length = (self.position + 1).saturating_sub(thread.from);
        if usize::try_from(length).is_ok_and(|length| length > self.form(thread).limit()) {
            return;
        }
        if self.threads.len() < FEW_THREADS {
            let equal = |other: &&mut Thread| (other.at, other.within) == (thread.at, thread.within);
            if let Some(other) = self.threads.iter_mut().find(equal) {
                other.from = other.from.min(thread.from);
                return;
            }
        }
        self.threads.push(thread);
    }
}
