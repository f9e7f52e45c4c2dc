//! Reading the current state. Nothing here waits.

use std::{ops::Bound, sync::Arc};

use kontraktor_model::{
    limits::MAX_PAGE_SIZE,
    names::{EnvName, EnvPath, Key, ProjectName, SchemaName},
};

use kontraktor_access::{Action, Caller, Resource, Rights};

use super::{
    Page, PageRequest, Service, Snapshot,
    page::{Listing, bad_token, cut, page_size, weigh_imports},
    visible::Visible,
};
use kontraktor_domain::{
    Code, Environment, Project, Refusal, State, Variable, VariableSchema, find_environment, find_project,
    find_schema,
};

impl Service {
    /// Returns everything that exists now, as an immutable value.
    pub fn state(&self, caller: &Caller) -> Result<Arc<State>, Refusal> {
        self.authorize(caller, Action::StateRead, Resource::Daemon)?;
        Ok(self.inner.state.load_full())
    }

    /// Returns all projects, by name.
    pub fn projects(&self, caller: &Caller, page: &PageRequest) -> Result<Page<Arc<Project>>, Refusal> {
        self.authorize(caller, Action::ProjectList, Resource::Daemon)?;
        let listing = Listing::new(&["projects", page.order.word()]);
        let state = self.inner.state.load();
        let size = page_size(page.size, MAX_PAGE_SIZE, MAX_PAGE_SIZE);
        let visible = Visible::new(Rights::new(caller, state.roles()));
        let shown = |(_, project): (&ProjectName, &Arc<Project>)| {
            visible.shows_project(project).then(|| visible.project(project))
        };
        let weigh = |project: &Arc<Project>| project.description.len();
        if !page.order.is_usual() {
            let place = |project: &Arc<Project>| (project.name.to_string(), project.changed.at);
            let projects = state.projects().iter().filter_map(shown);
            return page.order.page(projects, page, size, &listing, place, weigh);
        }
        let after = parsed::<ProjectName>(listing.after(page.token.as_deref())?)?;
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let projects = state.projects().range::<_, ProjectName>((start, Bound::Unbounded));
        Ok(cut(projects.filter_map(shown), size, &listing, weigh, |project| project.name.to_string()))
    }

    /// Returns a project.
    pub fn project(&self, caller: &Caller, name: &ProjectName) -> Result<Arc<Project>, Refusal> {
        self.authorize(caller, Action::ProjectRead, Resource::Project(name))?;
        let state = self.inner.state.load();
        let project = find_project(&state, name)?;
        Ok(Visible::new(Rights::new(caller, state.roles())).project(project))
    }

    /// Returns the schemas of a project, by name.
    pub fn schemas(
        &self,
        caller: &Caller,
        project: &ProjectName,
        page: &PageRequest,
    ) -> Result<Page<Arc<VariableSchema>>, Refusal> {
        self.authorize(caller, Action::SchemaList, Resource::Project(project))?;
        let listing = Listing::new(&["schemas", project.as_str()]);
        let after = parsed::<SchemaName>(listing.after(page.token.as_deref())?)?;
        let state = self.inner.state.load();
        let found = find_project(&state, project)?;
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let schemas = found.schemas.range::<_, SchemaName>((start, Bound::Unbounded));
        let size = page_size(page.size, MAX_PAGE_SIZE, MAX_PAGE_SIZE);
        let shown = Visible::new(Rights::new(caller, state.roles())).whole_project(found);
        let schemas = schemas.filter(|_| shown).map(|(_, schema)| Arc::clone(schema));
        Ok(cut(schemas, size, &listing, |schema| schema.schema.len(), |schema| schema.name.to_string()))
    }

    /// Returns a schema of a project.
    pub fn schema(
        &self,
        caller: &Caller,
        project: &ProjectName,
        name: &SchemaName,
    ) -> Result<Arc<VariableSchema>, Refusal> {
        self.authorize(caller, Action::SchemaRead, Resource::Schema(project, name))?;
        find_schema(find_project(&self.inner.state.load(), project)?, name).cloned()
    }

    /// Returns the environments of one project, or of all, by project and name. A project that does not exist is refused.
    pub fn environments(
        &self,
        caller: &Caller,
        project: Option<&ProjectName>,
        page: &PageRequest,
    ) -> Result<Page<Arc<Environment>>, Refusal> {
        let resource = project.map_or(Resource::Daemon, Resource::Project);
        self.authorize(caller, Action::EnvironmentList, resource)?;
        let word = page.order.word();
        let listing = Listing::new(&["environments", project.map_or("", ProjectName::as_str), word]);
        let state = self.inner.state.load();
        if let Some(name) = project {
            find_project(&state, name)?;
        }
        let visible = Visible::new(Rights::new(caller, state.roles()));
        let size = page_size(page.size, MAX_PAGE_SIZE, MAX_PAGE_SIZE);
        let weigh = |found: &Arc<Environment>| found.description.len() + weigh_imports(&found.imports);
        if !page.order.is_usual() {
            let environments = state
                .projects()
                .values()
                .filter(|found| project.is_none_or(|name| found.name == *name))
                .flat_map(|found| found.environments.values())
                .filter(|environment| visible.environment(&environment.path))
                .map(Arc::clone);
            // What separates the names is less than every character of a name.
            let place = |found: &Arc<Environment>| {
                (format!("{}\n{}", found.path.project, found.path.env), found.changed.at)
            };
            return page.order.page(environments, page, size, &listing, place, weigh);
        }
        let after = parsed::<EnvPath>(listing.after(page.token.as_deref())?)?;
        let first = project.or(after.as_ref().map(|path| &path.project));
        let start = first.map_or(Bound::Unbounded, Bound::Included);
        let environments = state
            .projects()
            .range::<_, ProjectName>((start, Bound::Unbounded))
            .map(|(_, found)| found)
            .take_while(|found| project.is_none_or(|name| found.name == *name))
            .flat_map(|found| {
                let start = match &after {
                    Some(path) if path.project == found.name => Bound::Excluded(&path.env),
                    _ => Bound::Unbounded,
                };
                found.environments.range::<_, EnvName>((start, Bound::Unbounded))
            })
            .filter(|(_, environment)| visible.environment(&environment.path))
            .map(|(_, environment)| Arc::clone(environment));
        Ok(cut(environments, size, &listing, weigh, |found| found.path.to_string()))
    }

    /// Returns an environment.
    pub fn environment(&self, caller: &Caller, path: &EnvPath) -> Result<Arc<Environment>, Refusal> {
        self.authorize(caller, Action::EnvironmentRead, Resource::Environment(path))?;
        find_environment(&self.inner.state.load(), path).cloned()
    }

    /// Returns an environment as it is now, with what it imports unless `own_only`.
    pub fn snapshot(&self, caller: &Caller, path: &EnvPath, own_only: bool) -> Result<Snapshot, Refusal> {
        self.authorize(caller, snapshot_action(own_only), Resource::Environment(path))?;
        self.current(path, own_only)
    }

    /// The same for a caller who was authorized already.
    pub(super) fn current(&self, path: &EnvPath, own_only: bool) -> Result<Snapshot, Refusal> {
        let state = self.inner.state.load();
        let environment = find_environment(&state, path)?;
        if own_only {
            return Ok(Snapshot::own(Arc::clone(environment)));
        }
        Snapshot::effective(environment, |import| state.environment(import))
    }

    /// Returns an own variable of an environment, and that environment.
    pub fn variable(
        &self,
        caller: &Caller,
        path: &EnvPath,
        key: &Key,
    ) -> Result<(Arc<Environment>, Arc<Variable>), Refusal> {
        self.authorize(caller, Action::VariableRead, Resource::Key(path, key))?;
        let environment = Arc::clone(find_environment(&self.inner.state.load(), path)?);
        match environment.variables.get(key).cloned() {
            Some(variable) => Ok((environment, variable)),
            None => Err(Refusal::new(
                Code::NotFound,
                format!("key \"{key}\" does not exist in environment \"{path}\""),
            )
            .field("key")
            .remedy("check the key, or write it first")),
        }
    }

    /// Returns own variables of an environment, by key, and that environment.
    pub fn variables(
        &self,
        caller: &Caller,
        path: &EnvPath,
        prefix: &str,
        page: &PageRequest,
    ) -> Result<(Arc<Environment>, Page<Arc<Variable>>), Refusal> {
        self.authorize(caller, Action::VariableList, Resource::Environment(path))?;
        let (project, env) = (path.project.as_str(), path.env.as_str());
        let listing = Listing::new(&["variables", project, env, prefix, page.order.word()]);
        let environment = Arc::clone(find_environment(&self.inner.state.load(), path)?);
        let variables_from = |start: Bound<&str>| {
            environment
                .variables
                .range::<_, str>((start, Bound::Unbounded))
                .take_while(|(key, _)| key.as_str().starts_with(prefix))
                .map(|(_, variable)| Arc::clone(variable))
        };
        let size = page_size(page.size, MAX_PAGE_SIZE, MAX_PAGE_SIZE);
        let weigh = |variable: &Arc<Variable>| variable.value.len() + variable.description.len();
        if !page.order.is_usual() {
            let place = |variable: &Arc<Variable>| (variable.key.to_string(), variable.written.at);
            let variables = variables_from(Bound::Included(prefix));
            let page = page.order.page(variables, page, size, &listing, place, weigh)?;
            return Ok((environment, page));
        }
        let after = parsed::<Key>(listing.after(page.token.as_deref())?)?;
        let variables = variables_from(
            after.as_ref().map_or(Bound::Included(prefix), |key| Bound::Excluded(key.as_str())),
        );
        let page = cut(variables, size, &listing, weigh, |variable| variable.key.to_string());
        Ok((environment, page))
    }
}

/// Returns the action of reading a snapshot.
pub(super) fn snapshot_action(own_only: bool) -> Action {
    if own_only { Action::SnapshotReadOwn } else { Action::SnapshotRead }
}

/// Parses the last entry of the previous page, as the token names it.
pub(super) fn parsed<T: std::str::FromStr>(last: Option<String>) -> Result<Option<T>, Refusal> {
    last.map(|text| text.parse().map_err(|_| bad_token())).transpose()
}
