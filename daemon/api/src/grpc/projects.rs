//! `kontraktor.v1.Projects`.

use std::sync::Arc;

use kontraktor_proto::v1::{
    CreateProjectRequest, DeleteProjectRequest, DeleteProjectResponse, GetProjectRequest,
    ListProjectsRequest, ListProjectsResponse, Project, UpdateProjectRequest, projects_server::Projects,
};
use tonic::{Request, Response, Status, async_trait};

use super::{Api, caller, convert, status};
use kontraktor_domain::{CreateProject, DeleteProject, ProjectSettings, Refusal, UpdateProject};

#[async_trait]
impl Projects for Api {
    async fn create_project(
        &self,
        request: Request<CreateProjectRequest>,
    ) -> Result<Response<Project>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let command = CreateProject {
            name: convert::project_name(&request.name)?,
            settings: ProjectSettings {
                description: request.description,
                protected: request.deletion_protection,
            },
            adopt_existing: request.adopt_existing,
        };
        answer(self.service.create_project(&caller, command).await)
    }

    async fn get_project(&self, request: Request<GetProjectRequest>) -> Result<Response<Project>, Status> {
        let caller = caller(&request)?;
        let name = convert::project_name(&request.get_ref().name)?;
        answer(self.service.project(&caller, &name))
    }

    async fn update_project(
        &self,
        request: Request<UpdateProjectRequest>,
    ) -> Result<Response<Project>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let command = UpdateProject {
            name: convert::project_name(&request.name)?,
            description: request.description,
            protected: request.deletion_protection,
            expect: request.expect.map(convert::project_settings),
        };
        answer(self.service.update_project(&caller, command).await)
    }

    async fn delete_project(
        &self,
        request: Request<DeleteProjectRequest>,
    ) -> Result<Response<DeleteProjectResponse>, Status> {
        let caller = caller(&request)?;
        let name = convert::project_name(&request.get_ref().name)?;
        let command = DeleteProject { name, force: request.get_ref().force };
        self.service.delete_project(&caller, command).await.map_err(status)?;
        Ok(Response::new(DeleteProjectResponse {}))
    }

    async fn list_projects(
        &self,
        request: Request<ListProjectsRequest>,
    ) -> Result<Response<ListProjectsResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let page = convert::page(request.page_size, request.page_token);
        let page = self.service.projects(&caller, &page).map_err(status)?;
        Ok(Response::new(ListProjectsResponse {
            projects: page.items.iter().map(|project| convert::project(project)).collect(),
            next_page_token: page.next.unwrap_or_default(),
        }))
    }
}

fn answer(project: Result<Arc<kontraktor_domain::Project>, Refusal>) -> Result<Response<Project>, Status> {
    project.map(|project| Response::new(convert::project(&project))).map_err(status)
}
