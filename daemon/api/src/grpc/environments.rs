//! `kontraktor.v1.Environments`.

use std::{pin::Pin, sync::Arc};

use futures_util::stream;
use kontraktor_proto::v1::{
    CreateEnvironmentRequest, DeleteEnvironmentRequest, DeleteEnvironmentResponse, Environment,
    EnvironmentChange, GetEnvironmentRequest, GetSnapshotRequest, ListEnvironmentsRequest,
    ListEnvironmentsResponse, RollbackEnvironmentRequest, RollbackEnvironmentResponse, Snapshot,
    UpdateEnvironmentRequest, WatchEnvironmentRequest, environments_server::Environments,
};
use tokio_stream::Stream;
use tonic::{Request, Response, Status, async_trait};

use super::{Api, caller, convert, status};
use kontraktor_domain::{
    CreateEnvironment, DeleteEnvironment, EnvironmentSettings, Refusal, UpdateEnvironment,
};

type Changes = Pin<Box<dyn Stream<Item = Result<EnvironmentChange, Status>> + Send>>;

#[async_trait]
impl Environments for Api {
    type WatchEnvironmentStream = Changes;

    async fn watch_environment(
        &self,
        request: Request<WatchEnvironmentRequest>,
    ) -> Result<Response<Changes>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let path = convert::env_path("name", request.name.as_ref())?;
        let after = (!request.after_version.is_empty()).then_some(request.after_version.as_str());
        let watch = self.service.watch(&caller, path, request.own_only, after).await.map_err(status)?;
        let changes = stream::unfold(watch, async |mut watch| {
            let change = watch.next().await?;
            Some((change.map(|change| convert::change(&change)).map_err(status), watch))
        });
        Ok(Response::new(Box::pin(changes)))
    }

    async fn create_environment(
        &self,
        request: Request<CreateEnvironmentRequest>,
    ) -> Result<Response<Environment>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let command = CreateEnvironment {
            path: convert::env_path("name", request.name.as_ref())?,
            settings: EnvironmentSettings {
                description: request.description,
                protected: request.deletion_protection,
                imports: convert::imports(&request.imports)?,
            },
            create_missing: request.create_missing,
            adopt_existing: request.adopt_existing,
        };
        answer(self.service.create_environment(&caller, command).await)
    }

    async fn get_environment(
        &self,
        request: Request<GetEnvironmentRequest>,
    ) -> Result<Response<Environment>, Status> {
        let caller = caller(&request)?;
        let path = convert::env_path("name", request.get_ref().name.as_ref())?;
        answer(self.service.environment(&caller, &path))
    }

    async fn update_environment(
        &self,
        request: Request<UpdateEnvironmentRequest>,
    ) -> Result<Response<Environment>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let imports = request.imports.map(|list| convert::imports(&list.environments));
        let command = UpdateEnvironment {
            path: convert::env_path("name", request.name.as_ref())?,
            description: request.description,
            protected: request.deletion_protection,
            imports: imports.transpose()?,
            expect: request.expect.map(convert::environment_settings).transpose()?,
        };
        answer(self.service.update_environment(&caller, command).await)
    }

    async fn delete_environment(
        &self,
        request: Request<DeleteEnvironmentRequest>,
    ) -> Result<Response<DeleteEnvironmentResponse>, Status> {
        let caller = caller(&request)?;
        let path = convert::env_path("name", request.get_ref().name.as_ref())?;
        let command = DeleteEnvironment { path, force: request.get_ref().force };
        self.service.delete_environment(&caller, command).await.map_err(status)?;
        Ok(Response::new(DeleteEnvironmentResponse {}))
    }

    async fn list_environments(
        &self,
        request: Request<ListEnvironmentsRequest>,
    ) -> Result<Response<ListEnvironmentsResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let project = match request.project.as_str() {
            "" => None,
            name => Some(convert::project_name(name)?),
        };
        let page = convert::page(request.page_size, request.page_token);
        let page = self.service.environments(&caller, project.as_ref(), &page).map_err(status)?;
        Ok(Response::new(ListEnvironmentsResponse {
            environments: page.items.iter().map(|environment| convert::environment(environment)).collect(),
            next_page_token: page.next.unwrap_or_default(),
        }))
    }

    async fn rollback_environment(
        &self,
        request: Request<RollbackEnvironmentRequest>,
    ) -> Result<Response<RollbackEnvironmentResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.get_ref();
        let path = convert::env_path("name", request.name.as_ref())?;
        let expect = (request.expect_revision > 0).then_some(request.expect_revision);
        let restored = self.service.rollback(&caller, path, request.to_revision, expect).await;
        restored.map(|restored| Response::new(convert::restored(&restored))).map_err(status)
    }

    async fn get_snapshot(&self, request: Request<GetSnapshotRequest>) -> Result<Response<Snapshot>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let path = convert::env_path("name", request.name.as_ref())?;
        let snapshot = match request.at {
            None => self.service.snapshot(&caller, &path, request.own_only),
            Some(at) => {
                self.service.snapshot_at(&caller, &path, request.own_only, convert::at("at", at)?).await
            }
        }
        .map_err(status)?;
        // This is known before anything is assembled.
        if request.if_version_differs == snapshot.version() {
            return Ok(Response::new(convert::not_modified(&snapshot)));
        }
        let variables = snapshot.size();
        let message = move || convert::snapshot(&snapshot, &request.prefix);
        let message = self.service.answer(variables, message).await.map_err(status)?;
        message.map(Response::new).map_err(status)
    }
}

fn answer(
    environment: Result<Arc<kontraktor_domain::Environment>, Refusal>,
) -> Result<Response<Environment>, Status> {
    environment.map(|environment| Response::new(convert::environment(&environment))).map_err(status)
}
