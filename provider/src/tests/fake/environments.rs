//! Environments: settings that are compared and set, protection, and imports, which are kept but not resolved.

use std::sync::atomic::Ordering;
use std::time::Duration;

use kontraktor_proto::problem::to_status;
use kontraktor_proto::v1::environments_server::Environments;
use kontraktor_proto::v1::{self, Problem, ProblemCode};
use tonic::{Request, Response, Status};

use super::{Answer, FakeDaemon, World, authorship, named, protection, refuse};

type Path = (String, String);

fn settings(environment: &v1::Environment) -> v1::EnvironmentSettings {
    v1::EnvironmentSettings {
        description: environment.description.clone(),
        deletion_protection: environment.deletion_protection,
        imports: environment.imports.clone(),
    }
}

impl World {
    fn check_imports(&self, path: &Path, imports: &[v1::EnvironmentName]) -> Result<(), Problem> {
        for import in imports {
            let import = (import.project.clone(), import.env.clone());
            if import == *path {
                let message = format!("{0}/{1} would import itself: {0}/{1} -> {0}/{1}", path.0, path.1);
                return Err(Problem::new(ProblemCode::ImportCycle, message).with_field("imports"));
            }
            if !self.environments.contains_key(&import) {
                let message = format!("There is no environment {}/{}", import.0, import.1);
                return Err(Problem::new(ProblemCode::NotFound, message).with_field("imports"));
            }
        }
        Ok(())
    }

    fn create_environment(
        &mut self,
        request: v1::CreateEnvironmentRequest,
    ) -> Result<v1::Environment, Problem> {
        let path = named(request.name.as_ref());
        self.ensure_project(&path.0, request.create_missing)?;
        self.check_imports(&path, &request.imports)?;
        let environment = self.environments.entry(path).or_insert_with(|| v1::Environment {
            name: request.name.clone(),
            implicit: true,
            ..Default::default()
        });
        if !environment.implicit && !request.adopt_existing {
            return Err(Problem::new(ProblemCode::AlreadyExists, "The environment exists already"));
        }
        environment.implicit = false;
        environment.revision += 1;
        environment.description = request.description;
        environment.deletion_protection = request.deletion_protection;
        environment.imports = request.imports;
        environment.changed = Some(authorship("unix:ada", "terraform"));
        Ok(environment.clone())
    }

    fn update_environment(
        &mut self,
        request: v1::UpdateEnvironmentRequest,
        via: &str,
    ) -> Result<v1::Environment, Problem> {
        let path = named(request.name.as_ref());
        let missing = || Problem::new(ProblemCode::NotFound, "There is no such environment");
        let before = self.environments.get(&path).ok_or_else(missing)?;
        if request.expect.is_some_and(|expected| expected != settings(before)) {
            return Err(Problem::new(ProblemCode::Conflict, "The environment's settings are others"));
        }
        let imports = request.imports.map(|imports| imports.environments);
        self.check_imports(&path, imports.as_deref().unwrap_or_default())?;
        let environment = self.environments.get_mut(&path).ok_or_else(missing)?;
        if let Some(description) = request.description {
            environment.description = description;
        }
        if let Some(protection) = request.deletion_protection {
            environment.deletion_protection = protection;
        }
        if let Some(imports) = imports {
            environment.imports = imports;
        }
        environment.revision += 1;
        environment.changed = Some(authorship("unix:ada", via));
        Ok(environment.clone())
    }

    fn delete_environment(&mut self, path: &Path, force: bool) -> Result<(), Problem> {
        let Some(environment) = self.environments.get(path) else {
            return Err(Problem::new(ProblemCode::NotFound, "There is no such environment"));
        };
        let shown = format!("{}/{}", path.0, path.1);
        if environment.deletion_protection {
            return Err(protection(&format!("The environment {shown} is")));
        }
        let own: Vec<_> = (self.variables.iter())
            .filter(|(location, _)| location.0 == path.0 && location.1 == path.1)
            .map(|(location, variable)| (location.clone(), variable.deletion_protection))
            .collect();
        if !own.is_empty() && !force {
            let keys: Vec<_> = own.iter().map(|(location, _)| location.2.as_str()).collect();
            let message = format!("The environment {shown} holds variables: {}", keys.join(", "));
            return Err(
                Problem::new(ProblemCode::NotEmpty, message).with_remedy("delete them first, or force it")
            );
        }
        if let Some((location, _)) = own.iter().find(|(_, protected)| *protected) {
            return Err(protection(&format!("The variable {shown}/{} is", location.2)));
        }
        for (location, _) in own {
            self.variables.remove(&location);
        }
        self.environments.remove(path);
        Ok(())
    }
}

impl FakeDaemon {
    /// The environment as it is stored.
    pub(in super::super) fn environment(&self, path: &str) -> Option<v1::Environment> {
        let (project, env) = path.split_once('/').expect("project/env");
        self.world.lock().unwrap().environments.get(&(project.to_owned(), env.to_owned())).cloned()
    }

    /// Someone else changes an environment's settings.
    pub(in super::super) fn change_environment(&self, path: &str, change: v1::UpdateEnvironmentRequest) {
        let (project, env) = path.split_once('/').expect("project/env");
        let name = v1::EnvironmentName { project: project.to_owned(), env: env.to_owned() };
        let change = v1::UpdateEnvironmentRequest { name: Some(name), ..change };
        self.world.lock().unwrap().update_environment(change, "ktr").expect("nothing speaks against it");
    }
}

#[tonic::async_trait]
impl Environments for FakeDaemon {
    type WatchEnvironmentStream = tokio_stream::Empty<Result<v1::EnvironmentChange, Status>>;

    /// The provider does not watch: there is nothing to hear.
    async fn watch_environment(
        &self,
        _: Request<v1::WatchEnvironmentRequest>,
    ) -> Answer<Self::WatchEnvironmentStream> {
        Ok(Response::new(tokio_stream::empty()))
    }

    async fn create_environment(
        &self,
        request: Request<v1::CreateEnvironmentRequest>,
    ) -> Answer<v1::Environment> {
        self.changes.fetch_add(1, Ordering::SeqCst);
        let made = self.world.lock().unwrap().create_environment(request.into_inner());
        self.may_answer().await;
        made.map(Response::new).map_err(to_status)
    }

    async fn get_environment(&self, request: Request<v1::GetEnvironmentRequest>) -> Answer<v1::Environment> {
        self.may_read()?;
        let path = named(request.into_inner().name.as_ref());
        match self.world.lock().unwrap().environments.get(&path) {
            Some(environment) => Ok(Response::new(environment.clone())),
            None => refuse(ProblemCode::NotFound, "There is no such environment"),
        }
    }

    async fn update_environment(
        &self,
        request: Request<v1::UpdateEnvironmentRequest>,
    ) -> Answer<v1::Environment> {
        self.changes.fetch_add(1, Ordering::SeqCst);
        let changed = self.world.lock().unwrap().update_environment(request.into_inner(), "terraform");
        self.may_answer().await;
        changed.map(Response::new).map_err(to_status)
    }

    async fn delete_environment(
        &self,
        request: Request<v1::DeleteEnvironmentRequest>,
    ) -> Answer<v1::DeleteEnvironmentResponse> {
        self.changes.fetch_add(1, Ordering::SeqCst);
        let request = request.into_inner();
        let path = named(request.name.as_ref());
        let deleted = self.world.lock().unwrap().delete_environment(&path, request.force);
        deleted.map(|()| Response::new(v1::DeleteEnvironmentResponse {})).map_err(to_status)
    }

    async fn list_environments(
        &self,
        _request: Request<v1::ListEnvironmentsRequest>,
    ) -> Answer<v1::ListEnvironmentsResponse> {
        refuse(ProblemCode::Denied, "The provider does not list environments")
    }

    async fn get_snapshot(&self, request: Request<v1::GetSnapshotRequest>) -> Answer<v1::Snapshot> {
        let authorization = request.metadata().get("authorization");
        *self.authorization.lock().unwrap() =
            authorization.map(|value| value.to_str().expect("visible ASCII").to_owned());
        let answer = self.view(request.into_inner());
        self.snapshots.fetch_add(1, Ordering::SeqCst);
        // With a paused clock, the response is sent when every other task waits.
        tokio::time::sleep(Duration::from_millis(20)).await;
        answer
    }

    async fn rollback_environment(
        &self,
        _request: Request<v1::RollbackEnvironmentRequest>,
    ) -> Answer<v1::RollbackEnvironmentResponse> {
        refuse(ProblemCode::Denied, "The provider rolls nothing back")
    }
}
