//! `imports`: an ordered list of `project/env`. Null and an empty list are equivalent.
//!
//! Only the daemon knows whether an imported environment exists and whether the imports form a cycle.

use std::collections::HashMap;

use kontraktor_model::{limits::MAX_IMPORTS, names::EnvPath};
use kontraktor_proto::v1;
use tfplugin_proto::value::{AttributePath, Value};

use super::State;
use crate::framework::{Attr, Diagnostic, Diagnostics, Fields};

const ATTRIBUTE: &str = "imports";

fn elements(imports: &Attr<Vec<Attr<String>>>) -> &[Attr<String>] {
    imports.known().map_or(&[], Vec::as_slice)
}

fn invalid(index: usize, message: String) -> Diagnostic {
    let path = AttributePath::attribute(ATTRIBUTE).then_index(i64::try_from(index).unwrap_or(i64::MAX));
    Diagnostic::error("Invalid imports", message).at_path(path)
}

/// Validates the elements that are known.
pub(super) fn check(config: &State) -> Diagnostics {
    let imports = elements(&config.imports);
    let mut diagnostics = Diagnostics::new();
    if imports.len() > MAX_IMPORTS {
        let message = format!(
            "imports has {} elements, and at most {MAX_IMPORTS} are allowed. Move some of them to another environment, and \
             import that one.",
            imports.len()
        );
        diagnostics.push(Diagnostic::error("Invalid imports", message).at(ATTRIBUTE));
    }
    let itself = EnvPath::new(config.project.text(), config.env.text()).ok();
    let mut seen = HashMap::new();
    for (index, import) in imports.iter().enumerate() {
        let path = match import {
            Attr::Unknown => continue,
            Attr::Null => {
                diagnostics.push(invalid(
                    index,
                    "An element is null. Set it to project/env, or remove it.".to_owned(),
                ));
                continue;
            }
            Attr::Known(text) => match text.parse::<EnvPath>() {
                Ok(path) => path,
                Err(error) => {
                    diagnostics.push(invalid(index, format!("{error}.")));
                    continue;
                }
            },
        };
        if itself.as_ref() == Some(&path) {
            diagnostics.push(invalid(index, format!("{path} cannot import itself. Remove this element.")));
        }
        if let Some(first) = seen.insert(path.clone(), index) {
            let message = format!(
                "{path} is imported twice, as element {first} and as element {index}. Remove one of them; later imports \
                 take precedence over earlier ones."
            );
            diagnostics.push(invalid(index, message));
        }
    }
    diagnostics
}

/// Returns the elements as the API names them.
pub(super) fn names(imports: &Attr<Vec<Attr<String>>>) -> Result<Vec<v1::EnvironmentName>, Diagnostic> {
    let name = |(index, import): (usize, &Attr<String>)| {
        let path = import.text().parse::<EnvPath>();
        path.map(|path| (&path).into()).map_err(|error| invalid(index, format!("{error}.")))
    };
    elements(imports).iter().enumerate().map(name).collect()
}

fn text(name: &v1::EnvironmentName) -> String {
    format!("{}/{}", name.project, name.env)
}

/// Returns the stored imports, or the state's own spelling if that is equivalent.
pub(super) fn stored(
    held: Attr<Vec<Attr<String>>>,
    stored: &[v1::EnvironmentName],
) -> Attr<Vec<Attr<String>>> {
    if stored.is_empty() && elements(&held).is_empty() {
        return held;
    }
    Attr::Known(stored.iter().map(|name| Attr::Known(text(name))).collect())
}

/// Returns whether both lists are equal; null and an empty list are.
pub(super) fn same(prior: &Fields, planned: &Fields) -> bool {
    let list = |fields: &Fields| match fields.get(ATTRIBUTE) {
        Some(Value::List(items)) => items.clone(),
        _ => Vec::new(),
    };
    list(prior) == list(planned)
}
