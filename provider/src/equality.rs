//! Semantic equality of attributes: when two texts are equivalent, so that the state keeps its own. No network.

use kontraktor_model::{reference::Reference, value::ValueType};
use tfplugin_proto::value::Value;

use crate::framework::Fields;

/// Returns whether both values have the same type and are equal in that type. While the type is not known, the value counts
/// as changed.
pub(crate) fn same_value(prior: &Fields, planned: &Fields) -> bool {
    let field = |fields: &Fields, name: &str| fields.get(name)?.as_str().map(str::to_owned);
    let (Some(before), Some(after)) = (field(prior, "type"), field(planned, "type")) else { return false };
    let Ok(value_type) = before.parse::<ValueType>() else { return false };
    match (field(prior, "value"), field(planned, "value")) {
        (Some(old), Some(new)) => before == after && value_type.same(&old, &new),
        _ => false,
    }
}

/// Returns whether both texts are spellings of one reference.
pub(crate) fn same_reference(prior: &Fields, planned: &Fields) -> bool {
    let field =
        |fields: &Fields| fields.get("reference").and_then(|text| text.as_str()?.parse::<Reference>().ok());
    field(prior).is_some_and(|before| field(planned) == Some(before))
}

/// Returns whether both descriptions are equal; null and an empty one are.
pub(crate) fn same_description(prior: &Fields, planned: &Fields) -> bool {
    let field =
        |fields: &Fields| fields.get("description").and_then(Value::as_str).unwrap_or_default().to_owned();
    field(prior) == field(planned)
}
