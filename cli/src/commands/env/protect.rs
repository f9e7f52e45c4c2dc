//! `ktr env protect` and `ktr env unprotect`

use kontraktor_model::names::EnvPath;
use kontraktor_proto::v1;

use crate::{context::Context, error::CliError};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Environment, such as infra-demo/dev
    #[arg(value_name = "PROJECT/ENV")]
    environment: EnvPath,
}

pub(super) async fn run(args: Args, protect: bool, context: &mut Context) -> Result<(), CliError> {
    let path = args.environment;
    let name = v1::EnvironmentName::from(&path);
    let failed = |error| CliError::from(error).hint_missing_environment();
    let before = context
        .client
        .get_environment(v1::GetEnvironmentRequest { name: Some(name.clone()) })
        .await
        .map_err(failed)?;
    let request = v1::UpdateEnvironmentRequest {
        name: Some(name),
        deletion_protection: Some(protect),
        ..v1::UpdateEnvironmentRequest::default()
    };
    let after = context.client.update_environment(request).await.map_err(failed)?;
    let revision = after.revision;
    context.out.line(&match (before.deletion_protection, protect) {
        (true, true) => format!("Environment {path} is already protected."),
        (false, false) => format!("Environment {path} is not protected."),
        (false, true) => format!("Protected environment {path}, now at revision {revision}."),
        (true, false) => format!("Unprotected environment {path}, now at revision {revision}."),
    })
}
