//! Describes why settings cannot be read: by the setting's name and by what is expected, never by the value, which may be
//! a credential.

use figment::{
    Error,
    error::{Actual, Kind},
};

/// How the TOML parser begins a message. The position follows, and the offending text on the next lines.
const SYNTAX: &str = "TOML parse error at line ";

/// Describes one error of the parser.
pub fn describe_config_error(error: Error) -> String {
    let mut path = error.path;
    if let Kind::UnknownField(field, _) = &error.kind {
        // The parser puts the name into the path, too.
        path.pop_if(|last| last == field);
    }
    let table = path.join(".");
    let invalid = |problem: &str| match table.as_str() {
        "" => format!("invalid value: {problem}"),
        setting => format!("invalid value for `{setting}`: {problem}"),
    };
    let within = |name: &str| if table.is_empty() { name.to_owned() } else { format!("{table}.{name}") };
    match error.kind {
        Kind::UnknownField(name, []) => format!("unknown setting `{}`", within(&name)),
        Kind::UnknownField(name, [only]) => format!("unknown setting `{}`; expected {only}", within(&name)),
        Kind::UnknownField(name, known) => {
            format!("unknown setting `{}`; expected one of {}", within(&name), known.join(", "))
        }
        Kind::MissingField(name) => format!("missing setting `{}`", within(&name)),
        Kind::DuplicateField(name) => format!("duplicate setting `{}`", within(name)),
        Kind::UnknownVariant(_, known) => invalid(&format!("expected {}", alternatives(known))),
        // The setting itself may lie within: what is read by a tag has no name of its own here.
        Kind::InvalidType(actual, expected) => {
            invalid(&format!("expected {}, found {}", expectation(&expected), type_of(&actual)))
        }
        Kind::InvalidValue(_, expected) => invalid(&format!("expected {}", expectation(&expected))),
        Kind::InvalidLength(_, expected) => invalid(&format!("expected {expected}")),
        Kind::Message(text) => match text.lines().next().filter(|line| line.starts_with(SYNTAX)) {
            Some(position) => position.to_owned(),
            None => invalid("it cannot be parsed"),
        },
        _ => invalid("it cannot be parsed"),
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

fn type_of(actual: &Actual) -> &'static str {
    match actual {
        Actual::Bool(_) => "a boolean",
        Actual::Unsigned(_) | Actual::Signed(_) | Actual::Float(_) => "a number",
        Actual::Char(_) | Actual::Str(_) | Actual::Bytes(_) => "a string",
        Actual::Seq => "an array",
        Actual::Map => "a table",
        _ => "something else",
    }
}

/// Translates what the parser expected into TOML's terms; names of Rust's types mean nothing to an operator.
fn expectation(expected: &str) -> &str {
    match expected {
        "string" | "variant identifier" => "a string",
        "path string" => "a path",
        "a sequence" => "an array",
        "a map" | "map" => "a table",
        "u32" => "an integer from 0 to 4294967295",
        "usize" => "an integer of at least 0",
        table if table.starts_with("struct ") || table.starts_with("internally tagged enum ") => "a table",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, path::PathBuf};

    use figment::{
        Figment,
        providers::{Format as _, Toml},
    };
    use serde::Deserialize;

    use super::*;

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
            "text = \"hunter2",
            "text = hunter2",
            "text = \"a\"\ntext = \"hunter2\"",
        ]
        .map(|toml| {
            let error = Figment::from(Toml::string(toml)).extract::<Settings>().unwrap_err();
            error.into_iter().map(describe_config_error).collect::<Vec<_>>().join("; ")
        })
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
        unknown setting `other`; expected one of text, path, count, size, yes, list, map, inner, choice
        invalid value for `choice`: expected a table, found a string
        invalid value for `choice.method`: expected `none` or `some`
        invalid value for `choice.method`: expected a string, found a number
        missing setting `choice.method`
        missing setting `choice.text`
        invalid value for `choice`: expected a string, found a number
        unknown setting `choice.text`
        TOML parse error at line 1, column 16
        TOML parse error at line 1, column 8
        TOML parse error at line 2, column 1
        ");
    }

    #[test]
    fn messages_of_deserializers_are_not_passed_on() {
        let error = Error::from("hunter2 is invalid".to_owned());
        assert_eq!(describe_config_error(error), "invalid value: it cannot be parsed");
    }
}
