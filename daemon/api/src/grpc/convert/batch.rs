//! Batches of writes, and their results.

use kontraktor_domain::{Batch, BatchOutcome, Expect, ItemOutcome, ItemResult, Operate, Put, WriteItem};
use kontraktor_model::value::ValueType;
use kontraktor_proto::v1;
use tonic::Status;

use super::names::uuid;
use crate::grpc::status::problem;

pub(in crate::grpc) fn batch(request: v1::WriteVariablesRequest) -> Result<Batch, Status> {
    let id = uuid("batch_id", &request.batch_id)?;
    let groups =
        request.groups.into_iter().map(|group| group.items.into_iter().map(item).collect()).collect();
    Ok(Batch { id, groups })
}

/// Nothing is checked: the rules refuse a bad item, beside its good neighbors.
fn item(item: v1::WriteItem) -> WriteItem {
    let name = item.environment.unwrap_or_default();
    WriteItem {
        project: name.project,
        env: name.env,
        key: item.key,
        operation: item.operation.map(|operation| match operation {
            v1::write_item::Operation::Put(put) => {
                let (value, reference) = match put.content {
                    Some(v1::put::Content::Value(value)) => (Some(value), None),
                    Some(v1::put::Content::Reference(reference)) => (None, Some(reference)),
                    None => (None, None),
                };
                Operate::Put(Put {
                    value_type: value_type(put.r#type),
                    value,
                    reference,
                    description: put.description,
                    create_missing: put.create_missing,
                    protected: put.deletion_protection,
                })
            }
            v1::write_item::Operation::Delete(v1::Delete {}) => Operate::Delete,
        }),
        expect: match item.expect {
            Some(v1::write_item::Expect::ExpectAbsent(true)) => Expect::Absent,
            Some(v1::write_item::Expect::ExpectRevision(revision)) => Expect::Revision(revision),
            // Not to expect absence is to expect nothing.
            Some(v1::write_item::Expect::ExpectAbsent(false)) | None => Expect::Nothing,
        },
    }
}

/// Returns none for the unspecified type and for unknown numbers.
fn value_type(number: i32) -> Option<ValueType> {
    kontraktor_proto::value_type(number).ok()
}

pub(in crate::grpc) fn results(outcome: &BatchOutcome) -> v1::WriteVariablesResponse {
    v1::WriteVariablesResponse {
        results: outcome.results.iter().map(result).collect(),
        replayed: outcome.replayed,
    }
}

fn result(result: &ItemResult) -> v1::WriteResult {
    let (status, refused) = match &result.outcome {
        ItemOutcome::Written => (v1::WriteStatus::Written, None),
        ItemOutcome::Unchanged => (v1::WriteStatus::Unchanged, None),
        ItemOutcome::Deleted => (v1::WriteStatus::Deleted, None),
        ItemOutcome::Absent => (v1::WriteStatus::Absent, None),
        ItemOutcome::Refused(refusal) => (v1::WriteStatus::Refused, Some(problem(refusal))),
    };
    v1::WriteResult {
        status: status.into(),
        revision: result.revision,
        environment_revision: result.environment_revision,
        problem: refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_and_unspecified_types_reach_the_rules_as_none() {
        assert_eq!(value_type(0), None);
        assert_eq!(value_type(99), None);
        assert_eq!(value_type(v1::ValueType::Json.into()), Some(ValueType::Json));
    }

    #[test]
    fn an_item_of_which_everything_is_missing_is_left_to_the_rules() {
        let bare = item(v1::WriteItem::default());
        assert_eq!((bare.project.as_str(), bare.operation, bare.expect), ("", None, Expect::Nothing));
    }
}
