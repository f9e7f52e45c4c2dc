use super::*;
use crate::{VariableEvent, VariableKind};

fn event(batch: u128, seq: u64, at: Timestamp) -> Event {
    Event {
        seq,
        at,
        actor: "unix:ada".into(),
        via: "test".into(),
        batch: Some(crate::BatchMark { id: Uuid::from_u128(batch), digest: Hash::ZERO, item: Some(0) }),
        body: Body::Variable(VariableEvent {
            environment: Uuid::nil(),
            path: EnvPath::new("p", "e").unwrap(),
            key: "K".parse().unwrap(),
            operation: VariableOperation::Updated,
            revision: seq,
            kind: VariableKind::Value(kontraktor_model::value::ValueType::String),
            old_value: None,
            new_value: Some("v".into()),
            description: "".into(),
            protected: false,
        }),
        hash: Hash::ZERO,
    }
}

fn now() -> Timestamp {
    "2026-01-02T03:04:05Z".parse().unwrap()
}

fn small(batches: usize) -> Memory {
    Memory { max_bytes: batches * (BATCH_BYTES + size_of::<Run>()), ..Memory::default() }
}

fn remembered(memory: &Memory) -> Vec<u128> {
    memory.order.iter().map(Uuid::as_u128).collect()
}

#[test]
fn beyond_the_bound_the_oldest_are_forgotten() {
    let mut memory = small(3);
    for batch in 1..=5 {
        memory.learn(&event(u128::from(batch), batch, now()));
    }
    assert_eq!(remembered(&memory), [3, 4, 5]);
    assert!(memory.get(Uuid::from_u128(2), now()).is_none());
    assert!(memory.get(Uuid::from_u128(3), now()).is_some());
    assert_eq!(memory.by_id.len(), 3);
    assert_eq!(memory.bytes, memory.max_bytes);
}

#[test]
fn a_batch_counts_with_its_results_and_the_newest_always_stays() {
    let mut memory = small(3);
    memory.learn(&event(1, 1, now()));
    memory.learn(&event(2, 2, now()));
    let refused = |i: u64| ItemResult {
        outcome: ItemOutcome::Refused(Arc::new(Refusal::invalid("value", "x".repeat(1000)))),
        revision: Some(i),
        environment_revision: None,
    };
    let record = BatchRecord::new(&[refused(1), refused(2)]);
    let mut last = event(3, 3, now());
    last.body = Body::Batch(record.clone());
    memory.learn(&last);
    assert_eq!(remembered(&memory), [3], "2,000 bytes of refusals leave no room for others");
    assert!(memory.bytes > BATCH_BYTES + 2000);
    assert_eq!(BatchRecord::parse(2, record.text()).unwrap(), record, "what is read back weighs the same");
}

#[test]
fn nothing_is_left_of_what_was_forgotten() {
    let mut memory = Memory::default();
    for batch in 1..=5 {
        memory.learn(&event(u128::from(batch), batch, now()));
    }
    let later = now().checked_add(BATCH_MEMORY).unwrap().checked_add(SignedDuration::from_secs(1)).unwrap();
    // Used again when it is forgotten and not swept out yet.
    memory.learn(&event(2, 6, later));
    memory.forget(later);
    assert_eq!(remembered(&memory), [2]);
    assert_eq!(memory.bytes, BATCH_BYTES + size_of::<Run>());
    memory.forget(later.checked_add(SignedDuration::from_hours(25)).unwrap());
    assert_eq!((memory.bytes, memory.by_id.len(), memory.order.len()), (0, 0, 0));
}

/// A clock that was ahead for a while must not keep everything after it from being forgotten.
#[test]
fn a_clock_that_was_set_back_does_not_make_memory_grow() {
    let mut memory = small(3);
    memory.learn(&event(1, 1, now().checked_add(SignedDuration::from_hours(24 * 365)).unwrap()));
    for batch in 2..=9 {
        memory.learn(&event(u128::from(batch), batch, now()));
    }
    assert_eq!(remembered(&memory), [7, 8, 9]);
}
