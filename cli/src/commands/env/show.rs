//! `ktr env show`

use std::collections::HashMap;

use clap::ValueEnum;
use kontraktor_model::{dotenv, names::EnvPath};
use kontraktor_proto::{
    json::{Authorship, Origin, ResolvedSecret, Snapshot},
    v1,
};

use crate::{
    at::At,
    commands::{
        counted,
        secret::{cannot_be_had, stale},
        yes,
    },
    context::Context,
    error::CliError,
    text::seconds,
};

/// Show the variables of an environment: what it imports, and its own on top
///
/// Secret references are among them, with the version that was resolved last; the secrets themselves are not, unless they
/// are asked for.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The environment, as in infra-demo/dev
    #[arg(value_name = "PROJECT/ENV")]
    environment: EnvPath,
    /// Only keys that begin with this
    #[arg(long, default_value = "", hide_default_value = true)]
    prefix: String,
    /// Leave out what is imported
    #[arg(long)]
    own: bool,
    /// Say where each variable comes from: the environment, and its revision behind an @
    #[arg(long)]
    origin: bool,
    /// As it was: at a revision, at a time as in 2026-05-01T08:00:00Z, or 30m, 2h or 7d ago
    #[arg(long, value_name = "REVISION|TIME")]
    at: Option<At>,
    /// Show the secrets themselves, too; with --at in the versions of that time. This is written into the audit log
    #[arg(long)]
    resolve: bool,
    /// What to print
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Output {
    /// For people; long values are cut
    Table,
    /// For programs; stable, documented in the README
    Json,
    /// Lines that a POSIX shell reads back, as in: set -a; . ./file
    Dotenv,
}

pub(super) async fn run(args: Args, context: &mut Context) -> Result<(), CliError> {
    let snapshot = if args.resolve { resolved(&args, context).await? } else { plain(&args, context).await? };
    let failed: Vec<_> = snapshot
        .secret_references
        .iter()
        .filter_map(|reference| Some((reference.key.as_str(), reference.secret.as_ref()?.problem.as_ref()?)))
        .collect();
    let verdict = if failed.is_empty() { Ok(()) } else { Err(cannot_be_had(&failed, "")) };
    match args.output {
        // Origins are always in it.
        Output::Json => context.out.json(&snapshot)?,
        Output::Dotenv => print_dotenv(&snapshot, args.origin, context)?,
        Output::Table => print_table(snapshot, args.origin, context)?,
    }
    // What is wrong with which comes behind it.
    context.out.finish()?;
    verdict
}

async fn plain(args: &Args, context: &Context) -> Result<Snapshot, CliError> {
    let request = v1::GetSnapshotRequest {
        name: Some(v1::EnvironmentName::from(&args.environment)),
        prefix: args.prefix.clone(),
        own_only: args.own,
        at: args.at.as_ref().map(|at| at.resolve((context.now)())),
        ..v1::GetSnapshotRequest::default()
    };
    let snapshot = context.client.get_snapshot(request).await;
    snapshot.map(Snapshot::from).map_err(|error| CliError::from(error).hint_environments())
}

/// With the secrets. One that cannot be had is told beside the others.
async fn resolved(args: &Args, context: &mut Context) -> Result<Snapshot, CliError> {
    let request = v1::ReadEnvironmentRequest {
        environment: Some(v1::EnvironmentName::from(&args.environment)),
        prefix: args.prefix.clone(),
        own_only: args.own,
        at: args.at.as_ref().map(|at| at.resolve((context.now)())),
        hold: false,
    };
    let answer = context
        .client
        .read_environment(request)
        .await
        .map_err(|error| CliError::from(error).hint_environments())?;
    let mut snapshot = Snapshot::from(answer.snapshot.unwrap_or_default());
    for secret in answer.secrets.iter().filter(|secret| secret.stale) {
        context.out.warning(&stale(secret))?;
    }
    let mut secrets: HashMap<String, v1::SecretResult> =
        answer.secrets.into_iter().map(|secret| (secret.key.clone(), secret)).collect();
    for reference in &mut snapshot.secret_references {
        reference.secret = secrets.remove(&reference.key).map(ResolvedSecret::from);
    }
    Ok(snapshot)
}

/// The one row that a table has for a key.
struct Row {
    key: String,
    kind: &'static str,
    value: String,
    version: String,
    origin: Option<Origin>,
    revision: u64,
    written: Option<Authorship>,
    protected: bool,
}

fn rows(snapshot: Snapshot) -> Vec<Row> {
    let variables = snapshot.variables.into_iter().map(|variable| Row {
        key: variable.key,
        kind: variable.value_type,
        value: variable.value.unwrap_or_default(),
        version: String::new(),
        origin: variable.origin,
        revision: variable.revision,
        written: variable.written,
        protected: variable.deletion_protection,
    });
    let references = snapshot.secret_references.into_iter().map(|found| {
        let (value, version) = match found.secret {
            None => (found.reference, found.version),
            Some(ResolvedSecret { problem: Some(problem), .. }) => (format!("({})", problem.code), None),
            Some(secret) => {
                let encoded = || secret.value_base64.map(|text| format!("(base64) {text}"));
                (secret.value.or_else(encoded).unwrap_or_default(), secret.version)
            }
        };
        Row {
            key: found.key,
            kind: "secret",
            value,
            version: version.unwrap_or_default(),
            origin: found.origin,
            revision: found.revision,
            written: found.written,
            protected: found.deletion_protection,
        }
    });
    let mut rows: Vec<_> = variables.chain(references).collect();
    rows.sort_by(|a, b| a.key.cmp(&b.key));
    rows
}

fn print_table(snapshot: Snapshot, origins: bool, context: &mut Context) -> Result<(), CliError> {
    let nothing =
        format!("No variables in {}/{} at revision {}.", snapshot.project, snapshot.env, snapshot.revision);
    context.out.table_without(
        &["VERSION", "ORIGIN", "PROTECTED"],
        ["KEY", "TYPE", "VALUE", "VERSION", "ORIGIN", "REVISION", "WRITTEN", "BY", "PROTECTED"],
        rows(snapshot).into_iter().map(|row| {
            [
                row.key,
                row.kind.to_owned(),
                row.value,
                row.version,
                row.origin.filter(|_| origins).as_ref().map(Origin::to_string).unwrap_or_default(),
                row.revision.to_string(),
                row.written.as_ref().map(seconds).unwrap_or_default(),
                row.written.map(|written| written.actor).unwrap_or_default(),
                yes(row.protected),
            ]
        }),
        &nothing,
    )
}

fn print_dotenv(snapshot: &Snapshot, origins: bool, context: &mut Context) -> Result<(), CliError> {
    let secrets = snapshot.secret_references.iter().filter_map(|reference| {
        let value = reference.secret.as_ref()?.value.as_deref().filter(|value| is_for_a_shell(value))?;
        Some((reference.key.as_str(), value, reference.origin.as_ref()))
    });
    let mut lines: Vec<_> = snapshot
        .variables
        .iter()
        .map(|variable| {
            (variable.key.as_str(), variable.value.as_deref().unwrap_or_default(), variable.origin.as_ref())
        })
        .chain(secrets)
        .collect();
    lines.sort_by_key(|(key, ..)| *key);
    let title = format!("{}/{} at revision {}", snapshot.project, snapshot.env, snapshot.revision);
    let mut files = Vec::new();
    if origins {
        files.push(dotenv::for_shell(&title, &[]));
        for (key, value, origin) in &lines {
            let origin = origin.map_or_else(|| "unknown".to_owned(), Origin::to_string);
            files.push(dotenv::for_shell(&format!("from {origin}"), &[(*key, *value)]));
        }
    } else {
        let lines: Vec<_> = lines.iter().map(|(key, value, _)| (*key, *value)).collect();
        files.push(dotenv::for_shell(&title, &lines));
    }
    for file in &files {
        context.out.text(&file.text)?;
    }
    let left_out: Vec<_> = files.into_iter().flat_map(|file| file.left_out).collect();
    if !left_out.is_empty() {
        let count = counted(left_out.len(), "key");
        context
            .out
            .note(&format!("{count} left out that no shell takes as a name: {}", left_out.join(", ")))?;
    }
    let bytes: Vec<_> = snapshot
        .secret_references
        .iter()
        .filter(|reference| {
            reference.secret.as_ref().is_some_and(|secret| {
                secret.problem.is_none() && !secret.value.as_deref().is_some_and(is_for_a_shell)
            })
        })
        .map(|reference| reference.key.as_str())
        .collect();
    if !bytes.is_empty() {
        let count = counted(bytes.len(), "secret");
        context.out.note(&format!(
            "{count} left out that no line of text can hold, being no UTF-8 or with a NUL: {}",
            bytes.join(", ")
        ))?;
    }
    let unresolved = snapshot.secret_references.iter().filter(|reference| reference.secret.is_none()).count();
    if unresolved > 0 {
        let count = counted(unresolved, "secret");
        context
            .out
            .note(&format!("{count} left out: add --resolve, or hand them to a command with ktr run"))?;
    }
    Ok(())
}

/// Whether a shell can have this as a value.
fn is_for_a_shell(value: &str) -> bool {
    !value.contains('\0')
}
