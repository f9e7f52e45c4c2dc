//! Reading what stands. Nothing here waits for anything.

use std::{ops::Bound, sync::Arc};

use kontraktor_proto::{
    limits::MAX_PAGE_SIZE,
    names::{EnvName, EnvPath, Key, ProjectName},
};

use super::{
    Page, PageRequest, Service,
    page::{Listing, bad_token, cut, page_size},
};
use crate::domain::{Code, Environment, Project, Refusal, State, Variable, find_environment, find_project};

/// An environment at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// The environment as it stood.
    pub environment: Arc<Environment>,
    /// Opaque. Equal versions mean equal content, imports included.
    pub version: String,
    /// The variables asked for, by key. All are the environment's own, as long as there are no imports.
    pub variables: Vec<Arc<Variable>>,
}

impl Service {
    /// What stands now. It does not change any more.
    pub fn state(&self) -> Arc<State> {
        self.inner.state.load_full()
    }

    /// All projects, by name.
    pub fn projects(&self, page: &PageRequest) -> Result<Page<Arc<Project>>, Refusal> {
        let listing = Listing::new(&["projects"]);
        let after = parsed::<ProjectName>(listing.after(&page.token)?)?;
        let state = self.inner.state.load();
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let projects = state.projects().range::<_, ProjectName>((start, Bound::Unbounded));
        let size = page_size(page.size, MAX_PAGE_SIZE, MAX_PAGE_SIZE);
        Ok(cut(projects.map(|(_, project)| Arc::clone(project)), size, &listing, |project| {
            project.name.to_string()
        }))
    }

    /// One project.
    pub fn project(&self, name: &ProjectName) -> Result<Arc<Project>, Refusal> {
        find_project(&self.inner.state.load(), name).cloned()
    }

    /// The environments of one project, or of all, by project and name. A project that does not exist is refused.
    pub fn environments(
        &self,
        project: Option<&ProjectName>,
        page: &PageRequest,
    ) -> Result<Page<Arc<Environment>>, Refusal> {
        let listing = Listing::new(&["environments", project.map_or("", ProjectName::as_str)]);
        let after = parsed::<EnvPath>(listing.after(&page.token)?)?;
        let state = self.inner.state.load();
        if let Some(name) = project {
            find_project(&state, name)?;
        }
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
            .map(|(_, environment)| Arc::clone(environment));
        let size = page_size(page.size, MAX_PAGE_SIZE, MAX_PAGE_SIZE);
        Ok(cut(environments, size, &listing, |environment| environment.path.to_string()))
    }

    /// One environment.
    pub fn environment(&self, path: &EnvPath) -> Result<Arc<Environment>, Refusal> {
        find_environment(&self.inner.state.load(), path).cloned()
    }

    /// An environment at one moment: the variables whose keys begin with `prefix`. There are no imports yet, so what is
    /// effective and what is the environment's own are the same.
    pub fn snapshot(&self, path: &EnvPath, prefix: &str) -> Result<Snapshot, Refusal> {
        let environment = self.environment(path)?;
        let variables = environment.with_prefix(prefix).cloned().collect();
        Ok(Snapshot { version: environment.version(), variables, environment })
    }

    /// One own variable of an environment, and the environment that it stands in.
    pub fn variable(&self, path: &EnvPath, key: &Key) -> Result<(Arc<Environment>, Arc<Variable>), Refusal> {
        let environment = self.environment(path)?;
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

    /// Own variables of an environment, by key, and the environment that they stand in.
    pub fn variables(
        &self,
        path: &EnvPath,
        prefix: &str,
        page: &PageRequest,
    ) -> Result<(Arc<Environment>, Page<Arc<Variable>>), Refusal> {
        let listing = Listing::new(&["variables", path.project.as_str(), path.env.as_str(), prefix]);
        let after = parsed::<Key>(listing.after(&page.token)?)?;
        let environment = self.environment(path)?;
        let start = match &after {
            Some(key) => Bound::Excluded(key.as_str()),
            None => Bound::Included(prefix),
        };
        let variables = environment
            .variables
            .range::<_, str>((start, Bound::Unbounded))
            .take_while(|(key, _)| key.as_str().starts_with(prefix))
            .map(|(_, variable)| Arc::clone(variable));
        let size = page_size(page.size, MAX_PAGE_SIZE, MAX_PAGE_SIZE);
        let page = cut(variables, size, &listing, |variable| variable.key.to_string());
        Ok((environment, page))
    }
}

/// The last entry given out, as the token names it.
fn parsed<T: std::str::FromStr>(last: Option<String>) -> Result<Option<T>, Refusal> {
    last.map(|text| text.parse().map_err(|_| bad_token())).transpose()
}
