//! `kontraktor_variable`: one variable of an environment.
//!
//! A plan is a promise: creating expects the key to be absent, changing and deleting expect it at the revision that the
//! plan rests on. State keeps the author's text while it means what is stored.

use async_trait::async_trait;
use kontraktor_model::value::ValueType;
use kontraktor_proto::v1::{self, write_item};
use tfplugin_proto::value::{Type, Value};

use super::{
    conflict::{OnConflict, on_conflict_attribute},
    own_key::{self, NotCreated},
    protection, stored_description,
};
use crate::{
    framework::{Attr, Attribute, Context, Diagnostic, Diagnostics, Failure, PlanContext, Resource, Schema},
    messages::{self, Kind, Side},
    model,
    places::{self, Place},
    rules,
    session::Session,
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
        /// What it is for.
        description: String,
        /// Whether the daemon refuses to delete it.
        deletion_protection: bool,
        /// What happens where someone else wrote in between.
        on_conflict: String,
        /// The environment's revision at which this key was last written.
        revision: u64,
    }
}

impl State {
    fn place(&self) -> Result<Place, Diagnostic> {
        places::variable(&self.project, &self.env, &self.key)
    }

    fn side(&self) -> Side<'_> {
        Side {
            value: self.value.text(),
            value_type: self.r#type.text(),
            description: self.description.text(),
            protected: self.deletion_protection.known() == Some(&true),
        }
    }

    fn means_the_same(&self, other: &Self) -> bool {
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

fn refuse(prior: &State, replaced: bool) -> Diagnostics {
    own_key::refuse(Kind::Variable, prior.id.text(), &prior.deletion_protection, replaced)
}

/// The put of what is planned. Protection that is `None` stays as it is.
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

/// The state for what is stored, in the spelling that the state has where that means the same.
fn stored(held: &State, place: &Place, variable: &v1::Variable) -> Result<State, Diagnostic> {
    let (value_type, value) = places::content(variable, place)?;
    let keep = held.r#type.text() == value_type.as_str() || held.r#type.is_null();
    let value = match held.value.known() {
        Some(text) if keep && value_type.same(text, value) => text.clone(),
        _ => value.to_owned(),
    };
    Ok(State {
        id: Attr::Known(place.to_string()),
        project: place.env.project.as_str().into(),
        env: place.env.env.as_str().into(),
        key: place.key.as_str().into(),
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
            "One variable of an environment.\n\nApplying a plan never overwrites what someone else wrote after the \
             plan was made: it stops and shows what was planned and what is stored. Values are not secret: plans show \
             them. For what is, there is `kontraktor_secret_reference`.",
            vec![
                Attribute::required("project", Type::String, "The project's name. Changing it makes a new variable.")
                    .requires_replace()
                    .check(rules::project),
                Attribute::required(
                    "env",
                    Type::String,
                    "The environment's name inside the project. Project and environment are created where they do not \
                     exist, unless the provider's `create_missing` is false. Changing it makes a new variable.",
                )
                .requires_replace()
                .check(rules::env),
                Attribute::required(
                    "key",
                    Type::String,
                    "The key: 1 to 255 characters of `A-Z`, `a-z`, `0-9`, `_`, `.` and `-`, beginning with a letter or \
                     `_`. Changing it makes a new variable.",
                )
                .requires_replace()
                .check(rules::key),
                Attribute::required(
                    "value",
                    Type::String,
                    "The value: 65,536 bytes of UTF-8 at most, without NUL. It must be of the given `type`. What means \
                     the same is no change: `1.50` and `1.5` as numbers, two spellings of one JSON.",
                )
                .same(rules::same_value),
                Attribute::optional(
                    "type",
                    Type::String,
                    "What the value is: `string`, `number`, `bool` or `json`. Use `jsonencode` for JSON.",
                )
                .default(Value::from(ValueType::String.as_str()))
                .check(rules::value_type),
                Attribute::optional("description", Type::String, "What the variable is for: 1,024 bytes at most.")
                    .check(rules::description)
                    .same(rules::same_description),
                protection::deletion_protection_attribute(),
                on_conflict_attribute(),
                Attribute::computed("id", Type::String, "`project/env/key`."),
                Attribute::computed(
                    "revision",
                    Type::Number,
                    "The environment's revision at which this key was last written.",
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
        // While the type is not known, what every type demands is checked: the size, and no NUL. A type that does not
        // exist has its own message.
        let value_type = match &config.r#type {
            Attr::Known(name) => name.parse().unwrap_or_default(),
            Attr::Null | Attr::Unknown => ValueType::String,
        };
        match value_type.canonicalize(value) {
            Ok(_) => Diagnostics::new(),
            Err(error) => invalid("value", &error).into(),
        }
    }

    fn refine(&self, planned: &mut State) {
        planned.id = places::id([&planned.project, &planned.env, &planned.key]);
    }

    async fn plan(
        &self,
        cx: &mut PlanContext<Session>,
        prior: Option<&State>,
        planned: &mut State,
        replaces: bool,
    ) -> Diagnostics {
        protection::plan_left_out(
            cx,
            &planned.on_conflict,
            &mut planned.deletion_protection,
            prior.is_none(),
        );
        prior.filter(|_| replaces).map(|prior| refuse(prior, true)).unwrap_or_default()
    }

    async fn plan_destroy(&self, _cx: &mut PlanContext<Session>, prior: &State) -> Diagnostics {
        refuse(prior, false)
    }

    async fn create(&self, cx: &mut Context<Session>, mut planned: State) -> Result<State, Failure<State>> {
        let place = planned.place()?;
        let failed = |trouble| messages::failed(&format!("create {place}"), &trouble);
        let create_missing = cx.session.create_missing().map_err(failed)?;
        let overwrite =
            cx.session.on_conflict(&planned.on_conflict).map_err(failed)? == OnConflict::Overwrite;
        let put = put(&planned, create_missing, planned.deletion_protection.known().copied())?;
        match own_key::create(&cx.session, &place, Kind::Variable, put, overwrite).await {
            Ok(created) => {
                if planned.deletion_protection.known().is_none() {
                    planned.deletion_protection = Attr::Known(created.protected);
                }
                planned.revision = Attr::Known(created.revision);
                Ok(planned)
            }
            Err(NotCreated { trouble, kept }) => {
                let told = own_key::not_created(&place, Kind::Variable, create_missing, &trouble);
                planned.deletion_protection = kept.map_or(planned.deletion_protection, Attr::Known);
                let state = trouble.outcome_unknown().then_some(planned);
                Err(Failure { diagnostics: told.into(), state })
            }
        }
    }

    async fn read(&self, cx: &mut Context<Session>, state: State) -> Result<Option<State>, Diagnostics> {
        let place = state.place()?;
        let snapshot = cx.session.own(&place.env).await;
        let snapshot = snapshot.map_err(|trouble| messages::failed(&format!("read {place}"), &trouble))?;
        let Some(snapshot) = snapshot else { return Ok(None) };
        let Some(variable) = snapshot.get(place.key.as_str()) else {
            // Only an import knows no value. For all others, the variable is gone, whatever took its place.
            let imports = state.value.is_null() && snapshot.reference(place.key.as_str()).is_some();
            return if imports {
                Err(Kind::Variable.imports_other(&place.to_string()).into())
            } else {
                Ok(None)
            };
        };
        Ok(Some(stored(&state, &place, variable)?))
    }

    async fn update(
        &self,
        cx: &mut Context<Session>,
        prior: State,
        mut planned: State,
    ) -> Result<State, Failure<State>> {
        let place = planned.place()?;
        if prior.means_the_same(&planned) {
            planned.revision = prior.revision;
            return Ok(planned);
        }
        let own_key::Terms { create_missing, expect } =
            own_key::terms(&cx.session, &place, &planned.on_conflict, &prior.revision)?;
        let left_out = cx.is_left_out(protection::ATTRIBUTE);
        let protection = planned.deletion_protection.known().copied().filter(|_| !left_out);
        let operation = write_item::Operation::Put(put(&planned, create_missing, protection)?);
        match cx.session.write(&place.env, own_key::item(&place, operation, expect)).await {
            Ok(result) => {
                planned.revision = Attr::Known(result.revision);
                Ok(planned)
            }
            Err(trouble) => {
                let (from, to) = (prior.side(), planned.side());
                Err(own_key::not_updated(&place, Kind::Variable, &from, &to, &trouble).into())
            }
        }
    }

    async fn delete(&self, cx: &mut Context<Session>, prior: State) -> Result<(), Diagnostics> {
        let place = prior.place()?;
        let failed = |trouble| messages::failed(&format!("delete {place}"), &trouble);
        let on_conflict = cx.session.on_conflict(&prior.on_conflict).map_err(failed)?;
        let expect =
            if on_conflict == OnConflict::Overwrite { None } else { own_key::expected(&prior.revision) };
        own_key::delete(&cx.session, &place, &prior.side(), expect).await
    }

    fn import(&self, id: &str) -> Result<State, Diagnostics> {
        let place = own_key::import(id)?;
        Ok(State {
            id: id.into(),
            project: place.env.project.as_str().into(),
            env: place.env.env.as_str().into(),
            key: place.key.as_str().into(),
            ..State::default()
        })
    }
}
