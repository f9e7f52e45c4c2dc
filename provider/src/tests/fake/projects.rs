//! Projects: settings that are compared and set, and protection.

use std::sync::atomic::Ordering;

use kontraktor_proto::problem::to_status;
use kontraktor_proto::v1::projects_server::Projects;
use kontraktor_proto::v1::{self, Problem, ProblemCode};
use tonic::{Request, Response};

use super::{Answer, FakeDaemon, World, authorship, protection, refuse};

fn settings(project: &v1::Project) -> v1::ProjectSettings {
    v1::ProjectSettings {
        description: project.description.clone(),
        deletion_protection: project.deletion_protection,
    }
}

impl World {
    fn create_project(&mut self, request: v1::CreateProjectRequest) -> Result<v1::Project, Problem> {
        self.ensure_project(&request.name, true)?;
        let project = self.projects.get_mut(&request.name).expect("it was just made sure of");
        if !project.implicit && !request.adopt_existing {
            return Err(Problem::new(ProblemCode::AlreadyExists, "The project exists already"));
        }
        project.implicit = false;
        project.description = request.description;
        project.deletion_protection = request.deletion_protection;
        Ok(project.clone())
    }

    fn update_project(
        &mut self,
        request: v1::UpdateProjectRequest,
        via: &str,
    ) -> Result<v1::Project, Problem> {
        let Some(project) = self.projects.get_mut(&request.name) else {
            return Err(Problem::new(ProblemCode::NotFound, "There is no such project"));
        };
        if request.expect.is_some_and(|expected| expected != settings(project)) {
            return Err(Problem::new(ProblemCode::Conflict, "The project's settings are others"));
        }
        if let Some(description) = request.description {
            project.description = description;
        }
        if let Some(protection) = request.deletion_protection {
            project.deletion_protection = protection;
        }
        project.changed = Some(authorship("unix:ada", via));
        Ok(project.clone())
    }

    fn delete_project(&mut self, name: &str, force: bool) -> Result<(), Problem> {
        let Some(project) = self.projects.get(name) else {
            return Err(Problem::new(ProblemCode::NotFound, "There is no such project"));
        };
        if project.deletion_protection {
            return Err(protection(&format!("The project {name} is")));
        }
        let inside: Vec<_> = self.environments.keys().filter(|path| path.0 == name).cloned().collect();
        if !inside.is_empty() && !force {
            let names: Vec<_> = inside.iter().map(|path| path.1.as_str()).collect();
            let message = format!("The project {name} holds environments: {}", names.join(", "));
            return Err(
                Problem::new(ProblemCode::NotEmpty, message).with_remedy("delete them first, or force it")
            );
        }
        if let Some(path) = inside.iter().find(|path| self.environments[*path].deletion_protection) {
            return Err(protection(&format!("The environment {name}/{} is", path.1)));
        }
        self.variables.retain(|location, _| location.0 != name);
        self.environments.retain(|path, _| path.0 != name);
        self.projects.remove(name);
        Ok(())
    }
}

impl FakeDaemon {
    /// The project as it is stored.
    pub(in super::super) fn project(&self, name: &str) -> Option<v1::Project> {
        self.world.lock().unwrap().projects.get(name).cloned()
    }

    /// Someone else changes a project's settings.
    pub(in super::super) fn change_project(&self, change: v1::UpdateProjectRequest) {
        self.world.lock().unwrap().update_project(change, "ktr").expect("nothing speaks against it");
    }
}

#[tonic::async_trait]
impl Projects for FakeDaemon {
    async fn create_project(&self, request: Request<v1::CreateProjectRequest>) -> Answer<v1::Project> {
        self.changes.fetch_add(1, Ordering::SeqCst);
        let made = self.world.lock().unwrap().create_project(request.into_inner());
        self.may_answer().await;
        made.map(Response::new).map_err(to_status)
    }

    async fn get_project(&self, request: Request<v1::GetProjectRequest>) -> Answer<v1::Project> {
        self.may_read()?;
        match self.world.lock().unwrap().projects.get(&request.into_inner().name) {
            Some(project) => Ok(Response::new(project.clone())),
            None => refuse(ProblemCode::NotFound, "There is no such project"),
        }
    }

    async fn update_project(&self, request: Request<v1::UpdateProjectRequest>) -> Answer<v1::Project> {
        self.changes.fetch_add(1, Ordering::SeqCst);
        let changed = self.world.lock().unwrap().update_project(request.into_inner(), "terraform");
        self.may_answer().await;
        changed.map(Response::new).map_err(to_status)
    }

    async fn delete_project(
        &self,
        request: Request<v1::DeleteProjectRequest>,
    ) -> Answer<v1::DeleteProjectResponse> {
        self.changes.fetch_add(1, Ordering::SeqCst);
        let request = request.into_inner();
        let deleted = self.world.lock().unwrap().delete_project(&request.name, request.force);
        deleted.map(|()| Response::new(v1::DeleteProjectResponse {})).map_err(to_status)
    }

    /// Two a page.
    async fn list_projects(
        &self,
        request: Request<v1::ListProjectsRequest>,
    ) -> Answer<v1::ListProjectsResponse> {
        self.may_read()?;
        let start: usize = request.into_inner().page_token.parse().unwrap_or_default();
        let world = self.world.lock().unwrap();
        let projects: Vec<_> = world.projects.values().skip(start).take(2).cloned().collect();
        let more = start + projects.len() < world.projects.len();
        let next_page_token = if more { (start + projects.len()).to_string() } else { String::new() };
        Ok(Response::new(v1::ListProjectsResponse { projects, next_page_token }))
    }
}
