//! Paths to an attribute or element of a value. Hosts use them to show the line of a diagnostic.

use std::fmt;

use crate::wire::{self, attribute_path::step::Selector};

/// One step into a value. Elements of a set have no steps: a path ends at the set.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// An attribute of an object, or a nested block.
    Attribute(String),
    /// An element of a map.
    Key(String),
    /// An element of a list or tuple, counted from zero.
    Index(i64),
}

/// The path to a part of a value, from the outside in. The empty path is the value as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttributePath(Vec<Step>);

impl AttributePath {
    /// Returns the path to the value as a whole.
    pub fn root() -> Self {
        Self::default()
    }

    /// Returns the path to a top-level attribute.
    pub fn attribute(name: impl Into<String>) -> Self {
        Self::default().then(Step::Attribute(name.into()))
    }

    /// Appends a step.
    pub fn then(mut self, step: Step) -> Self {
        self.0.push(step);
        self
    }

    /// Appends an attribute.
    pub fn then_attribute(self, name: impl Into<String>) -> Self {
        self.then(Step::Attribute(name.into()))
    }

    /// Appends an element of a map.
    pub fn then_key(self, key: impl Into<String>) -> Self {
        self.then(Step::Key(key.into()))
    }

    /// Appends an element of a list or tuple.
    pub fn then_index(self, index: i64) -> Self {
        self.then(Step::Index(index))
    }

    /// Returns the steps, from the outside in.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// Returns whether it is the path to the value as a whole.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Prepends a step.
    pub fn prepend(&mut self, step: Step) {
        self.0.insert(0, step);
    }
}

impl fmt::Display for AttributePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Attribute(name) if position == 0 => write!(f, "{name}")?,
                Step::Attribute(name) => write!(f, ".{name}")?,
                Step::Key(key) => write!(f, "[{key:?}]")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

impl FromIterator<Step> for AttributePath {
    fn from_iter<I: IntoIterator<Item = Step>>(steps: I) -> Self {
        Self(steps.into_iter().collect())
    }
}

impl From<AttributePath> for wire::AttributePath {
    fn from(path: AttributePath) -> Self {
        let step = |step| {
            let selector = match step {
                Step::Attribute(name) => Selector::AttributeName(name),
                Step::Key(key) => Selector::ElementKeyString(key),
                Step::Index(index) => Selector::ElementKeyInt(index),
            };
            wire::attribute_path::Step { selector: Some(selector) }
        };
        Self { steps: path.0.into_iter().map(step).collect() }
    }
}

impl From<&AttributePath> for wire::AttributePath {
    fn from(path: &AttributePath) -> Self {
        path.clone().into()
    }
}

impl From<wire::AttributePath> for AttributePath {
    /// Converts the path; steps without a selector are skipped.
    fn from(path: wire::AttributePath) -> Self {
        let step = |step: wire::attribute_path::Step| {
            Some(match step.selector? {
                Selector::AttributeName(name) => Step::Attribute(name),
                Selector::ElementKeyString(key) => Step::Key(key),
                Selector::ElementKeyInt(index) => Step::Index(index),
            })
        };
        path.steps.into_iter().filter_map(step).collect()
    }
}
