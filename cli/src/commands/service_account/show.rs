//! `ktr service-account show`

use kontraktor_model::names::AccountName;
use kontraktor_proto::{json::ServiceAccount, v1};

use super::failed;
use crate::{
    context::Context,
    error::CliError,
    output::Format,
    text::{actor, seconds, time_to_second},
};

/// Show a service account, with its secrets' ends and its last use
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name of the service account
    #[arg(value_name = "NAME")]
    name: AccountName,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Table, value_name = "FORMAT")]
    output: Format,
}

pub(super) async fn run(args: Args, context: &mut Context) -> Result<(), CliError> {
    let request = v1::GetServiceAccountRequest { name: args.name.to_string() };
    let account = ServiceAccount::from(context.client.get_service_account(request).await.map_err(failed)?);
    if args.output == Format::Json {
        return context.out.json(&account);
    }
    let mut lines = vec![
        ("name", account.name),
        ("client_id", account.client_id),
        ("description", account.description),
        ("scopes", account.scopes.join(" ")),
    ];
    for secret in account.secrets {
        let created = time_to_second(secret.create_time.as_deref().unwrap_or_default());
        let end = match secret.expire_time.as_deref() {
            Some(time) => format!("expires {}", time_to_second(time)),
            None => "does not expire".to_owned(),
        };
        lines.push(("secret", format!("{}…, created {created}, {end}", secret.hint)));
    }
    if let Some(key) = account.public_key {
        lines.push(("public key", key.trim_end().replace('\n', " ")));
    }
    let (by, at) = (actor(account.created.as_ref()), seconds(account.created.as_ref()));
    lines.push(("created", format!("{at} by {by}")));
    lines.push(("last used", account.last_used_time.as_deref().map_or("never".to_owned(), time_to_second)));
    for (name, value) in lines.into_iter().filter(|(_, value)| !value.is_empty()) {
        context.out.line(&format!("{name:<16}{value}"))?;
    }
    Ok(())
}
