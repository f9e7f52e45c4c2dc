//! `ktr schema show`

use clap::ValueEnum;
use kontraktor_model::names::{ProjectName, SchemaName};
use kontraktor_proto::{json::Schema, v1};

use crate::{context::Context, error::CliError};

/// Print a schema
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name of the project
    #[arg(value_name = "PROJECT")]
    project: ProjectName,
    /// Name of the schema
    #[arg(value_name = "NAME")]
    name: SchemaName,
    /// Output format
    #[arg(long, value_enum, default_value_t = Output::Text, value_name = "FORMAT")]
    output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// The schema as it was written, byte for byte, for ktr schema set --file
    Text,
    /// The schema with its key pattern and last change; stable, documented in the README
    Json,
}

pub(super) async fn run(args: Args, context: &mut Context) -> Result<(), CliError> {
    let (project, name) = (args.project, args.name);
    let request = v1::GetSchemaRequest { project: project.to_string(), name: name.to_string() };
    let schema = context.client.get_schema(request).await;
    let schema = Schema::from(schema.map_err(|error| CliError::from(error).hint_missing_schema(&project))?);
    match args.output {
        Output::Json => context.out.json(&schema),
        Output::Text => {
            context.out.text(&schema.text)?;
            if !schema.text.ends_with('\n') {
                context.out.text("\n")?;
            }
            context.out.remark(&format!("applies to keys matching {}", schema.key_pattern))
        }
    }
}
