//! `ktr project create`

use kontraktor_model::names::ProjectName;
use kontraktor_proto::v1;

use super::LIST;
use crate::{
    context::Context,
    error::{CliError, Kind},
};

/// Create a project, or take over one that a write has made
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// 1 to 63 characters of a-z, 0-9 and "-"
    #[arg(value_name = "PROJECT")]
    name: ProjectName,
    /// What it is for; 1,024 bytes at most
    #[arg(long, default_value = "", hide_default_value = true)]
    description: String,
    /// Refuse to delete it until it is unprotected
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
        .map_err(|error| CliError::from(error).hint_for(Kind::Conflict, || LIST.to_owned()))?;
    context.out.line(&format!("Created project {}.", project.name))
}
