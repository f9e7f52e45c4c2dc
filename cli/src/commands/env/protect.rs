//! `ktr env protect` and `ktr env unprotect`

use kontraktor_model::names::EnvPath;
use kontraktor_proto::v1;

use crate::{context::Context, error::CliError};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The environment, as in infra-demo/dev
    #[arg(value_name = "PROJECT/ENV")]
    environment: EnvPath,
}

pub(super) async fn run(args: Args, protect: bool, context: &mut Context) -> Result<(), CliError> {
    let path = args.environment;
    let name = v1::EnvironmentName::from(&path);
    let missing = |error| CliError::from(error).hint_environments();
    let before = context
        .client
        .get_environment(v1::GetEnvironmentRequest { name: Some(name.clone()) })
        .await
        .map_err(missing)?;
    let request = v1::UpdateEnvironmentRequest {
        name: Some(name),
        deletion_protection: Some(protect),
        ..v1::UpdateEnvironmentRequest::default()
    };
    let after = context.client.update_environment(request).await.map_err(missing)?;
    let state = if protect { "protected" } else { "unprotected" };
    context.out.line(&if before.deletion_protection == protect {
        format!("Environment {path} was {state} already.")
    } else {
        format!("Environment {path} is {state} now, at revision {}.", after.revision)
    })
}
