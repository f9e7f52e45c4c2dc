//! `ktr schema list`

use kontraktor_model::names::ProjectName;
use kontraktor_proto::{
    json::{Schema, SchemaList},
    v1,
};

use super::failed;
use crate::{commands::pages, context::Context, error::CliError, output::Format, text::seconds};

/// List the schemas of a project
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The project's name
    #[arg(value_name = "PROJECT")]
    project: ProjectName,
    /// What to print
    #[arg(long, value_enum, default_value_t = Format::Table)]
    output: Format,
}

pub(super) async fn run(args: Args, context: &mut Context) -> Result<(), CliError> {
    let client = &context.client;
    let project = args.project;
    let (schemas, _) = pages::collect(usize::MAX, |page_token, _| {
        let request = v1::ListSchemasRequest { project: project.to_string(), page_size: 0, page_token };
        async move {
            let answer = client.list_schemas(request).await?;
            Ok((answer.schemas, answer.next_page_token))
        }
    })
    .await
    .map_err(|error| failed(error, &project))?;
    let schemas: Vec<_> = schemas.into_iter().map(Schema::from).collect();
    match args.output {
        Format::Json => context.out.json(&SchemaList { schemas }),
        Format::Table => context.out.table(
            ["NAME", "KEY PATTERN", "CHANGED", "BY"],
            schemas.into_iter().map(|schema| {
                [
                    schema.name,
                    schema.key_pattern,
                    schema.changed.as_ref().map(seconds).unwrap_or_default(),
                    schema.changed.map(|changed| changed.actor).unwrap_or_default(),
                ]
            }),
            &format!("Project {project} has no schemas."),
        ),
    }
}
