//! `ktr env delete`

use kontraktor_model::names::EnvPath;
use kontraktor_proto::v1::{self, ProblemCode};

use crate::{commands::counted, confirm::Confirmation, context::Context, error::CliError};

/// Delete an environment; refused while it holds variables, is protected, or is imported by others
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The environment, as in infra-demo/dev
    #[arg(value_name = "PROJECT/ENV")]
    environment: EnvPath,
    /// Delete its variables with it; asks before. Never overrides a protection
    #[arg(long)]
    force: bool,
    /// Do not ask
    #[arg(long, short, requires = "force")]
    yes: bool,
}

pub(super) async fn run(args: Args, context: &mut Context) -> Result<(), CliError> {
    let path = args.environment;
    let name = v1::EnvironmentName::from(&path);
    let failed = |error| {
        CliError::from(error).hint_environments().hint_on(ProblemCode::NotEmpty, || {
            format!("delete its variables first: ktr var unset {path} KEY…, or add --force")
        })
    };
    let mut lost = String::new();
    if args.force {
        let confirmation = Confirmation::new(args.yes, "add --yes to delete without being asked")?;
        let request = v1::GetEnvironmentRequest { name: Some(name.clone()) };
        let environment = context.client.get_environment(request).await.map_err(failed)?;
        lost = format!(" with {}", counted(environment.variables, "variable"));
        confirmation.require(&format!("Delete environment {path}{lost}?"), &mut context.out).await?;
    }
    let request = v1::DeleteEnvironmentRequest { name: Some(name), force: args.force };
    context.client.delete_environment(request).await.map_err(failed)?;
    context.out.line(&format!("Deleted environment {path}{lost}."))
}
