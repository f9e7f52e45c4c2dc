//! The rules of imports: what an environment imports must exist, must not lead back to it, and stays while it is
//! imported.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
};

use kontraktor_model::{
    limits::{MAX_IMPORTS, MAX_LISTED_NAMES},
    names::{EnvPath, ProjectName},
};

use super::{
    super::{Code, Environment, Refusal, State},
    Draft, counted, list_names,
};

/// Whether `importer` may import these.
pub(super) fn check(draft: &Draft<'_>, importer: &EnvPath, imports: &[EnvPath]) -> Result<(), Refusal> {
    let state = draft.state();
    if imports.len() > MAX_IMPORTS {
        return Err(Refusal::invalid(
            "imports",
            format!(
                "environment \"{importer}\" would import {} environments; the limit is {MAX_IMPORTS}",
                imports.len()
            ),
        )
        .remedy("group some of them in another environment, and import that one"));
    }
    let mut seen = HashSet::new();
    for import in imports {
        if !seen.insert(import) {
            return Err(Refusal::invalid(
                "imports",
                format!("environment \"{importer}\" would import \"{import}\" twice"),
            )
            .remedy("name it once; later imports override earlier ones"));
        }
        if import != importer && state.environment(import).is_none() {
            return Err(Refusal::no_import(importer, import));
        }
    }
    match way_back(state, importer, imports) {
        None => Ok(()),
        Some(way) => Err(Refusal::new(
            Code::ImportCycle,
            format!("environment \"{importer}\" would import itself: {}", in_words(draft, &way)),
        )
        .field("imports")
        .remedy("remove one of these imports")),
    }
}

/// `a/b -> c/d -> a/b`. Of a long way the steps in the middle are only counted, and what the author may not read has no name.
fn in_words(draft: &Draft<'_>, way: &[EnvPath]) -> String {
    let ends = [way.first(), way.last()];
    let name = |path: &EnvPath| {
        if ends.contains(&Some(path)) || draft.reads(path) {
            path.to_string()
        } else {
            "(another environment)".to_owned()
        }
    };
    let mut steps: Vec<String> = way.iter().map(name).collect();
    if steps.len() > MAX_LISTED_NAMES {
        let left_out = steps.len() - MAX_LISTED_NAMES;
        let middle = format!("({left_out} more)");
        steps.splice(MAX_LISTED_NAMES / 2..MAX_LISTED_NAMES / 2 + left_out, [middle]);
    }
    steps.join(" -> ")
}

/// The shortest way from the importer through its imports to itself, where there is one.
fn way_back(state: &State, importer: &EnvPath, imports: &[EnvPath]) -> Option<Vec<EnvPath>> {
    // By whom each was reached first.
    let mut from: HashMap<EnvPath, EnvPath> = HashMap::new();
    let mut open: VecDeque<EnvPath> = VecDeque::new();
    for import in imports {
        from.entry(import.clone()).or_insert_with(|| importer.clone());
        open.push_back(import.clone());
    }
    while let Some(path) = open.pop_front() {
        if path == *importer {
            let mut way = vec![path.clone()];
            let mut at = from.get(&path)?;
            while at != importer {
                way.push(at.clone());
                at = from.get(at)?;
            }
            way.push(path);
            way.reverse();
            return Some(way);
        }
        let Some(environment) = state.environment(&path) else { continue };
        for import in environment.imports.iter() {
            if !from.contains_key(import) {
                from.insert(import.clone(), path.clone());
                open.push_back(import.clone());
            }
        }
    }
    None
}

/// Refuses where other environments import this one.
pub(super) fn check_environment_not_imported(draft: &Draft<'_>, path: &EnvPath) -> Result<(), Refusal> {
    let importers = environments(draft.state()).filter(|environment| environment.imports.contains(path));
    let Importers { named, others } =
        Importers::of(draft, importers.map(|environment| (environment, environment.path.to_string())));
    let message = match (named.len(), others) {
        (0, false) => return Ok(()),
        (0, true) => {
            format!("environment \"{path}\" is imported by environments that the caller may not read")
        }
        (count, others) => format!(
            "environment \"{path}\" is imported by {}{}: {}",
            counted(count, "other environment"),
            if others { " and by some that the caller may not read" } else { "" },
            list_names(named.iter().map(String::as_str)),
        ),
    };
    Err(imported(message, "env", "it"))
}

/// Refuses where environments of other projects import one of this project's.
pub(super) fn check_project_not_imported(draft: &Draft<'_>, name: &ProjectName) -> Result<(), Refusal> {
    let importers = environments(draft.state())
        .filter(|environment| environment.path.project != *name)
        .filter_map(|environment| {
            let import = environment.imports.iter().find(|import| import.project == *name)?;
            Some((environment, format!("{} imports {import}", environment.path)))
        });
    let Importers { named, others } = Importers::of(draft, importers);
    let who = match named.len() {
        0 if !others => return Ok(()),
        0 => {
            let message = format!(
                "environments of other projects, which the caller may not read, import from project \"{name}\""
            );
            return Err(imported(message, "project", "these"));
        }
        1 => "1 environment of another project imports".to_owned(),
        count => format!("{count} environments of other projects import"),
    };
    let names = list_names(named.iter().map(String::as_str));
    let others = if others { ", and others that the caller may not read" } else { "" };
    Err(imported(format!("{who} from project \"{name}\": {names}{others}"), "project", "these"))
}

/// Who imports something.
struct Importers {
    /// Descriptions of those that the author may read.
    named: Vec<String>,
    /// Whether there are others.
    others: bool,
}

impl Importers {
    fn of<'a>(draft: &Draft<'_>, importers: impl Iterator<Item = (&'a Arc<Environment>, String)>) -> Self {
        let mut found = Self { named: Vec::new(), others: false };
        for (environment, description) in importers {
            if draft.reads(&environment.path) {
                found.named.push(description);
            } else {
                found.others = true;
            }
        }
        found
    }
}

fn environments(state: &State) -> impl Iterator<Item = &Arc<Environment>> {
    state.projects().values().flat_map(|project| project.environments.values())
}

fn imported(message: String, field: &'static str, what: &str) -> Refusal {
    Refusal::new(Code::Imported, message).field(field).remedy(format!(
        "remove {what} from their imports first, in their configuration or with `ktr env update`"
    ))
}
