//! Restores an earlier state of an environment (own variables, imports and description) as one new revision. Protection
//! is not restored: what is protected now stays protected, and refuses a restoration that would delete it.

use std::sync::Arc;

use kontraktor_model::names::EnvPath;

use super::{
    super::{
        Body, Code, EarlierState, Environment, EnvironmentSettings, Refusal, RestoreEnvironment, Restored,
        Variable, VariableEvent, VariableOperation, schema::ValidationBudget,
    },
    Command, Draft, Weight, counted, environments, find_environment, imports, list_names, protection,
    schemas,
};

impl Command for RestoreEnvironment {
    type Outcome = Restored;

    fn apply(&self, draft: &mut Draft<'_>) -> Result<Self::Outcome, Refusal> {
        let Self { path, earlier, expect_revision } = self;
        let environment = Arc::clone(find_environment(draft.state(), path)?);
        // The first check: what would be written and deleted follows from the current state.
        check_revision(&environment, *expect_revision)?;
        let going: Vec<&Arc<Variable>> = environment
            .variables
            .values()
            .filter(|variable| !earlier.variables.contains_key(&variable.key))
            .collect();
        check_unprotected(path, earlier, &going)?;
        let settings = settings(draft, &environment, earlier)?;
        let coming: Vec<&Arc<Variable>> =
            earlier.variables.values().filter(|variable| !is_current(&environment, variable)).collect();

        let mut budget = ValidationBudget::default();
        for variable in &coming {
            schemas::check(draft.state(), &mut budget, path, &variable.key, variable.kind, &variable.value)
                .map_err(|refusal| refusal.unrestorable(path, earlier.revision))?;
        }

        if let Some(settings) = settings {
            environments::set(draft, &environment, &settings);
        }
        if !coming.is_empty() || !going.is_empty() {
            let revision = draft.revision(path);
            for variable in &going {
                draft.record(None, Body::Variable(environments::deletion(&environment, variable, revision)));
            }
            for variable in &coming {
                draft.record(None, Body::Variable(return_of(&environment, variable, revision)));
            }
        }
        let environment = Arc::clone(find_environment(draft.state(), path)?);
        Ok(Restored { environment, written: coming.len(), deleted: going.len() })
    }

    fn weight(&self) -> Weight {
        Weight::of_items(
            self.earlier.variables.values().map(|variable| {
                variable.key.as_str().len() + variable.value.len() + variable.description.len()
            }),
        )
    }
}

fn check_revision(environment: &Environment, expected: Option<u64>) -> Result<(), Refusal> {
    let Some(expected) = expected.filter(|revision| *revision != environment.revision) else { return Ok(()) };
    let Environment { path, revision, written, .. } = environment;
    Err(Refusal::new(
        Code::Conflict,
        format!(
            "environment \"{path}\" is at revision {revision}, but revision {expected} was expected; it was last \
             changed by {} through {} at {}",
            written.actor, written.via, written.at,
        ),
    )
    .field("expect_revision")
    .remedy("review what changed, then retry"))
}

fn check_unprotected(
    path: &EnvPath,
    earlier: &EarlierState,
    going: &[&Arc<Variable>],
) -> Result<(), Refusal> {
    let kept = || going.iter().filter(|variable| variable.protected).map(|variable| variable.key.as_str());
    let count = kept().count();
    if count == 0 {
        return Ok(());
    }
    Err(Refusal::new(
        Code::Protected,
        format!(
            "restoring revision {} of environment \"{path}\" would delete {} protected from deletion: {}",
            earlier.revision,
            counted(count, "variable"),
            list_names(kept()),
        ),
    )
    .field("to_revision")
    .remedy(protection::unprotect_variables(path, "roll back again")))
}

/// Returns the earlier settings of the environment itself; `None` if they are the current ones.
fn settings(
    draft: &Draft<'_>,
    environment: &Environment,
    earlier: &EarlierState,
) -> Result<Option<EnvironmentSettings>, Refusal> {
    let same_imports = environment.imports == earlier.imports;
    if same_imports && environment.description == earlier.description {
        return Ok(None);
    }
    let settings = EnvironmentSettings {
        description: earlier.description.to_string(),
        protected: environment.protected,
        imports: earlier.imports.to_vec(),
    };
    if !same_imports {
        imports::check(draft, &environment.path, &settings.imports)
            .map_err(|refusal| refusal.unrestorable(&environment.path, earlier.revision))?;
    }
    Ok(Some(settings))
}

impl Refusal {
    /// Returns the refusal to restore a revision of an environment for this reason.
    pub fn unrestorable(self, path: &EnvPath, revision: u64) -> Self {
        let message =
            format!("revision {revision} of environment \"{path}\" cannot be restored: {}", self.message);
        Self { message, ..self }
    }
}

/// Returns whether an earlier variable has the same content now.
fn is_current(environment: &Environment, earlier: &Variable) -> bool {
    environment.variables.get(&earlier.key).is_some_and(|now| {
        now.kind == earlier.kind && now.value == earlier.value && now.description == earlier.description
    })
}

/// Returns the event that gives a variable its earlier content.
fn return_of(environment: &Environment, earlier: &Variable, revision: u64) -> VariableEvent {
    let now = environment.variables.get(&earlier.key);
    VariableEvent {
        environment: environment.id,
        path: environment.path.clone(),
        key: earlier.key.clone(),
        operation: if now.is_some() { VariableOperation::Updated } else { VariableOperation::Created },
        revision,
        kind: earlier.kind,
        old_value: now.map(|variable| variable.value.clone()),
        new_value: Some(earlier.value.clone()),
        description: earlier.description.clone(),
        protected: now.is_some_and(|variable| variable.protected),
    }
}
