//! What a schema is made of: its subschemas, and which of them lead to which, in place or into a part of the value. It
//! refuses what this daemon does not take: other drafts, nested `$id`s, and references that leave the schema. Whether
//! the schema is right by its draft is for the library to say.

use std::collections::{HashMap, VecDeque};

use serde_json::{Map, Value};

use super::{SchemaError, pattern::Costs};

const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

/// Looking at a format or a quotient costs as much as looking at so many plain keywords.
const FORMAT_COST: u64 = 20;

/// Which patterns the name of a member matches is asked by `patternProperties`, and again by the keywords for members that
/// nothing else is for.
const TIMES_ASKED: u64 = 3;

/// Each takes time to compile, and memory for as long as the schema exists.
const MAX_PATTERNS: usize = 256;

/// What a schema is made of.
#[derive(Debug)]
pub(super) struct Shape {
    /// All subschemas; the first one is the schema itself.
    pub(super) nodes: Vec<Node>,
    /// Whether there is an `anyOf` or `oneOf`.
    pub(super) alternatives: bool,
}

/// One subschema.
#[derive(Debug)]
pub(super) struct Node {
    /// JSON Pointer into the schema.
    pub(super) pointer: String,
    /// What looking at one value costs, without other subschemas.
    pub(super) cost: u64,
    /// How often the subschemas that apply in place are looked at.
    pub(super) times: u64,
    /// Subschemas for the same value.
    pub(super) in_place: Vec<usize>,
    /// Subschemas for parts of the value.
    pub(super) inward: Vec<(Part, usize)>,
}

/// Which parts of a value a subschema is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// The member of one name.
    Member,
    /// Members of any name.
    AnyMember,
    /// The names of members.
    Name,
    /// The item at one place.
    Item,
    /// Items at any place.
    AnyItem,
}

impl Shape {
    pub(super) fn of(schema: &Value) -> Result<Self, SchemaError> {
        let mut reader = Reader::new(schema);
        reader.node(String::new(), schema);
        reader.walk()?;
        // A reference may lead to a place where no subschema was looked for, and there may be references again.
        while let Some(reference) = reader.references.pop_front() {
            let target = reader.target(&reference)?;
            reader.nodes[reference.from].in_place.push(target);
            reader.walk()?;
        }
        Ok(Self { nodes: reader.nodes, alternatives: reader.alternatives })
    }
}

struct Reader<'a> {
    schema: &'a Value,
    id: Option<&'a str>,
    nodes: Vec<Node>,
    known: HashMap<String, usize>,
    anchors: HashMap<&'a str, usize>,
    waiting: VecDeque<(usize, &'a Value)>,
    references: VecDeque<Reference<'a>>,
    patterns: usize,
    costs: Costs,
    alternatives: bool,
}

struct Reference<'a> {
    from: usize,
    keyword: &'a str,
    text: &'a str,
}

impl<'a> Reader<'a> {
    fn new(schema: &'a Value) -> Self {
        let id = schema.get("$id").and_then(Value::as_str);
        Self {
            schema,
            id: id.map(|id| id.split_once('#').map_or(id, |(base, _)| base)),
            nodes: Vec::new(),
            known: HashMap::new(),
            anchors: HashMap::new(),
            waiting: VecDeque::new(),
            references: VecDeque::new(),
            patterns: 0,
            costs: Costs::default(),
            alternatives: false,
        }
    }

    fn node(&mut self, pointer: String, schema: &'a Value) -> usize {
        if let Some(known) = self.known.get(&pointer) {
            return *known;
        }
        let index = self.nodes.len();
        self.known.insert(pointer.clone(), index);
        self.nodes.push(Node { pointer, cost: 1, times: 1, in_place: Vec::new(), inward: Vec::new() });
        self.waiting.push_back((index, schema));
        index
    }

    fn walk(&mut self) -> Result<(), SchemaError> {
        while let Some((index, schema)) = self.waiting.pop_front() {
            if let Value::Object(keywords) = schema {
                for (keyword, argument) in keywords {
                    self.keyword(index, keyword, argument)?;
                }
            }
        }
        Ok(())
    }

    fn keyword(&mut self, index: usize, keyword: &'a str, argument: &'a Value) -> Result<(), SchemaError> {
        let here = format!("{}/{}", self.nodes[index].pointer, escaped(keyword));
        match (keyword, argument) {
            ("$schema", Value::String(draft)) if draft.strip_suffix('#').unwrap_or(draft) != DRAFT => {
                return Err(SchemaError::at(
                    here,
                    format!("unsupported draft {:?}; expected {DRAFT:?}", short(draft)),
                ));
            }
            ("$id", _) if index != 0 => {
                return Err(SchemaError::at(here, "$id is allowed only at the root of the schema"));
            }
            ("$anchor" | "$dynamicAnchor", Value::String(name)) => {
                self.anchors.insert(name, index);
            }
            ("$ref" | "$dynamicRef", Value::String(text)) => {
                self.references.push_back(Reference { from: index, keyword, text });
            }
            ("allOf" | "anyOf" | "oneOf", Value::Array(schemas)) => {
                self.alternatives |= keyword != "allOf";
                for (place, schema) in schemas.iter().enumerate() {
                    let node = self.node(format!("{here}/{place}"), schema);
                    self.nodes[index].in_place.push(node);
                }
            }
            ("not" | "if" | "then" | "else", schema) => {
                let node = self.node(here, schema);
                self.nodes[index].in_place.push(node);
            }
            ("dependentSchemas", Value::Object(schemas)) => {
                for node in self.members(&here, schemas) {
                    self.nodes[index].in_place.push(node);
                }
            }
            ("properties", Value::Object(schemas)) => self.inward(index, &here, Part::Member, schemas),
            ("patternProperties", Value::Object(schemas)) => {
                for pattern in schemas.keys() {
                    let cost = self.pattern(pattern)?;
                    self.nodes[index].cost += TIMES_ASKED * cost;
                }
                self.inward(index, &here, Part::AnyMember, schemas);
            }
            ("prefixItems", Value::Array(schemas)) => {
                for (place, schema) in schemas.iter().enumerate() {
                    let node = self.node(format!("{here}/{place}"), schema);
                    self.nodes[index].inward.push((Part::Item, node));
                }
            }
            ("additionalProperties" | "propertyNames" | "items" | "contains", schema) => {
                self.part(index, keyword, here, schema);
            }
            ("unevaluatedProperties" | "unevaluatedItems", schema) => {
                // To know what was looked at already, what applies in place is asked again, twice at most.
                self.nodes[index].times = 3;
                self.part(index, keyword, here, schema);
            }
            ("$defs" | "definitions", Value::Object(schemas)) => {
                self.members(&here, schemas);
            }
            ("enum" | "const" | "required" | "dependentRequired", argument) => {
                self.nodes[index].cost += parts(argument);
            }
            ("pattern", Value::String(pattern)) => self.nodes[index].cost += self.pattern(pattern)?,
            ("format" | "multipleOf", _) => self.nodes[index].cost += FORMAT_COST,
            _ => self.nodes[index].cost += 1,
        }
        Ok(())
    }

    /// What trying a pattern costs, for every 64 bytes of text.
    fn pattern(&mut self, pattern: &str) -> Result<u64, SchemaError> {
        self.patterns += 1;
        if self.patterns > MAX_PATTERNS {
            return Err(SchemaError::at("", format!("it has more than {MAX_PATTERNS} patterns")));
        }
        Ok(self.costs.of_ecma(pattern))
    }

    fn part(&mut self, index: usize, keyword: &str, here: String, schema: &'a Value) {
        let part = match keyword {
            "propertyNames" => Part::Name,
            "additionalProperties" | "unevaluatedProperties" => Part::AnyMember,
            _ => Part::AnyItem,
        };
        let node = self.node(here, schema);
        self.nodes[index].inward.push((part, node));
    }

    fn inward(&mut self, index: usize, here: &str, part: Part, schemas: &'a Map<String, Value>) {
        for node in self.members(here, schemas) {
            self.nodes[index].inward.push((part, node));
        }
    }

    fn members(&mut self, here: &str, schemas: &'a Map<String, Value>) -> Vec<usize> {
        schemas.iter().map(|(name, schema)| self.node(format!("{here}/{}", escaped(name)), schema)).collect()
    }

    fn target(&mut self, reference: &Reference<'a>) -> Result<usize, SchemaError> {
        let Reference { from, keyword, text } = reference;
        let error = |reason: &str| {
            let place = format!("{}/{keyword}", self.nodes[*from].pointer);
            Err(SchemaError::at(place, format!("refers to {:?}, {reason}", short(text))))
        };
        let (base, fragment) = text.split_once('#').unwrap_or((text, ""));
        if !(base.is_empty() || Some(base) == self.id) {
            return error("but references must stay inside the schema");
        }
        let Some(fragment) = percent_decoded(fragment) else {
            return error("whose percent-encoding is invalid");
        };
        if !(fragment.is_empty() || fragment.starts_with('/')) {
            return match self.anchors.get(fragment.as_str()) {
                Some(node) => Ok(*node),
                None => error("which is not an anchor of the schema"),
            };
        }
        match self.schema.pointer(&fragment) {
            Some(schema @ (Value::Object(_) | Value::Bool(_))) => Ok(self.node(fragment, schema)),
            Some(_) => error("which is not a schema"),
            None => error("which does not exist in the schema"),
        }
    }
}

/// A name as one step of a JSON Pointer.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// None: the text is no percent-encoded UTF-8.
fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte == b'%' {
            let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &rest[2..];
        } else {
            bytes.push(*byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// Texts of the author are quoted only so far.
pub(super) fn short(text: &str) -> String {
    if text.chars().count() <= 200 {
        text.to_owned()
    } else {
        text.chars().take(200).chain(['…']).collect()
    }
}

/// Returns the size of a value for a check that visits all of it: one for each part, and one for every 64 bytes of text.
pub(super) fn parts(value: &Value) -> u64 {
    let text = |text: &str| count(text.len() / 64);
    match value {
        Value::String(string) => 1 + text(string),
        Value::Array(items) => items.iter().fold(1, |sum, item| sum + parts(item)),
        Value::Object(members) => {
            members.iter().fold(1, |sum, (name, member)| sum + 1 + text(name) + parts(member))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => 1,
    }
}

/// How many arrays and objects are inside each other; 0 for a plain value.
pub(super) fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
