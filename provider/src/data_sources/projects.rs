//! `data.kontraktor_projects`: all projects.

use async_trait::async_trait;
use kontraktor_proto::v1;
use tfplugin_proto::value::Type;

use crate::framework::model::Content as _;
use crate::framework::{Attr, Attribute, DataSource, Diagnostics, Found, Schema};
use crate::session::{Session, Trouble};
use crate::{messages, model};

model! {
    /// One project of the list.
    pub(crate) struct Project {
        /// Its name.
        name: String,
        /// What it is for.
        description: String,
        /// Made by a write into one of its environments.
        implicit: bool,
        /// How many environments it has.
        environments: u64,
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

async fn all(session: &Session) -> Result<Vec<v1::Project>, Trouble> {
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
            "All projects.",
            vec![
                Attribute::computed("names", Type::list(Type::String), "The projects' names, sorted."),
                Attribute::computed(
                    "projects",
                    Type::list(Project::ty()),
                    "The projects by name: `name`, `description`, `implicit` (made by a write into one of its \
                     environments, not by `kontraktor_project`) and `environments` (how many it has).",
                ),
            ],
        )
    }

    async fn read(&self, session: &Session, _config: Model) -> Result<Found<Model>, Diagnostics> {
        let mut projects =
            all(session).await.map_err(|trouble| messages::failed("list the projects", &trouble))?;
        projects.sort_by(|a, b| a.name.cmp(&b.name));
        let names = projects.iter().map(|project| project.name.as_str().into()).collect();
        let projects = projects.into_iter().map(|project| {
            Attr::Known(Project {
                name: Attr::Known(project.name),
                description: Attr::Known(project.description),
                implicit: Attr::Known(project.implicit),
                environments: Attr::Known(project.environments.into()),
            })
        });
        Ok(Model { names: Attr::Known(names), projects: Attr::Known(projects.collect()) }.into())
    }
}
