//! Schemas as data: attributes and blocks, and the validation of their values without a network.
//!
//! It knows how a schema travels; the plan rules that read it are in `plan`.

mod nested;

use tfplugin_proto::value::{AttributePath, Type, Value};
use tfplugin_proto::wire;

pub use self::nested::Nested;
use super::diagnostics::{Diagnostic, Diagnostics};
use super::fields::Fields;

/// Validates one known value. The error is a sentence with the rule, the limit and the remedy.
pub type Validator = fn(&Value) -> Result<(), String>;

/// Returns whether an attribute is equivalent in both objects although its text may differ.
pub type SemanticEquality = fn(prior: &Fields, planned: &Fields) -> bool;

/// Who sets an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The author must set it.
    Required,
    /// The author may set it.
    Optional,
    /// The provider sets it.
    Computed,
    /// The author may set it, otherwise the provider does.
    OptionalComputed,
}

/// One attribute.
#[derive(Debug, Clone)]
pub struct Attribute {
    /// Its name in HCL.
    pub name: &'static str,
    /// Its type.
    pub ty: Type,
    /// Who sets it.
    pub mode: Mode,
    /// Whether its value is hidden in plans and outputs.
    pub sensitive: bool,
    /// Its description, in Markdown.
    pub description: &'static str,
    /// The value if the author leaves it out.
    pub default: Option<Value>,
    /// Whether a change forces a new object. An equivalent value is not a change.
    pub requires_replace: bool,
    /// Called for every known value.
    pub validators: Vec<Validator>,
    /// For computed attributes: a change of one of these makes it unknown; otherwise it keeps the prior value.
    pub recomputed_when: &'static [&'static str],
    /// If it returns true, the prior value is kept.
    pub semantic_equality: Option<SemanticEquality>,
    /// The attributes of each element, if it is a map of objects with attributes of their own.
    pub nested: Option<Nested>,
}

impl Attribute {
    /// Creates an attribute that the author must set.
    pub fn required(name: &'static str, ty: Type, description: &'static str) -> Self {
        Self::new(name, ty, Mode::Required, description)
    }

    /// Creates an attribute that the author may set.
    pub fn optional(name: &'static str, ty: Type, description: &'static str) -> Self {
        Self::new(name, ty, Mode::Optional, description)
    }

    /// Creates an attribute that the provider sets.
    pub fn computed(name: &'static str, ty: Type, description: &'static str) -> Self {
        Self::new(name, ty, Mode::Computed, description)
    }

    /// Creates an attribute that the author may set, and that the provider sets otherwise.
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
            validators: Vec::new(),
            recomputed_when: &[],
            semantic_equality: None,
            nested: None,
        }
    }

    /// Hides its value in plans and outputs.
    #[must_use]
    pub fn sensitive(mut self) -> Self {
        self.sensitive = true;
        self
    }

    /// Sets the default. This makes an optional attribute computed as well, as the protocol demands.
    #[must_use]
    pub fn default(mut self, value: Value) -> Self {
        self.default = Some(value);
        self.mode = Mode::OptionalComputed;
        self
    }

    /// Makes a change force a new object.
    #[must_use]
    pub fn requires_replace(mut self) -> Self {
        self.requires_replace = true;
        self
    }

    /// Adds a validator.
    #[must_use]
    pub fn validator(mut self, validator: Validator) -> Self {
        self.validators.push(validator);
        self
    }

    /// Makes a computed attribute unknown in a plan that changes one of these.
    #[must_use]
    pub fn recomputed_when(mut self, attributes: &'static [&'static str]) -> Self {
        self.recomputed_when = attributes;
        self
    }

    /// Keeps the prior value when this returns true.
    #[must_use]
    pub fn semantic_equality(mut self, equal: SemanticEquality) -> Self {
        self.semantic_equality = Some(equal);
        self
    }

    /// Returns whether the provider may set it.
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

/// A nested block that may occur once: an object, null if the block is absent.
///
/// The provider computes none of its attributes, so they have no defaults, and a change inside never forces a new object.
#[derive(Debug, Clone)]
pub struct Block {
    /// Its name in HCL.
    pub name: &'static str,
    /// Its description, in Markdown.
    pub description: &'static str,
    /// Its attributes, in the order of the documentation.
    pub attributes: Vec<Attribute>,
}

impl Block {
    /// Creates a block that may occur once.
    ///
    /// # Panics
    /// If an attribute is computed, forces a new object or has semantic equality: the plan rules do not apply inside
    /// blocks.
    pub fn single(name: &'static str, description: &'static str, attributes: Vec<Attribute>) -> Self {
        for attribute in &attributes {
            let plain = !attribute.is_computed()
                && !attribute.requires_replace
                && attribute.semantic_equality.is_none();
            assert!(plain, "{name}.{} has a plan rule, which blocks do not support", attribute.name);
        }
        Self { name, description, attributes }
    }

    /// Returns the type of its object.
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

    fn validate(&self, fields: &Fields) -> Diagnostics {
        match fields.get(self.name) {
            Some(Value::Map(inner)) => {
                validate_attributes(&self.attributes, inner, &AttributePath::attribute(self.name))
            }
            // Absent, or not known as a whole.
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

/// Validates that required attributes are set, and runs the validators of every known value. Hosts check only that a required
/// argument is present, not that it is not null.
fn validate_attributes(attributes: &[Attribute], fields: &Fields, within: &AttributePath) -> Diagnostics {
    let mut diagnostics = Diagnostics::new();
    for attribute in attributes {
        let path = || within.clone().then_attribute(attribute.name);
        let error = |summary: String, detail: String| Diagnostic::error(summary, detail).at_path(path());
        let value = fields.get(attribute.name).unwrap_or(&Value::Null);
        if value.is_null() {
            if attribute.mode == Mode::Required {
                let name = path();
                let detail = format!("{name} is required and must not be null. Set a value.");
                diagnostics.push(error(format!("Missing {name}"), detail));
            }
            continue;
        }
        if let Some(nested) = &attribute.nested {
            diagnostics.append(nested.validate(value, &path()));
        }
        if !value.is_wholly_known() {
            continue;
        }
        for validate in &attribute.validators {
            if let Err(message) = validate(value) {
                diagnostics.push(error(format!("Invalid {}", path()), message));
            }
        }
    }
    diagnostics
}

/// The schema of a resource, data source, ephemeral resource or provider block.
#[derive(Debug, Clone)]
pub struct Schema {
    /// Incremented when the shape of the stored state changes; the resource upgrades older states.
    pub version: i64,
    /// Its description, in Markdown.
    pub description: &'static str,
    /// Its attributes, in the order of the documentation.
    pub attributes: Vec<Attribute>,
    /// Its nested blocks, in the order of the documentation.
    pub blocks: Vec<Block>,
}

impl Schema {
    /// Creates a schema at version 0.
    pub fn new(description: &'static str, attributes: Vec<Attribute>) -> Self {
        Self { version: 0, description, attributes, blocks: Vec::new() }
    }

    /// Sets the version.
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

    /// Returns the names of all attributes, then those of all blocks.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        let attributes = self.attributes.iter().map(|attribute| attribute.name);
        attributes.chain(self.blocks.iter().map(|block| block.name))
    }

    /// Returns the type of a whole object.
    pub fn object_type(&self) -> Type {
        let attributes = self.attributes.iter().map(|attribute| (attribute.name, attribute.ty.clone()));
        Type::object(attributes.chain(self.blocks.iter().map(|block| (block.name, block.object_type()))))
    }

    /// Converts it to the protocol's message.
    pub fn to_wire(&self) -> wire::Schema {
        wire::Schema {
            version: self.version,
            block: Some(block_to_wire(self.version, self.description, &self.attributes, &self.blocks)),
        }
    }

    /// Validates the attributes, and those of the blocks that are present.
    pub(super) fn validate(&self, fields: &Fields) -> Diagnostics {
        let mut diagnostics = validate_attributes(&self.attributes, fields, &AttributePath::root());
        for block in &self.blocks {
            diagnostics.append(block.validate(fields));
        }
        diagnostics
    }
}
