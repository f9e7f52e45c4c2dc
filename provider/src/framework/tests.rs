//! The framework's rules, tested with a provider that manages books.

mod blocks;
mod calls;
mod hooks;
mod lifecycle;
mod nested;
mod plan_rules;
pub(crate) mod scoped;
mod shelf;

use tfplugin_proto::value::{Type, Value};
use tfplugin_proto::wire;

use super::fields::Fields;
use super::schema::Schema;

fn fields<const N: usize>(attributes: [(&str, Value); N]) -> Fields {
    attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// All attributes of the schema, null where not given.
fn whole<const N: usize>(schema: &Schema, attributes: [(&str, Value); N]) -> Fields {
    let mut whole: Fields =
        schema.attributes.iter().map(|attribute| (attribute.name.to_owned(), Value::Null)).collect();
    for (name, value) in attributes {
        assert!(whole.insert(name.to_owned(), value).is_some(), "{name} is in the schema");
    }
    whole
}

#[expect(clippy::unnecessary_wraps, reason = "messages hold values as options")]
fn sent(fields: Option<&Fields>, ty: &Type) -> Option<wire::DynamicValue> {
    let value = fields.map_or(Value::Null, |fields| Value::Map(fields.clone()));
    Some(value.to_dynamic(ty).expect("the fields fit the type"))
}

fn received(message: Option<&wire::DynamicValue>, ty: &Type) -> Option<Fields> {
    match Value::from_dynamic(message, ty).expect("the answer fits the type") {
        Value::Null => None,
        Value::Map(fields) => Some(fields),
        other => panic!("neither null nor an object: {other:?}"),
    }
}

/// Severity, attribute path and summary of each diagnostic.
fn render(diagnostics: &[wire::Diagnostic]) -> Vec<String> {
    diagnostics
        .iter()
        .map(|diagnostic| {
            let path = diagnostic.attribute.clone().map(tfplugin_proto::value::AttributePath::from);
            let at = path.map(|path| format!(" at {path}")).unwrap_or_default();
            format!("{:?}{at}: {}", diagnostic.severity(), diagnostic.summary)
        })
        .collect()
}
