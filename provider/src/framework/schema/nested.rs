//! Nested attributes: a map whose elements are objects with attributes of their own, which may be left out or have a
//! default one by one.
//!
//! It knows how they travel and how each element is checked and planned. What the map means is its attribute's matter.

use tfplugin_proto::value::{AttributePath, Type, Value};
use tfplugin_proto::wire;

use super::{Attribute, Mode, check_attributes, object_type};
use crate::framework::diagnostics::{Diagnostic, Diagnostics};
use crate::framework::plan::keep_spelling;

/// The attributes of each element of a map.
#[derive(Debug, Clone)]
pub struct Nested {
    /// The attributes, in the order of the documentation.
    pub attributes: Vec<Attribute>,
}

impl Attribute {
    /// A map, which the author may set, of objects with these attributes.
    ///
    /// # Panics
    /// When the provider is to compute one of them without a default, one of them is to replace the object, or one has
    /// nested attributes itself: the plan rules of elements do not reach so far.
    pub fn optional_map(name: &'static str, attributes: Vec<Self>, description: &'static str) -> Self {
        for attribute in &attributes {
            let open = attribute.is_computed() && attribute.default.is_none();
            let plain = !open && !attribute.requires_replace && attribute.nested.is_none();
            assert!(plain, "{name}.{} has a plan rule that elements of a map do not have", attribute.name);
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

    /// Checks every element that is known, at its path.
    pub(super) fn check(&self, value: &Value, at: &AttributePath) -> Diagnostics {
        let mut diagnostics = Diagnostics::new();
        for (key, element) in value.as_map().into_iter().flatten() {
            let at = at.clone().then_key(key);
            match element {
                Value::Map(fields) => diagnostics.append(check_attributes(&self.attributes, fields, &at)),
                Value::Null => diagnostics.push(
                    Diagnostic::error(
                        format!("Missing {at}"),
                        format!("{at} is null: give it a value, or leave the key out."),
                    )
                    .at_path(at),
                ),
                _ => {}
            }
        }
        diagnostics
    }

    /// Fills in what each element leaves out, and keeps the prior text of what means the same.
    pub(in crate::framework) fn plan(&self, prior: Option<&Value>, configured: &Value) -> Value {
        let Value::Map(elements) = configured else { return configured.clone() };
        let planned = elements.iter().map(|(key, element)| {
            let before = prior.and_then(|prior| prior.get(key));
            (key.clone(), self.plan_element(before, element))
        });
        Value::Map(planned.collect())
    }

    fn plan_element(&self, prior: Option<&Value>, configured: &Value) -> Value {
        let Value::Map(configured) = configured else { return configured.clone() };
        let mut fields = configured.clone();
        for attribute in &self.attributes {
            let value = fields.entry(attribute.name.to_owned()).or_default();
            if let (Some(default), Value::Null) = (&attribute.default, &value) {
                *value = default.clone();
            }
        }
        if let Some(Value::Map(prior)) = prior {
            keep_spelling(&self.attributes, prior, &mut fields);
        }
        Value::Map(fields)
    }
}
