//! The attributes of `kontraktor_variables`, and the validation of its keys and values. No network.

use kontraktor_model::{names::Key, value::ValueType};
use tfplugin_proto::value::{Type, Value};

use super::{
    key_errors,
    model::{ADDITIVE, EXCLUSIVE, MapAttribute, State},
};
use crate::{
    equality,
    framework::{Attr, Attribute, Diagnostic, Diagnostics, Schema},
    resources::{conflict::on_conflict_attribute, protection::ATTRIBUTE},
    validators,
};

pub(super) fn schema() -> Schema {
    Schema::new(
        "Manages many variables of one environment as one object: a map of strings, a map of typed values, or both.\n\nAll \
         changed keys are written in one atomic write of up to 10,000 keys, and a plan shows each of them. Applying a plan \
         never overwrites a key that was changed after the plan was made: nothing is written, and the error names \
         each such key and who changed it.\n\n~> **Note:** Values are not secret: plans and the state show them. This resource never \
         manages secret references, not even with exclusive ownership; use `kontraktor_secret_reference` for them.\n\n~> \
         **Note:** A key belongs to one resource: do not list it here and in a `kontraktor_variable` or another \
         `kontraktor_variables` as well. Creating an existing key fails, so the plan of the second resource reports the \
         duplicate.",
        vec![
            Attribute::required("project", Type::String, "The project's name. Changing this forces a new resource to be created.")
                .requires_replace()
                .validator(validators::project),
            Attribute::required(
                "env",
                Type::String,
                "The environment's name inside the project. The project and the environment are created if they do not \
                 exist, unless the provider's `create_missing` is `false`. Changing this forces a new resource to be created.",
            )
            .requires_replace()
            .validator(validators::env),
            Attribute::optional(
                "variables",
                Type::map(Type::String),
                "The variables that are plain strings without a description, by key. A key has 1 to 255 characters of \
                 `A-Z`, `a-z`, `0-9`, `_`, `.` and `-`, starting with a letter or `_`; a value has at most 65,536 bytes of \
                 UTF-8, without NUL. An empty string is a value.",
            ),
            Attribute::optional_map(
                "typed",
                vec![
                    Attribute::required(
                        "value",
                        Type::String,
                        "The value, as text: at most 65,536 bytes of UTF-8, without NUL. It must be valid for the given \
                         `type`. An equivalent value is not a change, such as `1.50` and `1.5` for numbers, or a different \
                         spelling of the same JSON.",
                    )
                    .semantic_equality(equality::same_value),
                    Attribute::optional(
                        "type",
                        Type::String,
                        "The type of the value: `string`, `number`, `bool` or `json`. Use `jsonencode` for JSON.",
                    )
                    .default(Value::from(ValueType::String.as_str()))
                    .validator(validators::value_type),
                    Attribute::optional(
                        "description",
                        Type::String,
                        "A description of the variable, at most 1,024 bytes long.",
                    )
                    .validator(validators::description)
                    .semantic_equality(equality::same_description),
                ],
                "The variables that have a type or a description, by key. A key must not be in both maps. If another client \
                 gives a key of `variables` a type or a description, the next plan shows that key here and reverts the change.",
            ),
            Attribute::optional(
                "ownership",
                Type::String,
                "`\"additive\"` owns only the listed keys. `\"exclusive\"` owns all of the environment's own variables: a \
                 plan shows keys that other clients added, and an apply deletes them. If exclusive ownership begins while \
                 the environment holds other keys, the plan fails and lists them: import the environment first. Changing \
                 only this writes nothing.",
            )
            .default(Value::from(ADDITIVE))
            .validator(ownership),
            on_conflict_attribute(),
            Attribute::optional_computed(
                ATTRIBUTE,
                Type::Bool,
                "Whether the daemon refuses to delete the keys, for every client and even when this block is removed. A plan \
                 that deletes a protected key fails. To delete keys, apply `false` first and remove them in a second apply. \
                 If omitted, existing keys keep their protection, new keys are protected if all existing ones are, and a new \
                 object is not protected. Null in the state if only some keys are protected.",
            ),
            Attribute::computed("id", Type::String, "The environment's ID, `project/env`."),
            Attribute::computed(
                "revision",
                Type::Number,
                "The newest revision of the environment that wrote one of the keys, as far as this resource knows. Null if \
                 it never held a key.",
            )
            .recomputed_when(&["project", "env", "variables", "typed", "deletion_protection"]),
        ],
    )
}

fn ownership(value: &Value) -> Result<(), String> {
    match value.as_str() {
        Some(ADDITIVE | EXCLUSIVE) => Ok(()),
        _ => Err(format!("ownership must be \"{ADDITIVE}\" or \"{EXCLUSIVE}\".")),
    }
}

/// Validates every known key and value, each at its path.
pub(super) fn validate(config: &State) -> Diagnostics {
    let mut diagnostics = Vec::new();
    for (key, value) in config.variables.known().into_iter().flatten() {
        let path = MapAttribute::Plain.path(key);
        if value.is_null() {
            let detail =
                format!("{path} is null. Set a value, or remove the key. An empty string is a value.");
            diagnostics.push(Diagnostic::error(format!("Missing {path}"), detail).at_path(path.clone()));
        }
        diagnostics.extend(invalid_key(MapAttribute::Plain, key));
        diagnostics.extend(
            value.known().and_then(|value| invalid_value(MapAttribute::Plain, key, ValueType::String, value)),
        );
    }
    for (key, typed) in config.typed.known().into_iter().flatten() {
        diagnostics.extend(invalid_key(MapAttribute::Typed, key));
        if config.variables.known().is_some_and(|variables| variables.contains_key(key)) {
            let path = MapAttribute::Typed.path(key);
            let detail = format!("{key} is in both variables and typed. Remove it from one of them.");
            diagnostics.push(Diagnostic::error("Duplicate key", detail).at_path(path));
        }
        let Some(typed) = typed.known() else { continue };
        // While the type is not known, only the rules for every type are checked: the size, and no NUL. An unknown type has
        // its own message.
        let value_type = match &typed.r#type {
            Attr::Known(name) => name.parse().unwrap_or_default(),
            Attr::Null | Attr::Unknown => ValueType::String,
        };
        diagnostics.extend(
            typed.value.known().and_then(|value| invalid_value(MapAttribute::Typed, key, value_type, value)),
        );
    }
    key_errors::limit(diagnostics)
}

fn invalid_key(map: MapAttribute, key: &str) -> Option<Diagnostic> {
    let error = key.parse::<Key>().err()?;
    let path = map.path(key);
    Some(
        Diagnostic::error(format!("Invalid key in {}", map.name()), format!("In {path}, {error}."))
            .at_path(path),
    )
}

fn invalid_value(map: MapAttribute, key: &str, value_type: ValueType, value: &str) -> Option<Diagnostic> {
    let error = value_type.canonicalize(value).err()?;
    let path = match map {
        MapAttribute::Plain => map.path(key),
        MapAttribute::Typed => map.path(key).then_attribute("value"),
    };
    Some(Diagnostic::error(format!("Invalid {path}"), format!("{error}.")).at_path(path))
}
