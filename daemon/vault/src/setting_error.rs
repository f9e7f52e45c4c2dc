//! Why a setting cannot be read: described by its name and by what is expected, never by its value, which may be a
//! credential.

use std::fmt;

use serde::de::{self, Expected, Unexpected};

/// Why settings cannot be read. It contains no values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingError {
    /// The names of the tables and of the setting, the outermost first. Items of an array are numbered from 0.
    pub path: Vec<String>,
    problem: Problem,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Problem {
    /// The text is not TOML.
    Syntax(String),
    /// Which settings the table has. `what` precedes its name and `hint` follows.
    Setting { what: &'static str, name: String, hint: String },
    /// The value is invalid.
    Value(String),
}

impl SettingError {
    fn new(problem: Problem) -> Self {
        Self { path: Vec::new(), problem }
    }

    fn setting(what: &'static str, name: &str, hint: String) -> Self {
        Self::new(Problem::Setting { what, name: name.to_owned(), hint })
    }

    fn value(problem: String) -> Self {
        Self::new(Problem::Value(problem))
    }

    /// The text is not TOML. Of the parser's error, only the position is kept: its messages repeat the text.
    pub(crate) fn syntax(text: &str, error: &toml::de::Error) -> Self {
        let before = error.span().and_then(|span| text.get(..span.start));
        let position = before.map_or_else(String::new, |before| {
            let (line, column) = match before.rsplit_once('\n') {
                None => (1, before.chars().count() + 1),
                Some((lines, rest)) => (lines.matches('\n').count() + 2, rest.chars().count() + 1),
            };
            format!(" at line {line}, column {column}")
        });
        Self::new(Problem::Syntax(format!("TOML parse error{position}")))
    }

    /// Adds the name of the table or array that the path is in.
    pub(crate) fn within(mut self, name: String) -> Self {
        self.path.insert(0, name);
        self
    }
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.join(".");
        match &self.problem {
            Problem::Syntax(problem) => f.write_str(problem),
            Problem::Setting { what, name, hint } => {
                let dot = if path.is_empty() { "" } else { "." };
                write!(f, "{what} setting `{path}{dot}{name}`{hint}")
            }
            Problem::Value(problem) if path.is_empty() => write!(f, "invalid value: {problem}"),
            Problem::Value(problem) => write!(f, "invalid value for `{path}`: {problem}"),
        }
    }
}

impl std::error::Error for SettingError {}

impl de::Error for SettingError {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::value("it cannot be parsed".to_owned())
    }

    // The setting itself may lie within the path: what is read by a tag has no name of its own here.
    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::value(format!("expected {}, found {}", expectation(&expected.to_string()), type_of(&found)))
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::value(format!("expected {}", expectation(&expected.to_string())))
    }

    fn invalid_length(_: usize, expected: &dyn Expected) -> Self {
        Self::value(format!("expected {expected}"))
    }

    fn unknown_variant(_: &str, known: &'static [&'static str]) -> Self {
        Self::value(format!("expected {}", alternatives(known)))
    }

    fn unknown_field(name: &str, known: &'static [&'static str]) -> Self {
        let hint = match known {
            [] => String::new(),
            [only] => format!("; expected {only}"),
            several => format!("; expected one of {}", several.join(", ")),
        };
        Self::setting("unknown", name, hint)
    }

    fn missing_field(name: &'static str) -> Self {
        Self::setting("missing", name, String::new())
    }

    fn duplicate_field(name: &'static str) -> Self {
        Self::setting("duplicate", name, String::new())
    }
}

/// Quotes and joins words, as in `` `a`, `b` or `c` ``.
fn alternatives(words: &[&str]) -> String {
    let quoted: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        _ => quoted.concat(),
    }
}

fn type_of(found: &Unexpected<'_>) -> &'static str {
    match found {
        Unexpected::Bool(_) => "a boolean",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_) => "a number",
        Unexpected::Char(_) | Unexpected::Str(_) | Unexpected::Bytes(_) => "a string",
        Unexpected::Seq => "an array",
        Unexpected::Map => "a table",
        _ => "something else",
    }
}

/// Translates what serde expected into TOML's terms; names of Rust's types mean nothing to an operator.
fn expectation(expected: &str) -> &str {
    match expected {
        "variant identifier" => "a string",
        "path string" => "a path",
        "a sequence" => "an array",
        "a map" => "a table",
        "u32" => "an integer from 0 to 4294967295",
        "usize" => "an integer of at least 0",
        table if table.starts_with("struct ") || table.starts_with("internally tagged enum ") => "a table",
        choice if choice.starts_with("enum ") => "a string",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, path::PathBuf};

    use serde::Deserialize;

    use super::*;
    use crate::toml_settings::read_config;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only parsing matters")]
    struct Settings {
        text: Option<String>,
        path: Option<PathBuf>,
        count: Option<u32>,
        size: Option<usize>,
        yes: Option<bool>,
        list: Option<Vec<String>>,
        map: Option<BTreeMap<String, String>>,
        inner: Option<Inner>,
        choice: Option<Choice>,
        word: Option<Word>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only parsing matters")]
    struct Inner {
        count: u32,
    }

    #[derive(Debug, Deserialize)]
    #[serde(tag = "method", rename_all = "snake_case", deny_unknown_fields)]
    #[expect(dead_code, reason = "only parsing matters")]
    enum Choice {
        None {},
        Some { text: String },
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Word {
        Yes,
        No,
    }

    /// Each of these has a value that would be recognized.
    #[test]
    fn an_error_names_the_setting_and_never_the_value() {
        let all = [
            "text = 8675309",
            "text = 86753.09",
            "text = true",
            "text = [\"hunter2\"]",
            "text = { a = \"hunter2\" }",
            "path = 8675309",
            "count = \"hunter2\"",
            "count = -8675309",
            "count = 867530986753098675",
            "size = \"hunter2\"",
            "size = -8675309",
            "yes = \"hunter2\"",
            "list = \"hunter2\"",
            "list = [8675309]",
            "map = \"hunter2\"",
            "map = { a = 8675309 }",
            "inner = \"hunter2\"",
            "inner = { count = \"hunter2\" }",
            "inner = {}",
            "inner = { count = 1, other = \"hunter2\" }",
            "other = \"hunter2\"",
            "choice = \"hunter2\"",
            "choice = { method = \"hunter2\" }",
            "choice = { method = 8675309 }",
            "choice = { text = \"hunter2\" }",
            "choice = { method = \"some\" }",
            "choice = { method = \"some\", text = 8675309 }",
            "choice = { method = \"none\", text = \"hunter2\" }",
            "word = \"hunter2\"",
            "word = 8675309",
            "text = \"hunter2",
            "text = hunter2",
            "text = \"a\"\ntext = \"hunter2\"",
        ]
        .map(|toml| read_config::<Settings>(toml).unwrap_err().to_string())
        .join("\n");
        assert!(!["hunter2", "8675309", "86753.09"].iter().any(|value| all.contains(value)), "{all}");
        insta::assert_snapshot!(all, @"
        invalid value for `text`: expected a string, found a number
        invalid value for `text`: expected a string, found a number
        invalid value for `text`: expected a string, found a boolean
        invalid value for `text`: expected a string, found an array
        invalid value for `text`: expected a string, found a table
        invalid value for `path`: expected a path, found a number
        invalid value for `count`: expected an integer from 0 to 4294967295, found a string
        invalid value for `count`: expected an integer from 0 to 4294967295
        invalid value for `count`: expected an integer from 0 to 4294967295
        invalid value for `size`: expected an integer of at least 0, found a string
        invalid value for `size`: expected an integer of at least 0
        invalid value for `yes`: expected a boolean, found a string
        invalid value for `list`: expected an array, found a string
        invalid value for `list.0`: expected a string, found a number
        invalid value for `map`: expected a table, found a string
        invalid value for `map.a`: expected a string, found a number
        invalid value for `inner`: expected a table, found a string
        invalid value for `inner.count`: expected an integer from 0 to 4294967295, found a string
        missing setting `inner.count`
        unknown setting `inner.other`; expected count
        unknown setting `other`; expected one of text, path, count, size, yes, list, map, inner, choice, word
        invalid value for `choice`: expected a table, found a string
        invalid value for `choice.method`: expected `none` or `some`
        invalid value for `choice.method`: expected a string, found a number
        missing setting `choice.method`
        missing setting `choice.text`
        invalid value for `choice`: expected a string, found a number
        unknown setting `choice.text`
        invalid value for `word`: expected `yes` or `no`
        invalid value for `word`: expected a string, found a number
        TOML parse error at line 1, column 16
        TOML parse error at line 1, column 8
        TOML parse error at line 2, column 1
        ");
    }

    #[test]
    fn messages_of_deserializers_are_not_passed_on() {
        let error = <SettingError as de::Error>::custom("hunter2 is invalid");
        assert_eq!(error.to_string(), "invalid value: it cannot be parsed");
    }
}
