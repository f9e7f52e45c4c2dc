//! The digest of a batch's content: what tells a repeated batch from another one under the same id.

use super::{Batch, Expect, Hash, Operate, PutContent, hash::FieldHasher};

/// SHA-256 over everything that the client asked for, as it was written.
pub(crate) fn digest(batch: &Batch) -> Hash {
    let mut hasher = FieldHasher::new("kontraktor batch 1").number(batch.groups.len() as u64);
    for group in &batch.groups {
        hasher = hasher.number(group.len() as u64);
        for item in group {
            hasher = hasher.text(&item.project).text(&item.env).text(&item.key);
            hasher = match &item.operation {
                Err(malformed) => hasher.text("malformed").text(&malformed.message),
                Ok(Operate::Delete) => hasher.text("delete"),
                Ok(Operate::Put(put)) => {
                    let (value_type, value, reference) = match &put.content {
                        PutContent::Value { value_type, text } => {
                            (Some(value_type.as_str().as_bytes()), Some(text.as_bytes()), None)
                        }
                        PutContent::Reference(reference) => (None, None, Some(reference)),
                    };
                    let hasher = hasher
                        .text("put")
                        .optional(value_type)
                        .optional(value)
                        .text(&put.description)
                        .flag(put.create_missing);
                    // Batches from before protection and references keep their digests.
                    let hasher = match put.protected {
                        None => hasher,
                        Some(protected) => hasher.text("protected").flag(protected),
                    };
                    match reference {
                        None => hasher,
                        Some(reference) => hasher.text("reference").text(reference),
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
            operation: Ok(operation),
            expect,
        }
    }

    fn of(protected: Option<bool>) -> Hash {
        let put = Operate::Put(Put {
            content: PutContent::Value { value_type: ValueType::String, text: "1".to_owned() },
            description: String::new(),
            create_missing: true,
            protected,
        });
        let group = vec![item("A", put, Expect::Nothing), item("B", Operate::Delete, Expect::Revision(3))];
        digest(&Batch { id: Uuid::nil(), groups: vec![group] })
    }

    /// A batch that was done by an earlier daemon is known again by this one. Computed with another program.
    #[test]
    fn a_batch_that_does_not_set_protection_keeps_its_digest() {
        assert_eq!(of(None).to_string(), "0327baad3ec44980d69cf59553bd080feacc2de54ed6827ca5b1d2d7e2190769");
        assert_ne!(of(Some(false)), of(None));
        assert_ne!(of(Some(false)), of(Some(true)));
    }
}
