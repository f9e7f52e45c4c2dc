//! `kontraktor.v1.Projects`.

use std::sync::Arc;

use kontraktor_proto::v1::{
    CreateProjectRequest, DeleteProjectRequest, DeleteProjectResponse, GetProjectRequest,
    ListProjectsRequest, ListProjectsResponse, Project, UpdateProjectRequest, projects_server::Projects,
};
use tonic::{Request, Response, Status, async_trait};

use super::{Api, caller::caller, convert};
use crate::domain::{self, Refusal};

#[async_trait]
impl Projects for Api {
    async fn create_project(
        &self,
        request: Request<CreateProjectRequest>,
    ) -> Result<Response<Project>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let name = convert::project_name(&request.name)?;
        let project = self.service.create_project(caller, name, request.description).await;
        answer(project)
    }

    async fn get_project(&self, request: Request<GetProjectRequest>) -> Result<Response<Project>, Status> {
        let name = convert::project_name(&request.get_ref().name)?;
        answer(self.service.project(&name))
    }

    async fn update_project(
        &self,
        request: Request<UpdateProjectRequest>,
    ) -> Result<Response<Project>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let name = convert::project_name(&request.name)?;
        answer(self.service.update_project(caller, name, request.description).await)
    }

    async fn delete_project(
        &self,
        request: Request<DeleteProjectRequest>,
    ) -> Result<Response<DeleteProjectResponse>, Status> {
        let caller = caller(&request)?;
        let name = convert::project_name(&request.get_ref().name)?;
        self.service.delete_project(caller, name).await.map_err(convert::status)?;
        Ok(Response::new(DeleteProjectResponse {}))
    }

    async fn list_projects(
        &self,
        request: Request<ListProjectsRequest>,
    ) -> Result<Response<ListProjectsResponse>, Status> {
        let request = request.into_inner();
        let page = convert::page(request.page_size, request.page_token);
        let page = self.service.projects(&page).map_err(convert::status)?;
        Ok(Response::new(ListProjectsResponse {
            projects: page.items.iter().map(|project| convert::project(project)).collect(),
            next_page_token: page.next,
        }))
    }
}

fn answer(project: Result<Arc<domain::Project>, Refusal>) -> Result<Response<Project>, Status> {
    project.map(|project| Response::new(convert::project(&project))).map_err(convert::status)
}
