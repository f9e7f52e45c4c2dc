//! `kontraktor_project`: a project's name, its description, and its protection.
//!
//! An update expects the settings that the state knows, so it never overwrites a change made outside of the plan.

use async_trait::async_trait;
use kontraktor_model::names::ProjectName;
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
    /// A project in state.
    pub(crate) struct State {
        /// The project's name.
        id: String,
        /// The project's name.
        name: String,
        /// Its description.
        description: String,
        /// Whether the daemon refuses to delete it.
        deletion_protection: bool,
        /// Whether destroying it deletes its environments and variables.
        force_destroy: bool,
        /// What to do when it was changed outside of the plan.
        on_conflict: String,
    }
}

/// The resource.
pub(crate) struct Project;

/// Returns the settings in the state. Protection that the state does not know counts as off.
fn settings(state: &State) -> v1::ProjectSettings {
    v1::ProjectSettings {
        description: state.description.text().to_owned(),
        deletion_protection: state.deletion_protection.known() == Some(&true),
    }
}

/// Creates the planned project. With `overwrite` an existing one is taken over, and keeps its protection if the
/// configuration leaves that out.
async fn create(session: &Session, name: &ProjectName, planned: &State) -> Result<v1::Project, SessionError> {
    let client = session.client()?;
    let overwrite = session.on_conflict(&planned.on_conflict)? == OnConflict::Overwrite;
    let protection = planned.deletion_protection.known().copied();
    let description = planned.description.text().to_owned();
    let create = async {
        if overwrite && protection.is_none() {
            let update = v1::UpdateProjectRequest {
                name: name.to_string(),
                description: Some(description.clone()),
                ..Default::default()
            };
            match client.update_project(update).await {
                Err(error) if errors::is_not_found(&error.clone().into()) => {}
                answer => return answer,
            }
        }
        let request = v1::CreateProjectRequest {
            name: name.to_string(),
            description,
            deletion_protection: protection.unwrap_or_default(),
            adopt_existing: overwrite,
        };
        client.create_project(request).await
    };
    Ok(session.create_object(overwrite, "project", name.to_string(), create).await?)
}

async fn get(client: &Client, name: &ProjectName) -> Result<v1::Project, ClientError> {
    client.get_project(v1::GetProjectRequest { name: name.to_string() }).await
}

/// Reports settings that changed outside of the plan.
async fn conflict(client: &Client, name: &ProjectName, prior: &State) -> Diagnostic {
    let expected = settings(prior);
    // Deleted meanwhile, or not readable: the refusal itself is reported.
    let now = get(client, name).await.ok().map(|now| {
        let differing = [
            ("description", now.description != expected.description),
            ("deletion_protection", now.deletion_protection != expected.deletion_protection),
        ];
        errors::ChangedSettings::new(differing, now.changed)
    });
    errors::settings_conflict("Project", name.as_str(), now.as_ref())
}

/// Returns the project as messages about its protection name it.
fn protected(id: &str) -> Protected<'_> {
    Protected { noun: "project", id, command: format!("ktr project unprotect {id}") }
}

fn check_destroy(prior: &State, replaced: bool) -> Diagnostics {
    protection::check_destroy(&prior.deletion_protection, &protected(prior.id.text()), replaced)
}

#[async_trait]
impl Resource<Session> for Project {
    type State = State;

    fn type_name(&self) -> &'static str {
        "kontraktor_project"
    }

    fn schema(&self) -> Schema {
        Schema::new(
            "Manages a project: a name for environments that belong together.\n\nIf the project was created implicitly by \
             a write (`create_missing`), the resource adopts it instead of failing; if it was deleted \
             elsewhere and a write created it again implicitly, the next plan creates it. One that was deleted and created \
             again explicitly, by `ktr project create` or another configuration, is the same project, because a project is \
             its name: the next plan shows what of its settings differs, and the resources of what it held are planned \
             to be created. A project that holds variables, \
             schemas or environments with resources of their own cannot be destroyed unless `force_destroy` was applied.\
             \n\nApplying a plan never overwrites settings that were changed after the plan was made: it fails and reports \
             who changed the project, when and through what.\n\n~> **Note:** With `force_destroy = true`, destroying the project \
             deletes everything in it, also what other configurations and people have written there.",
            vec![
                Attribute::required(
                    "name",
                    Type::String,
                    "The project's name: 1 to 63 characters of `a-z`, `0-9` and `-`, starting and ending with a letter \
                     or digit. Changing this forces a new resource to be created.",
                )
                .requires_replace()
                .validator(validators::project),
                Attribute::optional("description", Type::String, "A description of the project, at most 1,024 bytes long.")
                    .validator(validators::description)
                    .semantic_equality(equality::same_description),
                protection::deletion_protection_attribute(),
                force_destroy_attribute(
                    "Whether destroying the project also deletes its environments, variables and schemas, in one step. \
                     The last applied value counts: apply `true` before you destroy. It never overrides the deletion \
                     protection of an environment or variable. Changing only this writes nothing. Defaults to `false`.",
                ),
                on_conflict_attribute(),
                Attribute::computed("id", Type::String, "The project's ID, which is its name."),
            ],
        )
    }

    fn observe(&self, session: &Session, _private: &Private, state: &State, exists: bool) {
        protection::observe(session, self.type_name(), &state.id, &state.deletion_protection, exists);
    }

    fn refine(&self, planned: &mut State) {
        planned.id = locations::id([&planned.name]);
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
        let name = locations::project(&planned.name)?;
        match create(&cx.session, &name, &planned).await {
            Ok(created) => {
                if planned.deletion_protection.known().is_none() {
                    planned.deletion_protection = Attr::Known(created.deletion_protection);
                }
                Ok(planned)
            }
            Err(error) => {
                let (diagnostic, may_exist) = not_created("project", self.type_name(), name.as_str(), &error);
                Err(Failure { diagnostics: diagnostic.into(), state: may_exist.then_some(planned) })
            }
        }
    }

    async fn read(&self, cx: &mut Context<Session>, state: State) -> Result<Option<State>, Diagnostics> {
        let name = locations::project(&state.name)?;
        let action = format!("read project {name}");
        let client = cx.session.client().map_err(|error| errors::request_failed(&action, &error))?;
        match get(client, &name).await.map_err(Into::into) {
            // An imported state does not know the protection yet.
            Ok(project)
                if is_successor(&mut cx.private, state.deletion_protection.is_null(), project.implicit) =>
            {
                Ok(None)
            }
            Ok(project) => Ok(Some(State {
                id: name.as_str().into(),
                name: name.as_str().into(),
                description: stored_description(&state.description, &project.description),
                deletion_protection: Attr::Known(project.deletion_protection),
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
        let (before, after) = (settings(&prior), settings(&planned));
        if before == after {
            return Ok(planned);
        }
        let name = locations::project(&planned.name)?;
        let action = format!("update project {name}");
        let failed = |error| errors::request_failed(&action, &error);
        let client = cx.session.client().map_err(failed)?;
        let overwrite =
            cx.session.on_conflict(&planned.on_conflict).map_err(failed)? == OnConflict::Overwrite;
        // A state that does not know the protection cannot expect a certain one.
        let expects = !overwrite && prior.deletion_protection.known().is_some();
        let left_out = cx.is_left_out(protection::ATTRIBUTE);
        let request = v1::UpdateProjectRequest {
            name: name.to_string(),
            description: Some(after.description),
            deletion_protection: planned.deletion_protection.known().copied().filter(|_| !left_out),
            expect: expects.then_some(before),
        };
        match client.update_project(request).await.map_err(SessionError::from) {
            Ok(_) => Ok(planned),
            Err(error) if error.is(ProblemCode::Conflict) => {
                Err(conflict(client, &name, &prior).await.into())
            }
            Err(error) => Err(not_changed(&action, &error).into()),
        }
    }

    async fn delete(&self, cx: &mut Context<Session>, prior: State) -> Result<(), Diagnostics> {
        let name = locations::project(&prior.name)?;
        let client = cx.session.client().map_err(|error| not_deleted("project", name.as_str(), &error))?;
        let force = prior.force_destroy.known() == Some(&true);
        let mut deletion = cx.session.begin_container_deletion(Container::Project(name.clone()), Vec::new());
        loop {
            let deleting = cx.session.begin_delete().await;
            if cx.session.is_created("project", name.as_str()) {
                return Ok(());
            }
            let request = v1::DeleteProjectRequest { name: name.to_string(), force };
            let deleted = client.delete_project(request).await.map_err(SessionError::from);
            // Deletions of its contents must not wait for this one.
            drop(deleting);
            cx.session.forget_project(&name);
            match deleted {
                Ok(_) => return Ok(()),
                Err(error) if errors::is_not_found(&error) => return Ok(()),
                Err(error) if deletion.may_retry(&error).await => {}
                Err(error) => return Err(not_deleted("project", name.as_str(), &error).into()),
            }
        }
    }

    fn import(&self, id: &str) -> Result<State, Diagnostics> {
        let name: ProjectName = id.parse().map_err(|error| locations::invalid_import_id(id, &error))?;
        Ok(State { id: id.into(), name: name.as_str().into(), ..State::default() })
    }
}
