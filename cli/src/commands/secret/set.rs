//! `ktr secret set`

use kontraktor_model::{
    names::{EnvPath, Key},
    reference::Reference,
    value::check_description,
};
use kontraktor_proto::v1::put::Content;

use crate::{
    commands::put::{Put, put_all, split},
    context::Context,
    error::CliError,
};

/// Let keys refer to secrets in vaults, all of them or none
///
/// A reference is configuration and not secret. Whether its secret is there is found out by `ktr secret check`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The environment, as in infra-demo/dev
    #[arg(value_name = "PROJECT/ENV")]
    environment: EnvPath,
    /// KEY=vault://NAME/MOUNT/path#field, KEY=aws-sm://NAME/secret-name#field or KEY=azure-kv://NAME/secret-name
    #[arg(value_name = "KEY=REFERENCE", required = true)]
    assignments: Vec<String>,
    /// Pin all of them to this version, as their vault names it
    #[arg(long, value_name = "VERSION")]
    pin: Option<String>,
    /// Describe all of them; absent: an existing reference keeps its description
    #[arg(long)]
    description: Option<String>,
    /// Refuse to delete them until they are unprotected; absent: as it is
    #[arg(long)]
    protect: bool,
    /// Create the project and the environment where they do not exist
    #[arg(long)]
    create: bool,
}

const FORM: &str = "write KEY=REFERENCE, as in DB_PASSWORD=vault://team/secret/app/db#password";

fn assignment(argument: &str) -> Result<(Key, Reference), CliError> {
    let (key, text) = split(argument, FORM)?;
    // What base64 ends with: then the key is no key but a secret.
    if text.is_empty() || text == "=" {
        return Err(CliError::usage(FORM));
    }
    let reference = text.parse().map_err(|error| {
        CliError::usage(format!("{key}: {error}")).hint("a value that is no secret is set with ktr var set")
    })?;
    Ok((key, reference))
}

pub(super) async fn run(args: Args, context: &mut Context) -> Result<(), CliError> {
    if let Some(description) = &args.description {
        check_description(description)?;
    }
    let mut references: Vec<(Key, Reference)> = Vec::with_capacity(args.assignments.len());
    for argument in &args.assignments {
        let (key, mut reference) = assignment(argument)?;
        if references.iter().any(|(other, _)| *other == key) {
            return Err(CliError::usage(format!("{key} is set twice: name each key once")));
        }
        if let Some(version) = &args.pin {
            reference = reference
                .at_version(version)
                .map_err(|error| CliError::usage(format!("{key}: pinned to {version:?}, the {error}")))?;
        }
        references.push((key, reference));
    }
    let keys: Vec<&Key> = references.iter().map(|(key, _)| key).collect();
    let put = Put {
        environment: &args.environment,
        create: args.create,
        protect: args.protect,
        description: args.description.as_deref(),
        noun: "secret reference",
        keep: args.description.is_none(),
    };
    let content = |key: &Key, _: Option<&_>| {
        let (_, reference) = references
            .iter()
            .find(|(name, _)| name == key)
            .ok_or_else(|| CliError::general(format!("{key} was not asked for")))?;
        Ok((Default::default(), Content::Reference(reference.to_string())))
    };
    put_all(&put, &keys, content, context).await
}
