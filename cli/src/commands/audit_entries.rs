//! Entries of the audit log, as `ktr audit` and `ktr var history` fetch and print them.

use std::future::Future;

use kontraktor_model::limits::MAX_PAGE_SIZE;
use kontraktor_proto::{
    client::ClientError,
    json::{AuditEntry, AuditEntryList, SecretAccess},
    v1,
};

use super::pages;
use crate::{
    context::Context,
    error::CliError,
    output::Format,
    text::{arrow, truncated_value},
};

/// How many entries to show.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct Limit {
    /// Maximum number of entries
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..), value_name = "N")]
    limit: u32,
}

/// The newest entries, and whether there are older ones.
pub(super) struct NewestEntries {
    entries: Vec<AuditEntry>,
    more: bool,
}

/// Fetches the newest entries, up to the limit.
pub(super) async fn collect<F>(
    limit: Limit,
    mut fetch: impl FnMut(String, u32) -> F,
) -> Result<NewestEntries, ClientError>
where
    F: Future<Output = Result<v1::ListAuditEntriesResponse, ClientError>>,
{
    let limit = usize::try_from(limit.limit).unwrap_or(usize::MAX);
    let (entries, more) = pages::collect(limit, |token, wanted| {
        let page = fetch(token, u32::try_from(wanted).unwrap_or(u32::MAX).min(MAX_PAGE_SIZE));
        async move {
            let response = page.await?;
            Ok((response.entries, response.next_page_token))
        }
    })
    .await?;
    Ok(NewestEntries { entries: entries.into_iter().map(AuditEntry::from).collect(), more })
}

impl NewestEntries {
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
            context.out.remark(&format!("only the newest {count} shown; raise --limit to see more"))?;
        }
        Ok(())
    }
}

/// Describes what changed: `old → new`, a name, who got which role, what an environment imports, and whether it is protected now.
pub(super) fn change(entry: &AuditEntry) -> String {
    let mut parts = Vec::new();
    if entry.schema.is_some() || entry.operation == "actor_named" {
        // The log has only the text afterwards, and none for a deletion.
        parts.extend(entry.new_value.as_deref().map(truncated_value));
    } else if entry.old_value.is_some() || entry.new_value.is_some() {
        parts.push(arrow(entry.old_value.as_deref(), entry.new_value.as_deref()));
    }
    if let Some(access) = &entry.access {
        parts.push(describe_access(access));
    }
    if let Some(binding) = &entry.role_binding {
        parts.push(format!("{} to {} on {}", binding.role, binding.subject, binding.pattern));
    }
    if let Some(account) = &entry.service_account {
        parts.push(format!("{} ({}) with {}", account.name, account.client_id, account.scopes.join(" ")));
    }
    if let Some(imports) = entry.imports.as_ref().filter(|imports| !imports.is_empty()) {
        parts.push(format!("imports {}", imports.join(", ")));
    }
    if entry.deletion_protection == Some(true) {
        parts.push("(protected)".to_owned());
    }
    parts.join(" ")
}

/// Describes an access: `vault://… version 3 by pid:4711, 12 times: secret_not_found`.
fn describe_access(access: &SecretAccess) -> String {
    let mut text = access.action.clone().unwrap_or_default();
    text.push_str(&access.reference);
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
