//! `ktr schema delete`

use kontraktor_model::names::{ProjectName, SchemaName};
use kontraktor_proto::v1;

use crate::{context::Context, error::CliError};

/// Delete a schema; variables are kept
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name of the project
    #[arg(value_name = "PROJECT")]
    project: ProjectName,
    /// Name of the schema
    #[arg(value_name = "NAME")]
    name: SchemaName,
}

pub(super) async fn run(args: Args, context: &mut Context) -> Result<(), CliError> {
    let (project, name) = (args.project, args.name);
    let request = v1::DeleteSchemaRequest { project: project.to_string(), name: name.to_string() };
    let deleted = context.client.delete_schema(request).await;
    deleted.map_err(|error| CliError::from(error).hint_missing_schema(&project))?;
    context.out.line(&format!("Deleted schema {name} of project {project}."))
}
