//! Schemas: kept, compared and set; never judged.

use std::sync::atomic::Ordering;

use kontraktor_proto::problem::to_status;
use kontraktor_proto::v1::schemas_server::Schemas;
use kontraktor_proto::v1::{self, Problem, ProblemCode};
use tonic::{Request, Response};

use super::{Answer, FakeDaemon, authorship, refuse};

fn missing() -> Problem {
    Problem::new(ProblemCode::NotFound, "There is no such schema").with_field("name")
}

impl FakeDaemon {
    /// The schema as it is stored.
    pub(in super::super) fn schema(&self, path: &str) -> Option<v1::VariableSchema> {
        let (project, name) = path.split_once('/').expect("project/name");
        self.world.lock().unwrap().schemas.get(&(project.to_owned(), name.to_owned())).cloned()
    }

    /// Someone else sets a schema.
    pub(in super::super) fn set_schema(&self, path: &str, key_pattern: &str, schema: &str) {
        let (project, name) = path.split_once('/').expect("project/name");
        let schema = v1::VariableSchema {
            project: project.to_owned(),
            name: name.to_owned(),
            key_pattern: key_pattern.to_owned(),
            schema: schema.to_owned(),
            changed: Some(authorship("unix:ada", "ktr")),
        };
        self.world.lock().unwrap().schemas.insert((project.to_owned(), name.to_owned()), schema);
    }

    /// Someone else takes a schema away.
    pub(in super::super) fn drop_schema(&self, path: &str) {
        let (project, name) = path.split_once('/').expect("project/name");
        self.world.lock().unwrap().schemas.remove(&(project.to_owned(), name.to_owned()));
    }
}

#[tonic::async_trait]
impl Schemas for FakeDaemon {
    async fn create_schema(&self, request: Request<v1::CreateSchemaRequest>) -> Answer<v1::VariableSchema> {
        self.changes.fetch_add(1, Ordering::SeqCst);
        let request = request.into_inner();
        let made = {
            let mut world = self.world.lock().unwrap();
            world.ensure_project(&request.project, request.create_missing).map_err(to_status)?;
            let location = (request.project.clone(), request.name.clone());
            if world.schemas.contains_key(&location) && !request.adopt_existing {
                return refuse(ProblemCode::AlreadyExists, "The schema exists already");
            }
            let made = v1::VariableSchema {
                project: request.project,
                name: request.name,
                key_pattern: request.key_pattern,
                schema: request.schema,
                changed: Some(authorship("unix:ada", "terraform")),
            };
            world.schemas.insert(location, made.clone());
            made
        };
        self.may_answer().await;
        Ok(Response::new(made))
    }

    async fn get_schema(&self, request: Request<v1::GetSchemaRequest>) -> Answer<v1::VariableSchema> {
        self.may_read()?;
        let v1::GetSchemaRequest { project, name } = request.into_inner();
        let schema = self.world.lock().unwrap().schemas.get(&(project, name)).cloned();
        schema.map(Response::new).ok_or_else(|| to_status(missing()))
    }

    async fn update_schema(&self, request: Request<v1::UpdateSchemaRequest>) -> Answer<v1::VariableSchema> {
        self.changes.fetch_add(1, Ordering::SeqCst);
        let request = request.into_inner();
        let mut world = self.world.lock().unwrap();
        let Some(schema) = world.schemas.get_mut(&(request.project, request.name)) else {
            return Err(to_status(missing()));
        };
        let settings =
            v1::SchemaSettings { key_pattern: schema.key_pattern.clone(), schema: schema.schema.clone() };
        if request.expect.is_some_and(|expected| expected != settings) {
            return refuse(ProblemCode::Conflict, "The schema is another");
        }
        schema.key_pattern = request.key_pattern;
        schema.schema = request.schema;
        Ok(Response::new(schema.clone()))
    }

    async fn delete_schema(
        &self,
        request: Request<v1::DeleteSchemaRequest>,
    ) -> Answer<v1::DeleteSchemaResponse> {
        self.changes.fetch_add(1, Ordering::SeqCst);
        let v1::DeleteSchemaRequest { project, name } = request.into_inner();
        match self.world.lock().unwrap().schemas.remove(&(project, name)) {
            Some(_) => Ok(Response::new(v1::DeleteSchemaResponse {})),
            None => Err(to_status(missing())),
        }
    }

    async fn list_schemas(
        &self,
        _request: Request<v1::ListSchemasRequest>,
    ) -> Answer<v1::ListSchemasResponse> {
        refuse(ProblemCode::Denied, "The provider reads single schemas")
    }
}
