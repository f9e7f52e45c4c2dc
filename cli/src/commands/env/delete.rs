//! `ktr env delete`

use kontraktor_proto::{names::EnvPath, v1};

use crate::{
    context::Context,
    error::{CliError, Kind},
};

/// Delete an environment; refused while it holds variables
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The environment, as in infra-demo/dev
    #[arg(value_name = "PROJECT/ENV")]
    environment: EnvPath,
}

pub(super) async fn run(args: Args, context: &mut Context) -> Result<(), CliError> {
    let path = args.environment;
    let request = v1::DeleteEnvironmentRequest { name: Some(v1::EnvironmentName::from(&path)) };
    context.client.delete_environment(request).await.map_err(|error| {
        CliError::from(error)
            .hint_for(Kind::Conflict, || format!("delete its variables first: ktr var unset {path} KEY…"))
            .hint_for(Kind::NotFound, || "list them with: ktr env list".to_owned())
    })?;
    context.out.line(&format!("Deleted environment {path}."))
}
