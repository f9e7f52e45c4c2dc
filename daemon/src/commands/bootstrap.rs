//! `kontraktord bootstrap`: makes the first owner, over the socket, whose user needs no role.

use std::io::Write as _;

use kontraktor_model::{
    access::{Pattern, Role, Scopes, Subject},
    names::AccountName,
};
use kontraktor_proto::{
    client::{Client, ClientError, ClientOptions},
    endpoint::Host,
    v1,
};
use kontraktor_store_duckdb::DataDir;

use crate::{
    cli::BootstrapArgs,
    config::Config,
    exit::{Exit, Failure},
};

pub(super) fn run(config: &Config, arguments: &BootstrapArgs) -> Result<(), Failure> {
    // The daemon that has the data directory may serve on another socket than this configuration names.
    let noted = DataDir::holder(&config.data_dir.value).and_then(|holder| holder.socket);
    let socket = noted.unwrap_or_else(|| config.socket.value.clone());
    let client = Client::new(ClientOptions::new(Host::Unix(socket), "kontraktord"));
    let report = super::runtime()?.block_on(bootstrap(&client, arguments))?;
    let mut out = std::io::stdout().lock();
    out.write_all(report.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| Failure::new(Exit::Failure, format!("cannot write to standard output: {error}")))
}

/// Returns what to print.
async fn bootstrap(client: &Client, arguments: &BootstrapArgs) -> Result<String, Failure> {
    if !arguments.again
        && let Some(owner) = first_owner(client).await?
    {
        return Err(Failure::new(
            Exit::Failure,
            format!("{owner} owns everything already, and can grant roles with `ktr role grant`"),
        )
        .hint("add --again to make another owner"));
    }
    match (&arguments.owner, &arguments.service_account) {
        (Some(subject), _) => {
            grant(client, subject).await.map_err(|error| failure(&error))?;
            Ok(format!("{subject} owns everything: it has the role owner on *\n"))
        }
        (None, Some(name)) => create(client, name).await,
        // The command line requires one of them.
        (None, None) => Err(Failure::new(Exit::Usage, "expected --owner or --service-account")),
    }
}

/// Returns a subject that has the role owner on `*`.
async fn first_owner(client: &Client) -> Result<Option<String>, Failure> {
    let mut page_token = String::new();
    loop {
        let request = v1::ListRoleBindingsRequest {
            pattern: Pattern::ALL.to_string(),
            page_token,
            ..v1::ListRoleBindingsRequest::default()
        };
        let page = client.list_role_bindings(request).await.map_err(|error| failure(&error))?;
        let owner = page.bindings.into_iter().find(|binding| binding.role() == v1::Role::Owner);
        if owner.is_some() || page.next_page_token.is_empty() {
            return Ok(owner.map(|owner| owner.subject));
        }
        page_token = page.next_page_token;
    }
}

async fn grant(client: &Client, subject: &Subject) -> Result<(), ClientError> {
    let request = v1::GrantRoleRequest {
        role: v1::Role::from(Role::Owner).into(),
        subject: subject.to_string(),
        pattern: Pattern::ALL.to_string(),
    };
    client.grant_role(request).await.map(|_| ())
}

async fn create(client: &Client, name: &AccountName) -> Result<String, Failure> {
    let request = v1::CreateServiceAccountRequest {
        name: name.to_string(),
        description: "created by kontraktord bootstrap".to_owned(),
        scopes: Scopes::ALL.iter().map(|scope| scope.to_string()).collect(),
        ..v1::CreateServiceAccountRequest::default()
    };
    let credentials = client.create_service_account(request).await.map_err(|error| failure(&error))?;
    if let Err(error) = grant(client, &Subject::of_account(name)).await {
        // An account whose secret nobody has seen is of no use, and would be in the way of the next attempt.
        let request = v1::DeleteServiceAccountRequest { name: name.to_string() };
        let deleted = client.delete_service_account(request).await;
        let failure = failure(&error);
        return Err(match deleted {
            Ok(_) => failure,
            Err(_) => failure
                .hint(format!("delete the account with `ktr service-account delete {name}`, and try again")),
        });
    }
    let account = credentials.account.unwrap_or_default();
    Ok(format!(
        "service account {name} owns everything; the secret is shown only this once\nclient_id {}\nclient_secret {}\n",
        account.client_id, credentials.client_secret
    ))
}

fn failure(error: &ClientError) -> Failure {
    let failure = Failure::new(Exit::Failure, error);
    match error.remedy() {
        Some(remedy) => failure.hint(remedy),
        None => failure,
    }
}
