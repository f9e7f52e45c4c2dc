//! `ktr env diff`

use kontraktor_model::names::EnvPath;
use kontraktor_proto::{
    diff,
    json::{EnvironmentDiff, ResolvedVersionChange},
    v1,
};

use crate::{
    at::{At, Place},
    commands::differences,
    context::Context,
    error::CliError,
    output::Format,
};

/// Compare the variables and secret references of two environments, or of one at two moments
///
/// A moment is written behind an @: a revision (infra-demo/dev@7), a time (infra-demo/dev@2026-05-01T08:00:00Z), or how
/// long ago it was (infra-demo/dev@2h). What is imported is compared too, unless --own is given.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where the comparison begins: an environment, as it is now or at a moment
    #[arg(value_name = "PROJECT/ENV[@MOMENT]")]
    from: Place,
    /// Where it ends: another environment, or @MOMENT for the same one; absent: the same one as it is now
    #[arg(value_name = "OTHER[@MOMENT]")]
    to: Option<Place>,
    /// Leave out what is imported
    #[arg(long)]
    own: bool,
    /// Only keys that begin with this
    #[arg(long, default_value = "", hide_default_value = true)]
    prefix: String,
    /// End with 1 where there is a difference, as git diff does
    #[arg(long)]
    exit_code: bool,
    /// What to print
    #[arg(long, value_enum, default_value_t = Format::Table)]
    output: Format,
}

pub(super) async fn run(args: Args, context: &mut Context) -> Result<(), CliError> {
    let [first, second] = sides(args.from, args.to)?;
    let from = snapshot(&first, args.own, &args.prefix, context).await?;
    let to = snapshot(&second, args.own, &args.prefix, context).await?;
    let diff = diff::between(&from.variables, &to.variables);
    match args.output {
        Format::Json => {
            context.out.json(&EnvironmentDiff::new(&from, &to, &diff))?;
        }
        Format::Table => {
            let title = format!("{} → {}", first.title(&from), second.title(&to));
            if diff.is_empty() {
                context.out.line(&format!("No difference: {title}"))?;
            } else {
                context.out.line(&title)?;
                differences::table(&diff, &mut context.out)?;
            }
            differences::versions(&ResolvedVersionChange::between(&from, &to), &mut context.out)?;
        }
    }
    if args.exit_code && !diff.is_empty() {
        context.out.finish()?;
        return Err(CliError::different());
    }
    Ok(())
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Compared {
    environment: EnvPath,
    at: Option<At>,
}

impl Compared {
    /// As it was asked for, and at which revision that is.
    fn title(&self, snapshot: &v1::Snapshot) -> String {
        let (environment, revision) = (&self.environment, snapshot.revision);
        match &self.at {
            None => format!("{environment} at revision {revision}"),
            Some(at) if at.is_revision() => format!("{environment}@{at}"),
            Some(at) => format!("{environment}@{at} at revision {revision}"),
        }
    }
}

/// The two sides, with what was left out on the second filled in.
fn sides(from: Place, to: Option<Place>) -> Result<[Compared; 2], CliError> {
    let environment = from.environment.ok_or_else(|| {
        CliError::usage("the first side names no environment").hint("write it as PROJECT/ENV@MOMENT")
    })?;
    let from = Compared { environment, at: from.at };
    let to = match to {
        Some(to) => {
            Compared { environment: to.environment.unwrap_or_else(|| from.environment.clone()), at: to.at }
        }
        None => Compared { environment: from.environment.clone(), at: None },
    };
    if from == to {
        return Err(CliError::usage(format!("both sides are {} at the same moment", from.environment)).hint(
            format!(
                "name another environment, or a moment of this one: ktr env diff {}@REVISION",
                from.environment
            ),
        ));
    }
    Ok([from, to])
}

async fn snapshot(
    side: &Compared,
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
    context.client.get_snapshot(request).await.map_err(|error| CliError::from(error).hint_environments())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    fn compared(from: &str, to: Option<&str>) -> Result<Vec<(String, Option<String>)>, CliError> {
        let place = |text: &str| text.parse::<Place>().expect("a place");
        let sides = sides(place(from), to.map(place))?;
        let words = |side: Compared| (side.environment.to_string(), side.at.map(|at| at.to_string()));
        Ok(sides.into_iter().map(words).collect())
    }

    #[test]
    fn what_the_second_side_leaves_out_comes_from_the_first() {
        let side = |name: &str, at: Option<&str>| (name.to_owned(), at.map(str::to_owned));
        let ok = |from, to| compared(from, to).expect("two sides");
        assert_eq!(ok("a/b@3", None), [side("a/b", Some("3")), side("a/b", None)]);
        assert_eq!(ok("a/b@3", Some("@5")), [side("a/b", Some("3")), side("a/b", Some("5"))]);
        assert_eq!(ok("a/b", Some("@5")), [side("a/b", None), side("a/b", Some("5"))]);
        assert_eq!(ok("a/b@3", Some("c/d")), [side("a/b", Some("3")), side("c/d", None)]);
    }

    #[test]
    fn a_side_is_not_compared_with_itself() {
        for (from, to) in [("a/b", None), ("a/b", Some("a/b")), ("a/b@3", Some("@3")), ("@3", Some("a/b"))] {
            assert_eq!(
                compared(from, to).expect_err("nothing to compare").kind,
                Kind::Usage,
                "{from} {to:?}"
            );
        }
    }
}
