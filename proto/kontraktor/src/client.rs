//! The typed client: one method for each RPC, deadlines, repetition, and errors that say whether anything was written.
//!
//! It decides when a request may be sent again. It does not know what the answers mean to Terraform or to a person.

mod call;
mod error;
mod stream;
mod transport;

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use secrecy::SecretString;

pub use self::error::ClientError;
use self::{
    call::{Kind, Rpc},
    transport::Transport,
};
use crate::{endpoint::Host, v1};

/// How long a call may take, repetitions included, where nobody says.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_mins(1);

/// The longest time that one call may take: a day. Longer timeouts count as this, because gRPC cannot carry any length.
pub const MAX_TIMEOUT: Duration = Duration::from_hours(24);

/// What a [`Client`] needs to know.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// The daemon's address.
    pub host: Host,
    /// How long one call may take, repetitions included; at most [`MAX_TIMEOUT`].
    pub timeout: Duration,
    /// What the client is, for the log: `[a-z0-9-]{1,32}`, such as `terraform` or `ktr`.
    pub via: String,
    /// Name and version of the program, such as `ktr/0.1.0`.
    pub user_agent: String,
    /// Sent as a bearer token where there is one.
    pub token: Option<SecretString>,
}

impl ClientOptions {
    /// Options with the default timeout and without a token; the program calls itself `via`.
    pub fn new(host: Host, via: impl Into<String>) -> Self {
        let via = via.into();
        let user_agent = format!("{via}/{}", env!("CARGO_PKG_VERSION"));
        Self { host, timeout: DEFAULT_TIMEOUT, via, user_agent, token: None }
    }
}

/// A connection to the daemon that is made when it is first needed, and again when it was lost. Clones share it.
///
/// # Repetition
/// Within the timeout, with growing pauses: reads whenever no answer came; a batch of [`Client::write_variables`]
/// likewise, because its id makes that safe; everything that the daemon turned away unseen because it was busy or
/// going down; and everything that found nothing listening, or whose turn had not come when the connection was closed,
/// because nothing was sent. Any other write is never sent twice.
///
/// A daemon that is plainly not there is an error at once until this client has been connected once: nobody started it.
/// From then on it may be restarting and is waited for, until a call has found nothing listening for the whole of its
/// timeout: the calls after that do not wait in vain one by one. A socket that may not be used or is not trusted at the
/// first attempt is an error at once in any case.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

struct Shared {
    options: ClientOptions,
    /// Made by the first call: making it needs a running tokio.
    transport: OnceLock<Transport>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("options", &self.shared.options).finish()
    }
}

impl Client {
    /// A client that has not connected yet. Options that cannot be used are reported by the first call.
    pub fn new(options: ClientOptions) -> Self {
        Self { shared: Arc::new(Shared { options, transport: OnceLock::new() }) }
    }

    /// The options that the client was made with.
    pub fn options(&self) -> &ClientOptions {
        &self.shared.options
    }

    fn transport(&self) -> Result<&Transport, ClientError> {
        if let Some(transport) = self.shared.transport.get() {
            return Ok(transport);
        }
        let made = Transport::new(&self.shared.options)?;
        Ok(self.shared.transport.get_or_init(|| made))
    }
}

/// A fresh id for a batch. Keep it when the batch is sent again.
pub fn new_batch_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

macro_rules! rpcs {
    ($($(#[$doc:meta])* $name:ident = $kind:ident $service:ident / $method:ident ($request:ident) -> $answer:ident;)*) => {
        impl Client {
            $(
                $(#[$doc])*
                pub async fn $name(&self, request: v1::$request) -> Result<v1::$answer, ClientError> {
                    const RPC: Rpc = Rpc {
                        path: concat!("/kontraktor.v1.", stringify!($service), "/", stringify!($method)),
                        name: stringify!($method),
                        kind: Kind::$kind,
                    };
                    self.call(&RPC, &request).await
                }
            )*
        }
    };
}

rpcs! {
    /// Creates a project, or adopts an implicit one.
    create_project = Write Projects/CreateProject(CreateProjectRequest) -> Project;
    /// One project.
    get_project = Read Projects/GetProject(GetProjectRequest) -> Project;
    /// Changes a project's settings.
    update_project = Write Projects/UpdateProject(UpdateProjectRequest) -> Project;
    /// Deletes a project that holds nothing, or all that it holds.
    delete_project = Write Projects/DeleteProject(DeleteProjectRequest) -> DeleteProjectResponse;
    /// One page of the projects.
    list_projects = Read Projects/ListProjects(ListProjectsRequest) -> ListProjectsResponse;
    /// Creates an environment, or adopts an implicit one.
    create_environment = Write Environments/CreateEnvironment(CreateEnvironmentRequest) -> Environment;
    /// One environment.
    get_environment = Read Environments/GetEnvironment(GetEnvironmentRequest) -> Environment;
    /// Changes an environment's settings.
    update_environment = Write Environments/UpdateEnvironment(UpdateEnvironmentRequest) -> Environment;
    /// Deletes an environment that holds no variables, or all that it holds.
    delete_environment = Write Environments/DeleteEnvironment(DeleteEnvironmentRequest) -> DeleteEnvironmentResponse;
    /// One page of the environments.
    list_environments = Read Environments/ListEnvironments(ListEnvironmentsRequest) -> ListEnvironmentsResponse;
    /// The variables of an environment at one moment.
    get_snapshot = Read Environments/GetSnapshot(GetSnapshotRequest) -> Snapshot;
    /// Restores an environment as it was at an earlier revision.
    rollback_environment = Write Environments/RollbackEnvironment(RollbackEnvironmentRequest) -> RollbackEnvironmentResponse;
    /// Attaches a JSON Schema to keys of a project.
    create_schema = Write Schemas/CreateSchema(CreateSchemaRequest) -> VariableSchema;
    /// One schema.
    get_schema = Read Schemas/GetSchema(GetSchemaRequest) -> VariableSchema;
    /// Changes a schema.
    update_schema = Write Schemas/UpdateSchema(UpdateSchemaRequest) -> VariableSchema;
    /// Takes a schema away.
    delete_schema = Write Schemas/DeleteSchema(DeleteSchemaRequest) -> DeleteSchemaResponse;
    /// One page of a project's schemas.
    list_schemas = Read Schemas/ListSchemas(ListSchemasRequest) -> ListSchemasResponse;
    /// Writes a batch, see [`new_batch_id`].
    write_variables = Batch Variables/WriteVariables(WriteVariablesRequest) -> WriteVariablesResponse;
    /// One own variable of an environment.
    get_variable = Read Variables/GetVariable(GetVariableRequest) -> Variable;
    /// One page of an environment's own variables.
    list_variables = Read Variables/ListVariables(ListVariablesRequest) -> ListVariablesResponse;
    /// Resolves secrets.
    read_secrets = Read Secrets/ReadSecrets(ReadSecretsRequest) -> ReadSecretsResponse;
    /// An environment with its variables and secrets.
    read_environment = Read Secrets/ReadEnvironment(ReadEnvironmentRequest) -> ReadEnvironmentResponse;
    /// Whether secrets can be resolved.
    check_secrets = Read Secrets/CheckSecrets(CheckSecretsRequest) -> CheckSecretsResponse;
    /// Says that a hold is still needed.
    renew_hold = Read Secrets/RenewHold(RenewHoldRequest) -> Hold;
    /// Lets go of a hold.
    release_hold = Read Secrets/ReleaseHold(ReleaseHoldRequest) -> ReleaseHoldResponse;
    /// Forgets what is cached of secrets.
    purge_secrets = Read Secrets/PurgeSecrets(PurgeSecretsRequest) -> PurgeSecretsResponse;
    /// The configured vaults.
    list_vaults = Read Secrets/ListVaults(ListVaultsRequest) -> ListVaultsResponse;
    /// One page of the log.
    list_audit = Read Audit/ListAudit(ListAuditRequest) -> ListAuditResponse;
    /// One page of the writes of an environment or key.
    list_history = Read Audit/ListHistory(ListHistoryRequest) -> ListAuditResponse;
    /// Walks the log's hash chain.
    verify_audit = Read Audit/VerifyAudit(VerifyAuditRequest) -> VerifyAuditResponse;
    /// What the daemon is and how it does.
    get_status = Read System/GetStatus(GetStatusRequest) -> Status;
}
