//! `data.kontraktor_variable_history`: who wrote a key when, and what it was at a moment.

use async_trait::async_trait;
use kontraktor_model::limits::MAX_PAGE_SIZE;
use kontraktor_proto::v1::{self, AuditOperation};
use tfplugin_proto::value::Type;

use crate::{
    framework::{Attr, Attribute, DataSource, Diagnostic, Diagnostics, Found, Schema, model::Content as _},
    messages, model,
    places::{self, Place},
    point_in_time, rules,
    session::{Session, Trouble},
};

/// Entries where the author does not say how many.
const DEFAULT_LIMIT: u64 = 100;

model! {
    /// One write.
    pub(crate) struct Entry {
        /// The environment's revision that it made.
        revision: u64,
        /// `created`, `updated` or `deleted`.
        operation: String,
        /// The canonical text; null where the key was deleted, or holds a secret reference.
        value: String,
        /// The secret reference; null where the key was deleted, or holds a value.
        reference: String,
        /// `string`, `number`, `bool` or `json`; null where there is no value.
        r#type: String,
        /// What it is for; null where the key was deleted.
        description: String,
        /// Who wrote.
        actor: String,
        /// Through what.
        via: String,
        /// When, by RFC 3339.
        time: String,
    }
}

model! {
    /// The data source's arguments and results.
    pub(crate) struct Model {
        /// The project.
        project: String,
        /// The environment's name inside the project.
        env: String,
        /// The key inside the environment.
        key: String,
        /// When.
        at: String,
        /// How many entries at most.
        limit: u64,
        /// Newest first.
        entries: Vec<Attr<Entry>>,
        /// Whether the key existed then.
        exists: bool,
        /// The canonical text then.
        value: String,
        /// The secret reference then.
        reference: String,
        /// The type then.
        r#type: String,
        /// The revision that last wrote it then.
        revision: u64,
    }
}

/// The data source.
pub(crate) struct VariableHistory;

impl Entry {
    fn read(entry: &v1::AuditEntry, place: &Place) -> Result<Self, Diagnostic> {
        let written = entry.written.clone().unwrap_or_default();
        let operation = match entry.operation() {
            AuditOperation::VariableCreated => "created",
            AuditOperation::VariableUpdated => "updated",
            AuditOperation::VariableDeleted => "deleted",
            _ => return Err(unknown(place)),
        };
        let mut read = Self {
            revision: Attr::Known(entry.revision),
            operation: operation.into(),
            actor: Attr::Known(written.actor),
            via: Attr::Known(written.via),
            time: written.time.map(|time| time.to_string()).into(),
            ..Self::default()
        };
        if let Some(content) = &entry.new_value {
            if entry.secret_reference {
                read.reference = content.as_str().into();
            } else {
                let value_type = kontraktor_proto::value_type(entry.r#type).map_err(|_| unknown(place))?;
                read.value = content.as_str().into();
                read.r#type = value_type.as_str().into();
            }
            read.description = entry.description.as_str().into();
        }
        Ok(read)
    }
}

fn unknown(place: &Place) -> Diagnostic {
    Diagnostic::error(
        format!("The history of {place} holds what this provider does not know"),
        "An entry is of a kind that is newer than this version of the provider. Use a newer provider.",
    )
}

/// The newest writes up to the moment, newest first. The history also tells which versions of a secret were seen: those
/// are no writes, and do not count.
async fn entries(
    session: &Session,
    place: &Place,
    until: Option<v1::PointInTime>,
    limit: u64,
) -> Result<Vec<v1::AuditEntry>, Trouble> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let page_size = u32::try_from(limit).unwrap_or(MAX_PAGE_SIZE).min(MAX_PAGE_SIZE);
    let client = session.client()?;
    let mut entries = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = v1::ListHistoryRequest {
            environment: Some((&place.env).into()),
            key: place.key.to_string(),
            page_size,
            until,
            page_token,
        };
        let page = client.list_history(request).await?;
        entries.extend(page.entries.into_iter().filter(|entry| !is_about_a_secret(entry.operation())));
        page_token = page.next_page_token;
        if entries.len() >= limit || page_token.is_empty() {
            entries.truncate(limit);
            return Ok(entries);
        }
    }
}

/// Whether an entry is of what a reference led to, and not of a write.
fn is_about_a_secret(operation: AuditOperation) -> bool {
    matches!(
        operation,
        AuditOperation::SecretRead
            | AuditOperation::SecretChecked
            | AuditOperation::SecretFailed
            | AuditOperation::SecretDenied
            | AuditOperation::SecretVersion
            | AuditOperation::AccessDenied
    )
}

#[async_trait]
impl DataSource<Session> for VariableHistory {
    type Model = Model;

    fn type_name(&self) -> &'static str {
        "kontraktor_variable_history"
    }

    fn schema(&self) -> Schema {
        Schema::new(
            "Who wrote a variable when, and what it was at a moment.\n\nIt sees the environment's own writes, not those \
             of what it imports. The history outlives the variable and its environment. Where the key held a secret \
             reference, the reference is in it; no secret ever is.",
            vec![
                Attribute::required("project", Type::String, "The project's name.").check(rules::project),
                Attribute::required("env", Type::String, "The environment's name inside the project.")
                    .check(rules::env),
                Attribute::required("key", Type::String, "The variable's key.").check(rules::key),
                point_in_time::attribute(
                    "Up to which moment, and including it: a revision of the environment, such as `12`, or a time by RFC \
                     3339, such as `\"2026-05-01T08:00:00Z\"`. Left out: now.",
                ),
                Attribute::optional(
                    "limit",
                    Type::Number,
                    "How many entries at most, the newest ones, from 1 to 1,000. Left out: 100.",
                )
                .check(rules::limit),
                Attribute::computed(
                    "entries",
                    Type::list(Entry::ty()),
                    "The writes, newest first: `revision` (of the environment, made by the write), `operation` \
                     (`created`, `updated` or `deleted`), `value` and `type`, or `reference` (of a secret reference), and \
                     `description`, as they were written (null where the key was deleted), `actor`, `via` (the client: `terraform`, `ktr` or `api`) and `time` (RFC \
                     3339). An update may have changed nothing of these but the protection from deletion.",
                ),
                Attribute::computed("exists", Type::Bool, "Whether the key existed at that moment."),
                Attribute::computed(
                    "value",
                    Type::String,
                    "The value at that moment, as text in its canonical form; null where the key did not exist, or held a \
                     secret reference.",
                ),
                Attribute::computed(
                    "reference",
                    Type::String,
                    "The secret reference at that moment; null where the key did not exist, or held a value.",
                ),
                Attribute::computed(
                    "type",
                    Type::String,
                    "The type at that moment: `string`, `number`, `bool` or `json`; null where there was no value.",
                ),
                Attribute::computed(
                    "revision",
                    Type::Number,
                    "The environment's revision at which the key had last been written or deleted; null where it never \
                     was.",
                ),
            ],
        )
    }

    async fn read(&self, session: &Session, config: Model) -> Result<Found<Model>, Diagnostics> {
        let place = places::variable(&config.project, &config.env, &config.key)?;
        let until = point_in_time::parse_argument(&config.at)?;
        let limit = config.limit.known().copied().unwrap_or(DEFAULT_LIMIT);
        let entries = entries(session, &place, until, limit).await.map_err(|trouble| {
            let diagnostic = messages::failed(&format!("read the history of {place}"), &trouble);
            let blamed = trouble.problem().is_some_and(|problem| problem.field == "until");
            if blamed { diagnostic.at("at") } else { diagnostic }
        })?;
        let entries: Vec<Entry> =
            entries.iter().map(|entry| Entry::read(entry, &place)).collect::<Result<_, _>>()?;
        let newest = entries.first().cloned().unwrap_or_default();
        Ok(Model {
            exists: Attr::Known(newest.value.known().or(newest.reference.known()).is_some()),
            value: newest.value,
            reference: newest.reference,
            r#type: newest.r#type,
            revision: newest.revision,
            entries: Attr::Known(entries.into_iter().map(Attr::Known).collect()),
            ..config
        }
        .into())
    }
}
