//! `ktr schema delete`

use kontraktor_model::names::{ProjectName, SchemaName};
use kontraktor_proto::v1;

use super::failed;
use crate::{context::Context, error::CliError};

/// Take a schema away; the variables stay as they are
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The project's name
    #[arg(value_name = "PROJECT")]
    project: ProjectName,
    /// The schema's name
    #[arg(value_name = "NAME")]
    name: SchemaName,
}

pub(super) async fn run(args: Args, context: &mut Context) -> Result<(), CliError> {
    let (project, name) = (args.project, args.name);
    let request = v1::DeleteSchemaRequest { project: project.to_string(), name: name.to_string() };
    context.client.delete_schema(request).await.map_err(|error| failed(error, &project))?;
    context.out.line(&format!("Deleted schema {name} of project {project}."))
}
