//! What a caller may see of the state and of the log: everything else is left out.

use std::sync::Arc;

use kontraktor_access::{Resource, Rights, Scope};
use kontraktor_domain::{AuditEntry, AuditSubject, Environment, Project, State};
use kontraktor_model::{access::Pattern, names::EnvPath};

/// Figures of what a caller may see.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) projects: usize,
    pub(super) environments: usize,
    /// Without secret references.
    pub(super) variables: usize,
    pub(super) references: usize,
}

/// What a caller may read, by the role bindings of one point in time.
pub(super) struct Visible<'a> {
    rights: Rights<'a>,
    /// None: everything.
    patterns: Option<Vec<Pattern>>,
}

impl<'a> Visible<'a> {
    pub(super) fn new(rights: Rights<'a>) -> Self {
        Self { rights, patterns: rights.patterns(Scope::EnvRead) }
    }

    /// Returns the patterns on which the caller may read. None: on everything.
    pub(super) fn patterns(&self) -> Option<&[Pattern]> {
        self.patterns.as_deref()
    }

    fn any(&self, matches: impl Fn(&Pattern) -> bool) -> bool {
        self.patterns.as_ref().is_none_or(|patterns| patterns.iter().any(matches))
    }

    pub(super) fn environment(&self, path: &EnvPath) -> bool {
        self.any(|pattern| pattern.matches(path))
    }

    /// Returns whether a project is shown: its name and its settings.
    pub(super) fn shows_project(&self, project: &Project) -> bool {
        self.any(|pattern| pattern.may_match_in(&project.name))
    }

    /// Returns whether everything in a project is shown, its schemas too.
    pub(super) fn whole_project(&self, project: &Project) -> bool {
        self.any(|pattern| pattern.matches_project(&project.name))
    }

    /// Returns a project with only what is shown of it.
    pub(super) fn project(&self, project: &Arc<Project>) -> Arc<Project> {
        if self.whole_project(project) {
            return Arc::clone(project);
        }
        let mut shown = Project::clone(project);
        shown.schemas.clear();
        shown.environments = shown
            .environments
            .into_iter()
            .filter(|(_, environment)| self.environment(&environment.path))
            .collect();
        Arc::new(shown)
    }

    pub(super) fn counts(&self, state: &State) -> Counts {
        if self.patterns.is_none() {
            return Counts {
                projects: state.projects().len(),
                environments: state.environment_count(),
                variables: state.variable_count(),
                references: state.reference_count(),
            };
        }
        let mut counts = Counts::default();
        for project in state.projects().values().filter(|project| self.shows_project(project)) {
            counts.projects += 1;
            let shown = |environment: &&Arc<Environment>| self.environment(&environment.path);
            for environment in project.environments.values().filter(shown) {
                counts.environments += 1;
                let references = environment.reference_count();
                counts.variables += environment.variables.len() - references;
                counts.references += references;
            }
        }
        counts
    }

    /// Returns whether an entry of the log is about what the caller may see. What is about everything, such as the record of
    /// a batch or the name of an actor, is for those who may read everything; roles are for those who may grant them, and
    /// service accounts and their tokens for those who own everything.
    pub(super) fn entry(&self, entry: &AuditEntry) -> bool {
        match &entry.subject {
            AuditSubject::Project(project) => self.any(|pattern| pattern.may_match_in(&project.name)),
            AuditSubject::Schema(schema) => self.any(|pattern| pattern.matches_project(&schema.project)),
            AuditSubject::Environment(environment) => self.environment(&environment.path),
            AuditSubject::Variable(variable) => self.environment(&variable.path),
            AuditSubject::Version(version) => self.environment(&version.path),
            AuditSubject::Access(_) if entry.operation().is_token() => self.rights.sees_everything(),
            AuditSubject::Access(event) => match (&event.access.environment, &event.access.project) {
                (Some(path), _) => self.environment(path),
                (None, Some(project)) => self.any(|pattern| pattern.matches_project(project)),
                (None, None) => self.any(Pattern::matches_all),
            },
            AuditSubject::Batch | AuditSubject::Actor(_) => self.any(Pattern::matches_all),
            AuditSubject::RoleBinding(binding) => self.rights.owns(Resource::Role(&binding.grant)),
            AuditSubject::ServiceAccount(_) => self.rights.sees_everything(),
        }
    }
}
