//! What people are told when the daemon refuses or cannot be reached: what happened, and what to do.

mod kinds;
mod secrets;

use kontraktor_model::value::ValueType;
use kontraktor_proto::{
    client::ClientError,
    v1::{self, ProblemCode},
};

pub(crate) use self::{
    kinds::Kind,
    secrets::{Asked, is_references_fault, unresolved, verification},
};
use crate::{framework::Diagnostic, session::Trouble};

/// Attributes that the API's field names stand for.
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

/// Longest part of a value that is repeated in a message, in characters.
const MAX_SHOWN: usize = 120;

/// The general message: `doing` is what was attempted, as in "create infra-demo/dev".
pub(crate) fn failed(doing: &str, trouble: &Trouble) -> Diagnostic {
    let summary = format!("Cannot {doing}");
    let error = match trouble {
        Trouble::NotKnown { attributes } => {
            let names = attributes.join(" and ");
            return Diagnostic::error(
                summary,
                format!(
                    "The daemon is needed for this, and {names} of the provider block will be known only after other \
                     resources are applied. Apply those first (`terraform apply -target=ADDRESS`), or set {names} to \
                     something that is known when planning."
                ),
            );
        }
        Trouble::Client(error) => error,
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

/// Nothing can be read while the provider's block is not known.
pub(crate) fn not_ready(trouble: &Trouble) -> Diagnostic {
    Diagnostic::error(
        "The daemon cannot be asked yet",
        format!(
            "{} Until then the state stays as it was last read, and nothing can be imported.",
            sentence(&trouble.to_string())
        ),
    )
}

/// Returns the text as a sentence: a capital at the beginning, a full stop at the end.
fn sentence(text: &str) -> String {
    let text = text.trim();
    let mut sentence: String = text.chars().take(1).flat_map(char::to_uppercase).collect();
    sentence.extend(text.chars().skip(1));
    if !sentence.ends_with(['.', '!', '?']) {
        sentence.push('.');
    }
    sentence
}

/// A create or update of which it is not known whether it happened.
pub(crate) fn outcome_unknown(doing: &str, trouble: &Trouble, kept: &str) -> Diagnostic {
    Diagnostic::error(
        format!("It is not known whether the provider could {doing}"),
        format!("{}\n\n{kept}", sentence(&trouble.to_string())),
    )
}

/// What the state holds after a create whose answer was lost.
pub(crate) const KEPT_AFTER_CREATE: &str = "The state keeps the object as it was planned, marked as tainted. Plan again: if the write was not carried out, it \
     is created; if it was, Terraform wants to replace it, and `terraform untaint ADDRESS` keeps it as it is.";

/// What the state holds after an update or delete whose answer was lost.
pub(crate) const KEPT_AFTER_CHANGE: &str = "The state keeps the object as it was before. Plan again: it is read as it is now, and what is missing is planned.";

/// What exists already must be imported. `kind` is the resource's type, `id` its import id.
pub(crate) fn exists(kind: &str, id: &str, told: &str) -> Diagnostic {
    Diagnostic::error(
        format!("{id} exists already"),
        format!(
            "{}\n\nTo manage it here, import it (put the resource's name in the place of NAME):\n\n\
             import {{\n  to = {kind}.NAME\n  id = \"{id}\"\n}}\n\nWhere it is this resource itself that is being \
             replaced, remove create_before_destroy: there is only one of that name, and the old one must go first.",
            sentence(told)
        ),
    )
}

/// What a key holds on one side of a conflict.
pub(crate) struct Side<'a> {
    /// The value, or the reference.
    pub(crate) value: &'a str,
    /// `string`, `number`, `bool`, `json` or `secret reference`.
    pub(crate) value_type: &'a str,
    pub(crate) description: &'a str,
    /// Whether it is protected from deletion.
    pub(crate) protected: bool,
}

impl Side<'_> {
    fn shown(&self, with_description: bool, with_protection: bool) -> String {
        let mut shown: String = self.value.chars().take(MAX_SHOWN).collect();
        let cut = shown.len() < self.value.len();
        shown = format!("{shown:?}");
        if cut {
            shown.push_str(" and more");
        }
        let mut text = format!("{} {shown}", self.value_type);
        if with_description {
            text.push_str(&format!(", described as {:?}", self.description));
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

/// A variable as the daemon tells it. What this provider does not know is shown as such.
fn side_of(variable: &v1::Variable) -> Side<'_> {
    let (value_type, value) = match (ValueType::try_from(variable.r#type()), &variable.content) {
        (Ok(value_type), Some(v1::variable::Content::Value(value))) => (value_type.as_str(), value.as_str()),
        (_, Some(v1::variable::Content::Reference(reference))) => {
            (Kind::Reference.noun(), reference.url.as_str())
        }
        _ => ("unknown", ""),
    };
    Side { value, value_type, description: &variable.description, protected: variable.deletion_protection }
}

/// The plan rests on a state that is no longer so. `to` is `None` for a delete.
pub(crate) fn conflict(
    id: &str,
    from: &Side<'_>,
    to: Option<&Side<'_>>,
    problem: &v1::Problem,
) -> Diagnostic {
    let current = problem.current.as_ref();
    let now = current.map(side_of);
    // Descriptions and protection are shown where they are part of the matter.
    let sides = || [to, now.as_ref()].into_iter().flatten();
    let described = sides().any(|side| side.description != from.description);
    let guarded = sides().any(|side| side.protected != from.protected);
    let show = |side: &Side<'_>| side.shown(described, guarded);
    let what = match current {
        None => "deleted by someone else".to_owned(),
        Some(current) => changed_by(current.written.as_ref()),
    };
    let now = match (&now, current) {
        (Some(side), Some(current)) => format!("{} (revision {})", show(side), current.revision),
        _ => "deleted".to_owned(),
    };
    let to = to.map_or_else(|| "deleted".to_owned(), show);
    three_ways(id, &what, &show(from), &to, &now)
}

/// "changed by", and all that is known of it.
fn changed_by(written: Option<&v1::Authorship>) -> String {
    let Some(written) = written else { return "changed by someone else".to_owned() };
    let time = written.time.as_ref().map(|time| format!(" at {time}")).unwrap_or_default();
    format!("changed by {} through {}{time}", written.actor, written.via)
}

fn three_ways(id: &str, what: &str, from: &str, to: &str, now: &str) -> Diagnostic {
    Diagnostic::error(
        format!("{id} was {what}"),
        format!(
            "That was after the plan was made, so nothing was written.\n\n  planned from: {from}\n  planned to:   \
             {to}\n  now:          {now}\n\nPlan again to see the difference to what is stored now, and apply that if \
             it is what you want."
        ),
    )
}

/// Settings of a project or environment, each with its name as in HCL and its value as a person reads it.
pub(crate) type Settings = Vec<(&'static str, String)>;

/// The plan rests on settings that are no longer so. `now`: what stands, and its last change; `None`: nothing does.
pub(crate) fn settings_conflict(
    id: &str,
    from: &Settings,
    to: &Settings,
    now: Option<(&Settings, Option<&v1::Authorship>)>,
) -> Diagnostic {
    // What is the same on all sides is not part of the matter.
    let part = |position: usize| {
        let differs = |other: &Settings| other.get(position) != from.get(position);
        differs(to) || now.is_some_and(|(now, _)| differs(now))
    };
    let show = |settings: &Settings| {
        let shown = settings.iter().enumerate().filter(|(position, _)| part(*position));
        shown.map(|(_, (name, value))| format!("{name} = {value}")).collect::<Vec<_>>().join(", ")
    };
    let (what, now) = match now {
        Some((now, changed)) => (changed_by(changed), show(now)),
        None => ("deleted by someone else".to_owned(), "deleted".to_owned()),
    };
    three_ways(id, &what, &show(from), &show(to), &now)
}

/// What holds something was not deleted. `noun` is what it is, as in "environment".
pub(crate) fn not_empty(doing: &str, trouble: &Trouble, noun: &str) -> Diagnostic {
    let told = trouble.problem().map(|problem| sentence(&problem.message)).unwrap_or_default();
    Diagnostic::error(
        format!("Cannot {doing}"),
        format!(
            "{told}\n\nDelete or move that first. Or let it go with the {noun}: set force_destroy = true, apply that, \
             and destroy in a second step. What is protected from deletion stays in any case."
        ),
    )
    .at("force_destroy")
}

/// What was to be changed is not there any more.
pub(crate) fn gone(doing: &str, trouble: &Trouble) -> Diagnostic {
    let detail = sentence(&trouble.to_string());
    Diagnostic::error(
        format!("Cannot {doing}"),
        format!("{detail} It was deleted after the plan was made. Plan again: what is missing is planned."),
    )
}

/// Whether the daemon says that it is not there. An import that is missing is another matter.
pub(crate) fn is_gone(trouble: &Trouble) -> bool {
    let problem = trouble.problem().filter(|problem| problem.code() == ProblemCode::NotFound);
    problem.is_some_and(|problem| problem.field != "imports")
}
