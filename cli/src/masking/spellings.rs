//! The spellings of characters: a trie of all of them, except each character as it is. What a spelling means is known at its
//! last node; it may mean several things, as `\n` is a line break to most programs, and the letter `n` to a shell.
//!
//! Languages quote each other's text. So backslashes may be repeated wherever a spelling has one; a backslash that is itself
//! spelled, such as `%5C`, begins all that a backslash begins; and what follows a backslash may be spelled, as in `\&quot;`.

mod list;

use std::sync::{Arc, LazyLock};

use zeroize::{Zeroize as _, Zeroizing};

/// A node of the trie.
pub(super) type Node = u32;

/// No node, and no meaning.
const NONE: u32 = 0;

const ROOT: usize = 0;

/// What a spelling means: a character, or a byte of a longer one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    Character(char),
    Byte(u8),
}

impl Meaning {
    fn of_byte(byte: u8) -> Self {
        if byte.is_ascii() { Self::Character(char::from(byte)) } else { Self::Byte(byte) }
    }

    /// Calls the function with the bytes that are meant.
    pub(super) fn with_bytes<T>(self, with: impl FnOnce(&[u8]) -> T) -> T {
        match self {
            Self::Character(character) => {
                let mut bytes = Zeroizing::new([0; 4]);
                with(character.encode_utf8(&mut *bytes).as_bytes())
            }
            Self::Byte(byte) => with(&[byte]),
        }
    }
}

/// The trie, field by field. Its nodes reveal which non-ASCII characters the secrets have, and are wiped.
pub(super) struct Spellings {
    /// Where each byte leads from the root.
    first: [Node; 256],
    /// Where each byte leads from a backslash, which begins most spellings.
    after_backslash: [Node; 256],
    /// Which ASCII characters may be meant by spellings that begin with each byte: a bit for each.
    ascii: [u128; 256],
    byte: Vec<u8>,
    child: Vec<Node>,
    sibling: Vec<Node>,
    /// The node whose children each node has besides its own.
    fallback: Vec<Node>,
    /// The last meaning of each node, an index of `meanings`.
    meaning: Vec<u32>,
    /// Each meaning, and the next one of the same node. The first is unused.
    meanings: Vec<(Meaning, u32)>,
}

impl Spellings {
    /// Returns the trie for ASCII, for bytes, and for these other characters.
    pub(super) fn new(characters: &[char]) -> Arc<Self> {
        static ASCII: LazyLock<Arc<Spellings>> = LazyLock::new(|| {
            let mut spellings = Spellings::with_room(0, 0);
            spellings.add_node(0);
            spellings.meanings.push((Meaning::Byte(0), NONE));
            list::for_ascii_and_bytes(&mut |spelling, meaning| spellings.insert(spelling, meaning));
            spellings.link();
            Arc::new(spellings)
        });
        if characters.is_empty() {
            return Arc::clone(&ASCII);
        }
        let mut spellings = ASCII.with_room_for(characters.len());
        list::for_characters(characters, &mut |spelling, meaning| spellings.insert(spelling, meaning));
        spellings.link();
        Arc::new(spellings)
    }

    /// Returns a copy with enough room to add characters: vectors that grow leave their content behind.
    fn with_room_for(&self, characters: usize) -> Self {
        let mut copy = Self::with_room(
            self.byte.len() + list::MAX_NODES * characters,
            self.meanings.len() + list::MAX_MEANINGS * characters,
        );
        copy.first = self.first;
        copy.after_backslash = self.after_backslash;
        copy.ascii = self.ascii;
        copy.byte.extend_from_slice(&self.byte);
        copy.child.extend_from_slice(&self.child);
        copy.sibling.extend_from_slice(&self.sibling);
        copy.meaning.extend_from_slice(&self.meaning);
        copy.meanings.extend_from_slice(&self.meanings);
        copy
    }

    fn with_room(nodes: usize, meanings: usize) -> Self {
        Self {
            first: [NONE; 256],
            after_backslash: [NONE; 256],
            ascii: [0; 256],
            byte: Vec::with_capacity(nodes),
            child: Vec::with_capacity(nodes),
            sibling: Vec::with_capacity(nodes),
            fallback: Vec::new(),
            meaning: Vec::with_capacity(nodes),
            meanings: Vec::with_capacity(meanings),
        }
    }

    /// Returns the node that a byte leads to from the root.
    pub(super) fn first(&self, byte: u8) -> Option<Node> {
        Some(self.first[usize::from(byte)]).filter(|node| *node != NONE)
    }

    /// Returns the node that a byte leads to from the root if a spelling there may mean a text that begins with `meant`.
    pub(super) fn first_of(&self, byte: u8, meant: u8) -> Option<Node> {
        let may_mean = !meant.is_ascii() || self.ascii[usize::from(byte)] & (1 << meant) != 0;
        if may_mean { self.first(byte) } else { None }
    }

    /// Returns the node that a byte leads to.
    pub(super) fn child(&self, mut node: Node, byte: u8) -> Option<Node> {
        loop {
            if let Some(child) = self.own_child(node, byte) {
                return Some(child);
            }
            node = self.fallback[index(node)];
            if node == NONE {
                return None;
            }
        }
    }

    pub(super) fn has_children(&self, node: Node) -> bool {
        self.child[index(node)] != NONE || self.fallback[index(node)] != NONE
    }

    /// Returns what the spelling that ends at a node means; nothing if none ends there.
    pub(super) fn meanings(&self, node: Node) -> impl Iterator<Item = Meaning> {
        let mut next = self.meaning[index(node)];
        std::iter::from_fn(move || {
            if next == NONE {
                return None;
            }
            let (meaning, after) = self.meanings[index(next)];
            next = after;
            Some(meaning)
        })
    }

    fn add_node(&mut self, byte: u8) -> Node {
        let node = Node::try_from(self.byte.len()).expect("a few nodes for each character");
        self.byte.push(byte);
        self.child.push(NONE);
        self.sibling.push(NONE);
        self.meaning.push(NONE);
        node
    }

    fn own_child(&self, node: Node, byte: u8) -> Option<Node> {
        if node == self.first[usize::from(b'\\')] {
            let child = self.after_backslash[usize::from(byte)];
            return Some(if byte == b'\\' { node } else { child }).filter(|child| *child != NONE);
        }
        let mut child = self.child[index(node)];
        while child != NONE {
            if self.byte[index(child)] == byte {
                return Some(child);
            }
            child = self.sibling[index(child)];
        }
        (byte == b'\\' && self.byte[index(node)] == b'\\').then_some(node)
    }

    fn insert(&mut self, spelling: &[u8], meaning: Meaning) {
        let mut node = NONE;
        for byte in spelling {
            let known = if index(node) == ROOT { self.first(*byte) } else { self.own_child(node, *byte) };
            node = known.unwrap_or_else(|| {
                let added = self.add_node(*byte);
                if index(node) == ROOT {
                    self.first[usize::from(*byte)] = added;
                } else {
                    self.sibling[index(added)] = self.child[index(node)];
                    self.child[index(node)] = added;
                    if node == self.first[usize::from(b'\\')] {
                        self.after_backslash[usize::from(*byte)] = added;
                    }
                }
                added
            });
        }
        if let (Some(first), Meaning::Character(character)) = (spelling.first(), meaning)
            && character.is_ascii()
        {
            // All that a backslash begins may follow a spelled one.
            let ascii = if character == '\\' { u128::MAX } else { 1 << u32::from(character) };
            self.ascii[usize::from(*first)] |= ascii;
        }
        if !self.meanings(node).any(|known| known == meaning) {
            let added = u32::try_from(self.meanings.len()).expect("a few meanings for each character");
            self.meanings.push((meaning, self.meaning[index(node)]));
            self.meaning[index(node)] = added;
        }
    }

    /// Links what follows a spelled backslash, and what a backslash precedes.
    fn link(&mut self) {
        self.fallback = vec![NONE; self.byte.len()];
        let backslash = self.first[usize::from(b'\\')];
        for node in 1..self.byte.len() {
            let node = Node::try_from(node).expect("counted when it was added");
            if node != backslash && self.meanings(node).any(|meaning| meaning == Meaning::Character('\\')) {
                self.fallback[index(node)] = backslash;
            }
        }
        let mut child = self.child[index(backslash)];
        while child != NONE {
            self.fallback[index(child)] = self.first[usize::from(self.byte[index(child)])];
            child = self.sibling[index(child)];
        }
    }
}

impl Drop for Spellings {
    fn drop(&mut self) {
        self.byte.zeroize();
        for (meaning, _) in &mut self.meanings {
            *meaning = Meaning::Byte(0);
        }
    }
}

fn index(number: u32) -> usize {
    usize::try_from(number).expect("a usize has 32 bits or more")
}
