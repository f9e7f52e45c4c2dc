//! `ktr schema show`

use clap::ValueEnum;
use kontraktor_model::names::{ProjectName, SchemaName};
use kontraktor_proto::{json::Schema, v1};

use super::failed;
use crate::{context::Context, error::CliError};

/// Print a schema of a project
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The project's name
    #[arg(value_name = "PROJECT")]
    project: ProjectName,
    /// The schema's name
    #[arg(value_name = "NAME")]
    name: SchemaName,
    /// What to print
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// The schema as it was written, to the byte; for ktr schema set --file
    Text,
    /// With its key pattern and who changed it last; stable, documented in the README
    Json,
}

pub(super) async fn run(args: Args, context: &mut Context) -> Result<(), CliError> {
    let (project, name) = (args.project, args.name);
    let request = v1::GetSchemaRequest { project: project.to_string(), name: name.to_string() };
    let answer = context.client.get_schema(request).await.map_err(|error| failed(error, &project))?;
    let schema = Schema::from(answer);
    match args.output {
        Output::Json => context.out.json(&schema),
        Output::Text => {
            context.out.text(&schema.text)?;
            if !schema.text.ends_with('\n') {
                context.out.text("\n")?;
            }
            context.out.note(&format!("for keys that match {}", schema.key_pattern))
        }
    }
}
