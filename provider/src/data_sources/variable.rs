//! `data.kontraktor_variable`: one variable of an environment, now or at an earlier point in time.

use async_trait::async_trait;
use kontraktor_proto::v1;
use tfplugin_proto::value::Type;

use super::view::{origin, read_view};
use crate::framework::{Attr, Attribute, DataSource, Diagnostic, Diagnostics, ReadResult, Schema};
use crate::locations::VariableLocation;
use crate::session::{Session, View};
use crate::{locations, model, point_in_time, validators};

model! {
    /// The data source's arguments and results.
    pub(crate) struct Model {
        /// `project/env/key`.
        id: String,
        /// The project.
        project: String,
        /// The environment's name inside the project.
        env: String,
        /// The key inside the environment.
        key: String,
        /// The point in time.
        at: String,
        /// The value in its canonical form.
        value: String,
        /// `string`, `number`, `bool` or `json`.
        r#type: String,
        /// Its description.
        description: String,
        /// The environment that holds it, as `project/env`.
        origin: String,
        /// The revision at which the key was last written.
        revision: u64,
    }
}

/// The data source.
pub(crate) struct Variable;

fn secret_reference_error(location: &VariableLocation, url: &str) -> Diagnostic {
    Diagnostic::error(
        "Key holds a secret reference",
        format!(
            "{location} has no value of its own, because it refers to {url}\n\nRead the secret with the ephemeral resource \
             kontraktor_secret, or the reference with secret_references of data.kontraktor_environment."
        ),
    )
    .at("key")
}

#[async_trait]
impl DataSource<Session> for Variable {
    type Model = Model;

    fn type_name(&self) -> &'static str {
        "kontraktor_variable"
    }

    fn schema(&self) -> Schema {
        Schema::new(
            "Reads one variable of an environment, own or imported. If the variable does not exist, the data source fails; \
             for optional variables, use `data.kontraktor_environment` with `lookup`.",
            vec![
                Attribute::required("project", Type::String, "The project's name.")
                    .validator(validators::project),
                Attribute::required("env", Type::String, "The environment's name inside the project.")
                    .validator(validators::env),
                Attribute::required("key", Type::String, "The variable's key.").validator(validators::key),
                point_in_time::attribute(
                    "The point in time to read: a revision of this environment, such as `12`, or an RFC 3339 time, such as \
                     `\"2026-05-01T08:00:00Z\"`. Defaults to now.",
                ),
                Attribute::computed("value", Type::String, "The value, as text in canonical form."),
                Attribute::computed(
                    "type",
                    Type::String,
                    "The type of the value: `string`, `number`, `bool` or `json`.",
                ),
                Attribute::computed(
                    "description",
                    Type::String,
                    "The variable's description, which may be empty.",
                ),
                Attribute::computed("id", Type::String, "The variable's ID, `project/env/key`."),
                Attribute::computed(
                    "origin",
                    Type::String,
                    "The environment that holds the variable, as `project/env`: this environment, or an imported one.",
                ),
                Attribute::computed(
                    "revision",
                    Type::Number,
                    "The revision that last wrote this key, in the environment that holds it.",
                ),
            ],
        )
    }

    async fn read(&self, session: &Session, config: Model) -> Result<ReadResult<Model>, Diagnostics> {
        let location = locations::variable(&config.project, &config.env, &config.key)?;
        // The whole environment is read, so that many of these data sources share one response.
        let view = View { at: point_in_time::parse_argument(&config.at)?, ..View::default() };
        let snapshot = read_view(session, &location.env, &view).await?;
        let variable = snapshot.get(location.key.as_str()).ok_or_else(|| {
            if let Some(reference) = snapshot.reference(location.key.as_str()).and_then(v1::Variable::reference) {
                return secret_reference_error(&location, &reference.url);
            }
            let verb = match config.at.known() {
                None => "has".to_owned(),
                Some(at) => format!("had, at {at},"),
            };
            Diagnostic::error(
                "Variable not found",
                format!(
                    "The environment {} exists but {verb} no key {}. Check the spelling; keys are case-sensitive.",
                    location.env, location.key
                ),
            )
            .at("key")
        })?;
        let (value_type, value) = locations::content(variable, &location)?;
        Ok(Model {
            id: Attr::Known(location.to_string()),
            value: value.into(),
            r#type: value_type.as_str().into(),
            description: variable.description.as_str().into(),
            origin: Attr::Known(origin(variable, &location.env)),
            revision: Attr::Known(variable.revision),
            ..config
        }
        .into())
    }
}
