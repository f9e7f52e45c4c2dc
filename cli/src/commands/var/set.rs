//! `ktr var set`

use kontraktor_model::{
    names::{EnvPath, Key},
    value::{ValueType, check_description},
};
use kontraktor_proto::v1::{self, put::Content};

use super::assignment::resolve;
use crate::{
    commands::put::{Put, put_all},
    context::Context,
    error::CliError,
};

/// Set variables, all of them or none
///
/// Values: KEY=VALUE is taken as written (KEY= is an empty value), KEY=@FILE is the file's content, KEY=- is standard
/// input. Files and standard input must be UTF-8 and are kept to the byte, a line break at the end included.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The environment, as in infra-demo/dev
    #[arg(value_name = "PROJECT/ENV")]
    environment: EnvPath,
    /// KEY=VALUE, KEY=@FILE, or KEY=- for standard input
    #[arg(value_name = "KEY=VALUE", required = true)]
    assignments: Vec<String>,
    /// string, number, bool or json; absent: an existing variable keeps its type, a new one is a string
    #[arg(long = "type", value_name = "TYPE")]
    value_type: Option<ValueType>,
    /// Describe all of them; absent: an existing variable keeps its description
    #[arg(long)]
    description: Option<String>,
    /// Refuse to delete them until they are unprotected; absent: as it is
    #[arg(long)]
    protect: bool,
    /// Create the project and the environment where they do not exist
    #[arg(long)]
    create: bool,
    /// Take every VALUE as it is written, a leading @ and a lone - included
    #[arg(long)]
    literal: bool,
}

pub(super) async fn run(args: Args, context: &mut Context) -> Result<(), CliError> {
    if let Some(description) = &args.description {
        check_description(description)?;
    }
    let values = resolve(&args.assignments, args.literal)?;
    let keys: Vec<&Key> = values.iter().map(|(key, _)| key).collect();
    let put = Put {
        environment: &args.environment,
        create: args.create,
        protect: args.protect,
        description: args.description.as_deref(),
        noun: "variable",
        keep: args.value_type.is_none() || args.description.is_none(),
    };
    let content = |key: &Key, kept: Option<&v1::Variable>| {
        let (_, value) = values
            .iter()
            .find(|(name, _)| name == key)
            .ok_or_else(|| CliError::general(format!("{key} was not asked for")))?;
        content(args.value_type, key, value, kept)
    };
    put_all(&put, &keys, content, context).await
}

fn content(
    asked: Option<ValueType>,
    key: &Key,
    value: &str,
    kept: Option<&v1::Variable>,
) -> Result<(v1::ValueType, Content), CliError> {
    let kept_type = kept.and_then(|variable| kontraktor_proto::value_type(variable.r#type).ok());
    let value_type = asked.or(kept_type).unwrap_or_default();
    let canonical = value_type.canonicalize(value).map_err(|error| {
        let error = CliError::usage(format!("{key}: {error}"));
        if asked.is_none() && kept_type.is_some() && value_type != ValueType::String {
            return error.hint(format!("{key} is a {value_type} so far; to change that, add --type string"));
        }
        error
    })?;
    Ok((value_type.into(), Content::Value(canonical)))
}
