//! Schemas as data: what attributes there are, and every rule about them that needs no network.
//!
//! It knows how a schema travels; the plan rules that read it are in `plan`.

use std::collections::BTreeMap;

use tfplugin_proto::value::{Type, Value};
use tfplugin_proto::wire;

use super::diagnostics::{Diagnostic, Diagnostics};

/// The attributes of one object, by name.
pub type Fields = BTreeMap<String, Value>;

/// A pure check of one known value. The error is a sentence with the rule, the limit and the remedy.
pub type Check = fn(&Value) -> Result<(), String>;

/// Whether an attribute means the same in both objects although its text differs.
pub type Same = fn(prior: &Fields, planned: &Fields) -> bool;

/// Who gives an attribute its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The author must.
    Required,
    /// The author may.
    Optional,
    /// The provider does.
    Computed,
    /// The author may, and otherwise the provider does.
    OptionalComputed,
}

/// One attribute.
#[derive(Debug, Clone)]
pub struct Attribute {
    /// Its name in HCL.
    pub name: &'static str,
    /// Its type.
    pub ty: Type,
    /// Who gives it its value.
    pub mode: Mode,
    /// Hidden in plans and outputs.
    pub sensitive: bool,
    /// What it is, in Markdown.
    pub description: &'static str,
    /// What it is when the author leaves it out.
    pub default: Option<Value>,
    /// A change of meaning makes a new object.
    pub requires_replace: bool,
    /// Checked wherever the value is known.
    pub checks: Vec<Check>,
    /// Computed only: a change of meaning in one of these makes it unknown; otherwise it keeps the prior value.
    pub recomputed_when: &'static [&'static str],
    /// Semantic equality: where it holds, the prior text is kept.
    pub same: Option<Same>,
}

impl Attribute {
    /// An attribute that the author must set.
    pub fn required(name: &'static str, ty: Type, description: &'static str) -> Self {
        Self::new(name, ty, Mode::Required, description)
    }

    /// An attribute that the author may set.
    pub fn optional(name: &'static str, ty: Type, description: &'static str) -> Self {
        Self::new(name, ty, Mode::Optional, description)
    }

    /// An attribute that the provider sets.
    pub fn computed(name: &'static str, ty: Type, description: &'static str) -> Self {
        Self::new(name, ty, Mode::Computed, description)
    }

    /// An attribute that the author may set, and that the provider sets otherwise.
    pub fn optional_computed(name: &'static str, ty: Type, description: &'static str) -> Self {
        Self::new(name, ty, Mode::OptionalComputed, description)
    }

    fn new(name: &'static str, ty: Type, mode: Mode, description: &'static str) -> Self {
        Self {
            name,
            ty,
            mode,
            sensitive: false,
            description,
            default: None,
            requires_replace: false,
            checks: Vec::new(),
            recomputed_when: &[],
            same: None,
        }
    }

    /// Hidden in plans and outputs.
    #[must_use]
    pub fn sensitive(mut self) -> Self {
        self.sensitive = true;
        self
    }

    /// The value when the author leaves it out. Makes an optional attribute computed too, as the protocol demands.
    #[must_use]
    pub fn default(mut self, value: Value) -> Self {
        self.default = Some(value);
        self.mode = Mode::OptionalComputed;
        self
    }

    /// A change of meaning makes a new object.
    #[must_use]
    pub fn requires_replace(mut self) -> Self {
        self.requires_replace = true;
        self
    }

    /// Adds a check.
    #[must_use]
    pub fn check(mut self, check: Check) -> Self {
        self.checks.push(check);
        self
    }

    /// Computed only: unknown in a plan that changes the meaning of one of these.
    #[must_use]
    pub fn recomputed_when(mut self, attributes: &'static [&'static str]) -> Self {
        self.recomputed_when = attributes;
        self
    }

    /// Keeps the prior text where this says that nothing changed in meaning.
    #[must_use]
    pub fn same(mut self, same: Same) -> Self {
        self.same = Some(same);
        self
    }

    /// Whether the provider may set it.
    pub fn is_computed(&self) -> bool {
        matches!(self.mode, Mode::Computed | Mode::OptionalComputed)
    }

    fn to_wire(&self) -> wire::schema::Attribute {
        wire::schema::Attribute {
            name: self.name.to_owned(),
            r#type: self.ty.to_json(),
            description: self.description.to_owned(),
            description_kind: wire::StringKind::Markdown.into(),
            required: self.mode == Mode::Required,
            optional: matches!(self.mode, Mode::Optional | Mode::OptionalComputed),
            computed: self.is_computed(),
            sensitive: self.sensitive,
            ..Default::default()
        }
    }
}

/// What a resource, data source, ephemeral resource or provider block consists of.
#[derive(Debug, Clone)]
pub struct Schema {
    /// Grows when the stored state changes its shape; the resource upgrades older ones.
    pub version: i64,
    /// What it is, in Markdown.
    pub description: &'static str,
    /// Its attributes, in the order of the documentation.
    pub attributes: Vec<Attribute>,
}

impl Schema {
    /// A schema at version 0.
    pub fn new(description: &'static str, attributes: Vec<Attribute>) -> Self {
        Self { version: 0, description, attributes }
    }

    /// The same schema at another version.
    #[must_use]
    pub fn version(mut self, version: i64) -> Self {
        self.version = version;
        self
    }

    /// The type of a whole object.
    pub fn object_type(&self) -> Type {
        Type::object(self.attributes.iter().map(|attribute| (attribute.name, attribute.ty.clone())))
    }

    /// The schema as the protocol carries it.
    pub fn to_wire(&self) -> wire::Schema {
        let mut attributes: Vec<_> = self.attributes.iter().map(Attribute::to_wire).collect();
        attributes.sort_by(|a, b| a.name.cmp(&b.name));
        wire::Schema {
            version: self.version,
            block: Some(wire::schema::Block {
                version: self.version,
                attributes,
                description: self.description.to_owned(),
                description_kind: wire::StringKind::Markdown.into(),
                ..Default::default()
            }),
        }
    }

    /// Checks that what is required is there, and runs the checks of every attribute whose value is known. Hosts only
    /// see whether a required argument is written down, not whether it is null.
    pub(super) fn check(&self, fields: &Fields) -> Diagnostics {
        let mut diagnostics = Diagnostics::new();
        for attribute in &self.attributes {
            let value = fields.get(attribute.name).unwrap_or(&Value::Null);
            if value.is_null() {
                if attribute.mode == Mode::Required {
                    let detail =
                        format!("{} is required, and null says that there is none: set it.", attribute.name);
                    let summary = format!("Missing {}", attribute.name);
                    diagnostics.push(Diagnostic::error(summary, detail).at(attribute.name));
                }
                continue;
            }
            if !value.is_wholly_known() {
                continue;
            }
            for check in &attribute.checks {
                if let Err(message) = check(value) {
                    let summary = format!("Invalid {}", attribute.name);
                    diagnostics.push(Diagnostic::error(summary, message).at(attribute.name));
                }
            }
        }
        diagnostics
    }
}
