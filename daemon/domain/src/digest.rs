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
                Some(Operate::Put(put)) => {
                    let put_hasher = hasher
                        .text("put")
                        .optional(put.value_type.map(|value_type| value_type.as_str().as_bytes()))
                        .optional(put.value.as_deref().map(str::as_bytes))
                        .text(&put.description)
                        .flag(put.create_missing);
                    // As it was before protection and references could be asked for: batches from then are still known.
                    let put_hasher = match put.protected {
                        None => put_hasher,
                        Some(protected) => put_hasher.text("protected").flag(protected),
                    };
                    match &put.reference {
                        None => put_hasher,
                        Some(reference) => put_hasher.text("reference").text(reference),
                    }
                }
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

#[cfg(test)]
mod tests {
    use kontraktor_model::value::ValueType;
    use uuid::Uuid;

    use super::*;
    use crate::{Put, WriteItem};

    fn item(key: &str, operation: Operate, expect: Expect) -> WriteItem {
        WriteItem {
            project: "p".to_owned(),
            env: "e".to_owned(),
            key: key.to_owned(),
            operation: Some(operation),
            expect,
        }
    }

    fn of(protected: Option<bool>) -> Hash {
        let put = Operate::Put(Put {
            value_type: Some(ValueType::String),
            value: Some("1".to_owned()),
            reference: None,
            description: String::new(),
            create_missing: true,
            protected,
        });
        let group = vec![item("A", put, Expect::Nothing), item("B", Operate::Delete, Expect::Revision(3))];
        digest(&Batch { id: Uuid::nil(), groups: vec![group] })
    }

    /// A batch that was done by an earlier daemon is known again by this one. Computed with another program.
    #[test]
    fn a_batch_without_a_word_on_protection_has_the_digest_it_always_had() {
        assert_eq!(of(None).to_string(), "0327baad3ec44980d69cf59553bd080feacc2de54ed6827ca5b1d2d7e2190769");
        assert_ne!(of(Some(false)), of(None));
        assert_ne!(of(Some(false)), of(Some(true)));
    }
}
