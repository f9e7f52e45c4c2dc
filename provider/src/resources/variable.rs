//! `kontraktor_variable`: one variable of an environment.
//!
//! Creating expects the key to be absent; changing and deleting expect it at the revision that the plan was made from. The
//! state keeps the author's text while it is equivalent to what is stored.

use async_trait::async_trait;
use kontraktor_model::value::ValueType;
use kontraktor_proto::v1::{self, write_item};
use tfplugin_proto::value::{Type, Value};

use super::{
    conflict::{OnConflict, on_conflict_attribute},
    environment_key::{self, CreateError},
    lifecycle::stored_description,
    protection,
};
use crate::{
    equality, errors,
    framework::{
        Attr, Attribute, Context, Diagnostic, Diagnostics, Failure, PlanContext, Private, Resource, Schema,
    },
    key_kind::KeyKind,
    locations::{self, VariableLocation},
    model,
    session::Session,
    validators,
};

model! {
    /// A variable in state.
    pub(crate) struct State {
        /// `project/env/key`.
        id: String,
        /// The project.
        project: String,
        /// The environment's name inside the project.
        env: String,
        /// The key inside the environment.
        key: String,
        /// The value as the author wrote it.
        value: String,
        /// `string`, `number`, `bool` or `json`.
        r#type: String,
        /// Its description.
        description: String,
        /// Whether the daemon refuses to delete it.
        deletion_protection: bool,
        /// What to do when it was changed outside of the plan.
        on_conflict: String,
        /// The environment's revision at which this key was last written.
        revision: u64,
    }
}

impl State {
    fn location(&self) -> Result<VariableLocation, Diagnostic> {
        locations::variable(&self.project, &self.env, &self.key)
    }

    fn is_equivalent_to(&self, other: &Self) -> bool {
        let same_value = self.r#type.text().parse::<ValueType>().is_ok_and(|value_type| {
            self.r#type == other.r#type && value_type.same(self.value.text(), other.value.text())
        });
        same_value
            && self.description.text() == other.description.text()
            && self.deletion_protection == other.deletion_protection
    }
}

/// The resource.
pub(crate) struct Variable;

fn check_destroy(prior: &State, replaced: bool) -> Diagnostics {
    environment_key::check_destroy(KeyKind::Variable, prior.id.text(), &prior.deletion_protection, replaced)
}

/// Returns the write operation for the planned state. A protection of `None` leaves the stored one unchanged.
fn put(
    planned: &State,
    create_missing: bool,
    deletion_protection: Option<bool>,
) -> Result<v1::Put, Diagnostic> {
    let value_type: ValueType = planned.r#type.text().parse().map_err(|error| invalid("type", &error))?;
    Ok(v1::Put {
        r#type: v1::ValueType::from(value_type).into(),
        content: Some(v1::put::Content::Value(planned.value.text().to_owned())),
        description: planned.description.text().to_owned(),
        create_missing,
        deletion_protection,
    })
}

fn invalid(attribute: &str, error: &dyn std::error::Error) -> Diagnostic {
    Diagnostic::error(format!("Invalid {attribute}"), format!("{error}.")).at(attribute)
}

/// Returns the state for the stored variable, with the state's own spelling if that is equivalent.
fn stored(held: &State, location: &VariableLocation, variable: &v1::Variable) -> Result<State, Diagnostic> {
    let (value_type, value) = locations::content(variable, location)?;
    let keep = held.r#type.text() == value_type.as_str() || held.r#type.is_null();
    let value = match held.value.known() {
        Some(text) if keep && value_type.same(text, value) => text.clone(),
        _ => value.to_owned(),
    };
    Ok(State {
        id: Attr::Known(location.to_string()),
        project: location.env.project.as_str().into(),
        env: location.env.env.as_str().into(),
        key: location.key.as_str().into(),
        value: Attr::Known(value),
        r#type: value_type.as_str().into(),
        description: stored_description(&held.description, &variable.description),
        deletion_protection: Attr::Known(variable.deletion_protection),
        on_conflict: held.on_conflict.clone(),
        revision: Attr::Known(variable.revision),
    })
}

#[async_trait]
impl Resource<Session> for Variable {
    type State = State;

    fn type_name(&self) -> &'static str {
        "kontraktor_variable"
    }

    fn schema(&self) -> Schema {
        Schema::new(
            "Manages one variable of an environment.\n\nApplying a plan never overwrites what was written after the plan \
             was made: it fails and reports who changed the variable, when and through what.\n\n~> **Note:** Values are \
             not secret: plans and the state show them. For secrets, use `kontraktor_secret_reference`.",
            vec![
                Attribute::required("project", Type::String, "The project's name. Changing this forces a new resource to be created.")
                    .requires_replace()
                    .validator(validators::project),
                Attribute::required(
                    "env",
                    Type::String,
                    "The environment's name inside the project. The project and the environment are created if they do \
                     not exist, unless the provider's `create_missing` is `false`. Changing this forces a new resource to \
                     be created.",
                )
                .requires_replace()
                .validator(validators::env),
                Attribute::required(
                    "key",
                    Type::String,
                    "The key: 1 to 255 characters of `A-Z`, `a-z`, `0-9`, `_`, `.` and `-`, starting with a letter or \
                     `_`. Changing this forces a new resource to be created.",
                )
                .requires_replace()
                .validator(validators::key),
                Attribute::required(
                    "value",
                    Type::String,
                    "The value, as text: at most 65,536 bytes of UTF-8, without NUL. It must be valid for the given `type`. \
                     An equivalent value is not a change, such as `1.50` and `1.5` for numbers, or a different spelling \
                     of the same JSON.",
                )
                .semantic_equality(equality::same_value),
                Attribute::optional(
                    "type",
                    Type::String,
                    "The type of the value: `string`, `number`, `bool` or `json`. Use `jsonencode` for JSON.",
                )
                .default(Value::from(ValueType::String.as_str()))
                .validator(validators::value_type),
                Attribute::optional("description", Type::String, "A description of the variable, at most 1,024 bytes long.")
                    .validator(validators::description)
                    .semantic_equality(equality::same_description),
                protection::deletion_protection_attribute(),
                on_conflict_attribute(),
                Attribute::computed("id", Type::String, "The variable's ID, `project/env/key`."),
                Attribute::computed(
                    "revision",
                    Type::Number,
                    "The environment's revision that last wrote this key.",
                )
                .recomputed_when(&[
                    "project",
                    "env",
                    "key",
                    "value",
                    "type",
                    "description",
                    "deletion_protection",
                ]),
            ],
        )
    }

    fn validate(&self, config: &State) -> Diagnostics {
        let Some(value) = config.value.known() else { return Diagnostics::new() };
        // While the type is not known, only the rules for every type are checked: the size, and no NUL. An unknown type has
        // its own message.
        let value_type = match &config.r#type {
            Attr::Known(name) => name.parse().unwrap_or_default(),
            Attr::Null | Attr::Unknown => ValueType::String,
        };
        match value_type.canonicalize(value) {
            Ok(_) => Diagnostics::new(),
            Err(error) => invalid("value", &error).into(),
        }
    }

    fn observe(&self, session: &Session, _private: &Private, state: &State, exists: bool) {
        protection::observe(session, self.type_name(), &state.id, &state.deletion_protection, exists);
    }

    fn refine(&self, planned: &mut State) {
        planned.id = locations::id([&planned.project, &planned.env, &planned.key]);
    }

    async fn plan(
        &self,
        cx: &mut PlanContext<Session>,
        prior: Option<&State>,
        planned: &mut State,
        replaces: bool,
    ) -> Diagnostics {
        protection::plan_default(cx, &planned.on_conflict, &mut planned.deletion_protection, prior.is_none());
        match prior {
            None => environment_key::check_replacement(cx, KeyKind::Variable, planned.id.text()),
            Some(prior) if replaces => check_destroy(prior, true),
            Some(_) => Diagnostics::new(),
        }
    }

    async fn plan_destroy(&self, _cx: &mut PlanContext<Session>, prior: &State) -> Diagnostics {
        check_destroy(prior, false)
    }

    async fn create(&self, cx: &mut Context<Session>, mut planned: State) -> Result<State, Failure<State>> {
        let location = planned.location()?;
        let failed = |error| errors::request_failed(&format!("create variable {location}"), &error);
        let create_missing = cx.session.create_missing().map_err(failed)?;
        let overwrite =
            cx.session.on_conflict(&planned.on_conflict).map_err(failed)? == OnConflict::Overwrite;
        let put = put(&planned, create_missing, planned.deletion_protection.known().copied())?;
        match environment_key::create(&cx.session, &location, KeyKind::Variable, put, overwrite).await {
            Ok(created) => {
                if planned.deletion_protection.known().is_none() {
                    planned.deletion_protection = Attr::Known(created.protected);
                }
                planned.revision = Attr::Known(created.revision);
                Ok(planned)
            }
            Err(CreateError { error, protection }) => {
                let diagnostic =
                    environment_key::not_created(&location, KeyKind::Variable, create_missing, &error);
                planned.deletion_protection = protection.map_or(planned.deletion_protection, Attr::Known);
                let state = error.outcome_unknown().then_some(planned);
                Err(Failure { diagnostics: diagnostic.into(), state })
            }
        }
    }

    async fn read(&self, cx: &mut Context<Session>, state: State) -> Result<Option<State>, Diagnostics> {
        let location = state.location()?;
        let snapshot = cx.session.own_snapshot(&location.env).await;
        let snapshot =
            snapshot.map_err(|error| errors::request_failed(&format!("read variable {location}"), &error))?;
        let Some(snapshot) = snapshot else { return Ok(None) };
        let Some(variable) = snapshot.get(location.key.as_str()) else {
            // Only an imported state has no value. For all others the variable was deleted, even if a secret reference
            // replaced it.
            let imported = state.value.is_null() && snapshot.reference(location.key.as_str()).is_some();
            return if imported {
                Err(errors::import_of_other_kind(KeyKind::Variable, &location.to_string()).into())
            } else {
                Ok(None)
            };
        };
        Ok(Some(stored(&state, &location, variable)?))
    }

    async fn update(
        &self,
        cx: &mut Context<Session>,
        prior: State,
        mut planned: State,
    ) -> Result<State, Failure<State>> {
        let location = planned.location()?;
        if prior.is_equivalent_to(&planned) {
            planned.revision = prior.revision;
            return Ok(planned);
        }
        let environment_key::Preconditions { create_missing, expect } =
            environment_key::preconditions(&cx.session, &location, &planned.on_conflict, &prior.revision)?;
        let left_out = cx.is_left_out(protection::ATTRIBUTE);
        let protection = planned.deletion_protection.known().copied().filter(|_| !left_out);
        let operation = write_item::Operation::Put(put(&planned, create_missing, protection)?);
        match cx.session.write(&location.env, environment_key::item(&location, operation, expect)).await {
            Ok(result) => {
                planned.revision = Attr::Known(result.revision);
                Ok(planned)
            }
            Err(error) => {
                Err(environment_key::not_updated(&location, KeyKind::Variable, &prior.revision, &error)
                    .into())
            }
        }
    }

    async fn delete(&self, cx: &mut Context<Session>, prior: State) -> Result<(), Diagnostics> {
        let location = prior.location()?;
        let failed = |error| errors::request_failed(&format!("delete variable {location}"), &error);
        let on_conflict = cx.session.on_conflict(&prior.on_conflict).map_err(failed)?;
        let expect = if on_conflict == OnConflict::Overwrite {
            None
        } else {
            environment_key::expected(&prior.revision)
        };
        environment_key::delete(&cx.session, &location, KeyKind::Variable, &prior.revision, expect).await
    }

    fn import(&self, id: &str) -> Result<State, Diagnostics> {
        let location = environment_key::import(id)?;
        Ok(State {
            id: id.into(),
            project: location.env.project.as_str().into(),
            env: location.env.env.as_str().into(),
            key: location.key.as_str().into(),
            ..State::default()
        })
    }
}
