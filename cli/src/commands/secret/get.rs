//! `ktr secret get`

use clap::ValueEnum;
use kontraktor_model::names::Key;
use kontraktor_proto::{
    json::SecretMetadata,
    v1::{self, ProblemCode},
};

use super::target;
use crate::{context::Context, error::CliError};

/// Print one secret, of up to 16 MiB
///
/// The secret is printed to the byte; on a terminal a line break follows. Everybody who asks is in the audit log.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The environment, as in infra-demo/dev; or a reference, as in vault://team/secret/app/db#password
    #[arg(value_name = "PROJECT/ENV|REFERENCE")]
    what: String,
    /// The key that refers to the secret, own or imported
    key: Option<Key>,
    /// What to print
    #[arg(long, value_enum, default_value_t = Output::Value)]
    output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// The secret itself
    Value,
    /// What is known of it, and no value; stable, documented in the README
    Json,
}

pub(super) async fn run(args: Args, context: &mut Context) -> Result<(), CliError> {
    let target = target::of_words(&args.what, args.key.as_ref())?;
    let request = v1::StreamSecretRequest { target: Some(target), hold: false };
    let (head, value) = context.client.stream_secret(request).await.map_err(|error| {
        let error = CliError::from(error).hint_environments();
        match &args.key {
            Some(key) => error.hint_on(ProblemCode::NotASecret, || {
                format!("print it with: ktr var get {} {key}", args.what)
            }),
            None => error,
        }
    })?;
    let secret = head.secret.unwrap_or_default();
    if secret.stale {
        context.out.warning(&stale(&secret))?;
    }
    match args.output {
        Output::Json => context.out.json(&SecretMetadata::from(secret)),
        Output::Value => context.out.secret(&value),
    }
}

/// The vault is away, and what comes is what it gave last.
pub(in crate::commands) fn stale(secret: &v1::SecretResult) -> String {
    let what = if secret.key.is_empty() { &secret.reference } else { &secret.key };
    let since = secret.fetched.map(kontraktor_proto::json::time).unwrap_or_default();
    format!(
        "{what} is stale: vault {} does not answer, and this is the value that it gave at {since}",
        secret.vault
    )
}
