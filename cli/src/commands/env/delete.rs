//! `ktr env delete`

use kontraktor_model::names::EnvPath;
use kontraktor_proto::v1::{self, ProblemCode};

use crate::{confirmation::Confirmation, context::Context, error::CliError, text::counted};

/// Delete an environment
///
/// Refused if the environment holds variables, is protected, or is imported by others.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Environment, such as infra-demo/dev
    #[arg(value_name = "PROJECT/ENV")]
    environment: EnvPath,
    /// Also delete its variables, after confirmation; never overrides protection
    #[arg(long)]
    force: bool,
    /// Skip the confirmation
    #[arg(long, short, requires = "force")]
    yes: bool,
}

pub(super) async fn run(args: Args, context: &mut Context) -> Result<(), CliError> {
    let path = args.environment;
    let name = v1::EnvironmentName::from(&path);
    let failed = |error| {
        CliError::from(error).hint_missing_environment().hint_on(ProblemCode::NotEmpty, || {
            format!("delete its variables with `ktr var unset {path} KEY...`, or add --force")
        })
    };
    let mut contents = String::new();
    if args.force {
        let confirmation = Confirmation::new(args.yes, "add --yes to delete without confirmation")?;
        let request = v1::GetEnvironmentRequest { name: Some(name.clone()) };
        let environment = context.client.get_environment(request).await.map_err(failed)?;
        contents = format!(" with {}", counted(environment.variable_count, "variable"));
        confirmation.require(&format!("Delete environment {path}{contents}?"), &mut context.out).await?;
    }
    let request = v1::DeleteEnvironmentRequest { name: Some(name), force: args.force };
    context.client.delete_environment(request).await.map_err(failed)?;
    context.out.line(&format!("Deleted environment {path}{contents}."))
}
