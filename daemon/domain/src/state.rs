//! Everything that exists at one point in time, built from events one after the other. It applies events as they are:
//! whether something may happen was decided before.

use std::sync::Arc;

use imbl::{HashMap, OrdMap};
use jiff::Timestamp;
use kontraktor_model::names::{EnvPath, ProjectName};
use uuid::Uuid;

use super::{
    AccessOperation, Authorship, Body, DisplayNames, Environment, EnvironmentEvent, EnvironmentOperation,
    Event, Hash, Project, ProjectEvent, ProjectOperation, RoleBindings, SchemaEvent, SchemaOperation,
    SeenVersion, ServiceAccounts, Variable, VariableEvent, VariableKind, VariableSchema, VersionEvent,
    batch::{Memory, Remembered},
};

/// The newest row of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// 0 where the log is empty.
    pub seq: u64,
    /// [`Hash::ZERO`] where the log is empty.
    pub hash: Hash,
}

impl Default for Head {
    fn default() -> Self {
        Self { seq: 0, hash: Hash::ZERO }
    }
}

/// What is left of an environment that was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tombstone {
    /// Its id, which the next environment of the same name gets again.
    pub id: Uuid,
    /// The revision of the deletion; the next environment of the same name continues from it.
    pub revision: u64,
}

/// Everything that exists. Cloning it is cheap, and a clone never changes with the original.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct State {
    projects: OrdMap<ProjectName, Arc<Project>>,
    tombstones: HashMap<EnvPath, Tombstone>,
    batches: Memory,
    roles: RoleBindings,
    accounts: ServiceAccounts,
    names: DisplayNames,
    environments: usize,
    variables: usize,
    references: usize,
    head: Head,
}

impl State {
    /// All projects, by name.
    pub fn projects(&self) -> &OrdMap<ProjectName, Arc<Project>> {
        &self.projects
    }

    /// One project.
    pub fn project(&self, name: &ProjectName) -> Option<&Arc<Project>> {
        self.projects.get(name)
    }

    /// One environment.
    pub fn environment(&self, path: &EnvPath) -> Option<&Arc<Environment>> {
        self.projects.get(&path.project)?.environments.get(&path.env)
    }

    /// What is left of an environment that was deleted and not created again.
    pub fn tombstone(&self, path: &EnvPath) -> Option<&Tombstone> {
        self.tombstones.get(path)
    }

    /// All role bindings.
    pub fn roles(&self) -> &RoleBindings {
        &self.roles
    }

    /// All service accounts.
    pub fn service_accounts(&self) -> &ServiceAccounts {
        &self.accounts
    }

    /// The readable names of actors.
    pub fn display_names(&self) -> &DisplayNames {
        &self.names
    }

    /// What is remembered of a batch, unless it is older than [`super::BATCH_MEMORY`].
    pub fn batch(&self, id: Uuid, now: Timestamp) -> Option<&Arc<Remembered>> {
        self.batches.get(id, now)
    }

    /// The newest row of the log.
    pub fn head(&self) -> Head {
        self.head
    }

    /// How many environments all projects hold.
    pub fn environment_count(&self) -> usize {
        self.environments
    }

    /// How many variables all environments hold, without secret references.
    pub fn variable_count(&self) -> usize {
        self.variables
    }

    /// How many secret references all environments hold.
    pub fn reference_count(&self) -> usize {
        self.references
    }

    /// The counter of variables or of secret references.
    fn counter(&mut self, kind: VariableKind) -> &mut usize {
        if kind.is_reference() { &mut self.references } else { &mut self.variables }
    }

    /// Forgets the batches that are too old by now.
    pub fn forget_batches(&mut self, now: Timestamp) {
        self.batches.forget(now);
    }

    /// Takes one more event in.
    pub fn apply(&mut self, event: &Event) {
        match &event.body {
            Body::Project(project) => self.apply_project(event, project),
            Body::Environment(environment) => self.apply_environment(event, environment),
            Body::Variable(variable) => self.apply_variable(event, variable),
            Body::Schema(schema) => self.apply_schema(event, schema),
            Body::Version(version) => self.apply_version(event, version),
            Body::RoleBinding(_) | Body::ServiceAccount(_) | Body::Access(_) => self.restore_access(event),
            Body::Actor(_) => self.restore_display_name(event),
            Body::Batch(_) => {}
        }
        self.batches.learn(event);
        self.head = Head { seq: event.seq, hash: event.hash };
    }

    fn apply_project(&mut self, event: &Event, change: &ProjectEvent) {
        match change.operation {
            ProjectOperation::Created => {
                let project = Project {
                    name: change.name.clone(),
                    description: change.description.clone(),
                    implicit: change.implicit,
                    protected: change.protected,
                    created: event.authorship(),
                    changed: event.authorship(),
                    environments: OrdMap::new(),
                    schemas: OrdMap::new(),
                };
                self.projects.insert(change.name.clone(), Arc::new(project));
            }
            ProjectOperation::Adopted | ProjectOperation::Updated => {
                if let Some(project) = self.projects.get_mut(&change.name) {
                    let project = Arc::make_mut(project);
                    project.description = change.description.clone();
                    project.implicit = change.implicit;
                    project.protected = change.protected;
                    project.changed = event.authorship();
                }
            }
            ProjectOperation::Deleted => {
                self.projects.remove(&change.name);
            }
        }
    }

    fn apply_environment(&mut self, event: &Event, change: &EnvironmentEvent) {
        let Some(project) = self.projects.get_mut(&change.path.project) else { return };
        let environments = &mut Arc::make_mut(project).environments;
        match change.operation {
            EnvironmentOperation::Created => {
                let environment = Environment {
                    id: change.id,
                    path: change.path.clone(),
                    description: change.description.clone(),
                    implicit: change.implicit,
                    revision: change.revision,
                    protected: change.protected,
                    imports: change.imports.clone(),
                    created: event.authorship(),
                    changed: event.authorship(),
                    written: event.authorship(),
                    variables: OrdMap::new(),
                    last: event.hash,
                    versions: OrdMap::new(),
                    last_version: Hash::ZERO,
                };
                environments.insert(change.path.env.clone(), Arc::new(environment));
                self.tombstones.remove(&change.path);
                self.environments += 1;
            }
            EnvironmentOperation::Adopted | EnvironmentOperation::Updated => {
                if let Some(environment) = environments.get_mut(&change.path.env) {
                    let environment = Arc::make_mut(environment);
                    environment.description = change.description.clone();
                    environment.implicit = change.implicit;
                    environment.protected = change.protected;
                    environment.imports = change.imports.clone();
                    environment.changed = event.authorship();
                    environment.written = event.authorship();
                    environment.revision = change.revision;
                    environment.last = event.hash;
                }
            }
            EnvironmentOperation::Deleted => {
                if environments.remove(&change.path.env).is_some() {
                    self.environments -= 1;
                }
                let tombstone = Tombstone { id: change.id, revision: change.revision };
                self.tombstones.insert(change.path.clone(), tombstone);
            }
        }
    }

    fn apply_variable(&mut self, event: &Event, change: &VariableEvent) {
        let Some(project) = self.projects.get_mut(&change.path.project) else { return };
        let Some(environment) = Arc::make_mut(project).environments.get_mut(&change.path.env) else { return };
        let environment = Arc::make_mut(environment);
        environment.revision = change.revision;
        environment.written = event.authorship();
        environment.last = event.hash;
        let before = match &change.new_value {
            Some(value) => {
                let variable = Variable {
                    key: change.key.clone(),
                    kind: change.kind,
                    value: value.clone(),
                    description: change.description.clone(),
                    revision: change.revision,
                    written: event.authorship(),
                    protected: change.protected,
                };
                environment.variables.insert(change.key.clone(), Arc::new(variable))
            }
            None => environment.variables.remove(&change.key),
        };
        if let Some(before) = before {
            *self.counter(before.kind) -= 1;
        }
        if change.new_value.is_some() {
            *self.counter(change.kind) += 1;
        }
    }

    fn apply_version(&mut self, event: &Event, change: &VersionEvent) {
        let Some(project) = self.projects.get_mut(&change.path.project) else { return };
        let Some(environment) = Arc::make_mut(project).environments.get_mut(&change.path.env) else { return };
        Arc::make_mut(environment).learn_version(event, change);
    }

    fn apply_schema(&mut self, event: &Event, change: &SchemaEvent) {
        let Some(project) = self.projects.get_mut(&change.project) else { return };
        let schemas = &mut Arc::make_mut(project).schemas;
        match change.operation {
            SchemaOperation::Created | SchemaOperation::Updated => {
                let schema = VariableSchema {
                    project: change.project.clone(),
                    name: change.name.clone(),
                    key_pattern: change.key_pattern.clone(),
                    schema: change.schema.clone(),
                    changed: event.authorship(),
                    compiled: Default::default(),
                };
                schemas.insert(change.name.clone(), Arc::new(schema));
            }
            SchemaOperation::Deleted => {
                schemas.remove(&change.name);
            }
        }
    }
}

impl Environment {
    /// Adds a line of the lockfile.
    pub fn learn_version(&mut self, event: &Event, change: &VersionEvent) {
        let seen = SeenVersion {
            reference: Arc::clone(&change.reference),
            version: Arc::clone(&change.version),
            since: event.at,
        };
        self.versions.insert(change.key.clone(), Arc::new(seen));
        self.last_version = event.hash;
    }
}

/// An existing project, as a store reads it.
#[derive(Debug)]
pub struct ProjectParts {
    /// Its newest row.
    pub newest: ProjectEvent,
    /// Who wrote that.
    pub changed: Authorship,
    /// Who created it last.
    pub created: Authorship,
}

/// An environment, existing or deleted, as a store reads it.
#[derive(Debug)]
pub struct EnvironmentParts {
    /// Its newest row in the environments' log.
    pub newest: EnvironmentEvent,
    /// Who wrote that.
    pub changed: Authorship,
    /// Who created it last.
    pub created: Authorship,
    /// Over both its own log and that of its variables.
    pub revision: u64,
    /// Who wrote the newest row of both logs.
    pub written: Authorship,
    /// The hash of the newest row of both logs.
    pub last: Hash,
}

/// An existing variable, as a store reads it.
#[derive(Debug)]
pub struct VariableParts {
    /// The environment.
    pub path: EnvPath,
    /// The key and what it holds.
    pub variable: Variable,
}

/// Puts a state together from the newest rows, without going through the whole log. The result equals that of applying
/// every event in turn.
impl State {
    /// Begins with projects; those whose newest row is their deletion are left out.
    pub fn restore_projects(&mut self, parts: impl IntoIterator<Item = ProjectParts>) {
        for ProjectParts { newest, changed, created } in parts {
            if newest.operation != ProjectOperation::Deleted {
                let project = Project {
                    name: newest.name.clone(),
                    description: newest.description,
                    implicit: newest.implicit,
                    protected: newest.protected,
                    created,
                    changed,
                    environments: OrdMap::new(),
                    schemas: OrdMap::new(),
                };
                self.projects.insert(newest.name, Arc::new(project));
            }
        }
    }

    /// Then environments. Returns false if one of them belongs to a project that does not exist.
    pub fn restore_environment(&mut self, parts: EnvironmentParts) -> bool {
        let EnvironmentParts { newest, changed, created, revision, written, last } = parts;
        if newest.operation == EnvironmentOperation::Deleted {
            self.tombstones.insert(newest.path, Tombstone { id: newest.id, revision });
            return true;
        }
        let Some(project) = self.projects.get_mut(&newest.path.project) else { return false };
        let environment = Environment {
            id: newest.id,
            path: newest.path.clone(),
            description: newest.description,
            implicit: newest.implicit,
            revision,
            protected: newest.protected,
            imports: newest.imports,
            created,
            changed,
            written,
            variables: OrdMap::new(),
            last,
            versions: OrdMap::new(),
            last_version: Hash::ZERO,
        };
        Arc::make_mut(project).environments.insert(newest.path.env, Arc::new(environment));
        self.environments += 1;
        true
    }

    /// Then the schemas, each from its newest row. Returns false if one of them belongs to a project that does not
    /// exist.
    pub fn restore_schema(&mut self, event: &Event) -> bool {
        let Body::Schema(schema) = &event.body else { return true };
        if schema.operation == SchemaOperation::Deleted {
            return true;
        }
        self.apply_schema(event, schema);
        self.projects.contains_key(&schema.project)
    }

    /// Then variables. Returns false if one of them belongs to an environment that does not exist.
    pub fn restore_variable(&mut self, parts: VariableParts) -> bool {
        let VariableParts { path, variable } = parts;
        let (key, kind) = (variable.key.clone(), variable.kind);
        let Some(project) = self.projects.get_mut(&path.project) else { return false };
        let Some(environment) = Arc::make_mut(project).environments.get_mut(&path.env) else { return false };
        Arc::make_mut(environment).variables.insert(key, Arc::new(variable));
        *self.counter(kind) += 1;
        true
    }

    /// Then the newest lines of the lockfiles of existing environments, oldest first.
    pub fn restore_version(&mut self, event: &Event) {
        if let Body::Version(version) = &event.body {
            self.apply_version(event, version);
        }
    }

    /// Then the role bindings and service accounts: their grants, creations and rotations, and the tokens that were issued,
    /// oldest first.
    pub fn restore_access(&mut self, event: &Event) {
        match &event.body {
            Body::RoleBinding(binding) => self.roles.apply(binding, event.authorship()),
            Body::ServiceAccount(account) => self.accounts.apply(account, event.authorship()),
            Body::Access(change) if change.access.operation == AccessOperation::TokenIssued => {
                self.accounts.use_by(&event.actor, event.at);
            }
            _ => {}
        }
    }

    /// Then the newest readable name of each actor.
    pub fn restore_display_name(&mut self, event: &Event) {
        if let Body::Actor(actor) = &event.body {
            self.names.apply(&event.actor, actor);
        }
    }

    /// Then the events of remembered batches, oldest first, and the head.
    pub fn restore_batch_event(&mut self, event: &Event) {
        self.batches.learn(event);
    }

    /// At last the newest row of the log.
    pub fn restore_head(&mut self, head: Head) {
        self.head = head;
    }
}
