//! `ktr var set`

use kontraktor_model::{
    names::{EnvPath, Key},
    value::{ValueType, check_description},
};
use kontraktor_proto::v1::{self, put::Content};

use super::assignment::resolve;
use crate::{
    commands::writes::{PutOptions, put_all},
    context::Context,
    error::CliError,
};

/// Set variables in an environment
///
/// All variables are set, or none. KEY=VALUE sets VALUE as it is written (KEY= sets an empty value), KEY=@FILE the content of
/// the file, KEY=- standard input. Files and standard input must be UTF-8 and are kept byte for byte, including a line break at
/// the end.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Environment, such as infra-demo/dev
    #[arg(value_name = "PROJECT/ENV")]
    environment: EnvPath,
    /// Assignments: KEY=VALUE, KEY=@FILE, or KEY=- for standard input
    #[arg(value_name = "KEY=VALUE", required = true)]
    assignments: Vec<String>,
    /// Type of the values: string, number, bool or json [default: the variable's type, or string for a new one]
    #[arg(long = "type", value_name = "TYPE")]
    value_type: Option<ValueType>,
    /// Description of the variables [default: the variable's description]
    #[arg(long)]
    description: Option<String>,
    /// Protect the variables from deletion
    #[arg(long)]
    protect: bool,
    /// Create the project and the environment if they do not exist
    #[arg(long)]
    create: bool,
    /// Use every VALUE as it is written, even if it begins with @ or is -
    #[arg(long)]
    literal: bool,
}

pub(super) async fn run(args: Args, context: &mut Context) -> Result<(), CliError> {
    if let Some(description) = &args.description {
        check_description(description)?;
    }
    let assignments = resolve(&args.assignments, args.literal)?;
    let options = PutOptions {
        environment: &args.environment,
        create_missing: args.create,
        protect: args.protect,
        description: args.description.as_deref(),
        noun: "variable",
        reads_existing: args.value_type.is_none() || args.description.is_none(),
    };
    let content = |key: &Key, value: &String, current: Option<&v1::Variable>| {
        content(args.value_type, key, value, current)
    };
    put_all(&options, &assignments, content, context).await
}

/// Returns the value in the canonical form of the type that was asked for, or of the key's type.
fn content(
    asked: Option<ValueType>,
    key: &Key,
    value: &str,
    current: Option<&v1::Variable>,
) -> Result<(v1::ValueType, Content), CliError> {
    let current_type = current.and_then(|variable| kontraktor_proto::value_type(variable.r#type).ok());
    let value_type = asked.or(current_type).unwrap_or_default();
    let canonical = value_type.canonicalize(value).map_err(|error| {
        let error = CliError::usage(format!("{key}: {error}"));
        if asked.is_none() && current_type.is_some() && value_type != ValueType::String {
            return error
                .hint(format!("add --type string to change the type of {key}, which is {value_type}"));
        }
        error
    })?;
    Ok((value_type.into(), Content::Value(canonical)))
}
