//! `data.kontraktor_variable_history`: who wrote a key when, and its contents at a point in time.

use async_trait::async_trait;
use kontraktor_model::limits::MAX_PAGE_SIZE;
use kontraktor_proto::v1::{self, AuditOperation};
use tfplugin_proto::value::Type;

use crate::{
    errors,
    framework::{
        Attr, Attribute, DataSource, Diagnostic, Diagnostics, ReadResult, Schema, model::Content as _,
    },
    locations::{self, VariableLocation},
    model, point_in_time,
    session::{Session, SessionError},
    validators,
};

/// The default number of entries.
const DEFAULT_LIMIT: u64 = 100;

model! {
    /// One write.
    pub(crate) struct Entry {
        /// The revision of the environment that the write created.
        revision: u64,
        /// `created`, `updated` or `deleted`.
        operation: String,
        /// The value in its canonical form; null if the key was deleted, or holds a secret reference.
        value: String,
        /// The secret reference; null if the key was deleted, or holds a value.
        reference: String,
        /// `string`, `number`, `bool` or `json`; null if there is no value.
        r#type: String,
        /// The description; null if the key was deleted.
        description: String,
        /// Who wrote it.
        actor: String,
        /// The client.
        via: String,
        /// When it was written, in RFC 3339.
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
        /// The point in time.
        at: String,
        /// The maximum number of entries.
        limit: u64,
        /// The writes, newest first.
        entries: Vec<Attr<Entry>>,
        /// Whether the key existed at that time.
        exists: bool,
        /// The value at that time.
        value: String,
        /// The secret reference at that time.
        reference: String,
        /// The type at that time.
        r#type: String,
        /// The revision that last wrote the key by that time.
        revision: u64,
    }
}

/// The data source.
pub(crate) struct VariableHistory;

impl Entry {
    fn read(entry: &v1::AuditEntry, location: &VariableLocation) -> Result<Self, Diagnostic> {
        let written = entry.written.clone().unwrap_or_default();
        let operation = match entry.operation() {
            AuditOperation::VariableCreated => "created",
            AuditOperation::VariableUpdated => "updated",
            AuditOperation::VariableDeleted => "deleted",
            _ => return Err(unsupported(location)),
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
                let value_type =
                    kontraktor_proto::value_type(entry.r#type).map_err(|_| unsupported(location))?;
                read.value = content.as_str().into();
                read.r#type = value_type.as_str().into();
            }
            read.description = entry.description.as_str().into();
        }
        Ok(read)
    }
}

fn unsupported(location: &VariableLocation) -> Diagnostic {
    Diagnostic::error(
        "Unsupported history entry",
        format!(
            "The history of {location} holds an entry that this version of the provider does not support. Upgrade the \
             provider."
        ),
    )
}

/// Returns the newest writes up to a point in time, newest first. The history also lists seen versions of secrets, which are
/// not writes and are left out.
async fn entries(
    session: &Session,
    location: &VariableLocation,
    until: Option<v1::PointInTime>,
    limit: u64,
) -> Result<Vec<v1::AuditEntry>, SessionError> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let page_size = u32::try_from(limit).unwrap_or(MAX_PAGE_SIZE).min(MAX_PAGE_SIZE);
    let client = session.client()?;
    let mut entries = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = v1::ListHistoryRequest {
            environment: Some((&location.env).into()),
            key: location.key.to_string(),
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

/// Returns whether an entry is about reading a secret, and not a write.
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
            "Reads who wrote a variable and when, and its contents at a point in time.\n\nThe history covers the \
             environment's own writes, not those of its imports, and is kept when the variable or the environment is \
             deleted. It contains secret references, but never a secret.",
            vec![
                Attribute::required("project", Type::String, "The project's name.").validator(validators::project),
                Attribute::required("env", Type::String, "The environment's name inside the project.")
                    .validator(validators::env),
                Attribute::required("key", Type::String, "The variable's key.").validator(validators::key),
                point_in_time::attribute(
                    "The last point in time to read, inclusive: a revision of the environment, such as `12`, or an RFC 3339 \
                     time, such as `\"2026-05-01T08:00:00Z\"`. Defaults to now.",
                ),
                Attribute::optional(
                    "limit",
                    Type::Number,
                    "The maximum number of entries to read, from 1 to 1,000, newest first. Defaults to `100`.",
                )
                .validator(validators::limit),
                Attribute::computed(
                    "entries",
                    Type::list(Entry::ty()),
                    "The writes, newest first: `revision` (of the environment), `operation` (`created`, `updated` or \
                     `deleted`), `value` and `type`, or `reference` for a secret reference, and `description`, as they were \
                     written (null if the key was deleted), `actor`, `via` (the client: `terraform`, `ktr` or `api`) and \
                     `time` (RFC 3339). An update may have changed only the deletion protection, which is not shown.",
                ),
                Attribute::computed("exists", Type::Bool, "Whether the key existed at that time."),
                Attribute::computed(
                    "value",
                    Type::String,
                    "The value at that time, as text in canonical form; null if the key did not exist, or held a secret \
                     reference.",
                ),
                Attribute::computed(
                    "reference",
                    Type::String,
                    "The secret reference at that time; null if the key did not exist, or held a value.",
                ),
                Attribute::computed(
                    "type",
                    Type::String,
                    "The type of the value at that time: `string`, `number`, `bool` or `json`; null if there was no value.",
                ),
                Attribute::computed(
                    "revision",
                    Type::Number,
                    "The environment's revision that last wrote or deleted the key by that time; null if it was never \
                     written.",
                ),
            ],
        )
    }

    async fn read(&self, session: &Session, config: Model) -> Result<ReadResult<Model>, Diagnostics> {
        let location = locations::variable(&config.project, &config.env, &config.key)?;
        let until = point_in_time::parse_argument(&config.at)?;
        let limit = config.limit.known().copied().unwrap_or(DEFAULT_LIMIT);
        let entries = entries(session, &location, until, limit).await.map_err(|error| {
            let diagnostic = errors::request_failed(&format!("read history of {location}"), &error);
            let about_at = error.problem().is_some_and(|problem| problem.field == "until");
            if about_at { diagnostic.at("at") } else { diagnostic }
        })?;
        let entries: Vec<Entry> =
            entries.iter().map(|entry| Entry::read(entry, &location)).collect::<Result<_, _>>()?;
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
