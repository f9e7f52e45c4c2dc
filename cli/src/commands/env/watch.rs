//! `ktr env watch`

use clap::ValueEnum;
use kontraktor_model::names::EnvPath;
use kontraktor_proto::{json::EnvironmentChange, v1};

use crate::{
    context::Context,
    error::CliError,
    text::{actor, seconds},
};

/// How many keys of a change a line names.
const SHOWN_KEYS: usize = 10;

/// Print the changes of an environment as they happen
///
/// A line names the keys that were written or deleted, in the environment or in one that it imports. Values and secrets are
/// not printed. When the daemon is restarted, the changes that happened meanwhile are printed too. Ctrl-C stops it.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Environment, such as infra-demo/dev
    #[arg(value_name = "PROJECT/ENV")]
    environment: EnvPath,
    /// Only changes of the environment itself, without imports
    #[arg(long)]
    own_only: bool,
    /// Begin with the changes after this version, as in the JSON output [default: from now on]
    #[arg(long, value_name = "VERSION")]
    after: Option<String>,
    /// Exit after the first change
    #[arg(long)]
    once: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t = Output::Text, value_name = "FORMAT")]
    output: Output,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Output {
    /// For people; one line for each change
    Text,
    /// For programs: one JSON object in each line; stable, documented in the README
    Json,
}

pub(super) async fn run(args: Args, context: &mut Context) -> Result<(), CliError> {
    let request = v1::WatchEnvironmentRequest {
        name: Some(v1::EnvironmentName::from(&args.environment)),
        after_version: args.after.unwrap_or_default(),
        own_only: args.own_only,
    };
    let missing = |error| CliError::from(error).hint_missing_environment();
    let mut watch = context.client.watch_environment(request).await.map_err(missing)?;
    let environment = args.environment.to_string();
    while let Some(change) = watch.next().await.map_err(missing)? {
        let change = EnvironmentChange::from(change);
        match args.output {
            Output::Json => context.out.json_line(&change)?,
            Output::Text => context.out.line(&line(&environment, &change))?,
        }
        // A reader waits for this line, not for a full buffer.
        context.out.finish()?;
        if args.once {
            break;
        }
    }
    Ok(())
}

/// Returns a change in one line.
fn line(environment: &str, change: &EnvironmentChange) -> String {
    let who = actor(change.written.as_ref());
    let by = if who.is_empty() { String::new() } else { format!(" by {who}") };
    let place = if change.origin == environment { String::new() } else { format!(" in {}", change.origin) };
    let what = if change.deleted {
        format!("{environment} was deleted{by}")
    } else if change.reset {
        format!("earlier changes are not known; show the environment with `ktr env show {environment}`")
    } else if change.keys.is_empty() {
        format!("settings or imports changed{place}{by}")
    } else {
        format!("{} changed{place}{by}", keys(&change.keys))
    };
    let time = seconds(change.written.as_ref());
    let at = format!("revision {}", change.revision);
    if time.is_empty() { format!("{at}: {what}") } else { format!("{time} {at}: {what}") }
}

fn keys(keys: &[String]) -> String {
    let shown = keys[..keys.len().min(SHOWN_KEYS)].join(", ");
    match keys.len().saturating_sub(SHOWN_KEYS) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use kontraktor_proto::json::Authorship;

    use super::*;

    fn change(origin: &str, keys: &[&str]) -> EnvironmentChange {
        let written = Authorship {
            actor: "unix:ada".to_owned(),
            via: "ktr".to_owned(),
            time: "2026-05-01T12:00:00.250000Z".to_owned(),
        };
        EnvironmentChange {
            version: "8-b7".to_owned(),
            revision: 8,
            origin: origin.to_owned(),
            keys: keys.iter().map(|key| (*key).to_owned()).collect(),
            written: Some(written),
            reset: false,
            deleted: false,
        }
    }

    #[test]
    fn a_line_names_keys_place_and_actor() {
        let many: Vec<_> = (0..12).map(|number| format!("K{number}")).collect();
        let many: Vec<_> = many.iter().map(String::as_str).collect();
        let lines = [
            change("a/dev", &["LOG_LEVEL", "PORT"]),
            change("shared/base", &["PORT"]),
            change("shared/base", &[]),
            change("a/dev", &many),
            EnvironmentChange { deleted: true, ..change("a/dev", &[]) },
            EnvironmentChange { reset: true, written: None, ..change("a/dev", &[]) },
        ];
        let lines = lines.map(|change| line("a/dev", &change)).join("\n");
        insta::assert_snapshot!(lines, @"
        2026-05-01T12:00:00Z revision 8: LOG_LEVEL, PORT changed by unix:ada
        2026-05-01T12:00:00Z revision 8: PORT changed in shared/base by unix:ada
        2026-05-01T12:00:00Z revision 8: settings or imports changed in shared/base by unix:ada
        2026-05-01T12:00:00Z revision 8: K0, K1, K2, K3, K4, K5, K6, K7, K8, K9 and 2 more changed by unix:ada
        2026-05-01T12:00:00Z revision 8: a/dev was deleted by unix:ada
        revision 8: earlier changes are not known; show the environment with `ktr env show a/dev`
        ");
    }
}
