//! Schemas as data: what attributes there are, and every rule about them that needs no network.
//!
//! It knows how a schema travels; the plan rules that read it are in `plan`.

mod nested;

use std::collections::BTreeMap;

use tfplugin_proto::value::{AttributePath, Type, Value};
use tfplugin_proto::wire;

pub use self::nested::Nested;
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
    /// The attributes of each element, where it is a map of objects that have their own.
    pub nested: Option<Nested>,
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
            nested: None,
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
            r#type: if self.nested.is_none() { self.ty.to_json() } else { Vec::new() },
            nested_type: self.nested.as_ref().map(Nested::to_wire),
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

/// A nested block that is written at most once: an object, null where it is not written.
///
/// Its attributes are the author's: the provider computes none of them, so they have no defaults, and a change inside
/// replaces nothing.
#[derive(Debug, Clone)]
pub struct Block {
    /// Its name in HCL.
    pub name: &'static str,
    /// What it is, in Markdown.
    pub description: &'static str,
    /// Its attributes, in the order of the documentation.
    pub attributes: Vec<Attribute>,
}

impl Block {
    /// A block that may be written once.
    ///
    /// # Panics
    /// When the provider is to compute one of the attributes, or one of them to replace the object: the plan rules do
    /// not reach into blocks.
    pub fn single(name: &'static str, description: &'static str, attributes: Vec<Attribute>) -> Self {
        for attribute in &attributes {
            let plain = !attribute.is_computed() && !attribute.requires_replace && attribute.same.is_none();
            assert!(plain, "{name}.{} has a plan rule, and blocks have none", attribute.name);
        }
        Self { name, description, attributes }
    }

    /// The type of its object.
    pub fn object_type(&self) -> Type {
        object_type(&self.attributes)
    }

    fn to_wire(&self) -> wire::schema::NestedBlock {
        wire::schema::NestedBlock {
            type_name: self.name.to_owned(),
            block: Some(block_to_wire(0, self.description, &self.attributes, &[])),
            nesting: wire::schema::nested_block::NestingMode::Single.into(),
            ..Default::default()
        }
    }

    fn check(&self, fields: &Fields) -> Diagnostics {
        match fields.get(self.name) {
            Some(Value::Map(inner)) => {
                check_attributes(&self.attributes, inner, &AttributePath::attribute(self.name))
            }
            // Not written, or not known as a whole.
            _ => Diagnostics::new(),
        }
    }
}

fn object_type(attributes: &[Attribute]) -> Type {
    Type::object(attributes.iter().map(|attribute| (attribute.name, attribute.ty.clone())))
}

fn block_to_wire(
    version: i64,
    description: &str,
    attributes: &[Attribute],
    blocks: &[Block],
) -> wire::schema::Block {
    let mut attributes: Vec<_> = attributes.iter().map(Attribute::to_wire).collect();
    attributes.sort_by(|a, b| a.name.cmp(&b.name));
    let mut block_types: Vec<_> = blocks.iter().map(Block::to_wire).collect();
    block_types.sort_by(|a, b| a.type_name.cmp(&b.type_name));
    wire::schema::Block {
        version,
        attributes,
        block_types,
        description: description.to_owned(),
        description_kind: wire::StringKind::Markdown.into(),
        ..Default::default()
    }
}

/// Checks that what is required is there, and runs the checks of every attribute whose value is known. Hosts only see
/// whether a required argument is written down, not whether it is null.
fn check_attributes(attributes: &[Attribute], fields: &Fields, within: &AttributePath) -> Diagnostics {
    let mut diagnostics = Diagnostics::new();
    for attribute in attributes {
        let path = || within.clone().then_attribute(attribute.name);
        let blame = |summary: String, detail: String| Diagnostic::error(summary, detail).at_path(path());
        let value = fields.get(attribute.name).unwrap_or(&Value::Null);
        if value.is_null() {
            if attribute.mode == Mode::Required {
                let name = path();
                let detail = format!("{name} is required, and null says that there is none: set it.");
                diagnostics.push(blame(format!("Missing {name}"), detail));
            }
            continue;
        }
        if let Some(nested) = &attribute.nested {
            diagnostics.append(nested.check(value, &path()));
        }
        if !value.is_wholly_known() {
            continue;
        }
        for check in &attribute.checks {
            if let Err(message) = check(value) {
                diagnostics.push(blame(format!("Invalid {}", path()), message));
            }
        }
    }
    diagnostics
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
    /// Its nested blocks, in the order of the documentation.
    pub blocks: Vec<Block>,
}

impl Schema {
    /// A schema at version 0.
    pub fn new(description: &'static str, attributes: Vec<Attribute>) -> Self {
        Self { version: 0, description, attributes, blocks: Vec::new() }
    }

    /// The same schema at another version.
    #[must_use]
    pub fn version(mut self, version: i64) -> Self {
        self.version = version;
        self
    }

    /// Adds a nested block.
    #[must_use]
    pub fn block(mut self, block: Block) -> Self {
        self.blocks.push(block);
        self
    }

    /// The names of everything that an object of this schema holds: attributes, then blocks.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        let attributes = self.attributes.iter().map(|attribute| attribute.name);
        attributes.chain(self.blocks.iter().map(|block| block.name))
    }

    /// The type of a whole object.
    pub fn object_type(&self) -> Type {
        let attributes = self.attributes.iter().map(|attribute| (attribute.name, attribute.ty.clone()));
        Type::object(attributes.chain(self.blocks.iter().map(|block| (block.name, block.object_type()))))
    }

    /// The schema as the protocol carries it.
    pub fn to_wire(&self) -> wire::Schema {
        wire::Schema {
            version: self.version,
            block: Some(block_to_wire(self.version, self.description, &self.attributes, &self.blocks)),
        }
    }

    /// Checks the attributes, and those of the blocks that are written.
    pub(super) fn check(&self, fields: &Fields) -> Diagnostics {
        let mut diagnostics = check_attributes(&self.attributes, fields, &AttributePath::root());
        for block in &self.blocks {
            diagnostics.append(block.check(fields));
        }
        diagnostics
    }
}
