//! `data.kontraktor_environment`: all variables of an environment, or those whose keys begin with a prefix, now or at an
//! earlier moment, where each comes from, and which secrets it refers to.

use std::collections::BTreeMap;

use async_trait::async_trait;
use kontraktor_proto::v1;
use tfplugin_proto::value::Type;

use super::{look, origin, version};
use crate::framework::model::Content as _;
use crate::framework::{Attr, Attribute, DataSource, Diagnostics, Found, Schema};
use crate::session::{Session, View};
use crate::{model, places, point_in_time, rules};

model! {
    /// A secret reference, and the version of the secret that was seen last.
    pub(crate) struct SecretReference {
        /// Its URL.
        reference: String,
        /// The vault's name.
        vault: String,
        /// What the vault called the version; null where it was not resolved, or the vault keeps none.
        version: String,
        /// When that version was seen first, by RFC 3339.
        version_seen: String,
        /// The environment that holds it, as `project/env`.
        origin: String,
    }
}

impl SecretReference {
    fn new(reference: &v1::SecretReference, origin: String) -> Self {
        Self {
            reference: reference.url.as_str().into(),
            vault: reference.vault.as_str().into(),
            version: version(reference),
            version_seen: reference.version_seen.as_ref().map(ToString::to_string).into(),
            origin: Attr::Known(origin),
        }
    }
}

model! {
    /// The data source's arguments and results.
    pub(crate) struct Model {
        /// The project.
        project: String,
        /// The environment's name inside the project.
        env: String,
        /// What keys must begin with.
        prefix: String,
        /// Whether to leave out what is imported.
        own_only: bool,
        /// When.
        at: String,
        /// Values by key.
        variables: BTreeMap<String, Attr<String>>,
        /// Types by key.
        types: BTreeMap<String, Attr<String>>,
        /// `project/env` by key.
        origins: BTreeMap<String, Attr<String>>,
        /// What it imports directly, in order, as `project/env`.
        imports: Vec<Attr<String>>,
        /// Secret references by key.
        secret_references: BTreeMap<String, Attr<SecretReference>>,
        /// The environment's own revision.
        revision: u64,
    }
}

/// The data source.
pub(crate) struct Environment;

#[async_trait]
impl DataSource<Session> for Environment {
    type Model = Model;

    fn type_name(&self) -> &'static str {
        "kontraktor_environment"
    }

    fn schema(&self) -> Schema {
        Schema::new(
            "The variables of an environment, all at one moment: what it imports, in order, and its own on top.\n\nSecrets \
             are not read: `secret_references` says where each is, and in which version it was seen last. Their values are \
             read by the ephemeral resource `kontraktor_environment`.",
            vec![
                Attribute::required("project", Type::String, "The project's name.").check(rules::project),
                Attribute::required("env", Type::String, "The environment's name inside the project.")
                    .check(rules::env),
                Attribute::optional(
                    "prefix",
                    Type::String,
                    "Only variables whose keys begin with this. The keys keep it. Left out or empty: all.",
                ),
                Attribute::optional(
                    "own_only",
                    Type::Bool,
                    "Whether to leave out what the environment imports. Left out: false.",
                ),
                point_in_time::attribute(
                    "Which moment to read: the environment's own revision, such as `12`, or a time by RFC 3339, such as \
                     `\"2026-05-01T08:00:00Z\"`. With a revision, imports are read as they were when that revision was \
                     made; with a time, everything that was written up to and including it counts. Left out: now.",
                ),
                Attribute::computed(
                    "variables",
                    Type::map(Type::String),
                    "The values of the plain variables by key, each as text in its canonical form. Use `tonumber`, `tobool` and `jsondecode` \
                     by the type.",
                ),
                Attribute::computed(
                    "types",
                    Type::map(Type::String),
                    "The types by key: `string`, `number`, `bool` or `json`.",
                ),
                Attribute::computed(
                    "origins",
                    Type::map(Type::String),
                    "Where each value comes from, by key: the environment that holds it, as `project/env`. It is this \
                     environment for its own variables, and otherwise the imported one that won.",
                ),
                Attribute::computed(
                    "secret_references",
                    Type::map(SecretReference::ty()),
                    "The secret references by key: `reference` (the URL, in its one spelling), `vault`, `version` and \
                     `version_seen`, and `origin` (the environment that holds it, as `project/env`). This is the lockfile of \
                     secrets: `version` is what the vault called the version when the secret was resolved last, before the \
                     next revision of the environment, and `version_seen` when that version was seen first (RFC 3339). Both \
                     are null where it was never resolved, or its vault keeps no versions. A rotation in the vault shows as \
                     another version, once someone has read the secret.",
                ),
                Attribute::computed(
                    "imports",
                    Type::list(Type::String),
                    "The environments that this one imports directly, in order, each as `project/env`. Later ones win \
                     over earlier ones.",
                ),
                Attribute::computed(
                    "revision",
                    Type::Number,
                    "The environment's own revision: it grows with every write into the environment, and with every \
                     change of its imports.",
                ),
            ],
        )
    }

    async fn read(&self, session: &Session, config: Model) -> Result<Found<Model>, Diagnostics> {
        let path = places::environment(&config.project, &config.env)?;
        let view = View {
            prefix: config.prefix.text().to_owned(),
            own_only: config.own_only == Attr::Known(true),
            at: point_in_time::parse_argument(&config.at)?,
        };
        let snapshot = look(session, &path, &view).await?;
        let mut variables = BTreeMap::new();
        let mut types = BTreeMap::new();
        let mut origins = BTreeMap::new();
        for variable in snapshot.variables() {
            let (value_type, value) = places::content(variable, &format!("{path}/{}", variable.key))?;
            variables.insert(variable.key.clone(), value.into());
            types.insert(variable.key.clone(), value_type.as_str().into());
            origins.insert(variable.key.clone(), Attr::Known(origin(variable, &path)));
        }
        let references = snapshot.references().filter_map(|variable| {
            let reference = SecretReference::new(variable.reference()?, origin(variable, &path));
            Some((variable.key.clone(), Attr::Known(reference)))
        });
        Ok(Model {
            secret_references: Attr::Known(references.collect()),
            variables: Attr::Known(variables),
            types: Attr::Known(types),
            origins: Attr::Known(origins),
            imports: Attr::Known(snapshot.imports.iter().map(|import| import.as_str().into()).collect()),
            revision: Attr::Known(snapshot.revision),
            ..config
        }
        .into())
    }
}
