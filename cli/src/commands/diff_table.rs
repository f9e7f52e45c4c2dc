//! The difference between two snapshots, as `ktr env diff` and `ktr env rollback` print it for a person.

use kontraktor_model::value::ValueType;
use kontraktor_proto::{
    diff::{Change, Diff},
    json::{ResolvedVersionChange, environment_names},
    v1,
};

use crate::{error::CliError, output::Output, text::arrow};

/// Prints one line for each key and aspect that differs.
pub(super) fn print(diff: &Diff<'_>, out: &mut Output) -> Result<(), CliError> {
    out.table(["", "KEY", "CHANGE"], rows(diff), "No differences.")
}

/// Prints the references that are the same, and last resolved to different versions.
pub(super) fn print_versions(versions: &[ResolvedVersionChange], out: &mut Output) -> Result<(), CliError> {
    if versions.is_empty() {
        return Ok(());
    }
    out.line("Unchanged references that last resolved to different versions:")?;
    let rows =
        versions.iter().map(|change| [change.key.clone(), arrow(Some(&change.from), Some(&change.to))]);
    out.table(["KEY", "VERSION"], rows, "")
}

/// Returns the rows by key.
fn rows(diff: &Diff<'_>) -> Vec<[String; 3]> {
    let added = diff
        .added
        .iter()
        .map(|(key, variable)| (*key, vec![["+", &arrow(None, content(variable))].map(str::to_owned)]));
    let removed = diff
        .removed
        .iter()
        .map(|(key, variable)| (*key, vec![["-", &arrow(content(variable), None)].map(str::to_owned)]));
    let changed = diff.changed.iter().map(|(key, change)| (*key, changes(change)));
    let mut keys: Vec<_> = added.chain(removed).chain(changed).collect();
    keys.sort_unstable_by_key(|(key, _)| *key);
    let rows = keys
        .into_iter()
        .flat_map(|(key, lines)| lines.into_iter().map(move |[sign, change]| [sign, key.to_owned(), change]));
    rows.collect()
}

fn changes(change: &Change<'_>) -> Vec<[String; 2]> {
    let mut lines = Vec::new();
    let mut line = |text: String| lines.push(["~".to_owned(), text]);
    if change.content() {
        line(arrow(content(change.from), content(change.to)));
    }
    if change.value_type() {
        line(format!("type: {}", arrow(Some(type_name(change.from)), Some(type_name(change.to)))));
    }
    if change.description() {
        line(description(&change.from.description, &change.to.description));
    }
    lines
}

/// Returns the value, or the reference.
fn content(variable: &v1::Variable) -> Option<&str> {
    variable.value().or_else(|| variable.reference().map(|reference| reference.url.as_str()))
}

fn type_name(variable: &v1::Variable) -> &'static str {
    if variable.reference().is_some() {
        return "secret reference";
    }
    kontraktor_proto::value_type(variable.r#type).map_or("unknown", ValueType::as_str)
}

/// Describes the change of a description.
pub(super) fn description(from: &str, to: &str) -> String {
    format!("description: {}", arrow(Some(from), Some(to)))
}

/// Describes the change of a list of imports.
pub(super) fn imports(from: &[v1::EnvironmentName], to: &[v1::EnvironmentName]) -> String {
    let list = |environments: &[v1::EnvironmentName]| {
        if environments.is_empty() { "(none)".to_owned() } else { environment_names(environments).join(", ") }
    };
    format!("imports: {} → {}", list(from), list(to))
}

#[cfg(test)]
mod tests {
    use kontraktor_proto::{diff, v1::variable::Content};

    use super::*;

    fn variable(key: &str, value: &str, value_type: ValueType, description: &str) -> v1::Variable {
        v1::Variable {
            key: key.to_owned(),
            r#type: v1::ValueType::from(value_type).into(),
            content: Some(Content::Value(value.to_owned())),
            description: description.to_owned(),
            ..v1::Variable::default()
        }
    }

    #[test]
    fn every_kind_of_difference_has_its_line() {
        let from = [
            variable("GONE", "", ValueType::String, ""),
            variable("PORT", "5432", ValueType::String, "Of the database"),
            variable("SAME", "1", ValueType::Number, ""),
        ];
        let to = [
            variable("NEW", "x", ValueType::String, "Not shown for a new key"),
            variable("PORT", "5433", ValueType::Number, ""),
            variable("SAME", "1", ValueType::Number, ""),
        ];
        let lines: Vec<_> = rows(&diff::between(&from, &to)).into_iter().map(|row| row.join(" ")).collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        - GONE "" → (none)
        + NEW (none) → x
        ~ PORT 5432 → 5433
        ~ PORT type: string → number
        ~ PORT description: Of the database → ""
        "#);
    }

    #[test]
    fn imports_are_shown_in_their_order() {
        let name = |project: &str, env: &str| v1::EnvironmentName {
            project: project.to_owned(),
            env: env.to_owned(),
        };
        let (base, own) = (name("shared", "base"), name("infra-demo", "default"));
        assert_eq!(
            imports(&[base.clone(), own.clone()], &[own, base]),
            "imports: shared/base, infra-demo/default → infra-demo/default, shared/base"
        );
        assert_eq!(imports(&[], &[name("a", "b")]), "imports: (none) → a/b");
    }
}
