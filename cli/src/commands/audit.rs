//! `ktr audit`

use std::str::FromStr;

use kontraktor_model::names::{EnvName, EnvPath, Key, NameError, ProjectName};
use kontraktor_proto::v1;

use super::entries;
use crate::{context::Context, error::CliError, output::Format, since::Since, text::seconds};

/// Show the log of everything that was written, newest first
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only this project
    #[arg(long)]
    project: Option<ProjectName>,
    /// Only this environment; ENV alone means the environments of that name in --project, or in all projects
    #[arg(long, value_name = "PROJECT/ENV")]
    env: Option<EnvFilter>,
    /// Only this key
    #[arg(long)]
    key: Option<Key>,
    /// Only what was written since: 30m, 2h, 7d, or a time as in 2026-05-01T08:00:00Z
    #[arg(long)]
    since: Option<Since>,
    #[command(flatten)]
    limit: entries::Limit,
    /// What to print
    #[arg(long, value_enum, default_value_t = Format::Table)]
    output: Format,
}

/// `PROJECT/ENV`, or only the name.
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
    let since = args.since.map(|since| since.resolve((context.now)()));
    let client = &context.client;
    let found = entries::collect(args.limit, |page_token, page_size| {
        let request = v1::ListAuditRequest {
            project: project.clone(),
            env: env.clone(),
            key: key.clone(),
            since,
            page_size,
            page_token,
            ..v1::ListAuditRequest::default()
        };
        async move { client.list_audit(request).await }
    })
    .await?;
    found.print(
        args.output,
        ["SEQUENCE", "TIME", "BY", "VIA", "OPERATION", "WHERE", "KEY", "CHANGE"],
        |entry| {
            let change = entries::change(&entry);
            let place = match (entry.project, entry.env) {
                (Some(project), Some(env)) => format!("{project}/{env}"),
                (project, _) => project.unwrap_or_default(),
            };
            [
                entry.sequence.to_string(),
                entry.written.as_ref().map(seconds).unwrap_or_default(),
                entry.written.as_ref().map(|written| written.actor.clone()).unwrap_or_default(),
                entry.written.map(|written| written.via).unwrap_or_default(),
                entry.operation,
                place,
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

fn filter(project: Option<ProjectName>, env: Option<EnvFilter>) -> Result<(String, String), CliError> {
    let (of_env, env) = match env {
        None => (None, String::new()),
        Some(EnvFilter::Name(name)) => (None, name.to_string()),
        Some(EnvFilter::Path(path)) => (Some(path.project), path.env.to_string()),
    };
    match (project, of_env) {
        (Some(project), Some(other)) if project != other => {
            Err(CliError::usage(format!("--project {project} and --env {other}/{env} name two projects"))
                .hint("leave --project out"))
        }
        (project, other) => Ok((project.or(other).map(String::from).unwrap_or_default(), env)),
    }
}
