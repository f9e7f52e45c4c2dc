//! A daemon in memory, with the rules that the provider relies on, counters, and ways to misbehave.

#![expect(clippy::result_large_err, reason = "a refusal is made once a test")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use kontraktor_proto::problem::to_status;
use kontraktor_proto::v1::environments_server::{Environments, EnvironmentsServer};
use kontraktor_proto::v1::projects_server::{Projects, ProjectsServer};
use kontraktor_proto::v1::variables_server::{Variables, VariablesServer};
use kontraktor_proto::v1::{self, Problem, ProblemCode};
use kontraktor_proto::value::ValueType;
use tokio::net::UnixListener;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::{Request, Response, Status};

type Answer<T> = Result<Response<T>, Status>;

#[derive(Default)]
struct World {
    projects: BTreeMap<String, v1::Project>,
    environments: BTreeMap<(String, String), v1::Environment>,
    variables: BTreeMap<(String, String, String), v1::Variable>,
}

#[derive(Default)]
pub(super) struct Fake {
    world: Mutex<World>,
    /// How many snapshots were asked for.
    pub(super) snapshots: AtomicUsize,
    /// How many of them were answered without variables.
    pub(super) not_modified: AtomicUsize,
    /// How many requests to write came.
    pub(super) writes: AtomicUsize,
    authorization: Mutex<Option<String>>,
    user_agent: Mutex<String>,
    /// Refuse reads.
    pub(super) deny: AtomicBool,
    /// Carry writes out, and never answer.
    pub(super) mute: AtomicBool,
}

fn refuse<T>(code: ProblemCode, message: &str) -> Result<T, Status> {
    Err(to_status(Problem::new(code, message)))
}

/// The only writer beside the provider.
fn authorship(actor: &str, via: &str) -> v1::Authorship {
    let time = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
    v1::Authorship { actor: actor.to_owned(), via: via.to_owned(), time: Some(time.into()) }
}

fn named(name: Option<&v1::EnvironmentName>) -> (String, String) {
    let name = name.expect("every request names its environment");
    (name.project.clone(), name.env.clone())
}

impl World {
    fn ensure_project(&mut self, project: &str, create: bool) -> Result<(), Problem> {
        if !self.projects.contains_key(project) {
            if !create {
                return Err(Problem::new(ProblemCode::NotFound, format!("There is no project {project:?}")));
            }
            let made = v1::Project { name: project.to_owned(), implicit: true, ..Default::default() };
            self.projects.insert(project.to_owned(), made);
        }
        Ok(())
    }

    /// `changed` are the environments that this request changed already: a request is one revision.
    fn write(
        &mut self,
        item: v1::WriteItem,
        via: &str,
        changed: &mut BTreeSet<(String, String)>,
    ) -> Result<v1::WriteResult, Problem> {
        let (project, env) = named(item.environment.as_ref());
        let place = (project.clone(), env.clone(), item.key.clone());
        let current = self.variables.get(&place).cloned();
        let refused =
            |code, message: &str| Problem { current: current.clone(), ..Problem::new(code, message) };
        match item.expect {
            Some(v1::write_item::Expect::ExpectAbsent(_)) if current.is_some() => {
                return Err(refused(ProblemCode::KeyExists, "The key exists already"));
            }
            Some(v1::write_item::Expect::ExpectRevision(expected))
                if current.as_ref().map(|current| current.revision) != Some(expected) =>
            {
                return Err(refused(ProblemCode::Conflict, "The key is at another revision"));
            }
            _ => {}
        }
        let canonical = match &item.operation {
            Some(v1::write_item::Operation::Put(put)) => {
                let value_type = ValueType::try_from(put.r#type()).map_err(Problem::from)?;
                let Some(v1::put::Content::Value(value)) = &put.content else { panic!("a put has a value") };
                value_type.canonicalize(value)?
            }
            _ => String::new(),
        };
        let path = (project.clone(), env.clone());
        if !self.environments.contains_key(&path) {
            let create =
                matches!(&item.operation, Some(v1::write_item::Operation::Put(put)) if put.create_missing);
            self.ensure_project(&project, create)?;
            if !create {
                return Err(Problem::new(ProblemCode::NotFound, format!("There is no environment {env:?}")));
            }
            let made =
                v1::Environment { name: item.environment.clone(), implicit: true, ..Default::default() };
            self.environments.insert(path.clone(), made);
        }
        let environment = self.environments.get_mut(&path).expect("it was just made sure of");
        if changed.insert(path) {
            environment.revision += 1;
        }
        let revision = environment.revision;
        let status = match item.operation.expect("an item does something") {
            v1::write_item::Operation::Delete(_) => {
                self.variables.remove(&place);
                v1::WriteStatus::Deleted
            }
            v1::write_item::Operation::Put(put) => {
                let variable = v1::Variable {
                    key: item.key.clone(),
                    r#type: put.r#type,
                    content: Some(v1::variable::Content::Value(canonical)),
                    description: put.description,
                    revision,
                    written: Some(authorship("unix:ada", via)),
                    ..Default::default()
                };
                self.variables.insert(place, variable);
                v1::WriteStatus::Written
            }
        };
        Ok(v1::WriteResult { status: status.into(), revision, environment_revision: revision, problem: None })
    }
}

impl Fake {
    /// Serves on the socket until the test's runtime ends.
    pub(super) fn serve(socket: &Path) -> Arc<Self> {
        let fake = Arc::new(Self::default());
        let listener = UnixListener::bind(socket).expect("a fresh directory");
        let server = tonic::transport::Server::builder()
            .add_service(ProjectsServer::from_arc(fake.clone()))
            .add_service(EnvironmentsServer::from_arc(fake.clone()))
            .add_service(VariablesServer::from_arc(fake.clone()));
        tokio::spawn(server.serve_with_incoming(UnixListenerStream::new(listener)));
        fake
    }

    /// Someone else writes.
    pub(super) fn write(&self, path: &str, value_type: ValueType, value: &str) {
        let put = v1::Put {
            r#type: v1::ValueType::from(value_type).into(),
            content: Some(v1::put::Content::Value(value.to_owned())),
            create_missing: true,
            ..Default::default()
        };
        self.change(path, v1::write_item::Operation::Put(put));
    }

    /// Someone else deletes.
    pub(super) fn delete(&self, path: &str) {
        self.change(path, v1::write_item::Operation::Delete(v1::Delete {}));
    }

    fn change(&self, path: &str, operation: v1::write_item::Operation) {
        let parts: Vec<&str> = path.split('/').collect();
        let environment = v1::EnvironmentName { project: parts[0].to_owned(), env: parts[1].to_owned() };
        let item = v1::WriteItem {
            environment: Some(environment),
            key: parts[2].to_owned(),
            operation: Some(operation),
            expect: None,
        };
        self.world
            .lock()
            .unwrap()
            .write(item, "ktr", &mut BTreeSet::new())
            .expect("nothing speaks against it");
    }

    /// The canonical text that is stored.
    pub(super) fn value(&self, path: &str) -> Option<String> {
        let parts: Vec<&str> = path.split('/').collect();
        let place = (parts[0].to_owned(), parts[1].to_owned(), parts[2].to_owned());
        let world = self.world.lock().unwrap();
        let Some(v1::variable::Content::Value(value)) = world.variables.get(&place)?.content.clone() else {
            panic!("only values are stored");
        };
        Some(value)
    }

    pub(super) fn asked(&self) -> usize {
        self.snapshots.load(Ordering::SeqCst)
    }

    /// What came along as `authorization` when a snapshot was last asked for.
    pub(super) fn authorization(&self) -> Option<String> {
        self.authorization.lock().unwrap().clone()
    }

    /// What came along as `user-agent` when something was last written.
    pub(super) fn user_agent(&self) -> String {
        self.user_agent.lock().unwrap().clone()
    }

    fn look(&self, request: v1::GetSnapshotRequest) -> Answer<v1::Snapshot> {
        self.may_read()?;
        let path = named(request.name.as_ref());
        let world = self.world.lock().unwrap();
        let Some(environment) = world.environments.get(&path) else {
            return refuse(ProblemCode::NotFound, "There is no such environment");
        };
        let version = format!("v{}", environment.revision);
        let not_modified = request.if_version_differs == version;
        if not_modified {
            self.not_modified.fetch_add(1, Ordering::SeqCst);
        }
        let variables = world.variables.iter().filter(|((project, env, key), _)| {
            !not_modified && *project == path.0 && *env == path.1 && key.starts_with(&request.prefix)
        });
        Ok(Response::new(v1::Snapshot {
            name: request.name,
            revision: environment.revision,
            variables: variables.map(|(_, variable)| variable.clone()).collect(),
            version,
            not_modified,
        }))
    }

    /// After a write was carried out.
    async fn may_answer(&self) {
        if self.mute.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
    }

    fn may_read(&self) -> Result<(), Status> {
        if self.deny.load(Ordering::SeqCst) {
            refuse(ProblemCode::Denied, "You may not read this")
        } else {
            Ok(())
        }
    }
}

#[tonic::async_trait]
impl Variables for Fake {
    async fn write_variables(
        &self,
        request: Request<v1::WriteVariablesRequest>,
    ) -> Answer<v1::WriteVariablesResponse> {
        self.writes.fetch_add(1, Ordering::SeqCst);
        let agent = request.metadata().get("user-agent").expect("clients say who they are");
        agent.to_str().expect("visible ASCII").clone_into(&mut self.user_agent.lock().unwrap());
        let items: Vec<_> = request.into_inner().groups.into_iter().flat_map(|group| group.items).collect();
        let places: BTreeSet<_> =
            items.iter().map(|item| (named(item.environment.as_ref()), item.key.clone())).collect();
        if places.len() < items.len() {
            return refuse(ProblemCode::Invalid, "A key occurs twice");
        }
        let mut changed = BTreeSet::new();
        let results: Vec<_> = {
            let mut world = self.world.lock().unwrap();
            items
                .into_iter()
                .map(|item| {
                    world.write(item, "terraform", &mut changed).unwrap_or_else(|problem| v1::WriteResult {
                        status: v1::WriteStatus::Refused.into(),
                        problem: Some(problem),
                        ..Default::default()
                    })
                })
                .collect()
        };
        self.may_answer().await;
        Ok(Response::new(v1::WriteVariablesResponse { results, replayed: false }))
    }

    async fn get_variable(&self, _request: Request<v1::GetVariableRequest>) -> Answer<v1::Variable> {
        refuse(ProblemCode::Denied, "The provider reads snapshots")
    }

    async fn list_variables(
        &self,
        _request: Request<v1::ListVariablesRequest>,
    ) -> Answer<v1::ListVariablesResponse> {
        refuse(ProblemCode::Denied, "The provider reads snapshots")
    }
}

#[tonic::async_trait]
impl Environments for Fake {
    async fn create_environment(
        &self,
        request: Request<v1::CreateEnvironmentRequest>,
    ) -> Answer<v1::Environment> {
        let request = request.into_inner();
        let path = named(request.name.as_ref());
        let made = {
            let mut world = self.world.lock().unwrap();
            world.ensure_project(&path.0, request.create_missing).map_err(to_status)?;
            let environment = world.environments.entry(path).or_insert_with(|| v1::Environment {
                name: request.name.clone(),
                implicit: true,
                ..Default::default()
            });
            if !environment.implicit {
                return refuse(ProblemCode::AlreadyExists, "The environment exists already");
            }
            environment.implicit = false;
            environment.revision += 1;
            environment.description = request.description;
            environment.clone()
        };
        self.may_answer().await;
        Ok(Response::new(made))
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
        let request = request.into_inner();
        let path = named(request.name.as_ref());
        let changed = match self.world.lock().unwrap().environments.get_mut(&path) {
            Some(environment) => {
                environment.description = request.description;
                environment.revision += 1;
                environment.clone()
            }
            None => return refuse(ProblemCode::NotFound, "There is no such environment"),
        };
        self.may_answer().await;
        Ok(Response::new(changed))
    }

    async fn delete_environment(
        &self,
        request: Request<v1::DeleteEnvironmentRequest>,
    ) -> Answer<v1::DeleteEnvironmentResponse> {
        let (project, env) = named(request.into_inner().name.as_ref());
        let mut world = self.world.lock().unwrap();
        if world.variables.keys().any(|key| key.0 == project && key.1 == env) {
            return refuse(ProblemCode::NotEmpty, "The environment holds variables: A");
        }
        match world.environments.remove(&(project, env)) {
            Some(_) => Ok(Response::new(v1::DeleteEnvironmentResponse {})),
            None => refuse(ProblemCode::NotFound, "There is no such environment"),
        }
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
        let answer = self.look(request.into_inner());
        self.snapshots.fetch_add(1, Ordering::SeqCst);
        // Long enough that what is started together is on its way together.
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        answer
    }
}

#[tonic::async_trait]
impl Projects for Fake {
    async fn create_project(&self, request: Request<v1::CreateProjectRequest>) -> Answer<v1::Project> {
        let request = request.into_inner();
        let made = {
            let mut world = self.world.lock().unwrap();
            world.ensure_project(&request.name, true).map_err(to_status)?;
            let project = world.projects.get_mut(&request.name).expect("it was just made sure of");
            if !project.implicit {
                return refuse(ProblemCode::AlreadyExists, "The project exists already");
            }
            project.implicit = false;
            project.description = request.description;
            project.clone()
        };
        self.may_answer().await;
        Ok(Response::new(made))
    }

    async fn get_project(&self, request: Request<v1::GetProjectRequest>) -> Answer<v1::Project> {
        self.may_read()?;
        match self.world.lock().unwrap().projects.get(&request.into_inner().name) {
            Some(project) => Ok(Response::new(project.clone())),
            None => refuse(ProblemCode::NotFound, "There is no such project"),
        }
    }

    async fn update_project(&self, request: Request<v1::UpdateProjectRequest>) -> Answer<v1::Project> {
        let request = request.into_inner();
        match self.world.lock().unwrap().projects.get_mut(&request.name) {
            Some(project) => {
                project.description = request.description;
                Ok(Response::new(project.clone()))
            }
            None => refuse(ProblemCode::NotFound, "There is no such project"),
        }
    }

    async fn delete_project(
        &self,
        request: Request<v1::DeleteProjectRequest>,
    ) -> Answer<v1::DeleteProjectResponse> {
        let name = request.into_inner().name;
        let mut world = self.world.lock().unwrap();
        if world.environments.keys().any(|path| path.0 == name) {
            return refuse(ProblemCode::NotEmpty, "The project holds environments: dev");
        }
        match world.projects.remove(&name) {
            Some(_) => Ok(Response::new(v1::DeleteProjectResponse {})),
            None => refuse(ProblemCode::NotFound, "There is no such project"),
        }
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
