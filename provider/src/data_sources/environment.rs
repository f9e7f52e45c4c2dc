//! `data.kontraktor_environment`: all variables of an environment, or those whose keys begin with a prefix.

use std::collections::BTreeMap;

use async_trait::async_trait;
use tfplugin_proto::value::Type;

use super::no_environment;
use crate::framework::{Attr, Attribute, DataSource, Diagnostics, Schema};
use crate::session::Session;
use crate::{messages, model, places, rules};

model! {
    /// The data source's arguments and results.
    pub(crate) struct Model {
        /// The project.
        project: String,
        /// The environment's name inside the project.
        env: String,
        /// What keys must begin with.
        prefix: String,
        /// Values by key.
        variables: BTreeMap<String, Attr<String>>,
        /// Types by key.
        types: BTreeMap<String, Attr<String>>,
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
            "The variables of an environment, all at one moment.",
            vec![
                Attribute::required("project", Type::String, "The project's name.").check(rules::project),
                Attribute::required("env", Type::String, "The environment's name inside the project.")
                    .check(rules::env),
                Attribute::optional(
                    "prefix",
                    Type::String,
                    "Only variables whose keys begin with this. The keys keep it. Left out or empty: all.",
                ),
                Attribute::computed(
                    "variables",
                    Type::map(Type::String),
                    "The values by key, each as text in its canonical form. Use `tonumber`, `tobool` and `jsondecode` \
                     by the type.",
                ),
                Attribute::computed(
                    "types",
                    Type::map(Type::String),
                    "The types by key: `string`, `number`, `bool` or `json`.",
                ),
                Attribute::computed(
                    "revision",
                    Type::Number,
                    "The environment's revision: it grows with every write into the environment.",
                ),
            ],
        )
    }

    async fn read(&self, session: &Session, config: Model) -> Result<Model, Diagnostics> {
        let path = places::environment(&config.project, &config.env)?;
        let snapshot = session
            .effective(&path, config.prefix.text())
            .await
            .map_err(|trouble| messages::failed(&format!("read the environment {path}"), &trouble))?
            .ok_or_else(|| no_environment(&path))?;
        let mut variables = BTreeMap::new();
        let mut types = BTreeMap::new();
        for variable in snapshot.variables() {
            let (value_type, value) = places::content(variable, &format!("{path}/{}", variable.key))?;
            variables.insert(variable.key.clone(), value.into());
            types.insert(variable.key.clone(), value_type.as_str().into());
        }
        Ok(Model {
            variables: Attr::Known(variables),
            types: Attr::Known(types),
            revision: Attr::Known(snapshot.revision),
            ..config
        })
    }
}
