//! `ktr secret set`

use kontraktor_model::{
    names::{EnvPath, Key},
    reference::{self, Reference, UnknownVault},
    value::check_description,
};
use kontraktor_proto::v1::{self, put::Content};

use crate::{
    commands::writes::{PutOptions, duplicate_key, put_all, split_assignment},
    context::Context,
    error::CliError,
};

/// Set secret references in an environment
///
/// All references are set, or none. A reference is configuration and not secret; ktr secret check finds out whether its secret
/// exists. A reference to a vault that the daemon does not have is set with a warning.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Environment, such as infra-demo/dev
    #[arg(value_name = "PROJECT/ENV")]
    environment: EnvPath,
    #[arg(
        value_name = "KEY=REFERENCE",
        required = true,
        help = format!("Each key, and the reference to its secret: {}", reference::forms())
    )]
    assignments: Vec<String>,
    /// Pin the references to this version, as the vault names it
    #[arg(long, value_name = "VERSION")]
    pin: Option<String>,
    /// Description of the references [default: the reference's description]
    #[arg(long)]
    description: Option<String>,
    /// Protect the references from deletion
    #[arg(long)]
    protect: bool,
    /// Create the project and the environment if they do not exist
    #[arg(long)]
    create: bool,
}

const RULE: &str =
    "invalid assignment: expected KEY=REFERENCE, such as DB_PASSWORD=vault://team/secret/app/db#password";

fn parse_assignment(argument: &str) -> Result<(Key, Reference), CliError> {
    let (key, text) = split_assignment(argument, RULE)?;
    // The end of base64: then the key is not a key but a secret.
    if text.is_empty() || text == "=" {
        return Err(CliError::usage(RULE));
    }
    let reference = text.parse().map_err(|error| {
        CliError::usage(format!("{key}: {error}")).hint("set a plain value with `ktr var set`")
    })?;
    Ok((key, reference))
}

pub(super) async fn run(args: Args, context: &mut Context) -> Result<(), CliError> {
    if let Some(description) = &args.description {
        check_description(description)?;
    }
    let mut references: Vec<(Key, Reference)> = Vec::with_capacity(args.assignments.len());
    for argument in &args.assignments {
        let (key, mut reference) = parse_assignment(argument)?;
        if references.iter().any(|(other, _)| *other == key) {
            return Err(duplicate_key(&key));
        }
        if let Some(version) = &args.pin {
            reference = reference.at_version(version).map_err(|error| {
                CliError::usage(format!("{key}: cannot pin to version {version:?}: {error}"))
            })?;
        }
        references.push((key, reference));
    }
    let options = PutOptions {
        environment: &args.environment,
        create_missing: args.create,
        protect: args.protect,
        description: args.description.as_deref(),
        noun: "secret reference",
        reads_existing: args.description.is_none(),
    };
    let content = |_: &Key, reference: &Reference, _: Option<&v1::Variable>| {
        Ok((v1::ValueType::default(), Content::Reference(reference.to_string())))
    };
    put_all(&options, &references, content, context).await?;
    warn_of_unknown_vaults(&references, context).await
}

/// Warns of references to vaults that the daemon does not have: it accepts them, because a vault may be configured later.
async fn warn_of_unknown_vaults(
    references: &[(Key, Reference)],
    context: &mut Context,
) -> Result<(), CliError> {
    // Setting references requires no permission to list vaults.
    let Ok(response) = context.client.list_vaults(v1::ListVaultsRequest {}).await else { return Ok(()) };
    let vaults = || response.vaults.iter().map(|vault| (vault.name.as_str(), vault.kind.as_str()));
    for (key, reference) in references {
        if let Err(unknown) = reference.find_vault(vaults()) {
            let UnknownVault { message, remedy } = unknown;
            context.out.warning(&format!("{key} cannot be read: {message} ({remedy})"))?;
        }
    }
    Ok(())
}
