//! `ktr audit`

use std::str::FromStr;

use kontraktor_model::names::{EnvName, EnvPath, Key, NameError, ProjectName};
use kontraktor_proto::v1;

use super::audit_entries::{Limit, change, collect};
use crate::{
    context::Context,
    error::CliError,
    output::Format,
    point_in_time::TimeSpec,
    text::{named_actor, seconds},
};

/// Show the audit log, newest entries first
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only this project
    #[arg(long)]
    project: Option<ProjectName>,
    /// Only this environment; ENV alone means every environment of that name, in --project or in all projects
    #[arg(long, value_name = "PROJECT/ENV")]
    env: Option<EnvFilter>,
    /// Only this key
    #[arg(long)]
    key: Option<Key>,
    /// Only entries since a duration before now (30m, 2h, 7d) or a time (2026-05-01T08:00:00Z)
    #[arg(long, value_name = "DURATION|TIME")]
    since: Option<TimeSpec>,
    #[command(flatten)]
    limit: Limit,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Table, value_name = "FORMAT")]
    output: Format,
}

/// `PROJECT/ENV`, or only the environment's name.
#[derive(Debug, Clone)]
enum EnvFilter {
    Path(EnvPath),
    Name(EnvName),
}

impl FromStr for EnvFilter {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if text.contains('/') { text.parse().map(Self::Path) } else { text.parse().map(Self::Name) }
    }
}

pub(super) async fn run(args: Args, context: &mut Context) -> Result<(), CliError> {
    let (project, env) = filter(args.project, args.env)?;
    let key = args.key.map(String::from).unwrap_or_default();
    let start_time = args.since.map(|since| since.resolve((context.now)()));
    let client = &context.client;
    let entries = collect(args.limit, |page_token, page_size| {
        let request = v1::ListAuditEntriesRequest {
            project: project.clone(),
            env: env.clone(),
            key: key.clone(),
            start_time,
            page_size,
            page_token,
            ..v1::ListAuditEntriesRequest::default()
        };
        async move { client.list_audit_entries(request).await }
    })
    .await?;
    entries.print(
        args.output,
        ["SEQUENCE", "TIME", "BY", "VIA", "OPERATION", "WHERE", "KEY", "CHANGE"],
        |entry| {
            let (change, by) = (change(&entry), named_actor(&entry));
            let scope = match (entry.project, entry.env) {
                (Some(project), Some(env)) => format!("{project}/{env}"),
                (project, _) => project.unwrap_or_default(),
            };
            [
                entry.sequence.to_string(),
                seconds(entry.written.as_ref()),
                by,
                entry.written.map(|written| written.via).unwrap_or_default(),
                entry.operation,
                scope,
                match entry.schema {
                    Some(schema) => format!("schema {schema}"),
                    None => entry.key.unwrap_or_default(),
                },
                change,
            ]
        },
        context,
    )
}

/// Returns the project and the environment to filter by; empty for all.
fn filter(project: Option<ProjectName>, env: Option<EnvFilter>) -> Result<(String, String), CliError> {
    let (env_project, env) = match env {
        None => (None, String::new()),
        Some(EnvFilter::Name(name)) => (None, name.to_string()),
        Some(EnvFilter::Path(path)) => (Some(path.project), path.env.to_string()),
    };
    match (project, env_project) {
        (Some(project), Some(other)) if project != other => {
            Err(CliError::usage(format!("--project {project} conflicts with --env {other}/{env}"))
                .hint("omit --project"))
        }
        (project, other) => Ok((project.or(other).map(String::from).unwrap_or_default(), env)),
    }
}
