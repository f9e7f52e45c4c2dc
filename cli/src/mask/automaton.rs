//! The automaton of Aho and Corasick over the patterns: after each byte it knows the longest pattern that ends there, and
//! how much of the text may still become one.
//!
//! Written here because the crate `aho-corasick` does not tell the second, and because what is made of secrets has to be
//! wiped. It takes some 25 bytes for each byte of the patterns that is not shared with another.

use zeroize::{Zeroize as _, Zeroizing};

/// A node of the tree that the patterns make; the root is 0.
pub(super) type State = u32;

pub(super) const ROOT: State = 0;

/// No node: the root is nobody's child.
const NONE: State = 0;

/// All nodes, field by field.
pub(super) struct Automaton {
    /// Where each byte leads from the root; most lead back to it.
    first: Zeroizing<[State; 256]>,
    /// The byte that leads to the node.
    byte: Zeroizing<Vec<u8>>,
    child: Vec<State>,
    sibling: Vec<State>,
    depth: Vec<u32>,
    /// The node for the longest end of the node's text that has one.
    fail: Vec<State>,
    /// The length of the longest pattern that the node's text ends with.
    longest: Vec<u32>,
    /// The length of the longest end of the node's text with which a longer pattern begins.
    open: Vec<u32>,
}

impl Automaton {
    /// Patterns are not empty.
    pub(super) fn new(patterns: &[Zeroizing<Vec<u8>>]) -> Self {
        // Grown once: vectors that grow leave their bytes behind.
        let most = 1 + patterns.iter().map(|pattern| pattern.len()).sum::<usize>();
        let mut automaton = Self {
            first: Zeroizing::new([ROOT; 256]),
            byte: Zeroizing::new(Vec::with_capacity(most)),
            child: Vec::with_capacity(most),
            sibling: Vec::with_capacity(most),
            depth: Vec::with_capacity(most),
            fail: Vec::new(),
            longest: Vec::with_capacity(most),
            open: Vec::new(),
        };
        automaton.grow(0, NONE, 0);
        for pattern in patterns {
            automaton.insert(pattern);
        }
        automaton.link();
        automaton
    }

    pub(super) fn is_empty(&self) -> bool {
        self.child[at(ROOT)] == NONE
    }

    /// The length of the longest pattern.
    pub(super) fn longest_pattern(&self) -> usize {
        self.depth.iter().max().map_or(0, |depth| at(*depth))
    }

    pub(super) fn next(&self, mut state: State, byte: u8) -> State {
        loop {
            if state == ROOT {
                return self.first[usize::from(byte)];
            }
            if let Some(next) = self.child_by(state, byte) {
                return next;
            }
            state = self.fail[at(state)];
        }
    }

    /// How many bytes before this place are the longest pattern that ends here; 0: none does.
    pub(super) fn longest(&self, state: State) -> usize {
        at(self.longest[at(state)])
    }

    /// How many bytes before this place may be the beginning of a pattern that ends later.
    pub(super) fn open(&self, state: State) -> usize {
        at(self.open[at(state)])
    }

    fn grow(&mut self, byte: u8, sibling: State, depth: u32) -> State {
        let state = State::try_from(self.byte.len()).expect("secrets of one environment are far from 4 GiB");
        self.byte.push(byte);
        self.child.push(NONE);
        self.sibling.push(sibling);
        self.depth.push(depth);
        self.longest.push(0);
        state
    }

    fn child_by(&self, state: State, byte: u8) -> Option<State> {
        let mut child = self.child[at(state)];
        while child != NONE {
            if self.byte[at(child)] == byte {
                return Some(child);
            }
            child = self.sibling[at(child)];
        }
        None
    }

    fn insert(&mut self, pattern: &[u8]) {
        let mut state = ROOT;
        for byte in pattern {
            let known = match self.first[usize::from(*byte)] {
                first if state == ROOT => Some(first).filter(|first| *first != NONE),
                _ => self.child_by(state, *byte),
            };
            state = known.unwrap_or_else(|| {
                let child = self.grow(*byte, self.child[at(state)], self.depth[at(state)] + 1);
                self.child[at(state)] = child;
                if state == ROOT {
                    self.first[usize::from(*byte)] = child;
                }
                child
            });
        }
        self.longest[at(state)] = self.depth[at(state)];
    }

    /// Fills in what follows from the tree, parents first.
    fn link(&mut self) {
        self.fail = vec![ROOT; self.byte.len()];
        self.open = vec![0; self.byte.len()];
        let mut queue = Vec::with_capacity(self.byte.len());
        queue.push(ROOT);
        let mut next = 0;
        while let Some(parent) = queue.get(next).copied() {
            next += 1;
            let mut child = self.child[at(parent)];
            while child != NONE {
                queue.push(child);
                let fail = match parent {
                    ROOT => ROOT,
                    _ => self.next(self.fail[at(parent)], self.byte[at(child)]),
                };
                self.fail[at(child)] = fail;
                if self.longest[at(child)] == 0 {
                    self.longest[at(child)] = self.longest[at(fail)];
                }
                let leaf = self.child[at(child)] == NONE;
                self.open[at(child)] = if leaf { self.open[at(fail)] } else { self.depth[at(child)] };
                child = self.sibling[at(child)];
            }
        }
    }
}

/// What tells the patterns' lengths is wiped too; the bytes are by themselves.
impl Drop for Automaton {
    fn drop(&mut self) {
        self.child.zeroize();
        self.sibling.zeroize();
    }
}

fn at(index: u32) -> usize {
    usize::try_from(index).expect("a usize has 32 bits or more")
}
