//! `ktr project protect` and `ktr project unprotect`

use kontraktor_model::names::ProjectName;
use kontraktor_proto::v1;

use super::LIST;
use crate::{
    context::Context,
    error::{CliError, Kind},
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The project's name
    #[arg(value_name = "PROJECT")]
    name: ProjectName,
}

pub(super) async fn run(args: Args, protect: bool, context: &mut Context) -> Result<(), CliError> {
    let name = args.name;
    let missing = |error| CliError::from(error).hint_for(Kind::NotFound, || LIST.to_owned());
    let before = context
        .client
        .get_project(v1::GetProjectRequest { name: name.to_string() })
        .await
        .map_err(missing)?;
    let request = v1::UpdateProjectRequest {
        name: name.to_string(),
        deletion_protection: Some(protect),
        ..v1::UpdateProjectRequest::default()
    };
    context.client.update_project(request).await.map_err(missing)?;
    let state = if protect { "protected" } else { "unprotected" };
    context.out.line(&if before.deletion_protection == protect {
        format!("Project {name} was {state} already.")
    } else {
        format!("Project {name} is {state} now.")
    })
}
