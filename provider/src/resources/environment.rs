//! `kontraktor_environment`: an environment of a project, its description, what it imports, and its protection.
//!
//! A plan is a promise here too: an update expects the settings that the state knows.

mod imports;

use async_trait::async_trait;
use kontraktor_model::names::EnvPath;
use kontraktor_proto::{
    client::{Client, ClientError},
    v1::{self, ProblemCode},
};
use tfplugin_proto::value::Type;

use super::{
    conflict::{OnConflict, on_conflict_attribute},
    force_destroy_attribute, not_changed, not_created, not_deleted,
    protection::{self, Protected},
    stored_description,
};
use crate::{
    framework::{Attr, Attribute, Context, Diagnostic, Diagnostics, Failure, PlanContext, Resource, Schema},
    messages, model, places, rules,
    session::{Session, Trouble},
};

model! {
    /// An environment in state.
    pub(crate) struct State {
        /// `project/env`.
        id: String,
        /// The project that it belongs to.
        project: String,
        /// Its name inside the project.
        env: String,
        /// What it is for.
        description: String,
        /// What it imports, in order, each as `project/env`.
        imports: Vec<Attr<String>>,
        /// Whether the daemon refuses to delete it.
        deletion_protection: bool,
        /// Whether its variables go with it.
        force_destroy: bool,
        /// What happens where someone else wrote in between.
        on_conflict: String,
    }
}

/// The resource.
pub(crate) struct Environment;

/// What the state says of the settings. Protection that the state does not know counts as none.
fn settings(state: &State) -> Result<v1::EnvironmentSettings, Diagnostic> {
    Ok(v1::EnvironmentSettings {
        description: state.description.text().to_owned(),
        deletion_protection: state.deletion_protection.known() == Some(&true),
        imports: imports::names(&state.imports)?,
    })
}

fn shown(settings: &v1::EnvironmentSettings) -> messages::Settings {
    vec![
        ("description", format!("{:?}", settings.description)),
        ("imports", imports::shown(&settings.imports)),
        ("deletion_protection", settings.deletion_protection.to_string()),
    ]
}

fn settings_of(environment: v1::Environment) -> v1::EnvironmentSettings {
    v1::EnvironmentSettings {
        description: environment.description,
        deletion_protection: environment.deletion_protection,
        imports: environment.imports,
    }
}

/// Creates what is planned. What exists already is taken over where that is wanted, and then keeps its protection where
/// the author left that out.
async fn create(session: &Session, path: &EnvPath, planned: &State) -> Result<v1::Environment, Trouble> {
    let client = session.client()?;
    let overwrite = session.on_conflict(&planned.on_conflict)? == OnConflict::Overwrite;
    let protection = planned.deletion_protection.known().copied();
    let imports = imports::names(&planned.imports).unwrap_or_default();
    let description = planned.description.text().to_owned();
    let create_missing = session.create_missing()?;
    let make = async {
        if overwrite && protection.is_none() {
            let update = v1::UpdateEnvironmentRequest {
                name: Some(path.into()),
                description: Some(description.clone()),
                imports: Some(v1::ImportList { environments: imports.clone() }),
                ..Default::default()
            };
            match client.update_environment(update).await {
                Err(error) if messages::is_gone(&error.clone().into()) => {}
                answer => return answer,
            }
        }
        let request = v1::CreateEnvironmentRequest {
            name: Some(path.into()),
            description,
            create_missing,
            deletion_protection: protection.unwrap_or_default(),
            imports,
            adopt_existing: overwrite,
        };
        client.create_environment(request).await
    };
    Ok(session.making(overwrite, "environment", path.to_string(), make).await?)
}

async fn get(client: &Client, path: &EnvPath) -> Result<v1::Environment, ClientError> {
    client.get_environment(v1::GetEnvironmentRequest { name: Some(path.into()) }).await
}

/// Says what stands where the promise of the plan could not be kept.
async fn conflict(
    client: &Client,
    path: &EnvPath,
    prior: &State,
    planned: &State,
) -> Result<Diagnostic, Diagnostic> {
    let (from, to) = (shown(&settings(prior)?), shown(&settings(planned)?));
    let now = match get(client, path).await {
        Ok(mut now) => {
            let changed = now.changed.take();
            Some((shown(&settings_of(now)), changed))
        }
        // Gone meanwhile, or not to be read: the refusal itself is what counts.
        Err(_) => None,
    };
    let now = now.as_ref().map(|(settings, changed)| (settings, changed.as_ref()));
    Ok(messages::settings_conflict(&path.to_string(), &from, &to, now))
}

fn refuse(prior: &State, replaced: bool) -> Diagnostics {
    let id = prior.id.text();
    let command = format!("ktr env unprotect {id}");
    protection::refuse(&prior.deletion_protection, &Protected { noun: "environment", id, command }, replaced)
}

#[async_trait]
impl Resource<Session> for Environment {
    type State = State;

    fn type_name(&self) -> &'static str {
        "kontraktor_environment"
    }

    fn schema(&self) -> Schema {
        Schema::new(
            "An environment of a project.\n\nAn environment that was made by writing into it (`create_missing`) is \
             taken over instead of being refused. An environment that holds variables cannot be destroyed unless \
             `force_destroy` was applied, and one that another environment imports cannot be destroyed at all.\n\n\
             Applying a plan never overwrites settings that someone else changed after the plan was made: it stops and \
             shows what was planned and what is stored.",
            vec![
                Attribute::required(
                    "project",
                    Type::String,
                    "The project's name. It is created too where the provider's `create_missing` allows it. Changing \
                     it makes a new environment.",
                )
                .requires_replace()
                .check(rules::project),
                Attribute::required(
                    "env",
                    Type::String,
                    "The environment's name inside the project: 1 to 63 characters of `a-z`, `0-9` and `-`, with a \
                     letter or a digit at the beginning and at the end. Changing it makes a new environment.",
                )
                .requires_replace()
                .check(rules::env),
                Attribute::optional(
                    "description",
                    Type::String,
                    "What the environment is for: 1,024 bytes at most.",
                )
                .check(rules::description)
                .same(rules::same_description),
                Attribute::optional(
                    "imports",
                    Type::list(Type::String),
                    "Environments whose variables this one takes over, each as `project/env`: 64 at most, none twice, \
                     each must exist. Later ones win over earlier ones, and its own variables over all. Imports of \
                     imports count too, and an environment cannot import itself, directly or through others. Refer to \
                     the `id` of another `kontraktor_environment`, and Terraform creates that first. Left out or empty: \
                     none.",
                )
                .same(imports::same),
                protection::deletion_protection_attribute(),
                force_destroy_attribute(
                    "Whether destroying the environment deletes its variables with it, all in one step. What counts is \
                     what was last applied: apply `true` before you destroy. It never overrides the protection of a \
                     variable. Changing only this writes nothing. Left out: false.",
                ),
                on_conflict_attribute(),
                Attribute::computed("id", Type::String, "`project/env`."),
            ],
        )
    }

    fn validate(&self, config: &State) -> Diagnostics {
        imports::check(config)
    }

    fn refine(&self, planned: &mut State) {
        planned.id = places::id([&planned.project, &planned.env]);
    }

    async fn plan(
        &self,
        cx: &mut PlanContext<Session>,
        prior: Option<&State>,
        planned: &mut State,
        replaces: bool,
    ) -> Diagnostics {
        let creates = prior.is_none();
        protection::plan_left_out(cx, &planned.on_conflict, &mut planned.deletion_protection, creates);
        prior.filter(|_| replaces).map(|prior| refuse(prior, true)).unwrap_or_default()
    }

    async fn plan_destroy(&self, _cx: &mut PlanContext<Session>, prior: &State) -> Diagnostics {
        refuse(prior, false)
    }

    async fn create(&self, cx: &mut Context<Session>, mut planned: State) -> Result<State, Failure<State>> {
        let path = places::environment(&planned.project, &planned.env)?;
        imports::names(&planned.imports)?;
        match create(&cx.session, &path, &planned).await {
            Ok(created) => {
                if planned.deletion_protection.known().is_none() {
                    planned.deletion_protection = Attr::Known(created.deletion_protection);
                }
                Ok(planned)
            }
            Err(trouble) => {
                let (diagnostic, may_exist) = not_created(self.type_name(), &path.to_string(), &trouble);
                Err(Failure { diagnostics: diagnostic.into(), state: may_exist.then_some(planned) })
            }
        }
    }

    async fn read(&self, cx: &mut Context<Session>, state: State) -> Result<Option<State>, Diagnostics> {
        let path = places::environment(&state.project, &state.env)?;
        let doing = format!("read the environment {path}");
        let client = cx.session.client().map_err(|trouble| messages::failed(&doing, &trouble))?;
        match get(client, &path).await.map_err(Into::into) {
            Ok(environment) => Ok(Some(State {
                id: Attr::Known(path.to_string()),
                project: path.project.as_str().into(),
                env: path.env.as_str().into(),
                description: stored_description(&state.description, &environment.description),
                imports: imports::stored(state.imports, &environment.imports),
                deletion_protection: Attr::Known(environment.deletion_protection),
                force_destroy: state.force_destroy,
                on_conflict: state.on_conflict,
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
        let (before, after) = (settings(&prior)?, settings(&planned)?);
        if before == after {
            return Ok(planned);
        }
        let path = places::environment(&planned.project, &planned.env)?;
        let doing = format!("update the environment {path}");
        let failed = |trouble| messages::failed(&doing, &trouble);
        let client = cx.session.client().map_err(failed)?;
        let overwrite =
            cx.session.on_conflict(&planned.on_conflict).map_err(failed)? == OnConflict::Overwrite;
        // A state that does not know the protection cannot promise it.
        let promised = !overwrite && prior.deletion_protection.known().is_some();
        let left_out = cx.is_left_out(protection::ATTRIBUTE);
        let request = v1::UpdateEnvironmentRequest {
            name: Some((&path).into()),
            description: Some(after.description),
            deletion_protection: planned.deletion_protection.known().copied().filter(|_| !left_out),
            imports: Some(v1::ImportList { environments: after.imports }),
            expect: promised.then_some(before),
        };
        match client.update_environment(request).await.map_err(Trouble::from) {
            Ok(_) => Ok(planned),
            Err(trouble) if trouble.is(ProblemCode::Conflict) => {
                Err(conflict(client, &path, &prior, &planned).await?.into())
            }
            Err(trouble) => Err(not_changed(&doing, &trouble).into()),
        }
    }

    async fn delete(&self, cx: &mut Context<Session>, prior: State) -> Result<(), Diagnostics> {
        let path = places::environment(&prior.project, &prior.env)?;
        let id = path.to_string();
        let _deleting = cx.session.deleting().await;
        if cx.session.is_made("environment", &id) {
            return Ok(());
        }
        let client = cx.session.client().map_err(|trouble| not_deleted("environment", &id, &trouble))?;
        let force = prior.force_destroy.known() == Some(&true);
        let request = v1::DeleteEnvironmentRequest { name: Some((&path).into()), force };
        let deleted = client.delete_environment(request).await;
        cx.session.forget(&path);
        match deleted.map_err(Into::into) {
            Ok(_) => Ok(()),
            Err(trouble) if messages::is_gone(&trouble) => Ok(()),
            Err(trouble) => Err(not_deleted("environment", &id, &trouble).into()),
        }
    }

    fn import(&self, id: &str) -> Result<State, Diagnostics> {
        let [project, env] = places::split_id(id, "PROJECT/ENV")?;
        EnvPath::new(project, env).map_err(|error| places::bad_id(id, &error))?;
        Ok(State { id: id.into(), project: project.into(), env: env.into(), ..State::default() })
    }
}
