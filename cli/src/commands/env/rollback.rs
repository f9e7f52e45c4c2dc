//! `ktr env rollback`

use kontraktor_model::{limits::MAX_LISTED_NAMES, names::EnvPath};
use kontraktor_proto::{
    diff,
    json::ResolvedVersionChange,
    v1::{self, ProblemCode, point_in_time},
};

use crate::{
    at,
    commands::{counted, differences},
    confirm::Confirmation,
    context::Context,
    error::{CliError, Kind},
    output::Output,
};

/// Restore own variables, imports and description as they were at an earlier revision
///
/// Makes a new revision; nothing is taken out of the history. Shows what will change, and asks, before it is done.
/// Protection is left as it is.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The environment, as in infra-demo/dev
    #[arg(value_name = "PROJECT/ENV")]
    environment: EnvPath,
    /// The revision to restore; ktr var history shows them
    #[arg(long, value_name = "REVISION", value_parser = at::revision)]
    to: u64,
    /// Only show what would change
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long, short, conflicts_with = "dry_run")]
    yes: bool,
}

pub(super) async fn run(args: Args, context: &mut Context) -> Result<(), CliError> {
    let (path, to) = (args.environment, args.to);
    let unasked = "see what would change with --dry-run, and add --yes to do it without being asked";
    let confirmation = if args.dry_run { None } else { Some(Confirmation::new(args.yes, unasked)?) };
    let now = snapshot(&path, None, context).await?;
    let then = snapshot(&path, Some(to), context).await?;
    if !show(&path, &now, &then, &mut context.out)? {
        return context.out.line(&format!(
            "Nothing to restore: {path} is at revision {} as it was at revision {to}.",
            now.revision
        ));
    }
    note_protected(&path, &now, &then, &mut context.out)?;
    note_versions(&now, &then, &mut context.out)?;
    let Some(confirmation) = confirmation else {
        return context.out.line("Nothing was changed: this was a dry run.");
    };
    confirmation.require(&format!("Roll {path} back to revision {to}?"), &mut context.out).await?;
    let request = v1::RollbackEnvironmentRequest {
        name: Some(v1::EnvironmentName::from(&path)),
        to_revision: to,
        // What was shown is what is done, or nothing is.
        expect_revision: now.revision,
    };
    let done = context.client.rollback_environment(request).await.map_err(|error| {
        if error.problem().is_some_and(|problem| problem.code() == ProblemCode::Conflict) {
            let message = format!(
                "someone wrote to {path} since the change was shown, so nothing was rolled back: {error}"
            );
            return CliError::new(Kind::Conflict, message)
                .hint("run it again to see the change as it is now");
        }
        CliError::from(error)
    })?;
    let revision = done.environment.map(|environment| environment.revision).unwrap_or_default();
    context.out.line(&format!(
        "Rolled {path} back to revision {to}: {} written, {} deleted, now at revision {revision}.",
        counted(done.variables_written, "variable"),
        done.variables_deleted
    ))
}

/// Own variables, imports and description: what a rollback restores.
async fn snapshot(path: &EnvPath, at: Option<u64>, context: &Context) -> Result<v1::Snapshot, CliError> {
    let request = v1::GetSnapshotRequest {
        name: Some(v1::EnvironmentName::from(path)),
        own_only: true,
        at: at.map(|revision| v1::PointInTime { at: Some(point_in_time::At::Revision(revision)) }),
        ..v1::GetSnapshotRequest::default()
    };
    let answer = context.client.get_snapshot(request).await;
    answer.map_err(|error| CliError::from(error).hint_environments())
}

/// Shows the way from one to the other; false where there is nothing to show.
fn show(path: &EnvPath, now: &v1::Snapshot, then: &v1::Snapshot, out: &mut Output) -> Result<bool, CliError> {
    let diff = diff::between(&now.variables, &then.variables);
    let imports = now.imports != then.imports;
    let description = now.description != then.description;
    if diff.is_empty() && !imports && !description {
        return Ok(false);
    }
    out.line(&format!("{path}, from revision {} back to {}:", now.revision, then.revision))?;
    if !diff.is_empty() {
        differences::table(&diff, out)?;
    }
    if imports {
        out.line(&differences::imports(&now.imports, &then.imports))?;
    }
    if description {
        out.line(&differences::description(&now.description, &then.description))?;
    }
    Ok(true)
}

/// Says before it is tried what the daemon is going to refuse.
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
    out.note(&format!("this deletes {count} and will be refused; before it: ktr var unprotect {path} {keys}"))
}

/// A rollback restores references, and the vault goes on with what it has.
fn note_versions(now: &v1::Snapshot, then: &v1::Snapshot, out: &mut Output) -> Result<(), CliError> {
    let versions = ResolvedVersionChange::between(now, then);
    if versions.is_empty() {
        return Ok(());
    }
    let count = counted(versions.len(), "secret");
    let listed = versions[..versions.len().min(MAX_LISTED_NAMES)].iter();
    let listed: Vec<_> = listed.map(|it| format!("{} (then {}, now {})", it.key, it.to, it.from)).collect();
    out.note(&format!(
        "{count} had another version then, and a rollback changes no vault: {}; to go back to one, pin it with          ktr secret set --pin",
        listed.join(", ")
    ))
}
