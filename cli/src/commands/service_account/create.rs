//! `ktr service-account create`

use std::{path::PathBuf, time::Duration};

use kontraktor_hardening::file::{self, Rule};
use kontraktor_model::{access::Scope, names::AccountName};
use kontraktor_proto::v1;

use super::{failed, milliseconds, print_credentials};
use crate::{context::Context, error::CliError, output::Format};

/// Create a service account for a pipeline, and print its credentials
///
/// It may do nothing until it is granted a role with ktr role grant.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name of the service account: 1 to 63 characters of a-z, 0-9 and "-"
    #[arg(value_name = "NAME")]
    name: AccountName,
    /// Description of the service account, at most 1,024 bytes
    #[arg(long, default_value = "", hide_default_value = true)]
    description: String,
    /// Scope that its tokens may have: env.read, env.write, secret.read or admin; repeatable [default: all but admin]
    #[arg(long, value_name = "SCOPE", value_parser = scope)]
    scope: Vec<Scope>,
    /// How long its secret is valid, such as 90days [default: it does not expire]
    #[arg(long, value_name = "DURATION", value_parser = super::duration, conflicts_with = "public_key")]
    expires_in: Option<Duration>,
    /// File with a public key in PEM, with which it signs its own assertions; then it has no secret
    #[arg(long, value_name = "FILE")]
    public_key: Option<PathBuf>,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Table, value_name = "FORMAT")]
    output: Format,
}

fn scope(text: &str) -> Result<Scope, String> {
    text.parse()
        .map_err(|error: kontraktor_model::access::AccessError| format!("{error}; {}", error.remedy()))
}

pub(super) async fn run(args: Args, context: &mut Context) -> Result<(), CliError> {
    let name = args.name;
    let public_key = match &args.public_key {
        None => String::new(),
        Some(path) => file::read_to_string(path, Rule::Trusted).map_err(|error| {
            CliError::usage(format!("the public key {} cannot be read: {error}", path.display()))
        })?,
    };
    let request = v1::CreateServiceAccountRequest {
        name: name.to_string(),
        description: args.description,
        scopes: args.scope.iter().map(ToString::to_string).collect(),
        secret_lifetime_ms: milliseconds(args.expires_in),
        public_key,
    };
    let credentials = context.client.create_service_account(request).await.map_err(failed)?;
    let headline = format!("Created service account {name}.");
    print_credentials(credentials, &headline, args.output, context)?;
    context.out.remark(&format!(
        "it has no role yet; grant one, such as `ktr role grant editor --to service-account:{name} --on 'PROJECT/*'`"
    ))
}
