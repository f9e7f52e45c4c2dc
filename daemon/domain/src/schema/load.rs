//! How much work a schema may be, found out before anything is checked: a few hundred bytes of references can ask for
//! more steps than a machine does in a year, and the one writer must never be kept waiting. Bounds are by count, so
//! that the same schema and value are judged alike on every machine.

use std::collections::VecDeque;

use kontraktor_model::limits::MAX_JSON_DEPTH;

use super::{
    SchemaError,
    shape::{Node, Part, Shape},
};

/// How many nested subschemas may apply to the same value: more would need too deep a stack.
const MAX_CHAIN: usize = 64;

/// Steps that looking at a single plain value may take.
const MAX_STEPS: u64 = 1_000_000;

/// The most steps that one part of a value may take, by how deep in the value the part is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Load {
    /// At each depth, that of all the depths before included. Deeper ones take as many as the last.
    steps: Vec<u64>,
}

impl Load {
    pub(super) fn of(shape: &Shape) -> Result<Self, SchemaError> {
        let nodes = &shape.nodes;
        let order = inner_first(nodes)?;
        check_chains(nodes, &order)?;
        let mut steps = vec![0_u64; nodes.len()];
        for &index in &order {
            let node = &nodes[index];
            let below = sum(node.in_place.iter().map(|&inner| steps[inner]));
            steps[index] = node.cost.saturating_add(node.times.saturating_mul(below));
        }
        if steps[0] > MAX_STEPS {
            return Err(SchemaError::at(
                String::new(),
                format!(
                    "checking a single value may take {} steps, more than the limit of {MAX_STEPS}; use fewer \
                     references between subschemas, and fewer repetitions in patterns",
                    steps[0]
                ),
            ));
        }
        let mut most = vec![steps[0]];
        for _ in 0..MAX_JSON_DEPTH {
            let next = deeper(nodes, &order, &steps);
            if next == steps || next.iter().all(|&steps| steps == 0) {
                break;
            }
            most.push(next[0].max(most[most.len() - 1]));
            steps = next;
        }
        Ok(Self { steps: most })
    }

    /// The most steps that looking at a value may take which is so deep and has so many parts.
    pub(super) fn steps(&self, depth: usize, parts: u64) -> u64 {
        self.steps[depth.min(self.steps.len() - 1)].saturating_mul(parts)
    }
}

/// From how many steps each subschema takes for parts at one depth: for parts one deeper. What different branches ask
/// of members of different names is added up as if the names were the same.
fn deeper(nodes: &[Node], order: &[usize], steps: &[u64]) -> Vec<u64> {
    const KINDS: [Part; 5] = [Part::Member, Part::AnyMember, Part::Name, Part::Item, Part::AnyItem];
    let mut kinds = vec![[0_u64; KINDS.len()]; nodes.len()];
    for &index in order {
        let node = &nodes[index];
        for (place, kind) in KINDS.into_iter().enumerate() {
            let own = node.inward.iter().filter(|(part, _)| *part == kind).map(|&(_, inner)| steps[inner]);
            let own = match kind {
                Part::Member | Part::Item => own.max().unwrap_or(0),
                Part::AnyMember | Part::Name | Part::AnyItem => sum(own),
            };
            let below = sum(node.in_place.iter().map(|&inner| kinds[inner][place]));
            kinds[index][place] = own.saturating_add(node.times.saturating_mul(below));
        }
    }
    let most = |[member, any_member, name, item, any_item]: [u64; KINDS.len()]| {
        member.saturating_add(any_member).max(name).max(item.saturating_add(any_item))
    };
    kinds.into_iter().map(most).collect()
}

/// The subschemas in such an order that whatever applies in place comes before what it applies to.
fn inner_first(nodes: &[Node]) -> Result<Vec<usize>, SchemaError> {
    let mut outer = vec![0_usize; nodes.len()];
    for node in nodes {
        for &inner in &node.in_place {
            outer[inner] += 1;
        }
    }
    let mut ready: VecDeque<usize> = (0..nodes.len()).filter(|&index| outer[index] == 0).collect();
    let mut order = Vec::with_capacity(nodes.len());
    while let Some(index) = ready.pop_front() {
        order.push(index);
        for &inner in &nodes[index].in_place {
            outer[inner] -= 1;
            if outer[inner] == 0 {
                ready.push_back(inner);
            }
        }
    }
    if order.len() < nodes.len() {
        return Err(round(nodes, &outer));
    }
    order.reverse();
    Ok(order)
}

/// Names one way round. Those that are still waiting for an outer one are on a round or below one.
fn round(nodes: &[Node], outer: &[usize]) -> SchemaError {
    let mut before = vec![None; nodes.len()];
    for (index, node) in nodes.iter().enumerate().filter(|&(index, _)| outer[index] > 0) {
        for &inner in &node.in_place {
            before[inner] = Some(index);
        }
    }
    // Going outwards as often as there are subschemas ends on a round for sure.
    let step = |at: usize| before[at].unwrap_or(at);
    let start = (0..nodes.len()).find(|&index| outer[index] > 0).unwrap_or(0);
    let on_it = (0..nodes.len()).fold(start, |at, _| step(at));
    let mut way = vec![on_it];
    let mut at = step(on_it);
    while at != on_it {
        way.push(at);
        at = step(at);
    }
    way.push(on_it);
    way.reverse();
    let named: Vec<String> = way.iter().take(10).map(|&index| format!("#{}", nodes[index].pointer)).collect();
    SchemaError::at(
        nodes[on_it].pointer.clone(),
        format!(
            "references form a cycle that never descends into the value: {}{}",
            named.join(" -> "),
            if way.len() > 10 { " -> …" } else { "" }
        ),
    )
}

fn check_chains(nodes: &[Node], order: &[usize]) -> Result<(), SchemaError> {
    let mut chain = vec![0_usize; nodes.len()];
    for &index in order {
        chain[index] = 1 + nodes[index].in_place.iter().map(|&inner| chain[inner]).max().unwrap_or(0);
        if chain[index] > MAX_CHAIN {
            return Err(SchemaError::at(
                nodes[index].pointer.clone(),
                format!("a chain of more than {MAX_CHAIN} subschemas applies to the same value"),
            ));
        }
    }
    Ok(())
}

fn sum(numbers: impl Iterator<Item = u64>) -> u64 {
    numbers.fold(0, u64::saturating_add)
}
