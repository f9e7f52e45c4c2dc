//! `kontraktor_environment`: an environment of a project, its description, its imports, and its protection.
//!
//! An update expects the settings that the state knows, so it never overwrites a change made outside of the plan.

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
    lifecycle::{
        force_destroy_attribute, is_successor, not_changed, not_created, not_deleted, stored_description,
    },
    protection::{self, Protected},
};
use crate::{
    equality, errors,
    framework::{
        Attr, Attribute, Context, Diagnostic, Diagnostics, Failure, PlanContext, Private, Resource, Schema,
    },
    locations, model,
    session::{Container, Session, SessionError},
    validators,
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
        /// Its description.
        description: String,
        /// The environments it imports, in order, each as `project/env`.
        imports: Vec<Attr<String>>,
        /// Whether the daemon refuses to delete it.
        deletion_protection: bool,
        /// Whether destroying it deletes its variables.
        force_destroy: bool,
        /// What to do when it was changed outside of the plan.
        on_conflict: String,
    }
}

/// The resource.
pub(crate) struct Environment;

/// Returns the settings in the state. Protection that the state does not know counts as off.
fn settings(state: &State) -> Result<v1::EnvironmentSettings, Diagnostic> {
    Ok(v1::EnvironmentSettings {
        description: state.description.text().to_owned(),
        deletion_protection: state.deletion_protection.known() == Some(&true),
        imports: imports::names(&state.imports)?,
    })
}

/// Creates the planned environment. With `overwrite` an existing one is taken over, and keeps its protection if the
/// configuration leaves that out.
async fn create(session: &Session, path: &EnvPath, planned: &State) -> Result<v1::Environment, SessionError> {
    let client = session.client()?;
    let overwrite = session.on_conflict(&planned.on_conflict)? == OnConflict::Overwrite;
    let protection = planned.deletion_protection.known().copied();
    let imports = imports::names(&planned.imports).unwrap_or_default();
    let description = planned.description.text().to_owned();
    let create_missing = session.create_missing()?;
    let create = async {
        if overwrite && protection.is_none() {
            let update = v1::UpdateEnvironmentRequest {
                name: Some(path.into()),
                description: Some(description.clone()),
                imports: Some(v1::ImportList { environments: imports.clone() }),
                ..Default::default()
            };
            match client.update_environment(update).await {
                Err(error) if errors::is_not_found(&error.clone().into()) => {}
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
    Ok(session.create_object(overwrite, "environment", path.to_string(), create).await?)
}

async fn get(client: &Client, path: &EnvPath) -> Result<v1::Environment, ClientError> {
    client.get_environment(v1::GetEnvironmentRequest { name: Some(path.into()) }).await
}

/// Reports settings that changed outside of the plan.
async fn conflict(client: &Client, path: &EnvPath, expected: &v1::EnvironmentSettings) -> Diagnostic {
    // Deleted meanwhile, or not readable: the refusal itself is reported.
    let now = get(client, path).await.ok().map(|now| {
        let differing = [
            ("description", now.description != expected.description),
            ("imports", now.imports != expected.imports),
            ("deletion_protection", now.deletion_protection != expected.deletion_protection),
        ];
        errors::ChangedSettings::new(differing, now.changed)
    });
    errors::settings_conflict("Environment", &path.to_string(), now.as_ref())
}

/// Returns the environment as messages about its protection name it.
fn protected(id: &str) -> Protected<'_> {
    Protected { noun: "environment", id, command: format!("ktr env unprotect {id}") }
}

fn check_destroy(prior: &State, replaced: bool) -> Diagnostics {
    protection::check_destroy(&prior.deletion_protection, &protected(prior.id.text()), replaced)
}

#[async_trait]
impl Resource<Session> for Environment {
    type State = State;

    fn type_name(&self) -> &'static str {
        "kontraktor_environment"
    }

    fn schema(&self) -> Schema {
        Schema::new(
            "Manages an environment of a project.\n\nIf the environment was created implicitly by a write \
             (`create_missing`), the resource adopts it instead of failing; if it was deleted elsewhere \
             and a write created it again implicitly, the next plan creates it. One that was deleted and created again \
             explicitly is the same environment, because an environment is its project and name: the next plan shows what of \
             its settings differs. An environment that holds variables cannot be \
             destroyed unless `force_destroy` was applied, and one that another environment imports cannot be destroyed \
             at all.\n\nApplying a plan never overwrites settings that were changed after the plan was made: it fails and \
             reports who changed the environment, when and through what.\n\n~> **Note:** With `force_destroy = true`, \
             destroying the environment deletes all of its variables, also those that other configurations and people have \
             written.",
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
                    "env",
                    Type::String,
                    "The environment's name inside the project: 1 to 63 characters of `a-z`, `0-9` and `-`, starting and \
                     ending with a letter or digit. Changing this forces a new resource to be created.",
                )
                .requires_replace()
                .validator(validators::env),
                Attribute::optional(
                    "description",
                    Type::String,
                    "A description of the environment, at most 1,024 bytes long.",
                )
                .validator(validators::description)
                .semantic_equality(equality::same_description),
                Attribute::optional(
                    "imports",
                    Type::list(Type::String),
                    "Environments whose variables this one inherits, each as `project/env`: at most 64, without \
                     duplicates, and each must exist. Later imports take precedence over earlier ones, and the \
                     environment's own variables over all imports. Imports are transitive; an environment cannot import \
                     itself, directly or indirectly. Refer to the `id` of another `kontraktor_environment` so that \
                     Terraform creates that one first. Defaults to none.",
                )
                .semantic_equality(imports::same),
                protection::deletion_protection_attribute(),
                force_destroy_attribute(
                    "Whether destroying the environment also deletes its variables, in one step. The last applied value \
                     counts: apply `true` before you destroy. It never overrides the deletion protection of a variable. \
                     Changing only this writes nothing. Defaults to `false`.",
                ),
                on_conflict_attribute(),
                Attribute::computed("id", Type::String, "The environment's ID, `project/env`."),
            ],
        )
    }

    fn validate(&self, config: &State) -> Diagnostics {
        imports::check(config)
    }

    fn observe(&self, session: &Session, _private: &Private, state: &State, exists: bool) {
        protection::observe(session, self.type_name(), &state.id, &state.deletion_protection, exists);
    }

    fn refine(&self, planned: &mut State) {
        planned.id = locations::id([&planned.project, &planned.env]);
    }

    async fn plan(
        &self,
        cx: &mut PlanContext<Session>,
        prior: Option<&State>,
        planned: &mut State,
        replaces: bool,
    ) -> Diagnostics {
        let creates = prior.is_none();
        protection::plan_default(cx, &planned.on_conflict, &mut planned.deletion_protection, creates);
        match prior {
            None => protection::check_replacement(cx, self.type_name(), &protected(planned.id.text())),
            Some(prior) if replaces => check_destroy(prior, true),
            Some(_) => Diagnostics::new(),
        }
    }

    async fn plan_destroy(&self, _cx: &mut PlanContext<Session>, prior: &State) -> Diagnostics {
        check_destroy(prior, false)
    }

    async fn create(&self, cx: &mut Context<Session>, mut planned: State) -> Result<State, Failure<State>> {
        let path = locations::environment(&planned.project, &planned.env)?;
        imports::names(&planned.imports)?;
        match create(&cx.session, &path, &planned).await {
            Ok(created) => {
                if planned.deletion_protection.known().is_none() {
                    planned.deletion_protection = Attr::Known(created.deletion_protection);
                }
                Ok(planned)
            }
            Err(error) => {
                let (diagnostic, may_exist) =
                    not_created("environment", self.type_name(), &path.to_string(), &error);
                Err(Failure { diagnostics: diagnostic.into(), state: may_exist.then_some(planned) })
            }
        }
    }

    async fn read(&self, cx: &mut Context<Session>, state: State) -> Result<Option<State>, Diagnostics> {
        let path = locations::environment(&state.project, &state.env)?;
        let action = format!("read environment {path}");
        let client = cx.session.client().map_err(|error| errors::request_failed(&action, &error))?;
        match get(client, &path).await.map_err(Into::into) {
            // An imported state does not know the protection yet.
            Ok(environment)
                if is_successor(
                    &mut cx.private,
                    state.deletion_protection.is_null(),
                    environment.implicit,
                ) =>
            {
                Ok(None)
            }
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
        let (before, after) = (settings(&prior)?, settings(&planned)?);
        if before == after {
            return Ok(planned);
        }
        let path = locations::environment(&planned.project, &planned.env)?;
        let action = format!("update environment {path}");
        let failed = |error| errors::request_failed(&action, &error);
        let client = cx.session.client().map_err(failed)?;
        let overwrite =
            cx.session.on_conflict(&planned.on_conflict).map_err(failed)? == OnConflict::Overwrite;
        // A state that does not know the protection cannot expect a certain one.
        let expects = !overwrite && prior.deletion_protection.known().is_some();
        let left_out = cx.is_left_out(protection::ATTRIBUTE);
        let request = v1::UpdateEnvironmentRequest {
            name: Some((&path).into()),
            description: Some(after.description),
            deletion_protection: planned.deletion_protection.known().copied().filter(|_| !left_out),
            imports: Some(v1::ImportList { environments: after.imports }),
            expect: expects.then(|| before.clone()),
        };
        match client.update_environment(request).await.map_err(SessionError::from) {
            Ok(_) => Ok(planned),
            Err(error) if error.is(ProblemCode::Conflict) => {
                Err(conflict(client, &path, &before).await.into())
            }
            Err(error) => Err(not_changed(&action, &error).into()),
        }
    }

    async fn delete(&self, cx: &mut Context<Session>, prior: State) -> Result<(), Diagnostics> {
        let path = locations::environment(&prior.project, &prior.env)?;
        let id = path.to_string();
        let client = cx.session.client().map_err(|error| not_deleted("environment", &id, &error))?;
        let force = prior.force_destroy.known() == Some(&true);
        let within = Container::of_environment(&path);
        let mut deletion = cx.session.begin_container_deletion(Container::Environment(path.clone()), within);
        loop {
            let deleting = cx.session.begin_delete().await;
            if cx.session.is_created("environment", &id) {
                return Ok(());
            }
            let request = v1::DeleteEnvironmentRequest { name: Some((&path).into()), force };
            let deleted = client.delete_environment(request).await.map_err(SessionError::from);
            // Deletions of its contents must not wait for this one.
            drop(deleting);
            cx.session.forget(&path);
            match deleted {
                Ok(_) => return Ok(()),
                Err(error) if errors::is_not_found(&error) => return Ok(()),
                Err(error) if deletion.may_retry(&error).await => {}
                Err(error) => return Err(not_deleted("environment", &id, &error).into()),
            }
        }
    }

    fn import(&self, id: &str) -> Result<State, Diagnostics> {
        let [project, env] = locations::split_id(id, "PROJECT/ENV")?;
        EnvPath::new(project, env).map_err(|error| locations::invalid_import_id(id, &error))?;
        Ok(State { id: id.into(), project: project.into(), env: env.into(), ..State::default() })
    }
}
