//! `ktr env diff`

use kontraktor_model::names::EnvPath;
use kontraktor_proto::{
    diff,
    json::{EnvironmentDiff, ResolvedVersionChange},
    v1,
};

use crate::{
    commands::diff_table,
    context::Context,
    error::CliError,
    output::Format,
    point_in_time::{PointInTimeSpec, SnapshotSpec},
};

/// Compare two environments, or one at two points in time
///
/// A point in time follows an @: a revision (infra-demo/dev@7), a time (infra-demo/dev@2026-05-01T08:00:00Z), or a duration
/// before now (infra-demo/dev@2h). Imported variables are compared too, unless --own-only is given.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Environment to compare from: PROJECT/ENV, PROJECT/ENV@REVISION or PROJECT/ENV@TIME
    #[arg(value_name = "FROM")]
    from: SnapshotSpec,
    /// Environment to compare with; @REVISION or @TIME for the same one [default: the same one as it is now]
    #[arg(value_name = "TO")]
    to: Option<SnapshotSpec>,
    /// Only the environments' own variables, without imports
    #[arg(long)]
    own_only: bool,
    /// Only keys that begin with this prefix
    #[arg(long, default_value = "", hide_default_value = true)]
    prefix: String,
    /// Exit with 1 if there are differences, like git diff
    #[arg(long)]
    exit_code: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Table, value_name = "FORMAT")]
    output: Format,
}

pub(super) async fn run(args: Args, context: &mut Context) -> Result<(), CliError> {
    let [first, second] = sides(args.from, args.to)?;
    let from = snapshot(&first, args.own_only, &args.prefix, context).await?;
    let to = snapshot(&second, args.own_only, &args.prefix, context).await?;
    let diff = diff::between(&from.variables, &to.variables);
    match args.output {
        Format::Json => {
            context.out.json(&EnvironmentDiff::new(&from, &to, &diff))?;
        }
        Format::Table => {
            let title = format!("{} → {}", first.title(&from), second.title(&to));
            if diff.is_empty() {
                context.out.line(&format!("No differences: {title}"))?;
            } else {
                context.out.line(&title)?;
                diff_table::print(&diff, &mut context.out)?;
            }
            diff_table::print_versions(&ResolvedVersionChange::between(&from, &to), &mut context.out)?;
        }
    }
    if args.exit_code && !diff.is_empty() {
        context.out.finish()?;
        return Err(CliError::exit_code_only(1));
    }
    Ok(())
}

/// One side of the comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Side {
    environment: EnvPath,
    at: Option<PointInTimeSpec>,
}

impl Side {
    /// Returns the side as it was written, with the revision that it stands for.
    fn title(&self, snapshot: &v1::Snapshot) -> String {
        let (environment, revision) = (&self.environment, snapshot.revision);
        match &self.at {
            None => format!("{environment} at revision {revision}"),
            Some(at) if at.is_revision() => format!("{environment}@{at}"),
            Some(at) => format!("{environment}@{at} at revision {revision}"),
        }
    }
}

/// Returns the two sides; what the second omits comes from the first.
fn sides(from: SnapshotSpec, to: Option<SnapshotSpec>) -> Result<[Side; 2], CliError> {
    let environment = from.environment.ok_or_else(|| {
        CliError::usage("FROM names no environment")
            .hint("write it as PROJECT/ENV@REVISION or PROJECT/ENV@TIME")
    })?;
    let from = Side { environment, at: from.at };
    let to = match to {
        Some(to) => {
            Side { environment: to.environment.unwrap_or_else(|| from.environment.clone()), at: to.at }
        }
        None => Side { environment: from.environment.clone(), at: None },
    };
    if from == to {
        return Err(CliError::usage(format!(
            "both sides are {} at the same point in time",
            from.environment
        ))
        .hint(format!(
            "name another environment, or another point in time: `ktr env diff {}@REVISION`",
            from.environment
        )));
    }
    Ok([from, to])
}

async fn snapshot(
    side: &Side,
    own_only: bool,
    prefix: &str,
    context: &Context,
) -> Result<v1::Snapshot, CliError> {
    let request = v1::GetSnapshotRequest {
        name: Some(v1::EnvironmentName::from(&side.environment)),
        prefix: prefix.to_owned(),
        own_only,
        at: side.at.as_ref().map(|at| at.resolve((context.now)())),
        ..v1::GetSnapshotRequest::default()
    };
    let snapshot = context.client.get_snapshot(request).await;
    snapshot.map_err(|error| CliError::from(error).hint_missing_environment())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    fn parsed_sides(from: &str, to: Option<&str>) -> Result<Vec<(String, Option<String>)>, CliError> {
        let spec = |text: &str| text.parse::<SnapshotSpec>().expect("a snapshot");
        let sides = sides(spec(from), to.map(spec))?;
        let words = |side: Side| (side.environment.to_string(), side.at.map(|at| at.to_string()));
        Ok(sides.into_iter().map(words).collect())
    }

    #[test]
    fn what_the_second_side_omits_comes_from_the_first() {
        let side = |name: &str, at: Option<&str>| (name.to_owned(), at.map(str::to_owned));
        let ok = |from, to| parsed_sides(from, to).expect("two sides");
        assert_eq!(ok("a/b@3", None), [side("a/b", Some("3")), side("a/b", None)]);
        assert_eq!(ok("a/b@3", Some("@5")), [side("a/b", Some("3")), side("a/b", Some("5"))]);
        assert_eq!(ok("a/b", Some("@5")), [side("a/b", None), side("a/b", Some("5"))]);
        assert_eq!(ok("a/b@3", Some("c/d")), [side("a/b", Some("3")), side("c/d", None)]);
    }

    #[test]
    fn a_side_is_not_compared_with_itself() {
        for (from, to) in [("a/b", None), ("a/b", Some("a/b")), ("a/b@3", Some("@3")), ("@3", Some("a/b"))] {
            assert_eq!(parsed_sides(from, to).expect_err("refused").kind, Kind::Usage, "{from} {to:?}");
        }
    }
}
