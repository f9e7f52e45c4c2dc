//! `data.kontraktor_projects`: all projects.

use async_trait::async_trait;
use kontraktor_proto::v1;
use tfplugin_proto::value::Type;

use crate::framework::model::Content as _;
use crate::framework::{Attr, Attribute, DataSource, Diagnostics, ReadResult, Schema};
use crate::session::{Session, SessionError};
use crate::{errors, model};

model! {
    /// One project of the list.
    pub(crate) struct Project {
        /// Its name.
        name: String,
        /// Its description.
        description: String,
        /// Whether it was created by a write to one of its environments.
        implicit: bool,
        /// The number of its environments.
        environment_count: u64,
    }
}

model! {
    /// The data source's results.
    pub(crate) struct Model {
        /// The names, sorted.
        names: Vec<Attr<String>>,
        /// The projects, by name.
        projects: Vec<Attr<Project>>,
    }
}

/// The data source.
pub(crate) struct Projects;

async fn all(session: &Session) -> Result<Vec<v1::Project>, SessionError> {
    let client = session.client()?;
    let mut projects = Vec::new();
    let mut page_token = String::new();
    loop {
        let page = client.list_projects(v1::ListProjectsRequest { page_token, ..Default::default() }).await?;
        projects.extend(page.projects);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(projects);
        }
    }
}

#[async_trait]
impl DataSource<Session> for Projects {
    type Model = Model;

    fn type_name(&self) -> &'static str {
        "kontraktor_projects"
    }

    fn schema(&self) -> Schema {
        Schema::new(
            "Lists all projects.",
            vec![
                Attribute::computed("names", Type::list(Type::String), "The projects' names, sorted."),
                Attribute::computed(
                    "projects",
                    Type::list(Project::ty()),
                    "The projects, sorted by name: `name`, `description`, `implicit` (whether it was created by a write to \
                     one of its environments and not by `kontraktor_project`) and `environment_count` (how many it has).",
                ),
            ],
        )
    }

    async fn read(&self, session: &Session, _config: Model) -> Result<ReadResult<Model>, Diagnostics> {
        let mut projects =
            all(session).await.map_err(|error| errors::request_failed("list projects", &error))?;
        projects.sort_by(|a, b| a.name.cmp(&b.name));
        let names = projects.iter().map(|project| project.name.as_str().into()).collect();
        let projects = projects.into_iter().map(|project| {
            Attr::Known(Project {
                name: Attr::Known(project.name),
                description: Attr::Known(project.description),
                implicit: Attr::Known(project.implicit),
                environment_count: Attr::Known(project.environment_count.into()),
            })
        });
        Ok(Model { names: Attr::Known(names), projects: Attr::Known(projects.collect()) }.into())
    }
}
