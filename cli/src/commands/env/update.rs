//! `ktr env update`

use kontraktor_model::names::EnvPath;
use kontraktor_proto::v1;

use crate::{context::Context, error::CliError};

/// Change the settings that are named; the others stay as they are
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("settings").required(true).multiple(true))]
pub(crate) struct Args {
    /// The environment, as in infra-demo/dev
    #[arg(value_name = "PROJECT/ENV")]
    environment: EnvPath,
    /// What it is for; 1,024 bytes at most
    #[arg(long, group = "settings")]
    description: Option<String>,
    /// Import these environments and no others: repeat it for more; later ones win, own variables win over all
    #[arg(long = "import", value_name = "PROJECT/ENV", group = "settings")]
    imports: Vec<EnvPath>,
    /// Import nothing any more
    #[arg(long, group = "settings", conflicts_with = "imports")]
    no_imports: bool,
    /// Refuse to delete it until it is unprotected with: ktr env unprotect
    #[arg(long, group = "settings")]
    protect: bool,
}

pub(super) async fn run(args: Args, context: &mut Context) -> Result<(), CliError> {
    let path = args.environment;
    let name = v1::EnvironmentName::from(&path);
    let environments = args.imports.iter().map(v1::EnvironmentName::from).collect();
    let request = v1::UpdateEnvironmentRequest {
        name: Some(name.clone()),
        description: args.description,
        deletion_protection: args.protect.then_some(true),
        imports: (args.no_imports || !args.imports.is_empty()).then_some(v1::ImportList { environments }),
        // The settings that are not named are not written, so there is nothing to overwrite unseen.
        expect: None,
    };
    let missing = |error| CliError::from(error).hint_environments();
    let before = context
        .client
        .get_environment(v1::GetEnvironmentRequest { name: Some(name) })
        .await
        .map_err(missing)?;
    let after = context.client.update_environment(request).await.map_err(missing)?;
    context.out.line(&if after.revision == before.revision {
        format!("Nothing to change in {path}, still at revision {}.", after.revision)
    } else {
        format!("Changed environment {path}, now at revision {}.", after.revision)
    })
}
