//! `ktr env rollback`

use kontraktor_model::{limits::MAX_LISTED_NAMES, names::EnvPath};
use kontraktor_proto::{
    diff,
    json::ResolvedVersionChange,
    v1::{self, ProblemCode, point_in_time},
};

use crate::{
    commands::diff_table,
    confirmation::Confirmation,
    context::Context,
    error::{CliError, Kind},
    output::Output,
    point_in_time::parse_revision,
    text::counted,
};

/// Restore an environment's own variables, imports and description from an earlier revision
///
/// Creates a new revision; history is never rewritten. Shows the changes and asks for confirmation first. Protection is kept as
/// it is.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Environment, such as infra-demo/dev
    #[arg(value_name = "PROJECT/ENV")]
    environment: EnvPath,
    /// Revision to restore, as listed by ktr var history
    #[arg(long, value_name = "REVISION", value_parser = parse_revision)]
    to: u64,
    /// Show the changes without making them
    #[arg(long)]
    dry_run: bool,
    /// Skip the confirmation
    #[arg(long, short, conflicts_with = "dry_run")]
    yes: bool,
}

pub(super) async fn run(args: Args, context: &mut Context) -> Result<(), CliError> {
    let (path, to) = (args.environment, args.to);
    let hint = "see the changes with --dry-run, and add --yes to make them without confirmation";
    let confirmation = if args.dry_run { None } else { Some(Confirmation::new(args.yes, hint)?) };
    let now = snapshot(&path, None, context).await?;
    let then = snapshot(&path, Some(to), context).await?;
    if !print_changes(&path, &now, &then, &mut context.out)? {
        return context.out.line(&format!(
            "No changes: {path} at revision {} is the same as at revision {to}.",
            now.revision
        ));
    }
    note_protected(&path, &now, &then, &mut context.out)?;
    note_versions(&now, &then, &mut context.out)?;
    let Some(confirmation) = confirmation else {
        return context.out.line("Dry run: nothing was changed.");
    };
    confirmation.require(&format!("Roll {path} back to revision {to}?"), &mut context.out).await?;
    let request = v1::RollbackEnvironmentRequest {
        name: Some(v1::EnvironmentName::from(&path)),
        to_revision: to,
        // Exactly the changes that were shown are made, or none.
        expect_revision: now.revision,
    };
    let response = context.client.rollback_environment(request).await.map_err(|error| {
        if error.problem().is_some_and(|problem| problem.code() == ProblemCode::Conflict) {
            let message = format!("{path} was changed after the preview; nothing was rolled back: {error}");
            return CliError::new(Kind::Conflict, message)
                .hint("run the command again to see the current changes");
        }
        CliError::from(error)
    })?;
    let revision = response.environment.map(|environment| environment.revision).unwrap_or_default();
    context.out.line(&format!(
        "Rolled {path} back to revision {to}: {} written, {} deleted, now at revision {revision}.",
        counted(response.written_variable_count, "variable"),
        response.deleted_variable_count
    ))
}

/// Returns what a rollback restores: own variables, imports and description.
async fn snapshot(path: &EnvPath, at: Option<u64>, context: &Context) -> Result<v1::Snapshot, CliError> {
    let request = v1::GetSnapshotRequest {
        name: Some(v1::EnvironmentName::from(path)),
        own_only: true,
        at: at.map(|revision| v1::PointInTime { at: Some(point_in_time::At::Revision(revision)) }),
        ..v1::GetSnapshotRequest::default()
    };
    let snapshot = context.client.get_snapshot(request).await;
    snapshot.map_err(|error| CliError::from(error).hint_missing_environment())
}

/// Prints the changes from `now` to `then`; returns false, and prints nothing, if there are none.
fn print_changes(
    path: &EnvPath,
    now: &v1::Snapshot,
    then: &v1::Snapshot,
    out: &mut Output,
) -> Result<bool, CliError> {
    let diff = diff::between(&now.variables, &then.variables);
    let imports = now.imports != then.imports;
    let description = now.description != then.description;
    if diff.is_empty() && !imports && !description {
        return Ok(false);
    }
    out.line(&format!("{path}, from revision {} back to revision {}:", now.revision, then.revision))?;
    if !diff.is_empty() {
        diff_table::print(&diff, out)?;
    }
    if imports {
        out.line(&diff_table::imports(&now.imports, &then.imports))?;
    }
    if description {
        out.line(&diff_table::description(&now.description, &then.description))?;
    }
    Ok(true)
}

/// Announces that the daemon is going to refuse the rollback.
fn note_protected(
    path: &EnvPath,
    now: &v1::Snapshot,
    then: &v1::Snapshot,
    out: &mut Output,
) -> Result<(), CliError> {
    let diff = diff::between(&now.variables, &then.variables);
    let protected: Vec<_> = diff
        .removed
        .values()
        .filter(|variable| variable.deletion_protection)
        .map(|variable| &*variable.key)
        .collect();
    if protected.is_empty() {
        return Ok(());
    }
    let count = counted(protected.len(), "protected variable");
    let keys = protected[..protected.len().min(MAX_LISTED_NAMES)].join(" ");
    out.remark(&format!(
        "the rollback deletes {count} and will be refused; first run `ktr var unprotect {path} {keys}`"
    ))
}

/// Announces that a rollback restores references, while vaults keep their current versions.
fn note_versions(now: &v1::Snapshot, then: &v1::Snapshot, out: &mut Output) -> Result<(), CliError> {
    let versions = ResolvedVersionChange::between(now, then);
    if versions.is_empty() {
        return Ok(());
    }
    let count = counted(versions.len(), "secret");
    let listed = versions[..versions.len().min(MAX_LISTED_NAMES)].iter();
    let listed: Vec<_> =
        listed.map(|change| format!("{} (then {}, now {})", change.key, change.to, change.from)).collect();
    out.remark(&format!(
        "{count} had a different version then, and a rollback does not change vaults: {}; to return to an earlier \
         version, pin it with `ktr secret set --pin`",
        listed.join(", ")
    ))
}
