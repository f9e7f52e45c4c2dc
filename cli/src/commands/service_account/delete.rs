//! `ktr service-account delete`

use kontraktor_model::names::AccountName;
use kontraktor_proto::v1;

use super::failed;
use crate::{confirmation::Confirmation, context::Context, error::CliError};

/// Delete a service account and its role bindings
///
/// Its access tokens stop working at once.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name of the service account
    #[arg(value_name = "NAME")]
    name: AccountName,
    /// Skip the confirmation
    #[arg(long, short)]
    yes: bool,
}

pub(super) async fn run(args: Args, context: &mut Context) -> Result<(), CliError> {
    let name = args.name;
    let confirmation = Confirmation::new(args.yes, "add --yes to delete without confirmation")?;
    let get = v1::GetServiceAccountRequest { name: name.to_string() };
    context.client.get_service_account(get).await.map_err(failed)?;
    let question = format!("Delete service account {name} and its role bindings?");
    confirmation.require(&question, &mut context.out).await?;
    let request = v1::DeleteServiceAccountRequest { name: name.to_string() };
    context.client.delete_service_account(request).await.map_err(failed)?;
    context.out.line(&format!("Deleted service account {name}."))
}
