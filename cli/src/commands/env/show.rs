//! `ktr env show`

use std::collections::HashMap;

use clap::ValueEnum;
use kontraktor_model::{
    dotenv::{self, Dialect},
    names::EnvPath,
};
use kontraktor_proto::{
    json::{Authorship, Origin, ResolvedSecret, Snapshot},
    v1,
};

use crate::{
    commands::secret_results::{stale_warning, unreadable},
    context::Context,
    error::CliError,
    point_in_time::PointInTimeSpec,
    text::{actor, counted, seconds, yes_or_empty},
};

/// Show the variables of an environment, including imported ones
///
/// Secret references are listed with the version that was last resolved. The secrets themselves are shown only with --resolve.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Environment, such as infra-demo/dev
    #[arg(value_name = "PROJECT/ENV")]
    environment: EnvPath,
    /// Only keys that begin with this prefix
    #[arg(long, default_value = "", hide_default_value = true)]
    prefix: String,
    /// Only the environment's own variables, without imports
    #[arg(long)]
    own_only: bool,
    /// Show the environment and revision that each variable comes from
    #[arg(long)]
    origin: bool,
    /// As of a revision, a time (2026-05-01T08:00:00Z), or a duration before now (30m, 2h, 7d)
    #[arg(long, value_name = "REVISION|TIME")]
    at: Option<PointInTimeSpec>,
    /// Show the secrets themselves, with --at in the versions of that time; recorded in the audit log
    #[arg(long)]
    resolve: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t = Output::Table, value_name = "FORMAT")]
    output: Output,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Output {
    /// For people; long values are truncated
    Table,
    /// For programs; stable, documented in the README
    Json,
    /// Lines for dotenv libraries (Python, Node, Go)
    Dotenv,
    /// Lines for docker run --env-file
    Docker,
    /// Lines for Docker Compose
    Compose,
    /// Lines for a POSIX shell, as in: set -a; . ./file
    Shell,
}

pub(super) async fn run(args: Args, context: &mut Context) -> Result<(), CliError> {
    let snapshot =
        if args.resolve { resolved(&args, context).await? } else { unresolved(&args, context).await? };
    let failed: Vec<_> = snapshot
        .secret_references
        .iter()
        .filter_map(|reference| Some((reference.key.as_str(), reference.secret.as_ref()?.problem.as_ref()?)))
        .collect();
    let result = if failed.is_empty() { Ok(()) } else { Err(unreadable(&failed, "")) };
    match args.output {
        // The shape always includes origins.
        Output::Json => context.out.json(&snapshot)?,
        Output::Dotenv => print_dotenv(Dialect::Dotenv, &snapshot, args.origin, context)?,
        Output::Docker => print_dotenv(Dialect::Docker, &snapshot, args.origin, context)?,
        Output::Compose => print_dotenv(Dialect::Compose, &snapshot, args.origin, context)?,
        Output::Shell => print_dotenv(Dialect::Shell, &snapshot, args.origin, context)?,
        Output::Table => print_table(snapshot, args.origin, context)?,
    }
    // The error follows the output.
    context.out.finish()?;
    result
}

async fn unresolved(args: &Args, context: &Context) -> Result<Snapshot, CliError> {
    let request = v1::GetSnapshotRequest {
        name: Some(v1::EnvironmentName::from(&args.environment)),
        prefix: args.prefix.clone(),
        own_only: args.own_only,
        at: args.at.as_ref().map(|at| at.resolve((context.now)())),
        ..v1::GetSnapshotRequest::default()
    };
    let snapshot = context.client.get_snapshot(request).await;
    snapshot.map(Snapshot::from).map_err(|error| CliError::from(error).hint_missing_environment())
}

/// Returns the snapshot with its secrets, or with the problem of each that cannot be read.
async fn resolved(args: &Args, context: &mut Context) -> Result<Snapshot, CliError> {
    let request = v1::ReadEnvironmentRequest {
        environment: Some(v1::EnvironmentName::from(&args.environment)),
        prefix: args.prefix.clone(),
        own_only: args.own_only,
        at: args.at.as_ref().map(|at| at.resolve((context.now)())),
        hold: false,
    };
    let response = context
        .client
        .read_environment(request)
        .await
        .map_err(|error| CliError::from(error).hint_missing_environment())?;
    let mut snapshot = Snapshot::from(response.snapshot.unwrap_or_default());
    for secret in response.secrets.iter().filter(|secret| secret.stale) {
        context.out.warning(&stale_warning(secret))?;
    }
    let mut secrets: HashMap<String, v1::SecretResult> =
        response.secrets.into_iter().map(|secret| (secret.key.clone(), secret)).collect();
    for reference in &mut snapshot.secret_references {
        reference.secret = secrets.remove(&reference.key).map(ResolvedSecret::from);
    }
    Ok(snapshot)
}

/// A key's row in the table.
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
    let references = snapshot.secret_references.into_iter().map(|reference| {
        let (value, version) = match reference.secret {
            None => (reference.reference, reference.version),
            Some(ResolvedSecret { problem: Some(problem), .. }) => (format!("({})", problem.code), None),
            Some(secret) => {
                let encoded = || secret.value_base64.map(|text| format!("(base64) {text}"));
                (secret.value.or_else(encoded).unwrap_or_default(), secret.version)
            }
        };
        Row {
            key: reference.key,
            kind: "secret",
            value,
            version: version.unwrap_or_default(),
            origin: reference.origin,
            revision: reference.revision,
            written: reference.written,
            protected: reference.deletion_protection,
        }
    });
    let mut rows: Vec<_> = variables.chain(references).collect();
    rows.sort_by(|a, b| a.key.cmp(&b.key));
    rows
}

fn print_table(snapshot: Snapshot, show_origin: bool, context: &mut Context) -> Result<(), CliError> {
    let empty =
        format!("No variables in {}/{} at revision {}.", snapshot.project, snapshot.env, snapshot.revision);
    context.out.table_with_optional(
        &["VERSION", "ORIGIN", "PROTECTED"],
        ["KEY", "TYPE", "VALUE", "VERSION", "ORIGIN", "REVISION", "WRITTEN", "BY", "PROTECTED"],
        rows(snapshot).into_iter().map(|row| {
            [
                row.key,
                row.kind.to_owned(),
                row.value,
                row.version,
                row.origin.filter(|_| show_origin).as_ref().map(Origin::to_string).unwrap_or_default(),
                row.revision.to_string(),
                seconds(row.written.as_ref()),
                actor(row.written.as_ref()),
                yes_or_empty(row.protected),
            ]
        }),
        &empty,
    )
}

fn print_dotenv(
    dialect: Dialect,
    snapshot: &Snapshot,
    show_origin: bool,
    context: &mut Context,
) -> Result<(), CliError> {
    let secrets = snapshot.secret_references.iter().filter_map(|reference| {
        let value = reference.secret.as_ref()?.value.as_deref().filter(|value| is_expressible(value))?;
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
    // Nothing is printed if a variable cannot be: a file that lacks one looks complete.
    let mut text = format!("# {}/{} at revision {}\n", snapshot.project, snapshot.env, snapshot.revision);
    for (key, value, origin) in lines {
        if show_origin {
            let origin = origin.map_or_else(|| "unknown".to_owned(), Origin::to_string);
            text.push_str(&format!("# from {origin}\n"));
        }
        let line = dotenv::encode(dialect, [(key, value)]).map_err(|error| {
            CliError::general(error.to_string()).hint(
                "choose another format with --output, or pass the variables to a command with `ktr run`",
            )
        })?;
        text.push_str(&line);
    }
    context.out.text(&text)?;
    let not_text: Vec<_> = snapshot
        .secret_references
        .iter()
        .filter(|reference| {
            reference.secret.as_ref().is_some_and(|secret| {
                secret.problem.is_none() && !secret.value.as_deref().is_some_and(is_expressible)
            })
        })
        .map(|reference| reference.key.as_str())
        .collect();
    if !not_text.is_empty() {
        let count = counted(not_text.len(), "secret");
        context
            .out
            .remark(&format!("{count} omitted (not UTF-8, or with a NUL): {}", not_text.join(", ")))?;
    }
    let unresolved = snapshot.secret_references.iter().filter(|reference| reference.secret.is_none()).count();
    if unresolved > 0 {
        let count = counted(unresolved, "secret");
        context
            .out
            .remark(&format!("{count} omitted; add --resolve, or pass them to a command with `ktr run`"))?;
    }
    Ok(())
}

/// Returns whether a dotenv file of any dialect can hold the value.
fn is_expressible(value: &str) -> bool {
    !value.contains('\0')
}
