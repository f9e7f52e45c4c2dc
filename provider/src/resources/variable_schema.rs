//! `kontraktor_variable_schema`: a JSON Schema for the keys of a project that match a pattern.
//!
//! Only the syntax is validated here; the daemon validates the schema itself, and the project's variables against it. An
//! update expects the pattern and the text that the state knows.

use async_trait::async_trait;
use kontraktor_model::{
    limits::{MAX_KEY_PATTERN_BYTES, MAX_SCHEMA_BYTES},
    names::{ProjectName, SchemaName},
    value::ValueType,
};
use kontraktor_proto::{
    client::Client,
    v1::{self, ProblemCode},
};
use tfplugin_proto::value::{Type, Value};

use super::{
    conflict::{OnConflict, on_conflict_attribute},
    lifecycle::{not_changed, not_created},
};
use crate::{
    errors,
    framework::{Attr, Attribute, Context, Diagnostic, Diagnostics, Failure, Fields, Resource, Schema},
    locations, model,
    session::{Container, Session, SessionError},
    validators,
};

model! {
    /// A schema in state.
    pub(crate) struct State {
        /// `project/name`.
        id: String,
        /// The project that it applies to.
        project: String,
        /// Its name inside the project.
        name: String,
        /// The pattern of the keys that it applies to.
        key_pattern: String,
        /// The JSON Schema as text.
        schema: String,
        /// What to do when it was changed outside of the plan.
        on_conflict: String,
    }
}

/// The resource.
pub(crate) struct VariableSchema;

struct VariableLocation {
    project: ProjectName,
    name: SchemaName,
}

impl std::fmt::Display for VariableLocation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.project, self.name)
    }
}

impl State {
    fn location(&self) -> Result<VariableLocation, Diagnostic> {
        Ok(VariableLocation {
            project: self.project.text().parse().map_err(|error| locations::invalid_name(&error))?,
            name: self.name.text().parse().map_err(|error| locations::invalid_name(&error))?,
        })
    }

    fn settings(&self) -> v1::SchemaSettings {
        v1::SchemaSettings {
            key_pattern: self.key_pattern.text().to_owned(),
            schema: self.schema.text().to_owned(),
        }
    }
}

fn check_name(value: &Value) -> Result<(), String> {
    let name = SchemaName::try_from(value.as_str().unwrap_or_default());
    name.map(|_| ()).map_err(|error| format!("{error}."))
}

/// Validates the syntax only: the daemon decides whether the pattern is too costly to match.
fn check_key_pattern(value: &Value) -> Result<(), String> {
    let pattern = value.as_str().unwrap_or_default();
    if pattern.is_empty() {
        return Err(
            "key_pattern is empty and would match no key. Set it to .* to match every key.".to_owned()
        );
    }
    if pattern.len() > MAX_KEY_PATTERN_BYTES {
        return Err(format!(
            "key_pattern is {} bytes long, and at most {MAX_KEY_PATTERN_BYTES} bytes of UTF-8 are allowed.",
            pattern.len()
        ));
    }
    match regex_syntax::ast::parse::Parser::new().parse(pattern) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!(
            "key_pattern is not a valid regular expression of Rust's regex crate: {} at character {}.",
            error.kind(),
            error.span().start.column
        )),
    }
}

/// Validates that the schema is JSON within the limits, and an object or a bool.
fn check_schema(value: &Value) -> Result<(), String> {
    let text = value.as_str().unwrap_or_default();
    if text.len() > MAX_SCHEMA_BYTES {
        return Err(format!(
            "schema is {} bytes long, and at most {MAX_SCHEMA_BYTES} bytes of UTF-8 are allowed.",
            text.len()
        ));
    }
    let canonical = ValueType::Json.canonicalize(text).map_err(|error| {
        let message = error.to_string();
        format!("schema{}.", message.strip_prefix("value").unwrap_or(&message))
    })?;
    if canonical.starts_with('{') || matches!(canonical.as_str(), "true" | "false") {
        return Ok(());
    }
    Err("schema must be a JSON object or a bool. Set it to a JSON Schema, such as jsonencode({ type = \"string\" })."
        .to_owned())
}

/// Returns whether both schemas are the same JSON in any spelling.
fn same_schema(prior: &Fields, planned: &Fields) -> bool {
    let text = |fields: &Fields| fields.get("schema").and_then(Value::as_str).map(str::to_owned);
    match (text(prior), text(planned)) {
        (Some(prior), Some(planned)) => ValueType::Json.same(&prior, &planned),
        _ => false,
    }
}

async fn get(client: &Client, location: &VariableLocation) -> Result<v1::VariableSchema, SessionError> {
    let request =
        v1::GetSchemaRequest { project: location.project.to_string(), name: location.name.to_string() };
    Ok(client.get_schema(request).await?)
}

async fn create(session: &Session, location: &VariableLocation, planned: &State) -> Result<(), SessionError> {
    let v1::SchemaSettings { key_pattern, schema } = planned.settings();
    let overwrite = session.on_conflict(&planned.on_conflict)? == OnConflict::Overwrite;
    let request = v1::CreateSchemaRequest {
        project: location.project.to_string(),
        name: location.name.to_string(),
        key_pattern,
        schema,
        create_missing: session.create_missing()?,
        adopt_existing: overwrite,
    };
    let create = session.client()?.create_schema(request);
    session.create_object(overwrite, "schema", location.to_string(), create).await?;
    Ok(())
}

async fn update(
    session: &Session,
    location: &VariableLocation,
    prior: &State,
    planned: &State,
) -> Result<(), SessionError> {
    let v1::SchemaSettings { key_pattern, schema } = planned.settings();
    let overwrite = session.on_conflict(&planned.on_conflict)? == OnConflict::Overwrite;
    let request = v1::UpdateSchemaRequest {
        project: location.project.to_string(),
        name: location.name.to_string(),
        key_pattern,
        schema,
        expect: (!overwrite).then(|| prior.settings()),
    };
    session.client()?.update_schema(request).await?;
    Ok(())
}

async fn delete(session: &Session, location: &VariableLocation) -> Result<(), SessionError> {
    let request =
        v1::DeleteSchemaRequest { project: location.project.to_string(), name: location.name.to_string() };
    session.client()?.delete_schema(request).await?;
    Ok(())
}

/// Reports settings that changed outside of the plan.
async fn conflict(session: &Session, location: &VariableLocation, prior: &State) -> Diagnostic {
    let now = match session.client() {
        // Deleted meanwhile, or not readable: the refusal itself is reported.
        Ok(client) => get(client, location).await.ok(),
        Err(_) => None,
    };
    let expected = prior.settings();
    let now = now.map(|now| {
        let differing = [
            ("key_pattern", now.key_pattern != expected.key_pattern),
            ("schema", now.schema != expected.schema),
        ];
        errors::ChangedSettings::new(differing, now.changed)
    });
    errors::settings_conflict("Variable schema", &location.to_string(), now.as_ref())
}

#[async_trait]
impl Resource<Session> for VariableSchema {
    type State = State;

    fn type_name(&self) -> &'static str {
        "kontraktor_variable_schema"
    }

    fn schema(&self) -> Schema {
        Schema::new(
            "Manages a JSON Schema for the keys of a project that match a pattern.\n\nThe schema applies to every variable \
             of the project whose key matches, in every environment. The daemon refuses writes that do not conform to it, \
             from any client, and refuses a schema that existing variables do not conform to. If several schemas match a \
             key, all of them apply.",
            vec![
                Attribute::required(
                    "project",
                    Type::String,
                    "The project's name. The project is created if it does not exist, unless the provider's \
                     `create_missing` is `false`. Changing this forces a new resource to be created.",
                )
                .requires_replace()
                .validator(validators::project),
                Attribute::required(
                    "name",
                    Type::String,
                    "The schema's name inside the project: 1 to 63 characters of `a-z`, `0-9` and `-`, starting and ending \
                     with a letter or digit. Changing this forces a new resource to be created.",
                )
                .requires_replace()
                .validator(check_name),
                Attribute::required(
                    "key_pattern",
                    Type::String,
                    "A regular expression for the keys that the schema applies to, in the syntax of Rust's `regex` crate, \
                     without look-around and backreferences. It must match the whole key, such as `DB_.*` or \
                     `PORT|.*_PORT`. At most 1,024 bytes long.",
                )
                .validator(check_key_pattern),
                Attribute::required(
                    "schema",
                    Type::String,
                    "The JSON Schema (draft 2020-12) as text, for example from `jsonencode`: an object or a bool, at most \
                     65,536 bytes of UTF-8, with references only to its own parts. A variable of type `string` is \
                     validated as a JSON string, `number` as a number, `bool` as a boolean, and `json` as its parsed value. \
                     A different spelling of the same JSON is not a change.",
                )
                .validator(check_schema)
                .semantic_equality(same_schema),
                on_conflict_attribute(),
                Attribute::computed("id", Type::String, "The schema's ID, `project/name`."),
            ],
        )
    }

    fn refine(&self, planned: &mut State) {
        planned.id = locations::id([&planned.project, &planned.name]);
    }

    async fn create(&self, cx: &mut Context<Session>, planned: State) -> Result<State, Failure<State>> {
        let location = planned.location()?;
        match create(&cx.session, &location, &planned).await {
            Ok(()) => Ok(planned),
            Err(error) => {
                let (diagnostic, may_exist) =
                    not_created("variable schema", self.type_name(), &location.to_string(), &error);
                Err(Failure { diagnostics: diagnostic.into(), state: may_exist.then_some(planned) })
            }
        }
    }

    async fn read(&self, cx: &mut Context<Session>, state: State) -> Result<Option<State>, Diagnostics> {
        let location = state.location()?;
        let action = format!("read variable schema {location}");
        let client = cx.session.client().map_err(|error| errors::request_failed(&action, &error))?;
        match get(client, &location).await {
            // The stored text, because an update expects exactly that. The plan accepts another spelling.
            Ok(stored) => Ok(Some(State {
                id: Attr::Known(location.to_string()),
                key_pattern: Attr::Known(stored.key_pattern),
                schema: Attr::Known(stored.schema),
                ..state
            })),
            Err(error) if errors::is_not_found(&error) => Ok(None),
            Err(error) => Err(errors::request_failed(&action, &error).into()),
        }
    }

    async fn update(
        &self,
        cx: &mut Context<Session>,
        prior: State,
        planned: State,
    ) -> Result<State, Failure<State>> {
        if prior.settings() == planned.settings() {
            return Ok(planned);
        }
        let location = planned.location()?;
        match update(&cx.session, &location, &prior, &planned).await {
            Ok(()) => Ok(planned),
            Err(error) if error.is(ProblemCode::Conflict) => {
                Err(conflict(&cx.session, &location, &prior).await.into())
            }
            Err(error) => Err(not_changed(&format!("update variable schema {location}"), &error).into()),
        }
    }

    async fn delete(&self, cx: &mut Context<Session>, prior: State) -> Result<(), Diagnostics> {
        let location = prior.location()?;
        let _deletion = cx.session.begin_deletion_in(vec![Container::Project(location.project.clone())]);
        let _deleting = cx.session.begin_delete().await;
        if cx.session.is_created("schema", &location.to_string()) {
            return Ok(());
        }
        match delete(&cx.session, &location).await {
            Ok(()) => Ok(()),
            Err(error) if errors::is_not_found(&error) => Ok(()),
            Err(error) => Err(not_changed(&format!("delete variable schema {location}"), &error).into()),
        }
    }

    fn import(&self, id: &str) -> Result<State, Diagnostics> {
        let [project, name] = locations::split_id(id, "PROJECT/NAME")?;
        let project: ProjectName =
            project.parse().map_err(|error| locations::invalid_import_id(id, &error))?;
        let name: SchemaName = name.parse().map_err(|error| locations::invalid_import_id(id, &error))?;
        Ok(State {
            id: id.into(),
            project: project.as_str().into(),
            name: name.as_str().into(),
            ..State::default()
        })
    }
}
