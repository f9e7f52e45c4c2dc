//! `kontraktor_project`: a project's name, its description, and its protection.
//!
//! A plan is a promise here too: an update expects the settings that the state knows.

use async_trait::async_trait;
use kontraktor_model::names::ProjectName;
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
    /// A project in state.
    pub(crate) struct State {
        /// The project's name.
        id: String,
        /// The project's name.
        name: String,
        /// What it is for.
        description: String,
        /// Whether the daemon refuses to delete it.
        deletion_protection: bool,
        /// Whether its environments and variables go with it.
        force_destroy: bool,
        /// What happens where someone else wrote in between.
        on_conflict: String,
    }
}

/// The resource.
pub(crate) struct Project;

/// What the state says of the settings. Protection that the state does not know counts as none.
fn settings(state: &State) -> v1::ProjectSettings {
    v1::ProjectSettings {
        description: state.description.text().to_owned(),
        deletion_protection: state.deletion_protection.known() == Some(&true),
    }
}

fn shown(settings: &v1::ProjectSettings) -> messages::Settings {
    vec![
        ("description", format!("{:?}", settings.description)),
        ("deletion_protection", settings.deletion_protection.to_string()),
    ]
}

/// Creates what is planned. What exists already is taken over where that is wanted, and then keeps its protection where
/// the author left that out.
async fn create(session: &Session, name: &ProjectName, planned: &State) -> Result<v1::Project, Trouble> {
    let client = session.client()?;
    let overwrite = session.on_conflict(&planned.on_conflict)? == OnConflict::Overwrite;
    let protection = planned.deletion_protection.known().copied();
    let description = planned.description.text().to_owned();
    let make = async {
        if overwrite && protection.is_none() {
            let update = v1::UpdateProjectRequest {
                name: name.to_string(),
                description: Some(description.clone()),
                ..Default::default()
            };
            match client.update_project(update).await {
                Err(error) if messages::is_gone(&error.clone().into()) => {}
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
    Ok(session.making(overwrite, "project", name.to_string(), make).await?)
}

async fn get(client: &Client, name: &ProjectName) -> Result<v1::Project, ClientError> {
    client.get_project(v1::GetProjectRequest { name: name.to_string() }).await
}

/// Says what stands where the promise of the plan could not be kept.
async fn conflict(client: &Client, name: &ProjectName, prior: &State, planned: &State) -> Diagnostic {
    let now = match get(client, name).await {
        Ok(project) => {
            let settings = v1::ProjectSettings {
                description: project.description,
                deletion_protection: project.deletion_protection,
            };
            Some((shown(&settings), project.changed))
        }
        // Gone meanwhile, or not to be read: the refusal itself is what counts.
        Err(_) => None,
    };
    let now = now.as_ref().map(|(settings, changed)| (settings, changed.as_ref()));
    messages::settings_conflict(name.as_str(), &shown(&settings(prior)), &shown(&settings(planned)), now)
}

fn refuse(prior: &State, replaced: bool) -> Diagnostics {
    let id = prior.name.text();
    let command = format!("ktr project unprotect {id}");
    protection::refuse(&prior.deletion_protection, &Protected { noun: "project", id, command }, replaced)
}

#[async_trait]
impl Resource<Session> for Project {
    type State = State;

    fn type_name(&self) -> &'static str {
        "kontraktor_project"
    }

    fn schema(&self) -> Schema {
        Schema::new(
            "A project: a name for environments that belong together.\n\nA project that was made by writing into it \
             (`create_missing`) is taken over instead of being refused. A project that holds variables, schemas or \
             environments of their own resources cannot be destroyed unless `force_destroy` was applied.\n\nApplying a \
             plan never overwrites settings that someone else changed after the plan was made: it stops and shows what \
             was planned and what is stored.",
            vec![
                Attribute::required(
                    "name",
                    Type::String,
                    "The name: 1 to 63 characters of `a-z`, `0-9` and `-`, with a letter or a digit at the beginning \
                     and at the end. Changing it makes a new project.",
                )
                .requires_replace()
                .check(rules::project),
                Attribute::optional("description", Type::String, "What the project is for: 1,024 bytes at most.")
                    .check(rules::description)
                    .same(rules::same_description),
                protection::deletion_protection_attribute(),
                force_destroy_attribute(
                    "Whether destroying the project deletes its environments, variables and schemas with it, all in one \
                     step. What counts is what was last applied: apply `true` before you destroy. It never overrides \
                     the protection of an environment or variable. Changing only this writes nothing. Left out: false.",
                ),
                on_conflict_attribute(),
                Attribute::computed("id", Type::String, "The project's name."),
            ],
        )
    }

    fn refine(&self, planned: &mut State) {
        planned.id = places::id([&planned.name]);
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
        let name = places::project(&planned.name)?;
        match create(&cx.session, &name, &planned).await {
            Ok(created) => {
                if planned.deletion_protection.known().is_none() {
                    planned.deletion_protection = Attr::Known(created.deletion_protection);
                }
                Ok(planned)
            }
            Err(trouble) => {
                let (diagnostic, may_exist) = not_created(self.type_name(), name.as_str(), &trouble);
                Err(Failure { diagnostics: diagnostic.into(), state: may_exist.then_some(planned) })
            }
        }
    }

    async fn read(&self, cx: &mut Context<Session>, state: State) -> Result<Option<State>, Diagnostics> {
        let name = places::project(&state.name)?;
        let doing = format!("read the project {name}");
        let client = cx.session.client().map_err(|trouble| messages::failed(&doing, &trouble))?;
        match get(client, &name).await.map_err(Into::into) {
            Ok(project) => Ok(Some(State {
                id: name.as_str().into(),
                name: name.as_str().into(),
                description: stored_description(&state.description, &project.description),
                deletion_protection: Attr::Known(project.deletion_protection),
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
        let (before, after) = (settings(&prior), settings(&planned));
        if before == after {
            return Ok(planned);
        }
        let name = places::project(&planned.name)?;
        let doing = format!("update the project {name}");
        let failed = |trouble| messages::failed(&doing, &trouble);
        let client = cx.session.client().map_err(failed)?;
        let overwrite =
            cx.session.on_conflict(&planned.on_conflict).map_err(failed)? == OnConflict::Overwrite;
        // A state that does not know the protection cannot promise it.
        let promised = !overwrite && prior.deletion_protection.known().is_some();
        let left_out = cx.is_left_out(protection::ATTRIBUTE);
        let request = v1::UpdateProjectRequest {
            name: name.to_string(),
            description: Some(after.description),
            deletion_protection: planned.deletion_protection.known().copied().filter(|_| !left_out),
            expect: promised.then_some(before),
        };
        match client.update_project(request).await.map_err(Trouble::from) {
            Ok(_) => Ok(planned),
            Err(trouble) if trouble.is(ProblemCode::Conflict) => {
                Err(conflict(client, &name, &prior, &planned).await.into())
            }
            Err(trouble) => Err(not_changed(&doing, &trouble).into()),
        }
    }

    async fn delete(&self, cx: &mut Context<Session>, prior: State) -> Result<(), Diagnostics> {
        let name = places::project(&prior.name)?;
        let _deleting = cx.session.deleting().await;
        if cx.session.is_made("project", name.as_str()) {
            return Ok(());
        }
        let client =
            cx.session.client().map_err(|trouble| not_deleted("project", name.as_str(), &trouble))?;
        let force = prior.force_destroy.known() == Some(&true);
        let deleted = client.delete_project(v1::DeleteProjectRequest { name: name.to_string(), force }).await;
        cx.session.forget_project(&name);
        match deleted.map_err(Into::into) {
            Ok(_) => Ok(()),
            Err(trouble) if messages::is_gone(&trouble) => Ok(()),
            Err(trouble) => Err(not_deleted("project", name.as_str(), &trouble).into()),
        }
    }

    fn import(&self, id: &str) -> Result<State, Diagnostics> {
        let name: ProjectName = id.parse().map_err(|error| places::bad_id(id, &error))?;
        Ok(State { id: id.into(), name: name.as_str().into(), ..State::default() })
    }
}
