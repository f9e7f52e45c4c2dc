//! `ktr env update`

use kontraktor_model::names::EnvPath;
use kontraktor_proto::v1;

use crate::{context::Context, error::CliError};

/// Change settings of an environment
///
/// Settings that are not given are kept.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("settings").required(true).multiple(true))]
pub(crate) struct Args {
    /// Environment, such as infra-demo/dev
    #[arg(value_name = "PROJECT/ENV")]
    environment: EnvPath,
    /// Description of the environment, at most 1,024 bytes
    #[arg(long, group = "settings")]
    description: Option<String>,
    /// Import exactly these environments (repeatable); later imports win, own variables override all
    #[arg(long = "import", value_name = "PROJECT/ENV", group = "settings")]
    imports: Vec<EnvPath>,
    /// Remove all imports
    #[arg(long, group = "settings", conflicts_with = "imports")]
    no_imports: bool,
    /// Protect the environment from deletion; undo with ktr env unprotect
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
        // Only given settings are written, so nothing is overwritten unseen.
        expect: None,
    };
    let failed = |error| CliError::from(error).hint_missing_environment();
    let before = context
        .client
        .get_environment(v1::GetEnvironmentRequest { name: Some(name) })
        .await
        .map_err(failed)?;
    let after = context.client.update_environment(request).await.map_err(failed)?;
    context.out.line(&if after.revision == before.revision {
        format!("No changes: {path} is still at revision {}.", after.revision)
    } else {
        format!("Updated environment {path}, now at revision {}.", after.revision)
    })
}
