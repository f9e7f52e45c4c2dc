//! `ktr secret get`

use clap::ValueEnum;
use kontraktor_model::names::Key;
use kontraktor_proto::{
    json::SecretMetadata,
    v1::{self, ProblemCode},
};

use super::target;
use crate::{commands::secret_results::stale_warning, context::Context, error::CliError};

/// Print a secret
///
/// Prints up to 16 MiB, byte for byte; on a terminal a line break follows. Every access is recorded in the audit log.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Environment, such as infra-demo/dev; or a reference, such as vault://team/secret/app/db#password
    #[arg(value_name = "PROJECT/ENV|REFERENCE")]
    source: String,
    /// Key of the secret reference, own or imported
    key: Option<Key>,
    /// Output format
    #[arg(long, value_enum, default_value_t = Output::Value, value_name = "FORMAT")]
    output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// The secret itself
    Value,
    /// Metadata without the secret; stable, documented in the README
    Json,
}

pub(super) async fn run(args: Args, context: &mut Context) -> Result<(), CliError> {
    let target = target::parse(&args.source, args.key.as_ref())?;
    let request = v1::StreamSecretRequest { target: Some(target), hold: false };
    let (info, value) = context.client.stream_secret(request).await.map_err(|error| {
        let error = CliError::from(error).hint_missing_environment();
        match &args.key {
            Some(key) => error.hint_on(ProblemCode::NotASecret, || {
                format!("print the variable with `ktr var get {} {key}`", args.source)
            }),
            None => error,
        }
    })?;
    let secret = info.secret.unwrap_or_default();
    if secret.stale {
        context.out.warning(&stale_warning(&secret))?;
    }
    match args.output {
        Output::Json => context.out.json(&SecretMetadata::from(secret)),
        Output::Value => context.out.secret(&value),
    }
}
