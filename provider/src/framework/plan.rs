//! The plan rules of a create or update: configuration, defaults, prior values, unknown values and replacement.
//!
//! Pure functions over a schema and values. The planned value equals the configuration, except where that is null and the
//! provider may compute the value, or where it is equivalent to the prior value, which is then kept.

use tfplugin_proto::value::Value;

use super::fields::Fields;
use super::schema::{Attribute, Nested, Schema};

/// The outcome of the plan rules.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Planned {
    /// Every attribute of the schema; unknown if only the apply can tell.
    pub(super) fields: Fields,
    /// Attributes whose change forces a new object.
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
                Some(nested) => {
                    plan_nested(nested, prior.and_then(|prior| prior.get(attribute.name)), configured)
                }
                None => configured.clone(),
            },
        };
        fields.insert(attribute.name.to_owned(), value);
    }

    // Blocks are never computed.
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

    let mut changed = keep_equivalent_prior(&schema.attributes, prior, &mut fields);
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

/// Restores the prior value of every attribute that is equivalent to it, and returns the attributes that changed.
fn keep_equivalent_prior(attributes: &[Attribute], prior: &Fields, fields: &mut Fields) -> Vec<&'static str> {
    // Equality may depend on several attributes (a value and its type), so all are compared before any prior value is
    // restored.
    let mut changed = Vec::new();
    let mut kept = Vec::new();
    for attribute in attributes {
        let Some(planned) = fields.get(attribute.name) else { continue };
        let before = prior.get(attribute.name).unwrap_or(&Value::Null);
        if planned == before {
            continue;
        }
        if !is_equivalent(attribute, prior, fields) {
            changed.push(attribute.name);
        } else if !before.is_null() && !planned.is_null() {
            kept.push((attribute.name, before.clone()));
        }
        // Null and an equivalent value: the protocol allows only the configured one to be planned.
    }
    for (name, before) in kept {
        fields.insert(name.to_owned(), before);
    }
    changed
}

fn is_equivalent(attribute: &Attribute, prior: &Fields, planned: &Fields) -> bool {
    let known = planned.get(attribute.name).is_none_or(Value::is_wholly_known);
    known && attribute.semantic_equality.is_some_and(|equal| equal(prior, planned))
}

/// Fills in the defaults of each element of a map, and keeps the prior value of equivalent attributes.
fn plan_nested(nested: &Nested, prior: Option<&Value>, configured: &Value) -> Value {
    let Value::Map(elements) = configured else { return configured.clone() };
    let planned = elements.iter().map(|(key, element)| {
        let before = prior.and_then(|prior| prior.get(key));
        (key.clone(), plan_element(nested, before, element))
    });
    Value::Map(planned.collect())
}

fn plan_element(nested: &Nested, prior: Option<&Value>, configured: &Value) -> Value {
    let Value::Map(configured) = configured else { return configured.clone() };
    let mut fields = configured.clone();
    for attribute in &nested.attributes {
        let value = fields.entry(attribute.name.to_owned()).or_default();
        if let (Some(default), Value::Null) = (&attribute.default, &value) {
            *value = default.clone();
        }
    }
    if let Some(Value::Map(prior)) = prior {
        keep_equivalent_prior(&nested.attributes, prior, &mut fields);
    }
    Value::Map(fields)
}
