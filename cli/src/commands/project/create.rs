//! `ktr project create`

use kontraktor_model::names::ProjectName;
use kontraktor_proto::v1;

use crate::{context::Context, error::CliError};

/// Create a project, or adopt one that a write created
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name of the project: 1 to 63 characters of a-z, 0-9 and "-"
    #[arg(value_name = "PROJECT")]
    name: ProjectName,
    /// Description of the project, at most 1,024 bytes
    #[arg(long, default_value = "", hide_default_value = true)]
    description: String,
    /// Protect the project from deletion
    #[arg(long)]
    protect: bool,
}

pub(super) async fn run(args: Args, context: &mut Context) -> Result<(), CliError> {
    let request = v1::CreateProjectRequest {
        name: args.name.to_string(),
        description: args.description,
        deletion_protection: args.protect,
        adopt_existing: false,
    };
    let project = context
        .client
        .create_project(request)
        .await
        .map_err(|error| CliError::from(error).hint_existing_project())?;
    context.out.line(&format!("Created project {}.", project.name))
}
