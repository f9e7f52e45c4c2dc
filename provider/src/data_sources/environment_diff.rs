//! `data.kontraktor_environment_diff`: the difference between two environments, or between two points in time of one.

use std::collections::BTreeMap;

use async_trait::async_trait;
use kontraktor_model::names::EnvPath;
use kontraktor_proto::{
    diff::{self, Change},
    v1,
};
use tfplugin_proto::value::{AttributePath, Step, Type};

use super::view::{read_view, version};
use crate::{
    framework::{
        Attr, Attribute, Block, DataSource, Diagnostic, Diagnostics, ReadResult, Schema, model::Content as _,
    },
    locations, model, point_in_time,
    session::{Session, Snapshot, View},
    validators,
};

model! {
    /// One side.
    pub(crate) struct Side {
        /// The project.
        project: String,
        /// The environment's name inside the project.
        env: String,
        /// The point in time.
        at: String,
    }
}

model! {
    /// A variable that differs between the sides.
    pub(crate) struct Changed {
        /// The value in `from`.
        from: String,
        /// The value in `to`.
        to: String,
        /// The type in `from`.
        from_type: String,
        /// The type in `to`.
        to_type: String,
        /// Which of `value`, `type` and `description` differ.
        what: Vec<Attr<String>>,
    }
}

model! {
    /// A secret reference that differs between the sides.
    pub(crate) struct ChangedReference {
        /// The reference in `from`.
        from: String,
        /// The reference in `to`.
        to: String,
        /// Which of `reference` and `description` differ.
        what: Vec<Attr<String>>,
    }
}

model! {
    /// A secret with the same reference but different versions on the two sides.
    pub(crate) struct Rotated {
        /// The version in `from`.
        from: String,
        /// The version in `to`.
        to: String,
    }
}

model! {
    /// The difference between the secret references.
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
        /// The side to compare from.
        from: Side,
        /// The side to compare to.
        to: Side,
        /// Whether to leave out imported variables.
        own_only: bool,
        /// Values by key, of `to`.
        added: BTreeMap<String, Attr<String>>,
        /// Values by key, of `from`.
        removed: BTreeMap<String, Attr<String>>,
        /// By key.
        changed: BTreeMap<String, Attr<Changed>>,
        /// The difference between the secret references.
        secret_references: References,
        /// Whether there is no difference.
        identical: bool,
    }
}

/// The data source.
pub(crate) struct EnvironmentDiff;

/// Prefixes the diagnostic's path with the block of one side.
fn within(side: &str, mut diagnostic: Diagnostic) -> Diagnostic {
    let mut path = diagnostic.path.take().unwrap_or_default();
    path.prepend(Step::Attribute(side.to_owned()));
    diagnostic.at_path(path)
}

/// The environment and view of one side.
#[derive(PartialEq)]
struct ComparedView {
    path: EnvPath,
    view: View,
}

impl ComparedView {
    fn new(side: &Side, own_only: bool) -> Result<Self, Diagnostic> {
        let path = locations::environment(&side.project, &side.env)?;
        Ok(Self {
            path,
            view: View { own_only, at: point_in_time::parse_argument(&side.at)?, ..View::default() },
        })
    }
}

fn value(variable: &v1::Variable, path: &EnvPath) -> Result<Attr<String>, Diagnostic> {
    let (_, value) = locations::content(variable, &format!("{path}/{}", variable.key))?;
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
        let (value_type, _) = locations::content(variable, &format!("{path}/{}", variable.key))?;
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

/// Returns the names of the aspects that differ.
fn differing<const N: usize>(aspects: [(&str, bool); N]) -> Attr<Vec<Attr<String>>> {
    Attr::Known(aspects.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name.into()).collect())
}

/// Returns the difference between the secret references of two snapshots, and whether it is empty. No secret is read.
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
            "Compares two environments, or two points in time of one environment: variables that exist only in `to` were \
             added, and variables that exist only in `from` were removed.\n\nValues, types and descriptions are compared. \
             Authors, times, origins and deletion protection are ignored, so an environment and its copy are identical. \
             Secret references are compared without reading the secrets, and separately from plain variables: a key that \
             changed from one to the other is removed in one and added in the other.",
            vec![
                Attribute::optional(
                    "own_only",
                    Type::Bool,
                    "Whether to leave out imported variables. Defaults to `false`.",
                ),
                Attribute::computed(
                    "added",
                    Type::map(Type::String),
                    "The values of the plain variables that exist only in `to`, by key.",
                ),
                Attribute::computed(
                    "removed",
                    Type::map(Type::String),
                    "The values of the plain variables that exist only in `from`, by key.",
                ),
                Attribute::computed(
                    "changed",
                    Type::map(Changed::ty()),
                    "The plain variables that differ, by key: `from` and `to` (the values), `from_type` and `to_type`, and \
                     `what` (a list of `value`, `type` and `description`, as far as they differ).",
                ),
                Attribute::computed(
                    "secret_references",
                    References::ty(),
                    "The same for secret references: `added` and `removed` (the references by key), `changed` (by key: \
                     `from` and `to`, the references, and `what`, a list of `reference` and `description`), and `rotated` \
                     (by key: `from` and `to`, the last seen versions of a secret whose reference is the same on both \
                     sides; null if no version was seen).",
                ),
                Attribute::computed(
                    "identical",
                    Type::Bool,
                    "Whether the variables and secret references are the same on both sides. The seen versions of secrets \
                     are ignored.",
                ),
            ],
        )
        .block(Block::single(
            "from",
            "The environment to compare from. Required.",
            vec![
                Attribute::required("project", Type::String, "The project's name.").validator(validators::project),
                Attribute::required("env", Type::String, "The environment's name inside the project.")
                    .validator(validators::env),
                point_in_time::attribute(
                    "The point in time: a revision of the environment, such as `12`, or an RFC 3339 time, such as \
                     `\"2026-05-01T08:00:00Z\"`. Defaults to now.",
                ),
            ],
        ))
        .block(Block::single(
            "to",
            "The environment to compare to. Defaults to the environment of `from`, as it is now.",
            vec![
                Attribute::optional("project", Type::String, "The project's name. Defaults to that of `from`.")
                    .validator(validators::project),
                Attribute::optional(
                    "env",
                    Type::String,
                    "The environment's name inside the project. Defaults to that of `from`.",
                )
                .validator(validators::env),
                point_in_time::attribute(
                    "The point in time: a revision of the environment, such as `12`, or an RFC 3339 time, such as \
                     `\"2026-05-01T08:00:00Z\"`. Defaults to now.",
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
                    "Missing from block",
                    "The block from names the environment to compare from. Add one with project and env, and with at for \
                     an earlier point in time.",
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
                "Environment compared with itself",
                "from and to are the same environment at the same time, so there is never a difference. Name another \
                 environment, or set at in from to an earlier point in time, such as at = 12.",
            )
            .at_path(AttributePath::attribute(if config.to.is_null() { "from" } else { "to" }))
            .into();
        }
        Diagnostics::new()
    }

    async fn read(&self, session: &Session, config: Model) -> Result<ReadResult<Model>, Diagnostics> {
        let own_only = config.own_only == Attr::Known(true);
        let from = config.from.known().cloned().unwrap_or_default();
        let mut to = config.to.known().cloned().unwrap_or_default();
        if to.project.is_null() {
            to.project = from.project.clone();
        }
        if to.env.is_null() {
            to.env = from.env.clone();
        }
        let from = ComparedView::new(&from, own_only).map_err(|diagnostic| within("from", diagnostic))?;
        let to = ComparedView::new(&to, own_only).map_err(|diagnostic| within("to", diagnostic))?;
        let (before, after) =
            tokio::join!(read_view(session, &from.path, &from.view), read_view(session, &to.path, &to.view));
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
