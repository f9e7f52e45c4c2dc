//! AuditEntryList of the log, as `ktr audit` and `ktr var history` share them.

use std::future::Future;

use kontraktor_model::limits::MAX_PAGE_SIZE;
use kontraktor_proto::{
    client::ClientError,
    json::{AuditEntry, AuditEntryList, SecretAccess},
    v1,
};

use super::pages;
use crate::{context::Context, error::CliError, output::Format};

/// Characters of a value in a change; longer ones are cut, so that both sides of the arrow can be seen.
const MAX_VALUE_CHARS: usize = 50;

/// Characters before the first difference that are shown where a long value is cut at its beginning too.
const CONTEXT_CHARS: usize = 12;

/// How many entries are shown.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct Limit {
    /// Show at most this many entries
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..), value_name = "N")]
    limit: u32,
}

pub(super) struct Found {
    entries: Vec<AuditEntry>,
    more: bool,
}

/// The newest entries, up to the limit.
pub(super) async fn collect<F>(
    limit: Limit,
    mut fetch: impl FnMut(String, u32) -> F,
) -> Result<Found, ClientError>
where
    F: Future<Output = Result<v1::ListAuditResponse, ClientError>>,
{
    let limit = usize::try_from(limit.limit).unwrap_or(usize::MAX);
    let (entries, more) = pages::collect(limit, |token, wanted| {
        let page = fetch(token, u32::try_from(wanted).unwrap_or(u32::MAX).min(MAX_PAGE_SIZE));
        async move {
            let answer = page.await?;
            Ok((answer.entries, answer.next_page_token))
        }
    })
    .await?;
    Ok(Found { entries: entries.into_iter().map(AuditEntry::from).collect(), more })
}

impl Found {
    pub(super) fn print<const N: usize>(
        self,
        format: Format,
        headings: [&str; N],
        row: impl Fn(AuditEntry) -> [String; N],
        context: &mut Context,
    ) -> Result<(), CliError> {
        let count = match self.entries.len() {
            1 => "1 entry".to_owned(),
            more => format!("{more} entries"),
        };
        match format {
            Format::Json => context.out.json(&AuditEntryList { entries: self.entries })?,
            Format::Table => {
                context.out.table(headings, self.entries.into_iter().map(row), "No entries.")?;
            }
        }
        if self.more {
            context.out.note(&format!("only the newest {count}: see more with --limit"))?;
        }
        Ok(())
    }
}

/// What happened, for a person: `old → new`, what an environment imports, and whether it is protected now.
pub(super) fn change(entry: &AuditEntry) -> String {
    let mut parts = Vec::new();
    if entry.schema.is_some() {
        // Only the text afterwards is in the log, and none where it was deleted.
        parts.extend(entry.new_value.as_deref().map(|text| side(Some(text), 0)));
    } else if entry.old_value.is_some() || entry.new_value.is_some() {
        parts.push(arrow(entry.old_value.as_deref(), entry.new_value.as_deref()));
    }
    if let Some(access) = &entry.access {
        parts.push(told(access));
    }
    if let Some(imports) = entry.imports.as_ref().filter(|imports| !imports.is_empty()) {
        parts.push(format!("imports {}", imports.join(", ")));
    }
    if entry.deletion_protection == Some(true) {
        parts.push("(protected)".to_owned());
    }
    parts.join(" ")
}

/// What was accessed: `vault://… version 3 by pid:4711, 12 times: secret_not_found`.
fn told(access: &SecretAccess) -> String {
    let mut text = access.reference.clone();
    if let Some(version) = &access.version {
        text.push_str(&format!(" version {version}"));
    }
    if let Some(peer) = &access.peer {
        text.push_str(&format!(" by {peer}"));
    }
    if access.count > 1 {
        text.push_str(&format!(", {} times", access.count));
    }
    if let Some(problem) = &access.problem {
        text.push_str(&format!(": {problem}"));
    }
    text.trim_start().to_owned()
}

/// `old → new`, with `(none)` for a side that does not exist and quotes for an empty one. What is cut shows the first
/// place where the sides differ.
pub(super) fn arrow(old: Option<&str>, new: Option<&str>) -> String {
    let same = match (old, new) {
        (Some(old), Some(new)) => old.chars().zip(new.chars()).take_while(|(old, new)| old == new).count(),
        _ => 0,
    };
    let is_short = |side: Option<&str>| side.is_none_or(|text| text.chars().count() <= MAX_VALUE_CHARS);
    let both_short = is_short(old) && is_short(new);
    let skip = if old == new || both_short || same + CONTEXT_CHARS < MAX_VALUE_CHARS {
        0
    } else {
        same - CONTEXT_CHARS
    };
    format!("{} → {}", side(old, skip), side(new, skip))
}

/// One side, without as many characters at its beginning, and without those that are too many at its end.
fn side(value: Option<&str>, skip: usize) -> String {
    let value = match value {
        None => return "(none)".to_owned(),
        Some("") => return "\"\"".to_owned(),
        Some(value) => value,
    };
    let rest: String = value.chars().skip(skip).collect();
    let begin = if skip > 0 { "…" } else { "" };
    let most = MAX_VALUE_CHARS - begin.chars().count();
    if rest.chars().count() <= most {
        return format!("{begin}{rest}");
    }
    let cut: String = rest.chars().take(most - 1).collect();
    format!("{begin}{cut}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_of_a_change_are_told_apart_however_long_they_are() {
        let long = "x".repeat(500);
        let dots = |count: usize| format!("{}…", "x".repeat(count));
        assert_eq!(arrow(Some("a"), None), "a → (none)");
        assert_eq!(arrow(Some(""), Some("ü")), "\"\" → ü");
        assert_eq!(arrow(Some("a"), Some(&long)), format!("a → {}", dots(49)));
        let (old, new) = (format!("{long}old"), format!("{long}new, {long}"));
        assert_eq!(
            arrow(Some(&old), Some(&new)),
            format!("…{0}old → …{0}new, {1}", "x".repeat(CONTEXT_CHARS), dots(31))
        );
        // One that only grew is no exception.
        assert_eq!(
            arrow(Some(&long), Some(&format!("{long}!"))),
            format!("…{0} → …{0}!", "x".repeat(CONTEXT_CHARS))
        );
        // What fits is not cut.
        let (old, new) = ("y".repeat(MAX_VALUE_CHARS), "y".repeat(MAX_VALUE_CHARS - 1));
        assert_eq!(arrow(Some(&old), Some(&new)), format!("{old} → {new}"));
        assert_eq!(arrow(Some(&long), Some(&long)), format!("{0} → {0}", dots(49)));
    }
}
