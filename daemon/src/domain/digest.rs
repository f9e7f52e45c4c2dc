//! The digest of a batch's content: what tells a repeated batch from another one under the same id.

use super::{Batch, Expect, Hash, Operate, hash::FieldHasher};

/// SHA-256 over everything that the client asked for, as it was written.
pub(crate) fn digest(batch: &Batch) -> Hash {
    let mut hasher = FieldHasher::new("kontraktor batch 1").number(batch.groups.len() as u64);
    for group in &batch.groups {
        hasher = hasher.number(group.len() as u64);
        for item in group {
            hasher = hasher.text(&item.project).text(&item.env).text(&item.key);
            hasher = match &item.operation {
                None => hasher.text("none"),
                Some(Operate::Delete) => hasher.text("delete"),
                Some(Operate::Put(put)) => hasher
                    .text("put")
                    .optional(put.value_type.map(|value_type| value_type.as_str().as_bytes()))
                    .optional(put.value.as_deref().map(str::as_bytes))
                    .text(&put.description)
                    .flag(put.create_missing),
            };
            hasher = match item.expect {
                Expect::Nothing => hasher.text("nothing"),
                Expect::Absent => hasher.text("absent"),
                Expect::Revision(revision) => hasher.text("revision").number(revision),
            };
        }
    }
    hasher.finish()
}
