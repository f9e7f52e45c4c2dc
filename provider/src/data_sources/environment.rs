//! `data.kontraktor_environment`: the variables of an environment, now or at an earlier point in time, the origin of each,
//! and the secret references.

use std::collections::BTreeMap;

use async_trait::async_trait;
use kontraktor_proto::v1;
use tfplugin_proto::value::Type;

use super::view::{origin, read_view, version};
use crate::framework::model::Content as _;
use crate::framework::{Attr, Attribute, DataSource, Diagnostics, ReadResult, Schema};
use crate::session::{Session, View};
use crate::{locations, model, point_in_time, validators};

model! {
    /// A secret reference, and the last seen version of its secret.
    pub(crate) struct SecretReference {
        /// Its URL.
        reference: String,
        /// The vault's name.
        vault: String,
        /// The vault's identifier of the version; null if it was never resolved, or the vault keeps no versions.
        version: String,
        /// When that version was first seen, in RFC 3339.
        version_seen_time: String,
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
            version_seen_time: reference.version_seen_time.as_ref().map(ToString::to_string).into(),
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
        /// The prefix of the keys.
        prefix: String,
        /// Whether to leave out imported variables.
        own_only: bool,
        /// The point in time.
        at: String,
        /// Values by key.
        variables: BTreeMap<String, Attr<String>>,
        /// Types by key.
        types: BTreeMap<String, Attr<String>>,
        /// `project/env` by key.
        origins: BTreeMap<String, Attr<String>>,
        /// The environments it imports directly, in order, as `project/env`.
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
            "Reads the variables of an environment at one point in time: the imported ones, in order, overridden by its \
             own.\n\nSecrets are not read: `secret_references` holds their references and the last seen versions. To read \
             the secrets themselves, use the ephemeral resource `kontraktor_environment`.",
            vec![
                Attribute::required("project", Type::String, "The project's name.")
                    .validator(validators::project),
                Attribute::required("env", Type::String, "The environment's name inside the project.")
                    .validator(validators::env),
                Attribute::optional(
                    "prefix",
                    Type::String,
                    "The prefix of the keys to read. The returned keys include it. Defaults to all keys.",
                ),
                Attribute::optional(
                    "own_only",
                    Type::Bool,
                    "Whether to leave out imported variables. Defaults to `false`.",
                ),
                point_in_time::attribute(
                    "The point in time to read: a revision of this environment, such as `12`, or an RFC 3339 time, such as \
                     `\"2026-05-01T08:00:00Z\"`. At a revision, imports are read as they were when that revision was \
                     written; at a time, everything written up to and including that time counts. Defaults to now.",
                ),
                Attribute::computed(
                    "variables",
                    Type::map(Type::String),
                    "The values of the plain variables by key, as text in canonical form. Convert them by type with \
                     `tonumber`, `tobool` or `jsondecode`.",
                ),
                Attribute::computed(
                    "types",
                    Type::map(Type::String),
                    "The types by key: `string`, `number`, `bool` or `json`.",
                ),
                Attribute::computed(
                    "origins",
                    Type::map(Type::String),
                    "The environment that each value comes from, by key, as `project/env`: this environment for its own \
                     variables, otherwise the import that takes precedence.",
                ),
                Attribute::computed(
                    "secret_references",
                    Type::map(SecretReference::ty()),
                    "The secret references by key: `reference` (the URL in its canonical form), `vault`, `version`, \
                     `version_seen_time`, and `origin` (the environment that holds it, as `project/env`). Together they work \
                     like a lock file: `version` is the vault's identifier of the version at the last time the secret was \
                     resolved, and `version_seen_time` the RFC 3339 time when that version was first seen. With `at`, both \
                     are those of that time. Both are null if the secret was never resolved or its vault keeps no versions. \
                     A rotated secret shows its new version once a client has read it.",
                ),
                Attribute::computed(
                    "imports",
                    Type::list(Type::String),
                    "The environments that this one imports directly, in order, each as `project/env`. Later imports take \
                     precedence over earlier ones.",
                ),
                Attribute::computed(
                    "revision",
                    Type::Number,
                    "The environment's own revision. It grows by one with every write to the environment and every change \
                     of its imports.",
                ),
            ],
        )
    }

    async fn read(&self, session: &Session, config: Model) -> Result<ReadResult<Model>, Diagnostics> {
        let path = locations::environment(&config.project, &config.env)?;
        let view = View {
            prefix: config.prefix.text().to_owned(),
            own_only: config.own_only == Attr::Known(true),
            at: point_in_time::parse_argument(&config.at)?,
        };
        let snapshot = read_view(session, &path, &view).await?;
        let mut variables = BTreeMap::new();
        let mut types = BTreeMap::new();
        let mut origins = BTreeMap::new();
        for variable in snapshot.variables() {
            let (value_type, value) = locations::content(variable, &format!("{path}/{}", variable.key))?;
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
