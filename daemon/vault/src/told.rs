//! How it is told that settings cannot be read: which setting, the nature of what stands there, and what must stand there.
//! Never the value: somebody may have written a credential there.

use figment::{
    Error,
    error::{Actual, Kind},
};

/// What the TOML parser says first; the place follows, and on the next lines what it stumbled over.
const SYNTAX: &str = "TOML parse error at line ";

/// One error of the parser, in our words.
pub fn told(error: Error) -> String {
    let mut path = error.path;
    if let Kind::UnknownField(field, _) = &error.kind {
        // The parser names it there, too.
        path.pop_if(|last| last == field);
    }
    let table = path.join(".");
    let setting = if table.is_empty() { "this" } else { &table };
    let within = |name: &str| if table.is_empty() { name.to_owned() } else { format!("{table}.{name}") };
    match error.kind {
        Kind::UnknownField(name, []) => format!("{} is no setting", within(&name)),
        Kind::UnknownField(name, known) => {
            format!("{} is no setting; there are {}", within(&name), known.join(", "))
        }
        Kind::MissingField(name) => format!("{} is missing", within(&name)),
        Kind::DuplicateField(name) => format!("{} is there twice", within(name)),
        Kind::UnknownVariant(_, known) => {
            format!("{setting} is none that there is; there are {}", known.join(", "))
        }
        Kind::InvalidType(actual, expected) => {
            // It may stand within the setting: what is read by a tag before has no name of its own here.
            format!("{setting} has {} where {} must stand", nature(&actual), wanted(&expected))
        }
        Kind::InvalidValue(_, expected) => format!("{setting} must be {}", wanted(&expected)),
        Kind::InvalidLength(_, expected) => format!("{setting} must have {expected}"),
        Kind::Message(text) => match text.lines().next().filter(|line| line.starts_with(SYNTAX)) {
            Some(place) => place.to_owned(),
            None => format!("{setting} cannot be understood"),
        },
        _ => format!("{setting} cannot be understood"),
    }
}

fn nature(actual: &Actual) -> &'static str {
    match actual {
        Actual::Bool(_) => "true or false",
        Actual::Unsigned(_) | Actual::Signed(_) | Actual::Float(_) => "a number",
        Actual::Char(_) | Actual::Str(_) | Actual::Bytes(_) => "a text",
        Actual::Seq => "a list",
        Actual::Map => "a table",
        _ => "something else",
    }
}

/// What must stand there. Names of our types mean nothing to people.
fn wanted(expected: &str) -> &str {
    match expected {
        "a string" | "string" | "variant identifier" => "a text",
        "path string" => "a path",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "a map" | "map" => "a table",
        "u32" => "a whole number from 0 to 4294967295",
        "usize" => "a whole number from 0",
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
    #[expect(dead_code, reason = "only whether they can be read matters")]
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
    #[expect(dead_code, reason = "only whether they can be read matters")]
    struct Inner {
        count: u32,
    }

    #[derive(Debug, Deserialize)]
    #[serde(tag = "method", rename_all = "snake_case", deny_unknown_fields)]
    #[expect(dead_code, reason = "only whether they can be read matters")]
    enum Choice {
        None {},
        Some { text: String },
    }

    /// Each of these has a value that would be known again.
    #[test]
    fn a_setting_is_told_by_its_name_and_nature_and_never_by_its_value() {
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
            error.into_iter().map(told).collect::<Vec<_>>().join("; ")
        })
        .join("\n");
        assert!(!["hunter2", "8675309", "86753.09"].iter().any(|value| all.contains(value)), "{all}");
        insta::assert_snapshot!(all, @"
        text has a number where a text must stand
        text has a number where a text must stand
        text has true or false where a text must stand
        text has a list where a text must stand
        text has a table where a text must stand
        path has a number where a path must stand
        count has a text where a whole number from 0 to 4294967295 must stand
        count must be a whole number from 0 to 4294967295
        count must be a whole number from 0 to 4294967295
        size has a text where a whole number from 0 must stand
        size must be a whole number from 0
        yes has a text where true or false must stand
        list has a text where a list must stand
        list.0 has a number where a text must stand
        map has a text where a table must stand
        map.a has a number where a text must stand
        inner has a text where a table must stand
        inner.count has a text where a whole number from 0 to 4294967295 must stand
        inner.count is missing
        inner.other is no setting; there are count
        other is no setting; there are text, path, count, size, yes, list, map, inner, choice
        choice has a text where a table must stand
        choice.method is none that there is; there are none, some
        choice.method has a number where a text must stand
        choice.method is missing
        choice.text is missing
        choice has a number where a text must stand
        choice.text is no setting
        TOML parse error at line 1, column 16
        TOML parse error at line 1, column 8
        TOML parse error at line 2, column 1
        ");
    }

    #[test]
    fn words_of_whoever_reads_a_setting_are_not_passed_on() {
        let error = Error::from("hunter2 is no good".to_owned());
        assert_eq!(told(error), "this cannot be understood");
    }
}
