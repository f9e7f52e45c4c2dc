//! Diagnostics for requests that failed: what happened, and what to do about it.

mod secrets;
mod wrong_kind;

use kontraktor_model::value::ValueType;
use kontraktor_proto::{
    client::ClientError,
    v1::{self, ProblemCode},
};

pub(crate) use self::{
    secrets::{SecretRequest, is_caused_by_reference, secret_error, verification_failed},
    wrong_kind::{holds_other_kind, import_of_other_kind, key_of_other_kind},
};
use crate::{framework::Diagnostic, key_kind::KeyKind, session::SessionError};

/// API field names that are also attribute names.
const FIELDS: [&str; 13] = [
    "project",
    "env",
    "key",
    "value",
    "type",
    "description",
    "prefix",
    "name",
    "imports",
    "deletion_protection",
    "key_pattern",
    "schema",
    "reference",
];

/// The longest part of a value that a message repeats, in characters.
const MAX_SHOWN: usize = 120;

/// Reports a failed request. `action` is what was attempted, as in "create environment infra-demo/dev".
pub(crate) fn request_failed(action: &str, error: &SessionError) -> Diagnostic {
    let summary = format!("Failed to {action}");
    let error = match error {
        SessionError::UnknownConfig { attributes } => {
            let names = attributes.join(" and ");
            return Diagnostic::error(
                summary,
                format!(
                    "This needs the daemon, but the provider block sets {names} to a value that is known only after other \
                     resources are applied. Apply those resources first with `terraform apply -target=ADDRESS`, or set \
                     {names} to a value that is known during planning."
                ),
            );
        }
        SessionError::Client(error) => error,
    };
    let text = match error {
        ClientError::Refused(problem) => problem.message.clone(),
        other => other.to_string(),
    };
    let mut detail = sentence(&text);
    if let Some(remedy) = error.remedy() {
        detail.push_str("\n\n");
        detail.push_str(&sentence(remedy));
    }
    let field = error.problem().map(|problem| problem.field.as_str());
    let diagnostic = Diagnostic::error(summary, detail);
    match FIELDS.into_iter().find(|known| field == Some(*known)) {
        Some(field) => diagnostic.at(field),
        None => diagnostic,
    }
}

/// Reports that nothing can be read while the provider block is not fully known.
pub(crate) fn provider_not_ready(error: &SessionError) -> Diagnostic {
    Diagnostic::error(
        "Provider configuration not known yet",
        format!(
            "{} Until then the state is kept as it was last read, and nothing can be imported.",
            sentence(&error.to_string())
        ),
    )
}

/// Turns a text into a sentence: a capital at the beginning and a full stop at the end, unless it ends with a command,
/// which a reader would copy together with the full stop.
pub(crate) fn sentence(text: &str) -> String {
    let text = text.trim();
    let mut sentence: String = text.chars().take(1).flat_map(char::to_uppercase).collect();
    sentence.extend(text.chars().skip(1));
    let command = text.rsplit_once(": ").is_some_and(|(_, end)| end.starts_with("kontraktord"));
    if !command && !sentence.ends_with(['.', '!', '?']) {
        sentence.push('.');
    }
    sentence
}

/// Reports a create or update that may or may not have happened. `state` says what the state holds now.
pub(crate) fn outcome_unknown(action: &str, error: &SessionError, state: &str) -> Diagnostic {
    Diagnostic::error(
        "Outcome of the write is unknown",
        format!("The provider tried to {action}. {}\n\n{state}", sentence(&error.to_string())),
    )
}

/// What the state holds after a create whose response was lost.
pub(crate) const STATE_AFTER_CREATE: &str = "The state keeps the object as it was planned, marked as tainted. Run `terraform plan` again: if the write did not \
     happen, it plans to create the object; if it did, it plans to replace the object. Run `terraform untaint ADDRESS` \
     to keep the object as it is.";

/// What the state holds after an update or delete whose response was lost.
pub(crate) const STATE_AFTER_CHANGE: &str = "The state keeps the object as it was before. Run `terraform plan` again: it reads the object as it is now, and \
     plans what is still missing.";

/// Reports an object that exists already. `resource_type` is the resource's type in HCL, `id` its import ID.
pub(crate) fn already_exists(resource_type: &str, id: &str, message: &str) -> Diagnostic {
    Diagnostic::error(
        "Resource already exists",
        format!(
            "{}\n\nTo manage {id} with this configuration, import it (replace NAME with the resource's name):\n\n\
             import {{\n  to = {resource_type}.NAME\n  id = \"{id}\"\n}}\n\nTo take it over as it is configured here, set \
             on_conflict = \"overwrite\". If this resource itself is being replaced, remove create_before_destroy: its \
             name is unique, so the old object must be destroyed first.",
            sentence(message)
        ),
    )
}

/// What a key holds on one side of a conflict.
pub(crate) struct ConflictSide<'a> {
    /// The value, or the reference.
    pub(crate) value: &'a str,
    /// `string`, `number`, `bool`, `json` or `secret reference`.
    pub(crate) value_type: &'a str,
    pub(crate) description: &'a str,
    /// Whether the key is protected from deletion.
    pub(crate) protected: bool,
}

impl ConflictSide<'_> {
    fn shown(&self, with_description: bool, with_protection: bool) -> String {
        let mut shown: String = self.value.chars().take(MAX_SHOWN).collect();
        let cut = shown.len() < self.value.len();
        shown = format!("{shown:?}");
        if cut {
            shown.push_str(" (truncated)");
        }
        let mut text = format!("{} {shown}", self.value_type);
        if with_description {
            text.push_str(&format!(", description {:?}", self.description));
        }
        if with_protection {
            text.push_str(if self.protected {
                ", protected from deletion"
            } else {
                ", not protected from deletion"
            });
        }
        text
    }
}

/// Returns a variable as the daemon reports it. A kind that this provider does not know is shown as "unknown".
fn side_of(variable: &v1::Variable) -> ConflictSide<'_> {
    let (value_type, value) = match (ValueType::try_from(variable.r#type()), &variable.content) {
        (Ok(value_type), Some(v1::variable::Content::Value(value))) => (value_type.as_str(), value.as_str()),
        (_, Some(v1::variable::Content::Reference(reference))) => {
            (KeyKind::Reference.noun(), reference.url.as_str())
        }
        _ => ("unknown", ""),
    };
    ConflictSide {
        value,
        value_type,
        description: &variable.description,
        protected: variable.deletion_protection,
    }
}

/// Reports that a key changed after the plan was made. `to` is `None` for a delete.
pub(crate) fn conflict(
    id: &str,
    from: &ConflictSide<'_>,
    to: Option<&ConflictSide<'_>>,
    problem: &v1::Problem,
) -> Diagnostic {
    let current = problem.current.as_ref();
    let now = current.map(side_of);
    // Descriptions and protection are shown only where they differ.
    let sides = || [to, now.as_ref()].into_iter().flatten();
    let described = sides().any(|side| side.description != from.description);
    let guarded = sides().any(|side| side.protected != from.protected);
    let show = |side: &ConflictSide<'_>| side.shown(described, guarded);
    let noun = if from.value_type == KeyKind::Reference.noun() { "Secret reference" } else { "Variable" };
    let change = match current {
        None => Change::Deleted,
        Some(current) => Change::Changed(current.written.as_ref()),
    };
    let now = match (&now, current) {
        (Some(side), Some(current)) => format!("{} (revision {})", show(side), current.revision),
        _ => "deleted".to_owned(),
    };
    let to = to.map_or_else(|| "deleted".to_owned(), show);
    changed_outside(noun, id, &change, [&show(from), &to, &now])
}

/// What happened to an object after the plan was made.
enum Change<'a> {
    Deleted,
    Changed(Option<&'a v1::Authorship>),
}

impl Change<'_> {
    /// Returns the verb, and the verb with all that is known of the author.
    fn describe(&self) -> (&'static str, String) {
        match self {
            Self::Deleted => ("deleted", "deleted".to_owned()),
            Self::Changed(None) => ("changed", "changed".to_owned()),
            Self::Changed(Some(written)) => {
                let time = written.time.as_ref().map(|time| format!(" at {time}")).unwrap_or_default();
                ("changed", format!("changed by {} through {}{time}", written.actor, written.via))
            }
        }
    }
}

fn changed_outside(noun: &str, id: &str, change: &Change<'_>, [from, to, now]: [&str; 3]) -> Diagnostic {
    let (verb, described) = change.describe();
    Diagnostic::error(
        format!("{noun} was {verb} outside of this plan"),
        format!(
            "{id} was {described} after the plan was made. Nothing was written.\n\n  planned from: {from}\n  planned \
             to:   {to}\n  current:      {now}\n\nRun `terraform plan` again to compare the configuration with what is \
             stored now."
        ),
    )
}

/// Settings of a project or environment: names as in HCL, and values as a message shows them.
pub(crate) type Settings = Vec<(&'static str, String)>;

/// Reports that settings changed after the plan was made. `now` holds the stored settings and their last change; `None`
/// if the object was deleted.
pub(crate) fn settings_conflict(
    noun: &str,
    id: &str,
    from: &Settings,
    to: &Settings,
    now: Option<(&Settings, Option<&v1::Authorship>)>,
) -> Diagnostic {
    // Settings that are equal on all sides are left out.
    let part = |position: usize| {
        let differs = |other: &Settings| other.get(position) != from.get(position);
        differs(to) || now.is_some_and(|(now, _)| differs(now))
    };
    let show = |settings: &Settings| {
        let shown = settings.iter().enumerate().filter(|(position, _)| part(*position));
        shown.map(|(_, (name, value))| format!("{name} = {value}")).collect::<Vec<_>>().join(", ")
    };
    let (change, now) = match now {
        Some((now, changed)) => (Change::Changed(changed), show(now)),
        None => (Change::Deleted, "deleted".to_owned()),
    };
    changed_outside(noun, id, &change, [&show(from), &show(to), &now])
}

/// Reports a project or environment that was not deleted because it is not empty. `noun` is what it is, as in
/// "environment".
pub(crate) fn not_empty(action: &str, error: &SessionError, noun: &str) -> Diagnostic {
    let message = error.problem().map(|problem| sentence(&problem.message)).unwrap_or_default();
    Diagnostic::error(
        format!("Failed to {action}"),
        format!(
            "{message}\n\nDelete or move its contents first. To delete them together with the {noun}, set force_destroy = \
             true, apply that, and destroy in a second step. Contents that are protected from deletion are never deleted."
        ),
    )
    .at("force_destroy")
}

/// Reports an object that was deleted before it could be changed.
pub(crate) fn deleted_since_plan(action: &str, error: &SessionError) -> Diagnostic {
    let detail = sentence(&error.to_string());
    Diagnostic::error(
        format!("Failed to {action}"),
        format!(
            "{detail} It was deleted after the plan was made. Run `terraform plan` again to plan what is missing."
        ),
    )
}

/// Returns whether the daemon reports that the object itself does not exist. A missing import is another matter.
pub(crate) fn is_not_found(error: &SessionError) -> bool {
    let problem = error.problem().filter(|problem| problem.code() == ProblemCode::NotFound);
    problem.is_some_and(|problem| problem.field != "imports")
}
