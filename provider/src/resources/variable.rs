//! `kontraktor_variable`: one variable of an environment.
//!
//! A plan is a promise: creating expects the key to be absent, changing and deleting expect it at the revision that the
//! plan rests on. State keeps the author's text while it means what is stored.

use async_trait::async_trait;
use kontraktor_proto::names::{EnvPath, Key};
use kontraktor_proto::v1::{self, ProblemCode, write_item};
use kontraktor_proto::value::ValueType;
use tfplugin_proto::value::{Type, Value};

use super::conflict::{OnConflict, on_conflict_attribute};
use super::protection::{self, Protected};
use super::{not_changed, stored_description};
use crate::framework::{
    Attr, Attribute, Context, Diagnostic, Diagnostics, Failure, PlanContext, Resource, Schema,
};
use crate::messages::{self, Side};
use crate::places::{self, Place};
use crate::session::{Session, Trouble};
use crate::{model, rules};

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

    /// The promise of the plan: the key as the state knows it. A state without a revision is that of a create whose
    /// answer was lost; it promises nothing.
    fn expected(&self) -> Option<write_item::Expect> {
        self.revision.known().map(|revision| write_item::Expect::ExpectRevision(*revision))
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

/// The put of what is planned. Protection that is `None` stays as it is.
fn put(
    planned: &State,
    create_missing: bool,
    deletion_protection: Option<bool>,
) -> Result<write_item::Operation, Diagnostic> {
    let value_type: ValueType = planned.r#type.text().parse().map_err(|error| invalid("type", &error))?;
    Ok(write_item::Operation::Put(v1::Put {
        r#type: v1::ValueType::from(value_type).into(),
        content: Some(v1::put::Content::Value(planned.value.text().to_owned())),
        description: planned.description.text().to_owned(),
        create_missing,
        deletion_protection,
    }))
}

fn item(
    place: &Place,
    operation: write_item::Operation,
    expect: Option<write_item::Expect>,
) -> v1::WriteItem {
    v1::WriteItem {
        environment: Some((&place.env).into()),
        key: place.key.to_string(),
        operation: Some(operation),
        expect,
    }
}

fn invalid(attribute: &str, error: &dyn std::error::Error) -> Diagnostic {
    Diagnostic::error(format!("Invalid {attribute}"), format!("{error}.")).at(attribute)
}

/// A create of which nothing or something came, and what of it the state must keep.
fn not_created(place: &Place, planned: State, create_missing: bool, trouble: &Trouble) -> Failure<State> {
    let doing = format!("create {place}");
    if trouble.outcome_unknown() {
        let diagnostic = messages::outcome_unknown(&doing, trouble, messages::KEPT_AFTER_CREATE);
        return Failure { diagnostics: diagnostic.into(), state: Some(planned) };
    }
    let diagnostic = match trouble.problem() {
        Some(problem) if problem.code() == ProblemCode::KeyExists => {
            messages::exists("kontraktor_variable", &place.to_string(), &problem.message)
        }
        Some(problem) if problem.code() == ProblemCode::NotFound && !create_missing => {
            let mut diagnostic = messages::failed(&doing, trouble);
            diagnostic.detail.push_str(
                "\n\nCreate it first with kontraktor_project and kontraktor_environment, or set create_missing = true \
                 in the provider block.",
            );
            diagnostic
        }
        _ => messages::failed(&doing, trouble),
    };
    diagnostic.into()
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

/// What stands in the way of a create, where the daemon told.
fn standing(trouble: &Trouble) -> Option<&v1::Variable> {
    let problem = trouble.problem().filter(|problem| problem.code() == ProblemCode::KeyExists)?;
    problem.current.as_ref()
}

fn refuse(prior: &State, replaced: bool) -> Diagnostics {
    let id = prior.id.text();
    let command = match id.rsplit_once('/') {
        Some((env, key)) => format!("ktr var unprotect {env} {key}"),
        None => "ktr var unprotect PROJECT/ENV KEY".to_owned(),
    };
    let protected = Protected { noun: "variable", id, command };
    protection::refuse(&prior.deletion_protection, &protected, replaced)
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
             them.",
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
        let protection = planned.deletion_protection.known().copied();
        // Where the author left the protection out, that of a key that exists is kept. Only the refusal tells it, so
        // absence is expected first.
        let expect = (!overwrite || protection.is_none()).then_some(write_item::Expect::ExpectAbsent(true));
        let first = item(&place, put(&planned, create_missing, protection)?, expect);
        if overwrite {
            cx.session.made_variable(&place.env, place.key.as_str());
        }
        let mut answer = cx.session.write(&place.env, first).await;
        if overwrite && let Some(standing) = answer.as_ref().err().and_then(standing) {
            let kept = standing.deletion_protection;
            planned.deletion_protection = Attr::Known(kept);
            let again = item(&place, put(&planned, create_missing, Some(kept))?, None);
            answer = cx.session.write(&place.env, again).await;
        }
        match answer {
            Ok(result) => {
                if planned.deletion_protection.known().is_none() {
                    planned.deletion_protection = Attr::Known(false);
                }
                planned.revision = Attr::Known(result.revision);
                Ok(planned)
            }
            Err(trouble) => {
                if overwrite && !trouble.outcome_unknown() {
                    cx.session.not_made_variable(&place.env, place.key.as_str());
                }
                Err(not_created(&place, planned, create_missing, &trouble))
            }
        }
    }

    async fn read(&self, cx: &mut Context<Session>, state: State) -> Result<Option<State>, Diagnostics> {
        let place = state.place()?;
        let snapshot = cx.session.own(&place.env).await;
        let snapshot = snapshot.map_err(|trouble| messages::failed(&format!("read {place}"), &trouble))?;
        let Some(snapshot) = snapshot else { return Ok(None) };
        let Some(variable) = snapshot.get(place.key.as_str()) else { return Ok(None) };
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
        let failed = |trouble| messages::failed(&format!("update {place}"), &trouble);
        let overwrite =
            cx.session.on_conflict(&planned.on_conflict).map_err(failed)? == OnConflict::Overwrite;
        let (create_missing, expect) = if overwrite {
            (cx.session.create_missing().map_err(failed)?, None)
        } else {
            // The environment exists: the key is expected in it.
            (false, prior.expected())
        };
        let left_out = cx.is_left_out(protection::ATTRIBUTE);
        let protection = planned.deletion_protection.known().copied().filter(|_| !left_out);
        let item = item(&place, put(&planned, create_missing, protection)?, expect);
        match cx.session.write(&place.env, item).await {
            Ok(result) => {
                planned.revision = Attr::Known(result.revision);
                Ok(planned)
            }
            Err(trouble) => Err(match trouble.problem() {
                // Not found: the key is gone with its environment.
                Some(problem) if matches!(problem.code(), ProblemCode::Conflict | ProblemCode::NotFound) => {
                    messages::conflict(&place.to_string(), &prior.side(), Some(&planned.side()), problem)
                }
                _ => not_changed(&format!("update {place}"), &trouble),
            }
            .into()),
        }
    }

    async fn delete(&self, cx: &mut Context<Session>, prior: State) -> Result<(), Diagnostics> {
        let place = prior.place()?;
        let operation = write_item::Operation::Delete(v1::Delete {});
        let failed = |trouble| messages::failed(&format!("delete {place}"), &trouble);
        let on_conflict = cx.session.on_conflict(&prior.on_conflict).map_err(failed)?;
        let expect = if on_conflict == OnConflict::Overwrite { None } else { prior.expected() };
        let item = item(&place, operation, expect);
        let _deleting = cx.session.deleting().await;
        if cx.session.is_made_variable(&place.env, place.key.as_str()) {
            return Ok(());
        }
        let Err(trouble) = cx.session.write(&place.env, item).await else { return Ok(()) };
        match trouble.problem() {
            Some(problem) if problem.code() == ProblemCode::NotFound => Ok(()),
            Some(problem) if problem.code() == ProblemCode::Conflict && problem.current.is_none() => Ok(()),
            Some(problem) if problem.code() == ProblemCode::Conflict => {
                Err(messages::conflict(&place.to_string(), &prior.side(), None, problem).into())
            }
            _ => Err(not_changed(&format!("delete {place}"), &trouble).into()),
        }
    }

    fn import(&self, id: &str) -> Result<State, Diagnostics> {
        let [project, env, key] = places::split_id(id, "PROJECT/ENV/KEY")?;
        EnvPath::new(project, env).map_err(|error| places::bad_id(id, &error))?;
        let key: Key = key.parse().map_err(|error| places::bad_id(id, &error))?;
        Ok(State {
            id: id.into(),
            project: project.into(),
            env: env.into(),
            key: key.as_str().into(),
            ..State::default()
        })
    }
}
