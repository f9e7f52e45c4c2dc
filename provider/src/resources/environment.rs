//! `kontraktor_environment`: an environment of a project, and its description.

use async_trait::async_trait;
use kontraktor_proto::names::EnvPath;
use kontraktor_proto::v1;
use tfplugin_proto::value::Type;

use super::{not_changed, not_created, stored_description};
use crate::framework::{Attr, Attribute, Context, Diagnostics, Failure, Resource, Schema};
use crate::session::{Session, Trouble};
use crate::{messages, model, places, rules};

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
    }
}

/// The resource.
pub(crate) struct Environment;

async fn create(
    session: &Session,
    path: &EnvPath,
    description: &Attr<String>,
) -> Result<v1::Environment, Trouble> {
    let request = v1::CreateEnvironmentRequest {
        name: Some(path.into()),
        description: description.text().to_owned(),
        create_missing: session.create_missing()?,
    };
    Ok(session.client()?.create_environment(request).await?)
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
             taken over instead of being refused. An environment that holds variables cannot be destroyed.",
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
                Attribute::computed("id", Type::String, "`project/env`."),
            ],
        )
    }

    fn refine(&self, planned: &mut State) {
        planned.id = places::id([&planned.project, &planned.env]);
    }

    async fn create(&self, cx: &mut Context<Session>, planned: State) -> Result<State, Failure<State>> {
        let path = places::environment(&planned.project, &planned.env)?;
        match create(&cx.session, &path, &planned.description).await {
            Ok(_) => Ok(planned),
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
        let request = v1::GetEnvironmentRequest { name: Some((&path).into()) };
        match client.get_environment(request).await.map_err(Into::into) {
            Ok(environment) => Ok(Some(State {
                id: Attr::Known(path.to_string()),
                project: path.project.as_str().into(),
                env: path.env.as_str().into(),
                description: stored_description(&state.description, &environment.description),
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
        let path = places::environment(&planned.project, &planned.env)?;
        let doing = format!("update the environment {path}");
        let client = cx.session.client().map_err(|trouble| messages::failed(&doing, &trouble))?;
        let request = v1::UpdateEnvironmentRequest {
            name: Some((&path).into()),
            description: planned.description.text().to_owned(),
        };
        let updated = client.update_environment(request).await;
        updated.map_err(|error| not_changed(&doing, &error.into()))?;
        Ok(planned)
    }

    async fn delete(&self, cx: &mut Context<Session>, prior: State) -> Result<(), Diagnostics> {
        let path = places::environment(&prior.project, &prior.env)?;
        let doing = format!("delete the environment {path}");
        let client = cx.session.client().map_err(|trouble| messages::failed(&doing, &trouble))?;
        let request = v1::DeleteEnvironmentRequest { name: Some((&path).into()) };
        match client.delete_environment(request).await.map_err(Into::into) {
            Ok(_) => Ok(()),
            Err(trouble) if messages::is_gone(&trouble) => Ok(()),
            Err(trouble) => Err(not_changed(&doing, &trouble).into()),
        }
    }

    fn import(&self, id: &str) -> Result<State, Diagnostics> {
        let [project, env] = places::split_id(id, "PROJECT/ENV")?;
        EnvPath::new(project, env).map_err(|error| places::bad_id(id, &error))?;
        Ok(State { id: id.into(), project: project.into(), env: env.into(), description: Attr::Null })
    }
}
