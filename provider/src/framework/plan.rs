//! The plan rules of a create or update: configuration, defaults, prior values, unknowns and replacement.
//!
//! Pure functions over a schema and values. What is planned equals the configuration, except where it is null and the
//! provider may compute it, or where it means the same as the prior value, which then stays as it was written.

use tfplugin_proto::value::Value;

use super::schema::{Attribute, Fields, Schema};

/// What the rules made of a configuration.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Planned {
    /// Every attribute of the schema; unknown where only applying can tell.
    pub(super) fields: Fields,
    /// Attributes whose change makes a new object.
    pub(super) requires_replace: Vec<&'static str>,
}

/// Plans a create (`prior` is `None`) or an update.
pub(super) fn plan(schema: &Schema, prior: Option<&Fields>, config: &Fields) -> Planned {
    let mut fields = Fields::new();
    let mut left_to_provider = Vec::new();
    for attribute in &schema.attributes {
        let configured = config.get(attribute.name).unwrap_or(&Value::Null);
        let value = match (&attribute.default, configured) {
            (Some(default), Value::Null) => default.clone(),
            (None, Value::Null) if attribute.is_computed() => {
                left_to_provider.push(attribute);
                continue;
            }
            _ => match &attribute.nested {
                Some(nested) => nested.plan(prior.and_then(|prior| prior.get(attribute.name)), configured),
                None => configured.clone(),
            },
        };
        fields.insert(attribute.name.to_owned(), value);
    }

    // The author's alone.
    for block in &schema.blocks {
        let configured = config.get(block.name).cloned().unwrap_or(Value::Null);
        fields.insert(block.name.to_owned(), configured);
    }

    let Some(prior) = prior else {
        for attribute in left_to_provider {
            fields.insert(attribute.name.to_owned(), Value::Unknown);
        }
        return Planned { fields, requires_replace: Vec::new() };
    };

    let mut changed = keep_spelling(&schema.attributes, prior, &mut fields);
    for block in &schema.blocks {
        if fields.get(block.name) != Some(prior.get(block.name).unwrap_or(&Value::Null)) {
            changed.push(block.name);
        }
    }
    for attribute in left_to_provider {
        let stale = attribute.recomputed_when.iter().any(|name| changed.contains(name));
        let value =
            if stale { Value::Unknown } else { prior.get(attribute.name).cloned().unwrap_or(Value::Null) };
        fields.insert(attribute.name.to_owned(), value);
    }
    let requires_replace = schema
        .attributes
        .iter()
        .filter(|attribute| attribute.requires_replace && changed.contains(&attribute.name))
        .map(|attribute| attribute.name)
        .collect();
    Planned { fields, requires_replace }
}

/// Puts the prior text back wherever it means the same, and says what changed in meaning.
pub(super) fn keep_spelling(
    attributes: &[Attribute],
    prior: &Fields,
    fields: &mut Fields,
) -> Vec<&'static str> {
    // Sameness may look at several attributes (a value and its type), so it is judged on the whole before any prior
    // text is put back.
    let mut changed = Vec::new();
    let mut kept = Vec::new();
    for attribute in attributes {
        let Some(planned) = fields.get(attribute.name) else { continue };
        let before = prior.get(attribute.name).unwrap_or(&Value::Null);
        if planned == before {
            continue;
        }
        if !means_the_same(attribute, prior, fields) {
            changed.push(attribute.name);
        } else if !before.is_null() && !planned.is_null() {
            kept.push((attribute.name, before.clone()));
        }
        // Null and a value that mean the same: the protocol lets only the configuration's spelling be planned.
    }
    for (name, before) in kept {
        fields.insert(name.to_owned(), before);
    }
    changed
}

fn means_the_same(attribute: &Attribute, prior: &Fields, planned: &Fields) -> bool {
    let known = planned.get(attribute.name).is_none_or(Value::is_wholly_known);
    known && attribute.same.is_some_and(|same| same(prior, planned))
}
