//! `kontraktor_project`: a project's name and description.

use async_trait::async_trait;
use kontraktor_proto::names::ProjectName;
use kontraktor_proto::v1;
use tfplugin_proto::value::Type;

use super::{not_changed, not_created, stored_description};
use crate::framework::{Attr, Attribute, Context, Diagnostics, Failure, Resource, Schema};
use crate::session::Session;
use crate::{messages, model, places, rules};

model! {
    /// A project in state.
    pub(crate) struct State {
        /// The project's name.
        id: String,
        /// The project's name.
        name: String,
        /// What it is for.
        description: String,
    }
}

/// The resource.
pub(crate) struct Project;

#[async_trait]
impl Resource<Session> for Project {
    type State = State;

    fn type_name(&self) -> &'static str {
        "kontraktor_project"
    }

    fn schema(&self) -> Schema {
        Schema::new(
            "A project: a name for environments that belong together.\n\nA project that was made by writing into it \
             (`create_missing`) is taken over instead of being refused. A project that holds variables or environments \
             of their own resources cannot be destroyed.",
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
                Attribute::computed("id", Type::String, "The project's name."),
            ],
        )
    }

    fn refine(&self, planned: &mut State) {
        planned.id = places::id([&planned.name]);
    }

    async fn create(&self, cx: &mut Context<Session>, planned: State) -> Result<State, Failure<State>> {
        let name = places::project(&planned.name)?;
        let request = v1::CreateProjectRequest {
            name: name.to_string(),
            description: planned.description.text().to_owned(),
        };
        let created = match cx.session.client() {
            Ok(client) => client.create_project(request).await.map_err(Into::into),
            Err(trouble) => Err(trouble),
        };
        match created {
            Ok(_) => Ok(planned),
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
        match client.get_project(v1::GetProjectRequest { name: name.to_string() }).await.map_err(Into::into) {
            Ok(project) => Ok(Some(State {
                id: name.as_str().into(),
                name: name.as_str().into(),
                description: stored_description(&state.description, &project.description),
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
        if prior.description.text() == planned.description.text() {
            return Ok(planned);
        }
        let name = places::project(&planned.name)?;
        let request = v1::UpdateProjectRequest {
            name: name.to_string(),
            description: planned.description.text().to_owned(),
        };
        let doing = format!("update the project {name}");
        let client = cx.session.client().map_err(|trouble| messages::failed(&doing, &trouble))?;
        let updated = client.update_project(request).await;
        updated.map_err(|error| not_changed(&doing, &error.into()))?;
        Ok(planned)
    }

    async fn delete(&self, cx: &mut Context<Session>, prior: State) -> Result<(), Diagnostics> {
        let name = places::project(&prior.name)?;
        let doing = format!("delete the project {name}");
        let client = cx.session.client().map_err(|trouble| messages::failed(&doing, &trouble))?;
        match client
            .delete_project(v1::DeleteProjectRequest { name: name.to_string() })
            .await
            .map_err(Into::into)
        {
            Ok(_) => Ok(()),
            Err(trouble) if messages::is_gone(&trouble) => Ok(()),
            Err(trouble) => Err(not_changed(&doing, &trouble).into()),
        }
    }

    fn import(&self, id: &str) -> Result<State, Diagnostics> {
        let name: ProjectName = id.parse().map_err(|error| places::bad_id(id, &error))?;
        Ok(State { id: id.into(), name: name.as_str().into(), description: Attr::Null })
    }
}
