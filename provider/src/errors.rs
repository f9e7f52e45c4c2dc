//! Diagnostics for requests that failed: what happened, and what to do about it.

mod secrets;
mod wrong_kind;

use kontraktor_proto::{
    client::ClientError,
    v1::{self, ProblemCode},
};

pub(crate) use self::{
    secrets::{SecretRequest, is_caused_by_reference, secret_error, unknown_vault, verification_failed},
    wrong_kind::{holds_other_kind, import_of_other_kind, key_of_other_kind},
};
use crate::{framework::Diagnostic, key_kind::KeyKind, session::SessionError};

/// API field names that are also attribute names.
const FIELDS: [&str; 16] = [
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
    "role",
    "subject",
    "pattern",
];

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
             on_conflict = \"overwrite\". After an apply that was interrupted, many objects can exist that the state \
             does not hold: set on_conflict = \"overwrite\" in the provider block for one apply to take over all of \
             them. If this resource itself is being replaced, remove create_before_destroy: its name is unique, so the \
             old object must be destroyed first.",
            sentence(message)
        ),
    )
}

/// Reports a key that changed after the plan was made. `planned_from` is the revision that the plan expects. No value is shown:
/// the author may have marked it sensitive, which a provider cannot see, and the next plan shows it as it should be shown.
pub(crate) fn conflict(
    kind: KeyKind,
    id: &str,
    planned_from: Option<u64>,
    problem: &v1::Problem,
) -> Diagnostic {
    let current = problem.current.as_ref();
    let change = match current {
        None => Change::Deleted,
        Some(current) => Change::Changed(current.written.as_ref()),
    };
    let noun = match kind {
        KeyKind::Variable => "Variable",
        KeyKind::Reference => "Secret reference",
    };
    let mut revisions = Vec::new();
    if let Some(revision) = planned_from {
        revisions.push(format!("  planned from: revision {revision}"));
    }
    if let Some(current) = current {
        revisions.push(format!("  current:      revision {}", current.revision));
    }
    changed_outside(noun, id, &change, &revisions.join("\n"))
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

/// `more` is a paragraph of its own; it may be empty.
fn changed_outside(noun: &str, id: &str, change: &Change<'_>, more: &str) -> Diagnostic {
    let (verb, described) = change.describe();
    let separator = if more.is_empty() { "" } else { "\n\n" };
    Diagnostic::error(
        format!("{noun} was {verb} outside of this plan"),
        format!(
            "{id} was {described} after the plan was made. Nothing was written.{separator}{more}\n\nRun `terraform plan` \
             again to compare the configuration with what is stored now."
        ),
    )
}

/// What is stored of a project, environment or schema that changed after the plan was made.
pub(crate) struct ChangedSettings {
    /// The settings that differ from what the plan expects, as in HCL.
    pub(crate) names: Vec<&'static str>,
    /// The last change.
    pub(crate) changed: Option<v1::Authorship>,
}

impl ChangedSettings {
    /// Creates it from all settings, each with whether it differs.
    pub(crate) fn new<const N: usize>(
        settings: [(&'static str, bool); N],
        changed: Option<v1::Authorship>,
    ) -> Self {
        let names = settings.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect();
        Self { names, changed }
    }
}

/// Reports settings that changed after the plan was made; `now` is `None` if the object was deleted. No value is shown, as
/// in [`conflict`].
pub(crate) fn settings_conflict(noun: &str, id: &str, now: Option<&ChangedSettings>) -> Diagnostic {
    let change = now.map_or(Change::Deleted, |now| Change::Changed(now.changed.as_ref()));
    let names = now.map(|now| now.names.join(", ")).unwrap_or_default();
    let more = if names.is_empty() { String::new() } else { format!("  changed: {names}") };
    changed_outside(noun, id, &change, &more)
}

/// Reports a project or environment that was not deleted because it is not empty. `noun` is what it is, as in
/// "environment", and `reference` how its contents refer to it in HCL.
pub(crate) fn not_empty(action: &str, error: &SessionError, noun: &str, reference: &str) -> Diagnostic {
    let message = error.problem().map(|problem| sentence(&problem.message)).unwrap_or_default();
    Diagnostic::error(
        format!("Failed to {action}"),
        format!(
            "{message}\n\nIf this configuration deletes the contents too, Terraform does not know that they have to be \
             deleted first: refer to the {noun} in them, as in {reference}, or add depends_on to them, apply that, and \
             destroy again. Otherwise delete or move the contents first. To delete them together with the {noun}, set \
             force_destroy = true, apply that, and destroy in a second step. Contents that are protected from deletion are \
             never deleted."
        ),
    )
    .at("force_destroy")
}

/// Reports an environment that was not deleted because another one imports it.
pub(crate) fn imported(action: &str, error: &SessionError) -> Diagnostic {
    let mut diagnostic = request_failed(action, error);
    diagnostic.detail.push_str(
        "\n\nIf this configuration deletes the other environment too, Terraform does not know that it has to be deleted \
         first: refer to this environment there, as in imports = [kontraktor_environment.NAME.id], apply that, and destroy \
         again.",
    );
    diagnostic
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
