//! The rules of schemas. Every variable of a project conforms to the project's schemas: a write that does not is refused,
//! and so is a schema that an existing variable violates.

use std::sync::Arc;

use kontraktor_model::{
    limits::{MAX_LISTED_NAMES, MAX_SCHEMAS},
    names::{EnvPath, Key, ProjectName, SchemaName},
};

use super::{
    super::{
        Body, Code, CreateSchema, DeleteSchema, Project, Refusal, SchemaEvent, SchemaOperation,
        SchemaSettings, State, UpdateSchema, VariableKind, VariableSchema, Violation,
        schema::{Checker, MAX_REQUEST_STEPS, Mismatch, ValidationBudget},
    },
    Command, Draft, Weight, counted, find_project, find_schema, list_names,
};

impl Command for CreateSchema {
    type Outcome = Arc<VariableSchema>;

    fn apply(&self, draft: &mut Draft<'_>) -> Result<Self::Outcome, Refusal> {
        let Self { project, name, settings, create_missing, adopt_existing } = self;
        let existing = match find_project(draft.state(), project) {
            Ok(found) => found.schemas.get(name).cloned(),
            Err(_) if *create_missing => None,
            Err(refusal) => return Err(refusal),
        };
        match existing {
            Some(schema) if *adopt_existing => set(draft, &schema, settings)?,
            Some(_) => {
                return Err(Refusal::new(
                    Code::AlreadyExists,
                    format!("schema \"{name}\" already exists in project \"{project}\""),
                )
                .field("name")
                .remedy("import it, or choose another name"));
            }
            None => attach(draft, project, name, settings)?,
        }
        find_schema(find_project(draft.state(), project)?, name).cloned()
    }

    fn weight(&self) -> Weight {
        Weight::of_texts(self.settings.key_pattern.len() + self.settings.schema.len())
    }
}

impl Command for UpdateSchema {
    type Outcome = Arc<VariableSchema>;

    fn apply(&self, draft: &mut Draft<'_>) -> Result<Self::Outcome, Refusal> {
        let Self { project, name, settings, expect } = self;
        let schema = Arc::clone(find_schema(find_project(draft.state(), project)?, name)?);
        if expect.as_ref().is_some_and(|expected| !is_as_asked(&schema, expected)) {
            let changed = &schema.changed;
            return Err(Refusal::new(
                Code::Conflict,
                format!(
                    "schema \"{name}\" of project \"{project}\" differs from the expected settings; it was last changed by {} through {} at {}",
                    changed.actor, changed.via, changed.at,
                ),
            )
            .field("name")
            .remedy("read it again, then retry"));
        }
        set(draft, &schema, settings)?;
        find_schema(find_project(draft.state(), project)?, name).cloned()
    }

    fn weight(&self) -> Weight {
        Weight::of_texts(self.settings.key_pattern.len() + self.settings.schema.len())
    }
}

impl Command for DeleteSchema {
    type Outcome = ();

    fn apply(&self, draft: &mut Draft<'_>) -> Result<Self::Outcome, Refusal> {
        let Self { project, name } = self;
        let schema = Arc::clone(find_schema(find_project(draft.state(), project)?, name)?);
        remove(draft, &schema);
        Ok(())
    }
}

/// Removes a schema.
pub(super) fn remove(draft: &mut Draft<'_>, schema: &VariableSchema) {
    let event = SchemaEvent {
        project: schema.project.clone(),
        name: schema.name.clone(),
        operation: SchemaOperation::Deleted,
        key_pattern: schema.key_pattern.clone(),
        schema: schema.schema.clone(),
    };
    draft.record(None, Body::Schema(event));
}

/// Refuses a canonical value that breaks a schema of the project that it shall be written into, and one that the request
/// has no budget left for.
pub(super) fn check(
    state: &State,
    budget: &mut ValidationBudget,
    path: &EnvPath,
    key: &Key,
    kind: VariableKind,
    value: &str,
) -> Result<(), Refusal> {
    // Schemas are for values. What a reference refers to is not seen here.
    let VariableKind::Value(value_type) = kind else { return Ok(()) };
    let Some(project) = state.project(&path.project) else { return Ok(()) };
    for schema in project.schemas.values() {
        let checker = schema.checker();
        let key_steps = match checker {
            Ok(checker) => checker.key_steps(key),
            Err(unusable) => unusable.key_steps(key),
        };
        if !budget.spend(key_steps) {
            return Err(unchecked(path, key));
        }
        let checker = match checker {
            Ok(checker) if checker.is_for(key) => checker,
            Err(unusable) if unusable.may_be_for(key) => {
                let message = format!(
                    "key \"{key}\" of environment \"{path}\" cannot be checked, because this daemon cannot use schema \"{}\" of project \"{}\" ({})",
                    schema.name,
                    schema.project,
                    unusable.error(),
                );
                return Err(Refusal::new(Code::SchemaViolation, message)
                    .field("value")
                    .remedy("update or delete that schema, then write again"));
            }
            _ => continue,
        };
        let mismatch = match checker.read(value_type, value) {
            Ok(instance) if !budget.spend(instance.steps) => return Err(unchecked(path, key)),
            Ok(instance) if checker.conforms(&instance) => None,
            Ok(instance) => Some(budget.explain(checker, &instance)),
            Err(mismatch) => Some(mismatch),
        };
        if let Some(mismatch) = mismatch {
            let message = format!(
                "key \"{key}\" of environment \"{path}\" violates schema \"{}\" of project \"{}\": {mismatch}",
                schema.name, schema.project,
            );
            return Err(Refusal::new(Code::SchemaViolation, message)
                .field("value")
                .remedy("write a value that conforms, or change the schema first")
                .violation(violation(&schema.name, mismatch)));
        }
    }
    Ok(())
}

fn unchecked(path: &EnvPath, key: &Key) -> Refusal {
    Refusal::invalid(
        "value",
        format!(
            "key \"{key}\" of environment \"{path}\" was not checked, because checking the variables of \
             this request takes more than {MAX_REQUEST_STEPS} steps"
        ),
    )
    .remedy("write fewer variables at a time, or simplify the schemas of the project")
}

fn attach(
    draft: &mut Draft<'_>,
    project: &ProjectName,
    name: &SchemaName,
    settings: &SchemaSettings,
) -> Result<(), Refusal> {
    let count = draft.state().project(project).map_or(0, |found| found.schemas.len());
    if count >= MAX_SCHEMAS {
        return Err(Refusal::invalid(
            "name",
            format!("project \"{project}\" has {count} schemas; the limit is {MAX_SCHEMAS}"),
        )
        .remedy("delete one, or combine schemas"));
    }
    let checker = fitting(draft.state(), project, name, settings)?;
    if draft.state().project(project).is_none() {
        draft.create_project(project, "", true, false);
    }
    write(draft, project, name, SchemaOperation::Created, settings, checker);
    Ok(())
}

/// Updates an existing schema, if it differs from the settings.
fn set(draft: &mut Draft<'_>, schema: &VariableSchema, settings: &SchemaSettings) -> Result<(), Refusal> {
    if is_as_asked(schema, settings) {
        return Ok(());
    }
    let checker = fitting(draft.state(), &schema.project, &schema.name, settings)?;
    write(draft, &schema.project, &schema.name, SchemaOperation::Updated, settings, checker);
    Ok(())
}

fn is_as_asked(schema: &VariableSchema, settings: &SchemaSettings) -> bool {
    *schema.key_pattern == *settings.key_pattern && *schema.schema == *settings.schema
}

fn write(
    draft: &mut Draft<'_>,
    project: &ProjectName,
    name: &SchemaName,
    operation: SchemaOperation,
    settings: &SchemaSettings,
    checker: Checker,
) {
    let event = SchemaEvent {
        project: project.clone(),
        name: name.clone(),
        operation,
        key_pattern: settings.key_pattern.as_str().into(),
        schema: settings.schema.as_str().into(),
    };
    draft.record(None, Body::Schema(event));
    if let Some(schema) = draft.state().project(project).and_then(|project| project.schemas.get(name)) {
        schema.compiled_as(checker);
    }
}

/// Compiles the schema; refuses one that cannot be used or that an existing variable violates.
fn fitting(
    state: &State,
    project: &ProjectName,
    name: &SchemaName,
    settings: &SchemaSettings,
) -> Result<Checker, Refusal> {
    let checker = Checker::new(settings)?;
    let Some(project) = state.project(project) else { return Ok(checker) };
    let mut budget = ValidationBudget::default();
    let mut first: Option<Mismatch> = None;
    let (mut names, mut count) = (Vec::new(), 0_usize);
    for environment in project.environments.values() {
        for variable in environment.variables.values() {
            if !budget.spend(checker.key_steps(&variable.key)) {
                return Err(too_much(project, name));
            }
            if !checker.is_for(&variable.key) {
                continue;
            }
            let VariableKind::Value(value_type) = variable.kind else { continue };
            let mismatch = match checker.read(value_type, &variable.value) {
                Ok(instance) if !budget.spend(instance.steps) => return Err(too_much(project, name)),
                Ok(instance) if checker.conforms(&instance) => continue,
                // Only the first mismatch is explained.
                Ok(_) if first.is_some() => None,
                Ok(instance) => Some(budget.explain(&checker, &instance)),
                Err(mismatch) => Some(mismatch),
            };
            first = first.or(mismatch);
            count += 1;
            if names.len() <= MAX_LISTED_NAMES {
                names.push(format!("{}/{}", environment.path.env, variable.key));
            }
        }
    }
    let Some(mismatch) = first else { return Ok(checker) };
    // The list wants all names only to count them.
    let unlisted = std::iter::repeat_n("", count - names.len());
    let names_listed = list_names(names.iter().map(String::as_str).chain(unlisted));
    let violates = if count == 1 { "violates" } else { "violate" };
    Err(Refusal::new(
        Code::SchemaViolation,
        format!(
            "{} of project \"{}\" {violates} schema \"{name}\": {names_listed}; {} violates {mismatch}",
            counted(count, "variable"),
            project.name,
            names[0],
        ),
    )
    .field("schema")
    .remedy("change these values first, or change the schema to allow them")
    .violation(violation(name, mismatch)))
}

fn too_much(project: &Project, name: &SchemaName) -> Refusal {
    Refusal::invalid(
        "schema",
        format!(
            "schema \"{name}\" takes too many steps to check the existing variables of project \"{}\"",
            project.name
        ),
    )
    .remedy("simplify the schema, or apply it to fewer keys")
}

fn violation(schema: &SchemaName, mismatch: Mismatch) -> Violation {
    Violation {
        schema: schema.to_string(),
        schema_path: mismatch.schema_path,
        value_path: mismatch.value_path,
    }
}
