//! `kontraktor.v1.Environments`.

use std::sync::Arc;

use kontraktor_proto::v1::{
    CreateEnvironmentRequest, DeleteEnvironmentRequest, DeleteEnvironmentResponse, Environment,
    GetEnvironmentRequest, GetSnapshotRequest, ListEnvironmentsRequest, ListEnvironmentsResponse, Snapshot,
    UpdateEnvironmentRequest, environments_server::Environments,
};
use tonic::{Request, Response, Status, async_trait};

use super::{Api, caller::caller, convert};
use crate::domain::{self, Refusal};

#[async_trait]
impl Environments for Api {
    async fn create_environment(
        &self,
        request: Request<CreateEnvironmentRequest>,
    ) -> Result<Response<Environment>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let path = convert::env_path("name", request.name.as_ref())?;
        let made =
            self.service.create_environment(caller, path, request.description, request.create_missing).await;
        answer(made)
    }

    async fn get_environment(
        &self,
        request: Request<GetEnvironmentRequest>,
    ) -> Result<Response<Environment>, Status> {
        let path = convert::env_path("name", request.get_ref().name.as_ref())?;
        answer(self.service.environment(&path))
    }

    async fn update_environment(
        &self,
        request: Request<UpdateEnvironmentRequest>,
    ) -> Result<Response<Environment>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let path = convert::env_path("name", request.name.as_ref())?;
        answer(self.service.update_environment(caller, path, request.description).await)
    }

    async fn delete_environment(
        &self,
        request: Request<DeleteEnvironmentRequest>,
    ) -> Result<Response<DeleteEnvironmentResponse>, Status> {
        let caller = caller(&request)?;
        let path = convert::env_path("name", request.get_ref().name.as_ref())?;
        self.service.delete_environment(caller, path).await.map_err(convert::status)?;
        Ok(Response::new(DeleteEnvironmentResponse {}))
    }

    async fn list_environments(
        &self,
        request: Request<ListEnvironmentsRequest>,
    ) -> Result<Response<ListEnvironmentsResponse>, Status> {
        let request = request.into_inner();
        let project = match request.project.as_str() {
            "" => None,
            name => Some(convert::project_name(name)?),
        };
        let page = convert::page(request.page_size, request.page_token);
        let page = self.service.environments(project.as_ref(), &page).map_err(convert::status)?;
        Ok(Response::new(ListEnvironmentsResponse {
            environments: page.items.iter().map(|environment| convert::environment(environment)).collect(),
            next_page_token: page.next,
        }))
    }

    async fn get_snapshot(&self, request: Request<GetSnapshotRequest>) -> Result<Response<Snapshot>, Status> {
        let request = request.get_ref();
        let path = convert::env_path("name", request.name.as_ref())?;
        // There are no imports yet: what is effective and what is the environment's own (`own_only`) are the same.
        let snapshot = self.service.snapshot(&path, &request.prefix).map_err(convert::status)?;
        Ok(Response::new(convert::snapshot(&snapshot, &request.if_version_differs)))
    }
}

fn answer(environment: Result<Arc<domain::Environment>, Refusal>) -> Result<Response<Environment>, Status> {
    environment.map(|environment| Response::new(convert::environment(&environment))).map_err(convert::status)
}
