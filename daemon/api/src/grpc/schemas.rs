//! `kontraktor.v1.Schemas`.

use std::sync::Arc;

use kontraktor_proto::v1::{
    CreateSchemaRequest, DeleteSchemaRequest, DeleteSchemaResponse, GetSchemaRequest, ListSchemasRequest,
    ListSchemasResponse, UpdateSchemaRequest, VariableSchema, schemas_server::Schemas,
};
use tonic::{Request, Response, Status, async_trait};

use super::{Api, caller, convert, status};
use kontraktor_domain::{CreateSchema, DeleteSchema, Refusal, SchemaSettings, UpdateSchema};

#[async_trait]
impl Schemas for Api {
    async fn create_schema(
        &self,
        request: Request<CreateSchemaRequest>,
    ) -> Result<Response<VariableSchema>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let command = CreateSchema {
            project: convert::project_name(&request.project)?,
            name: convert::schema_name(&request.name)?,
            settings: SchemaSettings { key_pattern: request.key_pattern, schema: request.schema },
            create_missing: request.create_missing,
            adopt_existing: request.adopt_existing,
        };
        answer(self.service.create_schema(&caller, command).await)
    }

    async fn get_schema(
        &self,
        request: Request<GetSchemaRequest>,
    ) -> Result<Response<VariableSchema>, Status> {
        let caller = caller(&request)?;
        let request = request.get_ref();
        let project = convert::project_name(&request.project)?;
        let name = convert::schema_name(&request.name)?;
        answer(self.service.schema(&caller, &project, &name))
    }

    async fn update_schema(
        &self,
        request: Request<UpdateSchemaRequest>,
    ) -> Result<Response<VariableSchema>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let command = UpdateSchema {
            project: convert::project_name(&request.project)?,
            name: convert::schema_name(&request.name)?,
            settings: SchemaSettings { key_pattern: request.key_pattern, schema: request.schema },
            expect: request
                .expect
                .map(|expect| SchemaSettings { key_pattern: expect.key_pattern, schema: expect.schema }),
        };
        answer(self.service.update_schema(&caller, command).await)
    }

    async fn delete_schema(
        &self,
        request: Request<DeleteSchemaRequest>,
    ) -> Result<Response<DeleteSchemaResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.get_ref();
        let command = DeleteSchema {
            project: convert::project_name(&request.project)?,
            name: convert::schema_name(&request.name)?,
        };
        self.service.delete_schema(&caller, command).await.map_err(status)?;
        Ok(Response::new(DeleteSchemaResponse {}))
    }

    async fn list_schemas(
        &self,
        request: Request<ListSchemasRequest>,
    ) -> Result<Response<ListSchemasResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let project = convert::project_name(&request.project)?;
        let page = convert::page(request.page_size, request.page_token);
        let page = self.service.schemas(&caller, &project, &page).map_err(status)?;
        Ok(Response::new(ListSchemasResponse {
            schemas: page.items.iter().map(|schema| convert::schema(schema)).collect(),
            next_page_token: page.next.unwrap_or_default(),
        }))
    }
}

fn answer(
    schema: Result<Arc<kontraktor_domain::VariableSchema>, Refusal>,
) -> Result<Response<VariableSchema>, Status> {
    schema.map(|schema| Response::new(convert::schema(&schema))).map_err(status)
}
