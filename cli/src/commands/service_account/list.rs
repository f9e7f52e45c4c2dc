//! `ktr service-account list`

use kontraktor_proto::{
    json::{ServiceAccount, ServiceAccountList},
    v1,
};

use crate::{
    commands::pages,
    context::Context,
    error::CliError,
    output::Format,
    text::{seconds, time_to_second},
};

/// List the service accounts
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Table, value_name = "FORMAT")]
    output: Format,
}

pub(super) async fn run(args: Args, context: &mut Context) -> Result<(), CliError> {
    let client = &context.client;
    let (accounts, _) = pages::collect(usize::MAX, |page_token, _| async move {
        let request = v1::ListServiceAccountsRequest { page_size: 0, page_token };
        let response = client.list_service_accounts(request).await?;
        Ok((response.accounts, response.next_page_token))
    })
    .await?;
    let service_accounts: Vec<_> = accounts.into_iter().map(ServiceAccount::from).collect();
    match args.output {
        Format::Json => context.out.json(&ServiceAccountList { service_accounts }),
        Format::Table => context.out.table_with_optional(
            &["DESCRIPTION"],
            ["NAME", "CLIENT ID", "SCOPES", "SECRETS", "CREATED", "LAST USED", "DESCRIPTION"],
            service_accounts.into_iter().map(|account| {
                [
                    account.name,
                    account.client_id,
                    account.scopes.join(" "),
                    account.secrets.len().to_string(),
                    seconds(account.created.as_ref()),
                    account.last_used_time.as_deref().map_or("never".to_owned(), time_to_second),
                    account.description,
                ]
            }),
            "No service accounts. Create one with `ktr service-account create`.",
        ),
    }
}
