//! The automaton of Aho and Corasick over the patterns. After each byte it knows the longest pattern that ends there, and how
//! much of the text may still become one.
//!
//! The crate `aho-corasick` does not report the latter, and does not wipe what is made of secrets. The automaton takes some 25
//! bytes for each byte of the patterns that is not shared with another pattern.

use zeroize::{Zeroize as _, Zeroizing};

/// A node of the trie that the patterns form; the root is 0.
pub(super) type State = u32;

pub(super) const ROOT: State = 0;

/// No node: the root is no node's child.
const NONE: State = 0;

/// All nodes, field by field.
pub(super) struct Automaton {
    /// Where each byte leads from the root; most lead back to it.
    root_transitions: Zeroizing<[State; 256]>,
    /// The byte that leads to the node.
    byte: Zeroizing<Vec<u8>>,
    child: Vec<State>,
    sibling: Vec<State>,
    depth: Vec<u32>,
    /// The node for the longest proper suffix of the node's text that is a prefix of a pattern.
    fail: Vec<State>,
    /// The length of the longest pattern that is a suffix of the node's text.
    longest: Vec<u32>,
    /// The length of the longest suffix of the node's text that is a proper prefix of a pattern.
    open: Vec<u32>,
}

impl Automaton {
    /// Builds the automaton. Patterns must not be empty.
    pub(super) fn new(patterns: &[Zeroizing<Vec<u8>>]) -> Self {
        // Allocated once: a vector that grows leaves its bytes behind.
        let max_nodes = 1 + patterns.iter().map(|pattern| pattern.len()).sum::<usize>();
        let mut automaton = Self {
            root_transitions: Zeroizing::new([ROOT; 256]),
            byte: Zeroizing::new(Vec::with_capacity(max_nodes)),
            child: Vec::with_capacity(max_nodes),
            sibling: Vec::with_capacity(max_nodes),
            depth: Vec::with_capacity(max_nodes),
            fail: Vec::new(),
            longest: Vec::with_capacity(max_nodes),
            open: Vec::new(),
        };
        automaton.add_node(0, NONE, 0);
        for pattern in patterns {
            automaton.insert(pattern);
        }
        automaton.link();
        automaton
    }

    pub(super) fn is_empty(&self) -> bool {
        self.child[index(ROOT)] == NONE
    }

    /// Returns the length of the longest pattern.
    pub(super) fn longest_pattern(&self) -> usize {
        self.depth.iter().max().map_or(0, |depth| index(*depth))
    }

    pub(super) fn next(&self, mut state: State, byte: u8) -> State {
        loop {
            if state == ROOT {
                return self.root_transitions[usize::from(byte)];
            }
            if let Some(next) = self.child_by(state, byte) {
                return next;
            }
            state = self.fail[index(state)];
        }
    }

    /// Returns the length of the longest pattern that ends here; 0 if none does.
    pub(super) fn longest(&self, state: State) -> usize {
        index(self.longest[index(state)])
    }

    /// Returns how many of the last bytes may be the beginning of a pattern that ends later.
    pub(super) fn open(&self, state: State) -> usize {
        index(self.open[index(state)])
    }

    fn add_node(&mut self, byte: u8, sibling: State, depth: u32) -> State {
        let state =
            State::try_from(self.byte.len()).expect("the secrets of one environment are far from 4 GiB");
        self.byte.push(byte);
        self.child.push(NONE);
        self.sibling.push(sibling);
        self.depth.push(depth);
        self.longest.push(0);
        state
    }

    fn child_by(&self, state: State, byte: u8) -> Option<State> {
        let mut child = self.child[index(state)];
        while child != NONE {
            if self.byte[index(child)] == byte {
                return Some(child);
            }
            child = self.sibling[index(child)];
        }
        None
    }

    fn insert(&mut self, pattern: &[u8]) {
        let mut state = ROOT;
        for byte in pattern {
            let known = match self.root_transitions[usize::from(*byte)] {
                first if state == ROOT => Some(first).filter(|first| *first != NONE),
                _ => self.child_by(state, *byte),
            };
            state = known.unwrap_or_else(|| {
                let child = self.add_node(*byte, self.child[index(state)], self.depth[index(state)] + 1);
                self.child[index(state)] = child;
                if state == ROOT {
                    self.root_transitions[usize::from(*byte)] = child;
                }
                child
            });
        }
        self.longest[index(state)] = self.depth[index(state)];
    }

    /// Computes what follows from the trie, parents first.
    fn link(&mut self) {
        self.fail = vec![ROOT; self.byte.len()];
        self.open = vec![0; self.byte.len()];
        let mut queue = Vec::with_capacity(self.byte.len());
        queue.push(ROOT);
        let mut next = 0;
        while let Some(parent) = queue.get(next).copied() {
            next += 1;
            let mut child = self.child[index(parent)];
            while child != NONE {
                queue.push(child);
                let fail = match parent {
                    ROOT => ROOT,
                    _ => self.next(self.fail[index(parent)], self.byte[index(child)]),
                };
                self.fail[index(child)] = fail;
                if self.longest[index(child)] == 0 {
                    self.longest[index(child)] = self.longest[index(fail)];
                }
                let leaf = self.child[index(child)] == NONE;
                self.open[index(child)] =
                    if leaf { self.open[index(fail)] } else { self.depth[index(child)] };
                child = self.sibling[index(child)];
            }
        }
    }
}

/// Also wipes what reveals the lengths of the patterns; the bytes are wiped with their fields.
impl Drop for Automaton {
    fn drop(&mut self) {
        self.child.zeroize();
        self.sibling.zeroize();
    }
}

fn index(state: u32) -> usize {
    usize::try_from(state).expect("a usize has 32 bits or more")
}
