//! `data.kontraktor_variable`: one variable of an environment, now or at an earlier moment.

use async_trait::async_trait;
use kontraktor_proto::v1;
use tfplugin_proto::value::Type;

use super::{look, origin};
use crate::framework::{Attr, Attribute, DataSource, Diagnostic, Diagnostics, Found, Schema};
use crate::places::Place;
use crate::session::{Session, View};
use crate::{model, places, point_in_time, rules};

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
        /// When.
        at: String,
        /// The canonical text.
        value: String,
        /// `string`, `number`, `bool` or `json`.
        r#type: String,
        /// What it is for.
        description: String,
        /// The environment that holds it, as `project/env`.
        origin: String,
        /// The revision at which the key was last written.
        revision: u64,
    }
}

/// The data source.
pub(crate) struct Variable;

fn is_a_reference(place: &Place, url: &str) -> Diagnostic {
    Diagnostic::error(
        format!("{place} is a secret reference"),
        format!(
            "The key holds no value of its own: it refers to {url}\n\nRead what it refers to with the ephemeral resource \
             kontraktor_secret, and the reference itself with data.kontraktor_environment, whose secret_references has it."
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
            "One variable of an environment, its own or imported. A variable that does not exist is an error; to look \
             without one, use `data.kontraktor_environment` and `lookup`.",
            vec![
                Attribute::required("project", Type::String, "The project's name.").check(rules::project),
                Attribute::required("env", Type::String, "The environment's name inside the project.")
                    .check(rules::env),
                Attribute::required("key", Type::String, "The variable's key.").check(rules::key),
                point_in_time::attribute(
                    "Which moment to read: the environment's own revision, such as `12`, or a time by RFC 3339, such as \
                     `\"2026-05-01T08:00:00Z\"`. Left out: now.",
                ),
                Attribute::computed("value", Type::String, "The value as text in its canonical form."),
                Attribute::computed("type", Type::String, "`string`, `number`, `bool` or `json`."),
                Attribute::computed("description", Type::String, "What the variable is for; may be empty."),
                Attribute::computed("id", Type::String, "`project/env/key`."),
                Attribute::computed(
                    "origin",
                    Type::String,
                    "The environment that holds the variable, as `project/env`: this one, or one that it imports.",
                ),
                Attribute::computed(
                    "revision",
                    Type::Number,
                    "The revision at which this key was last written, of the environment that holds it.",
                ),
            ],
        )
    }

    async fn read(&self, session: &Session, config: Model) -> Result<Found<Model>, Diagnostics> {
        let place = places::variable(&config.project, &config.env, &config.key)?;
        // The whole environment: many of these data sources on one environment then share one answer.
        let view = View { at: point_in_time::parse_argument(&config.at)?, ..View::default() };
        let snapshot = look(session, &place.env, &view).await?;
        let variable = snapshot.get(place.key.as_str()).ok_or_else(|| {
            if let Some(reference) = snapshot.reference(place.key.as_str()).and_then(v1::Variable::reference) {
                return is_a_reference(&place, &reference.url);
            }
            let (summary, held) = match config.at.known() {
                None => (String::new(), "holds".to_owned()),
                Some(at) => (format!(" at {at}"), format!("held at {at}")),
            };
            Diagnostic::error(
                format!("There is no variable {place}{summary}"),
                format!(
                    "The environment {} exists and {held} no key {}. Check the spelling; keys are case-sensitive.",
                    place.env, place.key
                ),
            )
            .at("key")
        })?;
        let (value_type, value) = places::content(variable, &place)?;
        Ok(Model {
            id: Attr::Known(place.to_string()),
            value: value.into(),
            r#type: value_type.as_str().into(),
            description: variable.description.as_str().into(),
            origin: Attr::Known(origin(variable, &place.env)),
            revision: Attr::Known(variable.revision),
            ..config
        }
        .into())
    }
}
