//! Batches of writes, and their results.

use kontraktor_domain::{
    Batch, BatchOutcome, Expect, ItemOutcome, ItemResult, Operate, Put, PutContent, Refusal, WriteItem,
};
use kontraktor_proto::v1;
use tonic::Status;

use super::names::uuid;
use crate::grpc::status::problem;

pub(crate) fn batch(request: v1::WriteVariablesRequest) -> Result<Batch, Status> {
    let id = uuid("batch_id", &request.batch_id)?;
    let groups =
        request.groups.into_iter().map(|group| group.items.into_iter().map(item).collect()).collect();
    Ok(Batch { id, groups })
}

/// The names are not checked: the rules refuse a bad item, beside its good neighbors.
fn item(item: v1::WriteItem) -> WriteItem {
    let name = item.environment.unwrap_or_default();
    WriteItem {
        project: name.project,
        env: name.env,
        key: item.key,
        operation: operate(item.operation).map_err(Box::new),
        expect: match item.expect {
            Some(v1::write_item::Expect::ExpectAbsent(true)) => Expect::Absent,
            Some(v1::write_item::Expect::ExpectRevision(revision)) => Expect::Revision(revision),
            // Not to expect absence is to expect nothing.
            Some(v1::write_item::Expect::ExpectAbsent(false)) | None => Expect::Nothing,
        },
    }
}

/// What an item asks for, or why it is refused.
fn operate(operation: Option<v1::write_item::Operation>) -> Result<Operate, Refusal> {
    match operation {
        Some(v1::write_item::Operation::Put(put)) => Ok(Operate::Put(Put {
            content: put_content(put.r#type, put.content)?,
            description: put.description,
            create_missing: put.create_missing,
            protected: put.deletion_protection,
        })),
        Some(v1::write_item::Operation::Delete(v1::Delete {})) => Ok(Operate::Delete),
        None => Err(Refusal::invalid("operation", "the item has no operation").remedy("set put or delete")),
    }
}

fn put_content(number: i32, content: Option<v1::put::Content>) -> Result<PutContent, Refusal> {
    // None: unspecified, or a number that this daemon does not know.
    let value_type = kontraktor_proto::value_type(number).ok();
    match (content, value_type) {
        (Some(v1::put::Content::Reference(reference)), None) => Ok(PutContent::Reference(reference)),
        (Some(v1::put::Content::Reference(_)), Some(_)) => {
            Err(Refusal::invalid("type", "a secret reference has no type").remedy("omit the type"))
        }
        (_, None) => Err(Refusal::invalid("type", "the item has an unknown type")
            .remedy("use string, number, bool or json")),
        (Some(v1::put::Content::Value(text)), Some(value_type)) => Ok(PutContent::Value { value_type, text }),
        (None, Some(_)) => {
            Err(Refusal::invalid("value", "the item has no value").remedy("send a value; it may be empty"))
        }
    }
}

pub(crate) fn results(outcome: &BatchOutcome) -> v1::WriteVariablesResponse {
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
        revision: result.revision.unwrap_or_default(),
        environment_revision: result.environment_revision.unwrap_or_default(),
        problem: refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(put: v1::Put) -> String {
        let put = v1::write_item::Operation::Put(put);
        let refused = item(v1::WriteItem { operation: Some(put), ..v1::WriteItem::default() }).operation;
        let refusal = refused.unwrap_err();
        format!(
            "{:?} {}: {}\n  {}",
            refusal.code,
            refusal.field.as_deref().unwrap_or_default(),
            refusal.message,
            refusal.remedy.as_deref().unwrap_or_default()
        )
    }

    #[test]
    fn a_put_without_what_it_needs_says_so() {
        let value = || Some(v1::put::Content::Value("1".to_owned()));
        let reference = || Some(v1::put::Content::Reference("vault://v/m/p#f".to_owned()));
        let of = |number: i32, content| refusal(v1::Put { r#type: number, content, ..v1::Put::default() });
        let number = v1::ValueType::Number.into();
        insta::assert_snapshot!([of(0, value()), of(99, value()), of(0, None), of(number, None), of(number, reference())].join("\n"), @r"
        Invalid type: the item has an unknown type
          use string, number, bool or json
        Invalid type: the item has an unknown type
          use string, number, bool or json
        Invalid type: the item has an unknown type
          use string, number, bool or json
        Invalid value: the item has no value
          send a value; it may be empty
        Invalid type: a secret reference has no type
          omit the type
        ");
    }

    #[test]
    fn a_reference_has_no_type_also_where_it_is_of_a_kind_that_this_daemon_does_not_know() {
        let reference = || Some(v1::put::Content::Reference("vault://v/m/p#f".to_owned()));
        for number in [0, 99] {
            let read = put_content(number, reference()).unwrap();
            assert_eq!(read, PutContent::Reference("vault://v/m/p#f".to_owned()));
        }
    }

    #[test]
    fn an_empty_item_is_refused_without_affecting_its_neighbors() {
        let bare = item(v1::WriteItem::default());
        assert_eq!((bare.project.as_str(), bare.expect), ("", Expect::Nothing));
        assert_eq!(bare.operation.unwrap_err().message, "the item has no operation");
    }
}
