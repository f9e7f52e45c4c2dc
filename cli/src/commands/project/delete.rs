//! `ktr project delete`

use kontraktor_proto::{names::ProjectName, v1};

use crate::{
    context::Context,
    error::{CliError, Kind},
};

/// Delete a project; refused while it holds variables or environments that someone created
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The project's name
    #[arg(value_name = "PROJECT")]
    name: ProjectName,
}

pub(super) async fn run(args: Args, context: &mut Context) -> Result<(), CliError> {
    let name = args.name;
    context.client.delete_project(v1::DeleteProjectRequest { name: name.to_string() }).await.map_err(
        |error| {
            CliError::from(error)
                .hint_for(Kind::NotFound, || "list them with: ktr project list".to_owned())
                .hint_for(Kind::Conflict, || {
                    format!("delete its environments first: ktr env list {name}, ktr env delete {name}/ENV")
                })
        },
    )?;
    context.out.line(&format!("Deleted project {name}."))
}
