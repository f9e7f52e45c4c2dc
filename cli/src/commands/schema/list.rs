//! `ktr schema list`

use kontraktor_model::names::ProjectName;
use kontraktor_proto::{
    json::{Schema, SchemaList},
    v1,
};

use crate::{
    commands::pages,
    context::Context,
    error::CliError,
    output::Format,
    text::{actor, seconds},
};

/// List the schemas of a project
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name of the project
    #[arg(value_name = "PROJECT")]
    project: ProjectName,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Table, value_name = "FORMAT")]
    output: Format,
}

pub(super) async fn run(args: Args, context: &mut Context) -> Result<(), CliError> {
    let client = &context.client;
    let project = args.project;
    let (schemas, _) = pages::collect(usize::MAX, |page_token, _| {
        let request = v1::ListSchemasRequest { project: project.to_string(), page_size: 0, page_token };
        async move {
            let response = client.list_schemas(request).await?;
            Ok((response.schemas, response.next_page_token))
        }
    })
    .await
    .map_err(|error| CliError::from(error).hint_missing_schema(&project))?;
    let schemas: Vec<_> = schemas.into_iter().map(Schema::from).collect();
    match args.output {
        Format::Json => context.out.json(&SchemaList { schemas }),
        Format::Table => context.out.table(
            ["NAME", "KEY PATTERN", "CHANGED", "BY"],
            schemas.into_iter().map(|schema| {
                [
                    schema.name,
                    schema.key_pattern,
                    seconds(schema.changed.as_ref()),
                    actor(schema.changed.as_ref()),
                ]
            }),
            &format!("No schemas in project {project}."),
        ),
    }
}
