//! `ktr service-account rotate`

use std::time::Duration;

use kontraktor_model::names::AccountName;
use kontraktor_proto::v1;

use super::{failed, milliseconds, print_credentials};
use crate::{context::Context, error::CliError, output::Format};

/// Create a new secret for a service account, and let the one before expire
///
/// At most two secrets are valid at a time.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name of the service account
    #[arg(value_name = "NAME")]
    name: AccountName,
    /// How long the secret before remains valid, such as 1h
    #[arg(long, value_name = "DURATION", value_parser = super::duration, default_value = "24h")]
    overlap: Duration,
    /// End the secret before at once, for example because it leaked
    #[arg(long, conflicts_with = "overlap")]
    no_overlap: bool,
    /// How long the new secret is valid, such as 90days [default: it does not expire]
    #[arg(long, value_name = "DURATION", value_parser = super::duration)]
    expires_in: Option<Duration>,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Table, value_name = "FORMAT")]
    output: Format,
}

pub(super) async fn run(args: Args, context: &mut Context) -> Result<(), CliError> {
    let name = args.name;
    let request = v1::RotateServiceAccountRequest {
        name: name.to_string(),
        overlap_ms: milliseconds((!args.no_overlap).then_some(args.overlap)),
        secret_lifetime_ms: milliseconds(args.expires_in),
    };
    let credentials = context.client.rotate_service_account(request).await.map_err(failed)?;
    let headline = if args.no_overlap {
        format!("Rotated the secret of service account {name}. The secret before it is no longer valid.")
    } else {
        let overlap = humantime::format_duration(args.overlap);
        format!(
            "Rotated the secret of service account {name}. The secret before it is valid for another {overlap}."
        )
    };
    print_credentials(credentials, &headline, args.output, context)
}
