//! Entries of the log, as `ktr audit` and `ktr var history` share them.

use std::future::Future;

use kontraktor_proto::{client::ClientError, limits::MAX_PAGE_SIZE, v1};

use super::pages;
use crate::{
    context::Context,
    error::CliError,
    model::{Entries, Entry},
    output::Format,
};

/// Characters of a value in a change; longer ones are cut, so that both sides of the arrow can be seen.
const MAX_VALUE_CHARS: usize = 58;

/// How many entries are shown.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct Limit {
    /// Show at most this many entries
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..), value_name = "N")]
    limit: u32,
}

pub(super) struct Found {
    entries: Vec<Entry>,
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
    Ok(Found { entries: entries.into_iter().map(Entry::from).collect(), more })
}

impl Found {
    pub(super) fn print<const N: usize>(
        self,
        format: Format,
        headings: [&str; N],
        row: impl Fn(Entry) -> [String; N],
        context: &mut Context,
    ) -> Result<(), CliError> {
        let count = match self.entries.len() {
            1 => "1 entry".to_owned(),
            more => format!("{more} entries"),
        };
        match format {
            Format::Json => context.out.json(&Entries { entries: self.entries })?,
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

/// `old → new`, with `(none)` for a side that does not exist.
pub(super) fn change(entry: &Entry) -> String {
    let side = |value: &Option<String>| match value {
        None => "(none)".to_owned(),
        Some(value) if value.is_empty() => "\"\"".to_owned(),
        Some(value) if value.chars().count() > MAX_VALUE_CHARS => {
            value.chars().take(MAX_VALUE_CHARS - 1).chain(['…']).collect()
        }
        Some(value) => value.clone(),
    };
    match (&entry.old_value, &entry.new_value) {
        (None, None) => String::new(),
        (old, new) => format!("{} → {}", side(old), side(new)),
    }
}
