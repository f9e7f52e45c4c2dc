//! What trying a regular expression on a text may take. Where all states that its automaton can ever be in fit into the
//! cache that the library keeps of them, a byte of text is one look into a table. Where they don't, the library falls back
//! to following every place of the expression at once, for each byte. Which of both it is, is found out here by walking
//! through these states; it refuses to know what the expression is for.

use std::collections::HashSet;

use regex_automata::{
    Anchored, MatchKind,
    hybrid::{LazyStateID, dfa},
    nfa::thompson::{NFA, WhichCaptures},
    util::{alphabet::Unit, start},
};

/// A regular expression of a schema, compiled, in bytes.
pub(super) const MAX_PATTERN_SIZE: usize = 256 * 1024;

/// One whose states fit, on 64 bytes of text: as much as so many plain keywords.
const QUICK_COST: u64 = 20;

/// Any other one, on 64 bytes of text, in addition for each KiB that it takes: with all of its places followed.
const SLOW_COST_PER_KIB: u64 = 64 * 56;

/// The least of it, for adding states to the cache and throwing them away.
const SLOW_COST: u64 = 64 * 8;

/// How far it is walked for all the patterns of one schema: bytes of states times ways out of them. Patterns that are
/// still to come then count as slow ones.
const MAX_WALK: u64 = 50_000_000;

/// Finds out what the patterns of one schema cost.
#[derive(Debug)]
pub(super) struct Costs {
    walk: u64,
}

impl Default for Costs {
    fn default() -> Self {
        Self { walk: MAX_WALK }
    }
}

impl Costs {
    /// Steps for every 64 bytes of text, of an expression as JSON Schema writes them. One that cannot be used costs
    /// nothing: the library says what is wrong with it.
    pub(super) fn of_ecma(&mut self, pattern: &str) -> u64 {
        jsonschema_regex::to_rust_regex(pattern).map_or(0, |pattern| self.of(&pattern))
    }

    /// The same, of an expression of the crate `regex`.
    pub(super) fn of(&mut self, pattern: &str) -> u64 {
        let Some(forward) = compiled(pattern, false) else { return 0 };
        // Classes of characters may be larger backwards.
        let bytes = match compiled(pattern, true) {
            Some(backward) if self.fits(&forward) && self.fits(&backward) => return QUICK_COST,
            Some(backward) => forward.memory_usage().max(backward.memory_usage()),
            None => MAX_PATTERN_SIZE,
        };
        let kib = u64::try_from(bytes.div_ceil(1024)).unwrap_or(u64::MAX);
        SLOW_COST.saturating_add(SLOW_COST_PER_KIB.saturating_mul(kib))
    }

    /// Whether a byte of text is one look into a table.
    pub(super) fn is_quick(cost: u64) -> bool {
        cost <= QUICK_COST
    }

    /// Whether all states that can be reached fit into the cache.
    fn fits(&mut self, nfa: &NFA) -> bool {
        self.walked(nfa).unwrap_or(false)
    }

    /// None: they don't, or it is not found out.
    fn walked(&mut self, nfa: &NFA) -> Option<bool> {
        let kind = if nfa.is_reverse() { MatchKind::All } else { MatchKind::LeftmostFirst };
        // A full cache is an error here; what needs more than bytes to be decided cannot be walked either.
        let config = dfa::Config::new()
            .match_kind(kind)
            .cache_capacity(MAX_PATTERN_SIZE)
            .minimum_cache_clear_count(Some(0));
        let dfa = dfa::Builder::new().configure(config).build_from_nfa(nfa.clone()).ok()?;
        let mut cache = dfa.create_cache();
        let bytes: Vec<u8> = dfa.byte_classes().representatives(0..=255_u8).filter_map(Unit::as_u8).collect();
        let empty = cache.memory_usage();
        let mut known: HashSet<LazyStateID> = HashSet::new();
        let mut waiting = Vec::new();
        // A search may begin inside of a text, after whatever a look-behind tells apart.
        for before in [None, Some(b'a'), Some(b' '), Some(b'\n'), Some(b'\r'), Some(0xff)] {
            for anchored in [Anchored::No, Anchored::Yes] {
                // Backwards only matches whose end is known are looked for.
                if nfa.is_reverse() && anchored == Anchored::No {
                    continue;
                }
                let config = start::Config::new().look_behind(before).anchored(anchored);
                let state = dfa.start_state(&mut cache, &config).ok()?;
                if known.insert(state) {
                    waiting.push(state);
                }
            }
        }
        while let Some(state) = waiting.pop() {
            // A state is kept as the list of the places that it stands for.
            let each = cache.memory_usage().saturating_sub(empty) / known.len();
            self.walk = self.walk.checked_sub(count(each.saturating_mul(bytes.len() + 1)))?;
            dfa.next_eoi_state(&mut cache, state).ok()?;
            for &byte in &bytes {
                let next = dfa.next_state(&mut cache, state, byte).ok()?;
                if next.is_quit() {
                    return Some(false);
                }
                if !next.is_dead() && known.insert(next) {
                    waiting.push(next);
                }
            }
        }
        Some(true)
    }
}

fn compiled(pattern: &str, reverse: bool) -> Option<NFA> {
    let config = NFA::config()
        .reverse(reverse)
        .which_captures(WhichCaptures::None)
        .nfa_size_limit(Some(2 * MAX_PATTERN_SIZE));
    NFA::compiler().configure(config).build(pattern).ok()
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
