//! `kontraktor_variable_schema`: a JSON Schema for the keys of a project that match a pattern.
//!
//! Only what needs no validator is checked here; the daemon judges the schema itself, and what stands in the project by
//! it. An update expects the pattern and the text that the state knows.

use async_trait::async_trait;
use kontraktor_model::{
    limits::{MAX_KEY_PATTERN_BYTES, MAX_SCHEMA_BYTES},
    names::{NameError, ProjectName, SchemaName},
    value::ValueType,
};
use kontraktor_proto::{
    client::Client,
    v1::{self, ProblemCode},
};
use tfplugin_proto::value::{Type, Value};

use super::{
    conflict::{OnConflict, on_conflict_attribute},
    not_changed, not_created,
};
use crate::{
    framework::{Attr, Attribute, Context, Diagnostic, Diagnostics, Failure, Fields, Resource, Schema},
    messages, model, places, rules,
    session::{Session, Trouble},
};

model! {
    /// A schema in state.
    pub(crate) struct State {
        /// `project/name`.
        id: String,
        /// The project whose keys it is for.
        project: String,
        /// Its name inside the project.
        name: String,
        /// Which keys it is for.
        key_pattern: String,
        /// JSON text.
        schema: String,
        /// What happens where someone else wrote in between.
        on_conflict: String,
    }
}

/// The resource.
pub(crate) struct VariableSchema;

/// Longest part of a schema that is repeated in a message, in characters.
const MAX_SHOWN: usize = 200;

struct Place {
    project: ProjectName,
    name: SchemaName,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.project, self.name)
    }
}

impl State {
    fn place(&self) -> Result<Place, Diagnostic> {
        let blamed = |error: &NameError| {
            Diagnostic::error(format!("Invalid {}", error.field()), format!("{error}.")).at(error.field())
        };
        Ok(Place {
            project: self.project.text().parse().map_err(|error| blamed(&error))?,
            name: self.name.text().parse().map_err(|error| blamed(&error))?,
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

/// The syntax alone: what it takes to match with the pattern is the daemon's matter.
fn check_key_pattern(value: &Value) -> Result<(), String> {
    let pattern = value.as_str().unwrap_or_default();
    if pattern.is_empty() {
        return Err("key_pattern is empty and would match no key: write .* for all of them.".to_owned());
    }
    if pattern.len() > MAX_KEY_PATTERN_BYTES {
        return Err(format!(
            "key_pattern is {} bytes long: at most {MAX_KEY_PATTERN_BYTES} bytes of UTF-8 are allowed.",
            pattern.len()
        ));
    }
    match regex_syntax::ast::parse::Parser::new().parse(pattern) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!(
            "key_pattern is not a regular expression of Rust's regex: {} at character {}.",
            error.kind(),
            error.span().start.column
        )),
    }
}

/// JSON within the limits, and an object or a bool.
fn check_schema(value: &Value) -> Result<(), String> {
    let text = value.as_str().unwrap_or_default();
    if text.len() > MAX_SCHEMA_BYTES {
        return Err(format!(
            "schema is {} bytes long: at most {MAX_SCHEMA_BYTES} bytes of UTF-8 are allowed.",
            text.len()
        ));
    }
    let canonical = ValueType::Json.canonicalize(text).map_err(|error| {
        let told = error.to_string();
        format!("schema{}.", told.strip_prefix("value").unwrap_or(&told))
    })?;
    if canonical.starts_with('{') || matches!(canonical.as_str(), "true" | "false") {
        return Ok(());
    }
    Err("schema is JSON but neither an object nor a bool: write a JSON Schema, such as jsonencode({ type = \"string\" })."
        .to_owned())
}

/// Two spellings of one JSON are the same schema.
fn same_schema(prior: &Fields, planned: &Fields) -> bool {
    let text = |fields: &Fields| fields.get("schema").and_then(Value::as_str).map(str::to_owned);
    match (text(prior), text(planned)) {
        (Some(prior), Some(planned)) => ValueType::Json.same(&prior, &planned),
        _ => false,
    }
}

fn shown(settings: &v1::SchemaSettings) -> messages::Settings {
    let mut schema: String = settings.schema.chars().take(MAX_SHOWN).collect();
    if schema.len() < settings.schema.len() {
        schema.push_str(" and more");
    }
    vec![("key_pattern", format!("{:?}", settings.key_pattern)), ("schema", schema)]
}

async fn get(client: &Client, place: &Place) -> Result<v1::VariableSchema, Trouble> {
    let request = v1::GetSchemaRequest { project: place.project.to_string(), name: place.name.to_string() };
    Ok(client.get_schema(request).await?)
}

async fn create(session: &Session, place: &Place, planned: &State) -> Result<(), Trouble> {
    let v1::SchemaSettings { key_pattern, schema } = planned.settings();
    let overwrite = session.on_conflict(&planned.on_conflict)? == OnConflict::Overwrite;
    let request = v1::CreateSchemaRequest {
        project: place.project.to_string(),
        name: place.name.to_string(),
        key_pattern,
        schema,
        create_missing: session.create_missing()?,
        adopt_existing: overwrite,
    };
    let create = session.client()?.create_schema(request);
    session.making(overwrite, "schema", place.to_string(), create).await?;
    Ok(())
}

async fn update(session: &Session, place: &Place, prior: &State, planned: &State) -> Result<(), Trouble> {
    let v1::SchemaSettings { key_pattern, schema } = planned.settings();
    let overwrite = session.on_conflict(&planned.on_conflict)? == OnConflict::Overwrite;
    let request = v1::UpdateSchemaRequest {
        project: place.project.to_string(),
        name: place.name.to_string(),
        key_pattern,
        schema,
        expect: (!overwrite).then(|| prior.settings()),
    };
    session.client()?.update_schema(request).await?;
    Ok(())
}

async fn delete(session: &Session, place: &Place) -> Result<(), Trouble> {
    let request =
        v1::DeleteSchemaRequest { project: place.project.to_string(), name: place.name.to_string() };
    session.client()?.delete_schema(request).await?;
    Ok(())
}

/// Says what stands where the promise of the plan could not be kept.
async fn conflict(session: &Session, place: &Place, prior: &State, planned: &State) -> Diagnostic {
    let now = match session.client() {
        // Gone meanwhile, or not to be read: the refusal itself is what counts.
        Ok(client) => get(client, place).await.ok(),
        Err(_) => None,
    };
    let now = now.map(|now| {
        let settings = v1::SchemaSettings { key_pattern: now.key_pattern, schema: now.schema };
        (shown(&settings), now.changed)
    });
    messages::settings_conflict(
        &place.to_string(),
        &shown(&prior.settings()),
        &shown(&planned.settings()),
        now.as_ref().map(|(settings, changed)| (settings, changed.as_ref())),
    )
}

#[async_trait]
impl Resource<Session> for VariableSchema {
    type State = State;

    fn type_name(&self) -> &'static str {
        "kontraktor_variable_schema"
    }

    fn schema(&self) -> Schema {
        Schema::new(
            "A JSON Schema for the keys of a project that match a pattern.\n\nEvery variable of the project whose key \
             matches conforms to it, in every environment: a write that would not is refused, whoever writes, and so is \
             a schema that variables which exist already break. Where several schemas match a key, all of them count.",
            vec![
                Attribute::required(
                    "project",
                    Type::String,
                    "The project's name. It is created where it does not exist, unless the provider's `create_missing` \
                     is false. Changing it makes a new schema.",
                )
                .requires_replace()
                .check(rules::project),
                Attribute::required(
                    "name",
                    Type::String,
                    "The schema's name inside the project: 1 to 63 characters of `a-z`, `0-9` and `-`, with a letter or \
                     a digit at the beginning and at the end. Changing it makes a new schema.",
                )
                .requires_replace()
                .check(check_name),
                Attribute::required(
                    "key_pattern",
                    Type::String,
                    "Which keys it is for: a regular expression in the language of Rust's `regex`, without look-around \
                     and backreferences, that must match the whole key, such as `DB_.*` or `PORT|.*_PORT`. 1,024 bytes \
                     at most.",
                )
                .check(check_key_pattern),
                Attribute::required(
                    "schema",
                    Type::String,
                    "The JSON Schema (draft 2020-12) as text, best by `jsonencode`: an object or a bool, 65,536 bytes of \
                     UTF-8 at most, with references only to parts of itself. A variable of type `string` is judged as a \
                     JSON string, `number` as a number, `bool` as a boolean, and `json` as what it says. Another spelling \
                     of the same JSON is no change.",
                )
                .check(check_schema)
                .same(same_schema),
                on_conflict_attribute(),
                Attribute::computed("id", Type::String, "`project/name`."),
            ],
        )
    }

    fn refine(&self, planned: &mut State) {
        planned.id = places::id([&planned.project, &planned.name]);
    }

    async fn create(&self, cx: &mut Context<Session>, planned: State) -> Result<State, Failure<State>> {
        let place = planned.place()?;
        match create(&cx.session, &place, &planned).await {
            Ok(()) => Ok(planned),
            Err(trouble) => {
                let (diagnostic, may_exist) = not_created(self.type_name(), &place.to_string(), &trouble);
                Err(Failure { diagnostics: diagnostic.into(), state: may_exist.then_some(planned) })
            }
        }
    }

    async fn read(&self, cx: &mut Context<Session>, state: State) -> Result<Option<State>, Diagnostics> {
        let place = state.place()?;
        let doing = format!("read the schema {place}");
        let client = cx.session.client().map_err(|trouble| messages::failed(&doing, &trouble))?;
        match get(client, &place).await {
            // The text as it is stored, because an update expects exactly that. The plan knows another spelling.
            Ok(stored) => Ok(Some(State {
                id: Attr::Known(place.to_string()),
                key_pattern: Attr::Known(stored.key_pattern),
                schema: Attr::Known(stored.schema),
                ..state
            })),
            Err(trouble) if messages::is_gone(&trouble) => Ok(None),
            Err(trouble) => Err(messages::failed(&doing, &trouble).into()),
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
        let place = planned.place()?;
        match update(&cx.session, &place, &prior, &planned).await {
            Ok(()) => Ok(planned),
            Err(trouble) if trouble.is(ProblemCode::Conflict) => {
                Err(conflict(&cx.session, &place, &prior, &planned).await.into())
            }
            Err(trouble) => Err(not_changed(&format!("update the schema {place}"), &trouble).into()),
        }
    }

    async fn delete(&self, cx: &mut Context<Session>, prior: State) -> Result<(), Diagnostics> {
        let place = prior.place()?;
        let _deleting = cx.session.deleting().await;
        if cx.session.is_made("schema", &place.to_string()) {
            return Ok(());
        }
        match delete(&cx.session, &place).await {
            Ok(()) => Ok(()),
            Err(trouble) if messages::is_gone(&trouble) => Ok(()),
            Err(trouble) => Err(not_changed(&format!("delete the schema {place}"), &trouble).into()),
        }
    }

    fn import(&self, id: &str) -> Result<State, Diagnostics> {
        let [project, name] = places::split_id(id, "PROJECT/NAME")?;
        let project: ProjectName = project.parse().map_err(|error| places::bad_id(id, &error))?;
        let name: SchemaName = name.parse().map_err(|error| places::bad_id(id, &error))?;
        Ok(State {
            id: id.into(),
            project: project.as_str().into(),
            name: name.as_str().into(),
            ..State::default()
        })
    }
}
