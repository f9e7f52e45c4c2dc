//! `POST /api/v1/variables`: many writes at once.

use axum::{extract::State, response::Response};
use http::StatusCode;
use kontraktor_domain::{
    Batch, Expect, ItemOutcome, ItemResult, Operate, Put, PutContent, Refusal, WriteItem,
};
use kontraktor_model::value::ValueType;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Rest, answer,
    body::Json,
    document_params::{BatchHeaders, PreferHeader},
    params::{By, IdempotencyKey},
    prefer::Prefer,
    problem::{self, Problem, ProblemBody},
};

/// A batch of writes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"groups": [{"items": [{
    "project": "infra-demo", "env": "dev", "key": "LOG_LEVEL",
    "put": {"type": "string", "value": "info", "create_missing": true}, "expect_absent": true
}]}]}))]
pub(super) struct NewBatch {
    /// Each group is written whole or not at all. 10,000 items at most in all groups.
    groups: Vec<Group>,
}

/// Items that are written together.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Group {
    /// The items.
    items: Vec<Item>,
}

/// A key to write or delete.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Item {
    /// The project's name.
    project: String,
    /// The environment's name.
    env: String,
    /// The key.
    key: String,
    /// What to set it to. Either this or `delete`.
    #[serde(default)]
    put: Option<PutVariable>,
    /// Deletes it.
    #[serde(default)]
    delete: Option<DeleteVariable>,
    /// Refuses where the key exists.
    #[serde(default)]
    expect_absent: Option<bool>,
    /// Refuses where the key is not at this revision.
    #[serde(default)]
    expect_revision: Option<u64>,
}

/// What to set a key to: `type` and `value`, or `reference`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"type": "string", "value": "info", "description": "How much is logged", "create_missing": true}))]
pub(super) struct PutVariable {
    /// The type of the value.
    #[serde(default, rename = "type")]
    value_type: Option<TypeName>,
    /// The value as text: `true`, `8080`, `{"a": 1}`. 64 KiB at most; it is stored in the canonical form of its type.
    #[serde(default)]
    value: Option<String>,
    /// A reference to a secret, such as `vault://team/secret/app/db#password`.
    #[serde(default)]
    reference: Option<String>,
    /// What the variable is for; 1,024 bytes at most.
    #[serde(default)]
    description: String,
    /// Creates a missing project and environment too.
    #[serde(default)]
    create_missing: bool,
    /// Protects it from deletion. Absent: unchanged, and false for a new key.
    #[serde(default)]
    deletion_protection: Option<bool>,
}

/// Deletes a key. It has no members.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DeleteVariable {}

/// The type of a value.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum TypeName {
    /// Text.
    String,
    /// A decimal number of any size.
    Number,
    /// `true` or `false`.
    Bool,
    /// A JSON document.
    Json,
}

/// The results of a batch.
#[derive(Serialize, ToSchema)]
pub(super) struct BatchResults {
    /// One for each item, in the order of the request, groups flattened.
    results: Vec<WriteResult>,
    /// Whether the batch had been executed before, and these are its results of then.
    replayed: bool,
}

/// What became of an item.
#[derive(Serialize, ToSchema)]
pub(super) struct WriteResult {
    /// What was done.
    status: WriteStatus,
    /// The key's revision afterwards; for a deletion, the revision that deleted it.
    revision: Option<u64>,
    /// The environment's revision afterwards; `null` where it does not exist.
    environment_revision: Option<u64>,
    /// Why it was refused.
    problem: Option<ProblemBody>,
}

/// What was done with an item.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum WriteStatus {
    /// It was written.
    Written,
    /// It held this already.
    Unchanged,
    /// It was deleted.
    Deleted,
    /// There was nothing to delete.
    Absent,
    /// It was not written; `problem` says why.
    Refused,
}

/// Write variables.
///
/// Many at once, of any environments. A refused item is a result, not a failed request: its group is not written, the
/// others are. With `Prefer: return=minimal` the answer is empty where no item was refused.
#[utoipa::path(post, path = "/api/v1/variables", operation_id = "write_variables", tag = "variables",
    params(BatchHeaders, PreferHeader), request_body = NewBatch,
    responses((status = 200, description = "A result for each item", body = BatchResults),
        (status = 204, description = "Every item was written, and the client prefers no body")))]
pub(super) async fn write(
    State(rest): State<Rest>,
    By(caller): By,
    prefer: Prefer,
    key: IdempotencyKey,
    Json(new): Json<NewBatch>,
) -> Result<Response, Problem> {
    let groups = new.groups.into_iter().map(|group| group.items.into_iter().map(item).collect()).collect();
    let outcome = rest.service.write_variables(&caller, Batch { id: key.or_new(), groups }).await?;
    let results =
        BatchResults { results: outcome.results.iter().map(result).collect(), replayed: outcome.replayed };
    let refused = results.results.iter().any(|result| result.status == WriteStatus::Refused);
    let prefer = if refused { prefer.with_representation() } else { prefer };
    answer::written(&prefer, StatusCode::OK, None, &results)
}

/// The names are not checked: the rules refuse a bad item, beside its good neighbors.
fn item(item: Item) -> WriteItem {
    let expect = match (item.expect_absent, item.expect_revision) {
        (Some(true), _) => Expect::Absent,
        (_, Some(revision)) => Expect::Revision(revision),
        _ => Expect::Nothing,
    };
    let contradicts = item.expect_absent == Some(true) && item.expect_revision.is_some();
    let operation =
        match (item.put, item.delete) {
            _ if contradicts => {
                Err(Refusal::invalid("expect_revision", "the item expects a revision and absence")
                    .remedy("set one of expect_absent and expect_revision"))
            }
            (Some(content), None) => put(content).map(Operate::Put),
            (None, Some(DeleteVariable {})) => Ok(Operate::Delete),
            (Some(_), Some(_)) => Err(Refusal::invalid("operation", "the item has two operations")
                .remedy("set one of put and delete")),
            (None, None) => {
                Err(Refusal::invalid("operation", "the item has no operation").remedy("set put or delete"))
            }
        };
    WriteItem {
        project: item.project,
        env: item.env,
        key: item.key,
        operation: operation.map_err(Box::new),
        expect,
    }
}

/// What a key is set to, or why it cannot be.
pub(super) fn put(content: PutVariable) -> Result<Put, Refusal> {
    let text = match (content.value_type, content.value, content.reference) {
        (None, None, Some(reference)) => PutContent::Reference(reference),
        (_, Some(_), Some(_)) => {
            return Err(Refusal::invalid("value", "the item has a value and a reference")
                .remedy("set one of value and reference"));
        }
        (Some(_), None, Some(_)) => {
            return Err(Refusal::invalid("type", "a secret reference has no type").remedy("omit the type"));
        }
        (Some(value_type), Some(text), None) => PutContent::Value { value_type: value_type.into(), text },
        (None, Some(_), None) => {
            return Err(
                Refusal::invalid("type", "the item has no type").remedy("use string, number, bool or json")
            );
        }
        (_, None, None) => {
            return Err(
                Refusal::invalid("value", "the item has no value").remedy("send a value; it may be empty")
            );
        }
    };
    Ok(Put {
        content: text,
        description: content.description,
        create_missing: content.create_missing,
        protected: content.deletion_protection,
    })
}

fn result(result: &ItemResult) -> WriteResult {
    let (status, problem) = match &result.outcome {
        ItemOutcome::Written => (WriteStatus::Written, None),
        ItemOutcome::Unchanged => (WriteStatus::Unchanged, None),
        ItemOutcome::Deleted => (WriteStatus::Deleted, None),
        ItemOutcome::Absent => (WriteStatus::Absent, None),
        ItemOutcome::Refused(refusal) => (WriteStatus::Refused, Some(problem::of_item(refusal))),
    };
    WriteResult {
        status,
        revision: result.revision,
        environment_revision: result.environment_revision,
        problem,
    }
}

impl From<TypeName> for ValueType {
    fn from(name: TypeName) -> Self {
        match name {
            TypeName::String => Self::String,
            TypeName::Number => Self::Number,
            TypeName::Bool => Self::Bool,
            TypeName::Json => Self::Json,
        }
    }
}
