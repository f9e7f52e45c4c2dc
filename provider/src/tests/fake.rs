//! A daemon in memory, with the rules that the provider relies on, counters, and ways to misbehave.

#![expect(clippy::result_large_err, reason = "a refusal is made once a test")]

mod access;
mod environments;
mod past;
mod projects;
mod schemas;
pub(super) mod secrets;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use kontraktor_model::{reference::Reference, value::ValueType};
use kontraktor_proto::{
    problem::to_status,
    v1::{
        self, Problem, ProblemCode,
        access_server::AccessServer,
        audit_server::AuditServer,
        environments_server::EnvironmentsServer,
        projects_server::ProjectsServer,
        schemas_server::SchemasServer,
        secrets_server::SecretsServer,
        variables_server::{Variables, VariablesServer},
    },
};
use tokio::net::UnixListener;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::{Request, Response, Status};

type Answer<T> = Result<Response<T>, Status>;

/// What a full queue asks callers to wait.
pub(super) const RETRY_AFTER: Duration = Duration::from_millis(RETRY_AFTER_MS);
const RETRY_AFTER_MS: u64 = 150;

#[derive(Default, Clone)]
struct World {
    projects: BTreeMap<String, v1::Project>,
    environments: BTreeMap<(String, String), v1::Environment>,
    variables: BTreeMap<(String, String, String), v1::Variable>,
    schemas: BTreeMap<(String, String), v1::VariableSchema>,
    /// By `project/env` and revision.
    past: BTreeMap<(String, u64), v1::Snapshot>,
    /// Role, subject and pattern.
    bindings: BTreeSet<(i32, String, String)>,
    log: Vec<v1::AuditEntry>,
    vaults: secrets::Vaults,
}

#[derive(Default)]
pub(super) struct FakeDaemon {
    world: Mutex<World>,
    /// The number of requests for snapshots.
    pub(super) snapshots: AtomicUsize,
    /// How many of them were answered without variables.
    pub(super) not_modified: AtomicUsize,
    /// How many requests to write came.
    pub(super) writes: AtomicUsize,
    /// How many items they held.
    pub(super) items: AtomicUsize,
    authorization: Mutex<Option<String>>,
    user_agent: Mutex<String>,
    /// Refuse reads.
    pub(super) deny: AtomicBool,
    /// Carry writes out, and never answer.
    mute: AtomicBool,
    /// Refuse so many writes first: the queue is full.
    pub(super) busy: AtomicUsize,
    /// The batch ids of all requests to write, with when they came.
    pub(super) batches: Mutex<Vec<(String, tokio::time::Instant)>>,
    /// Requests that change projects and environments.
    pub(super) changes: AtomicUsize,
    /// The requests about secrets.
    pub(super) secrets: secrets::Counters,
}

fn refuse<T>(code: ProblemCode, message: &str) -> Result<T, Status> {
    Err(to_status(Problem::new(code, message)))
}

/// The author and client of a write.
fn authorship(actor: &str, via: &str) -> v1::Authorship {
    let time = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    v1::Authorship { actor: actor.to_owned(), via: via.to_owned(), time: Some(time.into()) }
}

/// `what` is the subject and its verb.
fn protection(what: &str) -> Problem {
    Problem::new(ProblemCode::Protected, format!("{what} protected from deletion"))
        .with_remedy("switch the protection off first, and delete it in a second step")
}

fn named(name: Option<&v1::EnvironmentName>) -> (String, String) {
    let name = name.expect("every request names its environment");
    (name.project.clone(), name.env.clone())
}

/// What a put makes the key hold.
fn canonical(put: &v1::Put) -> Result<v1::variable::Content, Problem> {
    match &put.content {
        Some(v1::put::Content::Value(value)) => {
            let value_type = ValueType::try_from(put.r#type()).map_err(Problem::from)?;
            Ok(v1::variable::Content::Value(value_type.canonicalize(value)?))
        }
        Some(v1::put::Content::Reference(text)) => {
            assert_eq!(put.r#type(), v1::ValueType::Unspecified, "a reference has no type");
            let reference: Reference = text.parse()?;
            Ok(v1::variable::Content::Reference(v1::SecretReference {
                url: reference.to_string(),
                vault: reference.vault().to_string(),
                ..Default::default()
            }))
        }
        None => panic!("a put has a content"),
    }
}

impl World {
    fn ensure_project(&mut self, project: &str, create: bool) -> Result<(), Problem> {
        if !self.projects.contains_key(project) {
            if !create {
                return Err(Problem::new(ProblemCode::NotFound, format!("There is no project {project:?}")));
            }
            let made = v1::Project {
                name: project.to_owned(),
                implicit: true,
                changed: Some(authorship("unix:ada", "terraform")),
                ..Default::default()
            };
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
        let location = (project.clone(), env.clone(), item.key.clone());
        let current = self.variables.get(&location).cloned();
        let refused =
            |code, message: &str| Problem { current: current.clone(), ..Problem::new(code, message) };
        let protected = current.as_ref().is_some_and(|current| current.deletion_protection);
        if protected && matches!(item.operation, Some(v1::write_item::Operation::Delete(_))) {
            return Err(protection(&format!("The variable {project}/{env}/{} is", item.key)));
        }
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
        let content = match &item.operation {
            Some(v1::write_item::Operation::Put(put)) => Some(canonical(put)?),
            _ => None,
        };
        if let Some((current, content)) = current.as_ref().zip(content.as_ref()) {
            let reference = current.reference().is_some();
            if reference != matches!(content, v1::variable::Content::Reference(_)) {
                let is = if reference { "a secret reference" } else { "a plain variable" };
                let message = format!("key {:?} is {is}, and cannot become another", item.key);
                return Err(Problem::new(ProblemCode::KeyExists, message).with_field("key"));
            }
        }
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
                self.variables.remove(&location);
                v1::WriteStatus::Deleted
            }
            v1::write_item::Operation::Put(put) => {
                let before = current.is_some_and(|current| current.deletion_protection);
                let variable = v1::Variable {
                    key: item.key.clone(),
                    r#type: put.r#type,
                    content,
                    description: put.description,
                    revision,
                    written: Some(authorship("unix:ada", via)),
                    deletion_protection: put.deletion_protection.unwrap_or(before),
                    ..Default::default()
                };
                self.variables.insert(location, variable);
                v1::WriteStatus::Written
            }
        };
        Ok(v1::WriteResult { status: status.into(), revision, environment_revision: revision, problem: None })
    }
}

impl World {
    /// A group is written whole or not at all.
    fn write_group(
        &mut self,
        group: Vec<v1::WriteItem>,
        changed: &mut BTreeSet<(String, String)>,
    ) -> Vec<v1::WriteResult> {
        let before = (group.len() > 1).then(|| (self.clone(), changed.clone()));
        let results: Vec<_> = group.into_iter().map(|item| self.write(item, "terraform", changed)).collect();
        let failed = results.iter().any(Result::is_err);
        if let (true, Some((world, environments))) = (failed, before) {
            *self = world;
            *changed = environments;
        }
        let refused = |problem| v1::WriteResult {
            status: v1::WriteStatus::Refused.into(),
            problem: Some(problem),
            ..Default::default()
        };
        let skipped = || Problem::new(ProblemCode::Skipped, "Another item of the group failed");
        let answer = |result: Result<_, _>| match result {
            Ok(_) if failed => refused(skipped()),
            Ok(result) => result,
            Err(problem) => refused(problem),
        };
        results.into_iter().map(answer).collect()
    }
}

impl FakeDaemon {
    /// Serves on the socket until the test's runtime ends.
    /// Leaves writes and changes unanswered, by a clock that is paused: the caller's deadline passes as soon as it waits.
    pub(super) fn set_mute(&self, mute: bool) {
        self.mute.store(mute, Ordering::SeqCst);
        if mute { tokio::time::pause() } else { tokio::time::resume() }
    }

    pub(super) fn serve(socket: &Path) -> Arc<Self> {
        let fake = Arc::new(Self::default());
        let listener = UnixListener::bind(socket).expect("a fresh directory");
        let server = tonic::transport::Server::builder()
            .add_service(ProjectsServer::from_arc(fake.clone()))
            .add_service(EnvironmentsServer::from_arc(fake.clone()))
            .add_service(SchemasServer::from_arc(fake.clone()))
            .add_service(AccessServer::from_arc(fake.clone()))
            .add_service(AuditServer::from_arc(fake.clone()))
            .add_service(SecretsServer::from_arc(fake.clone()))
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

    /// Someone else writes a secret reference.
    pub(super) fn refer(&self, path: &str, reference: &str) {
        let put = v1::Put {
            content: Some(v1::put::Content::Reference(reference.to_owned())),
            create_missing: true,
            ..Default::default()
        };
        self.change(path, v1::write_item::Operation::Put(put));
    }

    /// Someone else deletes.
    pub(super) fn delete(&self, path: &str) {
        self.change(path, v1::write_item::Operation::Delete(v1::Delete {}));
    }

    /// Someone else protects a variable from deletion.
    pub(super) fn protect(&self, path: &str) {
        self.set_protection(path, true);
    }

    /// Someone else lifts a variable's protection.
    pub(super) fn unprotect(&self, path: &str) {
        self.set_protection(path, false);
    }

    fn set_protection(&self, path: &str, protect: bool) {
        let parts: Vec<&str> = path.split('/').collect();
        let location = (parts[0].to_owned(), parts[1].to_owned(), parts[2].to_owned());
        let existing = self.world.lock().unwrap().variables.get(&location).cloned().expect("it exists");
        let put = v1::Put {
            r#type: existing.r#type,
            content: existing.to_put(),
            description: existing.description,
            deletion_protection: Some(protect),
            create_missing: false,
        };
        self.change(path, v1::write_item::Operation::Put(put));
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
        let location = (parts[0].to_owned(), parts[1].to_owned(), parts[2].to_owned());
        let world = self.world.lock().unwrap();
        let Some(v1::variable::Content::Value(value)) = world.variables.get(&location)?.content.clone()
        else {
            panic!("only values are stored");
        };
        Some(value)
    }

    /// The secret reference that is stored.
    pub(super) fn reference(&self, path: &str) -> Option<String> {
        Some(self.variable(path)?.reference().expect("the key holds a reference").url.clone())
    }

    /// What is stored.
    pub(super) fn variable(&self, path: &str) -> Option<v1::Variable> {
        let parts: Vec<&str> = path.split('/').collect();
        let location = (parts[0].to_owned(), parts[1].to_owned(), parts[2].to_owned());
        self.world.lock().unwrap().variables.get(&location).cloned()
    }

    pub(super) fn request(&self) -> usize {
        self.snapshots.load(Ordering::SeqCst)
    }

    /// The `authorization` of the last request for a snapshot.
    pub(super) fn authorization(&self) -> Option<String> {
        self.authorization.lock().unwrap().clone()
    }

    /// What came along as `user-agent` when something was last written.
    pub(super) fn user_agent(&self) -> String {
        self.user_agent.lock().unwrap().clone()
    }

    fn view(&self, request: v1::GetSnapshotRequest) -> Answer<v1::Snapshot> {
        self.may_read()?;
        if let Some(at) = request.at {
            return self.look_back(&request, at);
        }
        let path = named(request.name.as_ref());
        let world = self.world.lock().unwrap();
        let Some(environment) = world.environments.get(&path) else {
            return refuse(ProblemCode::NotFound, "There is no such environment");
        };
        let version = format!("v{}.{}", environment.revision, world.vaults.lockfile());
        let not_modified = request.if_version_differs == version;
        if not_modified {
            self.not_modified.fetch_add(1, Ordering::SeqCst);
        }
        let own = [v1::EnvironmentName { project: path.0, env: path.1 }];
        // Imports of imports are the real daemon's matter.
        let imports = if request.own_only { &[][..] } else { &environment.imports };
        let mut variables = BTreeMap::new();
        for name in imports.iter().chain(&own).filter(|_| !not_modified) {
            let held = world.variables.iter().filter(|((project, env, key), _)| {
                *project == name.project && *env == name.env && key.starts_with(&request.prefix)
            });
            variables.extend(held.map(|(location, variable)| {
                let origin = v1::Origin { environment: Some(name.clone()), revision: 1 };
                (location.2.clone(), v1::Variable { origin: Some(origin), ..variable.clone() })
            }));
        }
        Ok(Response::new(v1::Snapshot {
            name: request.name,
            revision: environment.revision,
            variables: variables.into_values().collect(),
            version,
            not_modified,
            imports: environment.imports.clone(),
            description: environment.description.clone(),
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
impl Variables for FakeDaemon {
    async fn write_variables(
        &self,
        request: Request<v1::WriteVariablesRequest>,
    ) -> Answer<v1::WriteVariablesResponse> {
        self.writes.fetch_add(1, Ordering::SeqCst);
        self.batches.lock().unwrap().push((request.get_ref().batch_id.clone(), tokio::time::Instant::now()));
        if self.busy.load(Ordering::SeqCst) > 0 {
            self.busy.fetch_sub(1, Ordering::SeqCst);
            let busy = Problem::new(ProblemCode::Busy, "Too many writes wait");
            return Err(to_status(Problem { retry_after_ms: RETRY_AFTER_MS, ..busy }));
        }
        let agent = request.metadata().get("user-agent").expect("clients say who they are");
        agent.to_str().expect("visible ASCII").clone_into(&mut self.user_agent.lock().unwrap());
        let groups: Vec<_> = request.into_inner().groups.into_iter().map(|group| group.items).collect();
        let items = || groups.iter().flatten();
        self.items.fetch_add(items().count(), Ordering::SeqCst);
        let places: BTreeSet<_> =
            items().map(|item| (named(item.environment.as_ref()), item.key.clone())).collect();
        if places.len() < items().count() {
            return refuse(ProblemCode::Invalid, "A key occurs twice");
        }
        let mut changed = BTreeSet::new();
        let results: Vec<_> = {
            let mut world = self.world.lock().unwrap();
            groups.into_iter().flat_map(|group| world.write_group(group, &mut changed)).collect()
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
