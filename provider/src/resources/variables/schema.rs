//! The attributes of `kontraktor_variables`, and every rule about its keys that needs no network.

use kontraktor_model::{names::Key, value::ValueType};
use tfplugin_proto::value::{Type, Value};

use super::{
    model::{ADDITIVE, EXCLUSIVE, Home, State},
    told,
};
use crate::{
    framework::{Attr, Attribute, Diagnostic, Diagnostics, Schema},
    resources::{conflict::on_conflict_attribute, protection::ATTRIBUTE},
    rules,
};

pub(super) fn schema() -> Schema {
    Schema::new(
        "Many variables of one environment, as one object: a map of texts, a map of typed values, or both.\n\nAll keys \
         are written in one atomic write, and only those that change are part of it; a plan shows each of them. Applying \
         a plan never overwrites what someone else wrote into one of the keys after the plan was made: nothing is \
         written then, and each such key is shown as it was planned and as it is stored. 10,000 keys can change in one \
         apply. Values are not secret: plans show them. Secret references are not this resource's matter, also with exclusive \
         ownership: they are `kontraktor_secret_reference`'s.\n\nA key belongs to one resource: do not list it here and in a \
         `kontraktor_variable` or another `kontraktor_variables` too. Creating what exists already is refused, so two \
         owners of one key are found by the plan of the second.",
        vec![
            Attribute::required("project", Type::String, "The project's name. Changing it makes a new object.")
                .requires_replace()
                .check(rules::project),
            Attribute::required(
                "env",
                Type::String,
                "The environment's name inside the project. Project and environment are created where they do not \
                 exist, unless the provider's `create_missing` is false. Changing it makes a new object.",
            )
            .requires_replace()
            .check(rules::env),
            Attribute::optional(
                "variables",
                Type::map(Type::String),
                "The variables that are plain texts without a description, by key. A key has 1 to 255 characters of \
                 `A-Z`, `a-z`, `0-9`, `_`, `.` and `-`, beginning with a letter or `_`; a value has 65,536 bytes of \
                 UTF-8 at most, without NUL. An empty text is a value.",
            ),
            Attribute::optional_map(
                "typed",
                vec![
                    Attribute::required(
                        "value",
                        Type::String,
                        "The value: 65,536 bytes of UTF-8 at most, without NUL. It must be of the given `type`. What \
                         means the same is no change: `1.50` and `1.5` as numbers, two spellings of one JSON.",
                    )
                    .same(rules::same_value),
                    Attribute::optional(
                        "type",
                        Type::String,
                        "What the value is: `string`, `number`, `bool` or `json`. Use `jsonencode` for JSON.",
                    )
                    .default(Value::from(ValueType::String.as_str()))
                    .check(rules::value_type),
                    Attribute::optional(
                        "description",
                        Type::String,
                        "What the variable is for: 1,024 bytes at most.",
                    )
                    .check(rules::description)
                    .same(rules::same_description),
                ],
                "The variables that have a type or a description, by key. A key stands in `variables` or here, not in \
                 both. A key of `variables` that someone else gave a type or a description shows here in a plan, as what \
                 the apply takes back.",
            ),
            Attribute::optional(
                "ownership",
                Type::String,
                "`\"additive\"` owns the keys that it lists and leaves all others alone. `\"exclusive\"` owns the \
                 environment's own variables: keys that others write show in the plan, and an apply deletes them. A \
                 plan that begins exclusive ownership where others have keys is refused and names them: import the \
                 environment first. Changing only this writes nothing.",
            )
            .default(Value::from(ADDITIVE))
            .check(ownership),
            on_conflict_attribute(),
            Attribute::optional_computed(
                ATTRIBUTE,
                Type::Bool,
                "Whether the daemon refuses to delete any of the keys, whoever asks, also when this block is gone. A \
                 plan that would delete a protected key fails. To delete, first apply with `false`, then remove the \
                 key: that takes two applies. Left out: it stays as it is, new keys join what the others are, and a new \
                 object is not protected. Null in the state where some keys are protected and others are not.",
            ),
            Attribute::computed("id", Type::String, "`project/env`."),
            Attribute::computed(
                "revision",
                Type::Number,
                "The newest of the environment's revisions at which one of the keys was written, as far as this \
                 resource knows. Null where it never held a key.",
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

/// Checks every key and every value that is known, each at its path.
pub(super) fn validate(config: &State) -> Diagnostics {
    let mut told = Vec::new();
    for (key, value) in config.variables.known().into_iter().flatten() {
        let path = Home::Plain.path(key);
        if value.is_null() {
            let detail =
                format!("{path} is null: give it a value, or leave the key out. An empty text is a value.");
            told.push(Diagnostic::error(format!("Missing {path}"), detail).at_path(path.clone()));
        }
        told.extend(bad_key(Home::Plain, key));
        told.extend(value.known().and_then(|value| bad_value(Home::Plain, key, ValueType::String, value)));
    }
    for (key, typed) in config.typed.known().into_iter().flatten() {
        told.extend(bad_key(Home::Typed, key));
        if config.variables.known().is_some_and(|variables| variables.contains_key(key)) {
            let path = Home::Typed.path(key);
            let detail = format!(
                "{key} stands in variables too, and one key has one value. Remove it from one of the two."
            );
            told.push(Diagnostic::error(format!("{key} is there twice"), detail).at_path(path));
        }
        let Some(typed) = typed.known() else { continue };
        // While the type is not known, what every type demands is checked: the size, and no NUL. A type that does not
        // exist has its own message.
        let value_type = match &typed.r#type {
            Attr::Known(name) => name.parse().unwrap_or_default(),
            Attr::Null | Attr::Unknown => ValueType::String,
        };
        told.extend(typed.value.known().and_then(|value| bad_value(Home::Typed, key, value_type, value)));
    }
    told::capped(told)
}

fn bad_key(home: Home, key: &str) -> Option<Diagnostic> {
    let error = key.parse::<Key>().err()?;
    let path = home.path(key);
    Some(
        Diagnostic::error(format!("Invalid key in {}", home.map()), format!("In {path}, {error}."))
            .at_path(path),
    )
}

fn bad_value(home: Home, key: &str, value_type: ValueType, value: &str) -> Option<Diagnostic> {
    let error = value_type.canonicalize(value).err()?;
    let path = match home {
        Home::Plain => home.path(key),
        Home::Typed => home.path(key).then_attribute("value"),
    };
    Some(Diagnostic::error(format!("Invalid {path}"), format!("{error}.")).at_path(path))
}
