//! `data.kontraktor_environment_diff`: what lies between two environments, or between two moments of one.

use std::collections::BTreeMap;

use async_trait::async_trait;
use kontraktor_model::names::EnvPath;
use kontraktor_proto::{
    diff::{self, Change},
    v1,
};
use tfplugin_proto::value::{AttributePath, Step, Type};

use super::{look, version};
use crate::{
    framework::{
        Attr, Attribute, Block, DataSource, Diagnostic, Diagnostics, Found, Schema, model::Content as _,
    },
    model, places, point_in_time, rules,
    session::{Session, Snapshot, View},
};

model! {
    /// One side.
    pub(crate) struct Side {
        /// The project.
        project: String,
        /// The environment's name inside the project.
        env: String,
        /// When.
        at: String,
    }
}

model! {
    /// A variable that both sides have, and not alike.
    pub(crate) struct Changed {
        /// The value on the side of `from`.
        from: String,
        /// The value on the side of `to`.
        to: String,
        /// The type on the side of `from`.
        from_type: String,
        /// The type on the side of `to`.
        to_type: String,
        /// Which of `value`, `type` and `description` differ.
        what: Vec<Attr<String>>,
    }
}

model! {
    /// A secret reference that both sides have, and not alike.
    pub(crate) struct ChangedReference {
        /// The reference on the side of `from`.
        from: String,
        /// The reference on the side of `to`.
        to: String,
        /// Which of `reference` and `description` differ.
        what: Vec<Attr<String>>,
    }
}

model! {
    /// A secret of which both sides saw different versions, by the same reference.
    pub(crate) struct Rotated {
        /// The version on the side of `from`.
        from: String,
        /// The version on the side of `to`.
        to: String,
    }
}

model! {
    /// What lies between the secret references.
    pub(crate) struct References {
        /// References by key, of `to`.
        added: BTreeMap<String, Attr<String>>,
        /// References by key, of `from`.
        removed: BTreeMap<String, Attr<String>>,
        /// By key.
        changed: BTreeMap<String, Attr<ChangedReference>>,
        /// By key.
        rotated: BTreeMap<String, Attr<Rotated>>,
    }
}

model! {
    /// The data source's arguments and results.
    pub(crate) struct Model {
        /// The side that the way leads from.
        from: Side,
        /// The side that the way leads to.
        to: Side,
        /// Whether to leave out what is imported.
        own_only: bool,
        /// Values by key, of `to`.
        added: BTreeMap<String, Attr<String>>,
        /// Values by key, of `from`.
        removed: BTreeMap<String, Attr<String>>,
        /// By key.
        changed: BTreeMap<String, Attr<Changed>>,
        /// The same of secret references.
        secret_references: References,
        /// Whether there is no difference.
        identical: bool,
    }
}

/// The data source.
pub(crate) struct EnvironmentDiff;

/// The same message, told of one side.
fn within(side: &str, mut diagnostic: Diagnostic) -> Diagnostic {
    let mut path = diagnostic.path.take().unwrap_or_default();
    path.prepend(Step::Attribute(side.to_owned()));
    diagnostic.at_path(path)
}

/// What one side shows, in full.
#[derive(PartialEq)]
struct Seen {
    path: EnvPath,
    view: View,
}

impl Seen {
    fn new(side: &Side, own_only: bool) -> Result<Self, Diagnostic> {
        let path = places::environment(&side.project, &side.env)?;
        Ok(Self {
            path,
            view: View { own_only, at: point_in_time::parse_argument(&side.at)?, ..View::default() },
        })
    }
}

fn value(variable: &v1::Variable, path: &EnvPath) -> Result<Attr<String>, Diagnostic> {
    let (_, value) = places::content(variable, &format!("{path}/{}", variable.key))?;
    Ok(value.into())
}

fn values<'a>(
    variables: impl IntoIterator<Item = (&'a str, &'a v1::Variable)>,
    path: &EnvPath,
) -> Result<Attr<BTreeMap<String, Attr<String>>>, Diagnostic> {
    let values = variables.into_iter().map(|(key, variable)| Ok((key.to_owned(), value(variable, path)?)));
    Ok(Attr::Known(values.collect::<Result<_, _>>()?))
}

fn changed(change: &Change<'_>, from: &EnvPath, to: &EnvPath) -> Result<Attr<Changed>, Diagnostic> {
    let what =
        [("value", change.content()), ("type", change.value_type()), ("description", change.description())];
    let value_type = |variable, path: &EnvPath| {
        let (value_type, _) = places::content(variable, &format!("{path}/{}", variable.key))?;
        Ok::<_, Diagnostic>(value_type.as_str().into())
    };
    Ok(Attr::Known(Changed {
        from: value(change.from, from)?,
        to: value(change.to, to)?,
        from_type: value_type(change.from, from)?,
        to_type: value_type(change.to, to)?,
        what: differing(what),
    }))
}

fn urls<'a>(references: &BTreeMap<&'a str, &'a v1::Variable>) -> Attr<BTreeMap<String, Attr<String>>> {
    let urls = references
        .iter()
        .filter_map(|(key, variable)| Some(((*key).to_owned(), variable.reference()?.url.as_str().into())));
    Attr::Known(urls.collect())
}

/// Which of the aspects differ.
fn differing<const N: usize>(aspects: [(&str, bool); N]) -> Attr<Vec<Attr<String>>> {
    Attr::Known(aspects.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name.into()).collect())
}

/// What lies between the secret references of two snapshots, and whether that is nothing. No secret is read.
fn references(before: &Snapshot, after: &Snapshot) -> (References, bool) {
    let diff = diff::between(before.references(), after.references());
    let changed = diff.changed.iter().filter_map(|(key, change)| {
        let (from, to) = (change.from.reference()?, change.to.reference()?);
        let changed = ChangedReference {
            from: from.url.as_str().into(),
            to: to.url.as_str().into(),
            what: differing([("reference", change.content()), ("description", change.description())]),
        };
        Some(((*key).to_owned(), Attr::Known(changed)))
    });
    let rotated = after.references().filter_map(|variable| {
        let (from, to) = (before.reference(&variable.key)?.reference()?, variable.reference()?);
        let rotated = Rotated { from: version(from), to: version(to) };
        (from.url == to.url && from.version != to.version)
            .then(|| (variable.key.clone(), Attr::Known(rotated)))
    });
    let references = References {
        added: urls(&diff.added),
        removed: urls(&diff.removed),
        changed: Attr::Known(changed.collect()),
        rotated: Attr::Known(rotated.collect()),
    };
    (references, diff.is_empty())
}

#[async_trait]
impl DataSource<Session> for EnvironmentDiff {
    type Model = Model;

    fn type_name(&self) -> &'static str {
        "kontraktor_environment_diff"
    }

    fn schema(&self) -> Schema {
        Schema::new(
            "What lies between two environments, or between two moments of one: the way leads from `from` to `to`, so \
             what only `to` has was added, and what only `from` has was removed.\n\nValues, types and descriptions are \
             compared. Who wrote a variable and when, where it comes from and whether it is protected does not count, so \
             an environment and its copy are identical. Secret references are compared without reading the secrets, and \
             stand apart from plain variables: a key that changed from one to the other was removed there and added here.",
            vec![
                Attribute::optional(
                    "own_only",
                    Type::Bool,
                    "Whether to leave out what the environments import. Left out: false.",
                ),
                Attribute::computed(
                    "added",
                    Type::map(Type::String),
                    "The values by key of the plain variables that only `to` has.",
                ),
                Attribute::computed(
                    "removed",
                    Type::map(Type::String),
                    "The values by key of the plain variables that only `from` has.",
                ),
                Attribute::computed(
                    "changed",
                    Type::map(Changed::ty()),
                    "The plain variables that both have, and not alike, by key: `from` and `to` (the values), `from_type` and \
                     `to_type`, and `what` (which of `value`, `type` and `description` differ).",
                ),
                Attribute::computed(
                    "secret_references",
                    References::ty(),
                    "The same of secret references: `added` and `removed` (the references by key), `changed` (by key: \
                     `from` and `to`, the references, and `what`, which of `reference` and `description` differ), and \
                     `rotated` (by key: `from` and `to`, the versions of a secret that both refer to in the same words and \
                     saw last in different versions; null where none was seen).",
                ),
                Attribute::computed(
                    "identical",
                    Type::Bool,
                    "Whether there is no difference, in plain variables or secret references. Versions that were seen do \
                     not count: they are the vaults'.",
                ),
            ],
        )
        .block(Block::single(
            "from",
            "Where the way begins. Required.",
            vec![
                Attribute::required("project", Type::String, "The project's name.").check(rules::project),
                Attribute::required("env", Type::String, "The environment's name inside the project.")
                    .check(rules::env),
                point_in_time::attribute(
                    "Which moment: a revision of the environment, such as `12`, or a time by RFC 3339, such as \
                     `\"2026-05-01T08:00:00Z\"`. Left out: now.",
                ),
            ],
        ))
        .block(Block::single(
            "to",
            "Where the way leads. Left out: to the same environment, now.",
            vec![
                Attribute::optional("project", Type::String, "The project's name. Left out: that of `from`.")
                    .check(rules::project),
                Attribute::optional(
                    "env",
                    Type::String,
                    "The environment's name inside the project. Left out: that of `from`.",
                )
                .check(rules::env),
                point_in_time::attribute(
                    "Which moment: a revision of the environment, such as `12`, or a time by RFC 3339, such as \
                     `\"2026-05-01T08:00:00Z\"`. Left out: now.",
                ),
            ],
        ))
    }

    fn validate(&self, config: &Model) -> Diagnostics {
        let from = match &config.from {
            Attr::Known(from) => from,
            Attr::Unknown => return Diagnostics::new(),
            Attr::Null => {
                return Diagnostic::error(
                    "Missing from",
                    "The block from says where the difference begins: write one with project and env, and with at for an \
                     earlier moment.",
                )
                .at("from")
                .into();
            }
        };
        let to = match &config.to {
            Attr::Known(to) => to.clone(),
            Attr::Unknown => return Diagnostics::new(),
            Attr::Null => Side::default(),
        };
        let same = |left: &Attr<String>, right: &Attr<String>| {
            right.is_null() || left == right && left.known().is_some()
        };
        if from.at.is_null()
            && to.at.is_null()
            && same(&from.project, &to.project)
            && same(&from.env, &to.env)
        {
            return Diagnostic::error(
                "An environment is compared with itself",
                "from and to are the same environment, both as it is now, so there is never a difference. Name another \
                 environment in to, or an earlier moment in from, such as at = 12.",
            )
            .at_path(AttributePath::attribute(if config.to.is_null() { "from" } else { "to" }))
            .into();
        }
        Diagnostics::new()
    }

    async fn read(&self, session: &Session, config: Model) -> Result<Found<Model>, Diagnostics> {
        let own_only = config.own_only == Attr::Known(true);
        let from = config.from.known().cloned().unwrap_or_default();
        let mut to = config.to.known().cloned().unwrap_or_default();
        if to.project.is_null() {
            to.project = from.project.clone();
        }
        if to.env.is_null() {
            to.env = from.env.clone();
        }
        let from = Seen::new(&from, own_only).map_err(|diagnostic| within("from", diagnostic))?;
        let to = Seen::new(&to, own_only).map_err(|diagnostic| within("to", diagnostic))?;
        let (before, after) =
            tokio::join!(look(session, &from.path, &from.view), look(session, &to.path, &to.view));
        let before = before.map_err(|diagnostic| within("from", diagnostic))?;
        let after = after.map_err(|diagnostic| within("to", diagnostic))?;
        let diff = diff::between(before.variables(), after.variables());
        let (secret_references, same_references) = references(&before, &after);
        let pairs =
            |side: &BTreeMap<_, _>| side.iter().map(|(key, variable)| (*key, *variable)).collect::<Vec<_>>();
        let changes = diff.changed.iter().map(|(key, change)| {
            Ok::<_, Diagnostic>(((*key).to_owned(), changed(change, &from.path, &to.path)?))
        });
        Ok(Model {
            added: values(pairs(&diff.added), &to.path)?,
            removed: values(pairs(&diff.removed), &from.path)?,
            changed: Attr::Known(changes.collect::<Result<_, _>>()?),
            secret_references: Attr::Known(secret_references),
            identical: Attr::Known(diff.is_empty() && same_references),
            ..config
        }
        .into())
    }
}
