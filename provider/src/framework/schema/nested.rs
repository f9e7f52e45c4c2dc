//! Nested attributes: a map whose elements are objects with attributes of their own, each of which may be left out or have a
//! default.
//!
//! It knows how they travel and how each element is validated. `plan` applies their defaults.

use tfplugin_proto::value::{AttributePath, Type, Value};
use tfplugin_proto::wire;

use super::{Attribute, Mode, object_type, validate_attributes};
use crate::framework::diagnostics::{Diagnostic, Diagnostics};

/// The attributes of each element of a map.
#[derive(Debug, Clone)]
pub struct Nested {
    /// The attributes, in the order of the documentation.
    pub attributes: Vec<Attribute>,
}

impl Attribute {
    /// Creates a map of objects with these attributes, which the author may set.
    ///
    /// # Panics
    /// If an attribute is computed without a default, forces a new object, or has nested attributes itself: the plan rules
    /// of elements do not support that.
    pub fn optional_map(name: &'static str, attributes: Vec<Self>, description: &'static str) -> Self {
        for attribute in &attributes {
            let open = attribute.is_computed() && attribute.default.is_none();
            let plain = !open && !attribute.requires_replace && attribute.nested.is_none();
            assert!(plain, "{name}.{} has a plan rule that elements of a map do not support", attribute.name);
        }
        let ty = Type::map(object_type(&attributes));
        Self { nested: Some(Nested { attributes }), ..Self::new(name, ty, Mode::Optional, description) }
    }
}

impl Nested {
    pub(super) fn to_wire(&self) -> wire::schema::Object {
        let mut attributes: Vec<_> = self.attributes.iter().map(Attribute::to_wire).collect();
        attributes.sort_by(|a, b| a.name.cmp(&b.name));
        wire::schema::Object {
            attributes,
            nesting: wire::schema::object::NestingMode::Map.into(),
            ..Default::default()
        }
    }

    /// Validates every known element, at its path.
    pub(super) fn validate(&self, value: &Value, at: &AttributePath) -> Diagnostics {
        let mut diagnostics = Diagnostics::new();
        for (key, element) in value.as_map().into_iter().flatten() {
            let at = at.clone().then_key(key);
            match element {
                Value::Map(fields) => diagnostics.append(validate_attributes(&self.attributes, fields, &at)),
                Value::Null => diagnostics.push(
                    Diagnostic::error(
                        format!("Missing {at}"),
                        format!("{at} is null. Set a value, or remove the key."),
                    )
                    .at_path(at),
                ),
                _ => {}
            }
        }
        diagnostics
    }
}
