//! `ktr project protect` and `ktr project unprotect`

use kontraktor_model::names::ProjectName;
use kontraktor_proto::v1;

use crate::{context::Context, error::CliError};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name of the project
    #[arg(value_name = "PROJECT")]
    name: ProjectName,
}

pub(super) async fn run(args: Args, protect: bool, context: &mut Context) -> Result<(), CliError> {
    let name = args.name;
    let failed = |error| CliError::from(error).hint_missing_project();
    let before =
        context.client.get_project(v1::GetProjectRequest { name: name.to_string() }).await.map_err(failed)?;
    let request = v1::UpdateProjectRequest {
        name: name.to_string(),
        deletion_protection: Some(protect),
        ..v1::UpdateProjectRequest::default()
    };
    context.client.update_project(request).await.map_err(failed)?;
    context.out.line(&match (before.deletion_protection, protect) {
        (true, true) => format!("Project {name} is already protected."),
        (false, false) => format!("Project {name} is not protected."),
        (false, true) => format!("Protected project {name}."),
        (true, false) => format!("Unprotected project {name}."),
    })
}
