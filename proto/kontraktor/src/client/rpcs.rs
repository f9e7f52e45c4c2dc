//! One method of the client for each RPC.

use super::{
    call::Client,
    error::ClientError,
    rpc::{Rpc, RpcKind},
};
use crate::v1;

/// Returns a new id for a batch. Keep it when the batch is sent again.
///
/// It is random: an id that contains the time needs a clock that is right.
pub fn new_batch_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

macro_rules! rpcs {
    ($($(#[$doc:meta])* $name:ident = $kind:ident $service:ident / $method:ident ($request:ident) -> $response:ident;)*) => {
        impl Client {
            $(
                $(#[$doc])*
                pub async fn $name(&self, request: v1::$request) -> Result<v1::$response, ClientError> {
                    const RPC: Rpc = Rpc {
                        path: concat!("/kontraktor.v1.", stringify!($service), "/", stringify!($method)),
                        name: stringify!($method),
                        kind: RpcKind::$kind,
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
    /// Returns one project.
    get_project = Read Projects/GetProject(GetProjectRequest) -> Project;
    /// Changes a project's settings.
    update_project = Write Projects/UpdateProject(UpdateProjectRequest) -> Project;
    /// Deletes a project that is empty, or with everything in it.
    delete_project = Write Projects/DeleteProject(DeleteProjectRequest) -> DeleteProjectResponse;
    /// Returns one page of the projects.
    list_projects = Read Projects/ListProjects(ListProjectsRequest) -> ListProjectsResponse;
    /// Creates an environment, or adopts an implicit one.
    create_environment = Write Environments/CreateEnvironment(CreateEnvironmentRequest) -> Environment;
    /// Returns one environment.
    get_environment = Read Environments/GetEnvironment(GetEnvironmentRequest) -> Environment;
    /// Changes an environment's settings.
    update_environment = Write Environments/UpdateEnvironment(UpdateEnvironmentRequest) -> Environment;
    /// Deletes an environment that is empty, or with everything in it.
    delete_environment = Write Environments/DeleteEnvironment(DeleteEnvironmentRequest) -> DeleteEnvironmentResponse;
    /// Returns one page of the environments.
    list_environments = Read Environments/ListEnvironments(ListEnvironmentsRequest) -> ListEnvironmentsResponse;
    /// Returns the variables of an environment at one point in time.
    get_snapshot = Read Environments/GetSnapshot(GetSnapshotRequest) -> Snapshot;
    /// Restores an environment as it was at an earlier revision.
    rollback_environment = Write Environments/RollbackEnvironment(RollbackEnvironmentRequest) -> RollbackEnvironmentResponse;
    /// Attaches a JSON Schema to keys of a project.
    create_schema = Write Schemas/CreateSchema(CreateSchemaRequest) -> VariableSchema;
    /// Returns one schema.
    get_schema = Read Schemas/GetSchema(GetSchemaRequest) -> VariableSchema;
    /// Changes a schema.
    update_schema = Write Schemas/UpdateSchema(UpdateSchemaRequest) -> VariableSchema;
    /// Deletes a schema.
    delete_schema = Write Schemas/DeleteSchema(DeleteSchemaRequest) -> DeleteSchemaResponse;
    /// Returns one page of a project's schemas.
    list_schemas = Read Schemas/ListSchemas(ListSchemasRequest) -> ListSchemasResponse;
    /// Writes a batch of variables, see [`new_batch_id`].
    write_variables = Batch Variables/WriteVariables(WriteVariablesRequest) -> WriteVariablesResponse;
    /// Returns one own variable of an environment.
    get_variable = Read Variables/GetVariable(GetVariableRequest) -> Variable;
    /// Returns one page of an environment's own variables.
    list_variables = Read Variables/ListVariables(ListVariablesRequest) -> ListVariablesResponse;
    /// Resolves secrets.
    read_secrets = Read Secrets/ReadSecrets(ReadSecretsRequest) -> ReadSecretsResponse;
    /// Returns an environment with its variables and secrets.
    read_environment = Read Secrets/ReadEnvironment(ReadEnvironmentRequest) -> ReadEnvironmentResponse;
    /// Returns whether secrets can be resolved.
    check_secrets = Read Secrets/CheckSecrets(CheckSecretsRequest) -> CheckSecretsResponse;
    /// Extends a hold.
    renew_hold = Read Secrets/RenewHold(RenewHoldRequest) -> Hold;
    /// Releases a hold.
    release_hold = Read Secrets/ReleaseHold(ReleaseHoldRequest) -> ReleaseHoldResponse;
    /// Purges cached secrets.
    purge_secrets = Read Secrets/PurgeSecrets(PurgeSecretsRequest) -> PurgeSecretsResponse;
    /// Returns the configured vaults.
    list_vaults = Read Secrets/ListVaults(ListVaultsRequest) -> ListVaultsResponse;
    /// Returns one page of the audit log.
    list_audit_entries = Read Audit/ListAuditEntries(ListAuditEntriesRequest) -> ListAuditEntriesResponse;
    /// Returns one page of the writes to an environment or key.
    list_history = Read Audit/ListHistory(ListHistoryRequest) -> ListAuditEntriesResponse;
    /// Verifies the audit log's hash chain.
    verify_audit = Read Audit/VerifyAudit(VerifyAuditRequest) -> VerifyAuditResponse;
    /// Grants a role.
    grant_role = Write Access/GrantRole(GrantRoleRequest) -> GrantRoleResponse;
    /// Revokes a role.
    revoke_role = Write Access/RevokeRole(RevokeRoleRequest) -> RevokeRoleResponse;
    /// Returns one role binding.
    get_role_binding = Read Access/GetRoleBinding(GetRoleBindingRequest) -> RoleBinding;
    /// Returns one page of the role bindings.
    list_role_bindings = Read Access/ListRoleBindings(ListRoleBindingsRequest) -> ListRoleBindingsResponse;
    /// Creates a service account.
    create_service_account = Write Access/CreateServiceAccount(CreateServiceAccountRequest) -> ServiceAccountCredentials;
    /// Returns one service account.
    get_service_account = Read Access/GetServiceAccount(GetServiceAccountRequest) -> ServiceAccount;
    /// Returns one page of the service accounts.
    list_service_accounts = Read Access/ListServiceAccounts(ListServiceAccountsRequest) -> ListServiceAccountsResponse;
    /// Gives a service account a new secret.
    rotate_service_account = Write Access/RotateServiceAccount(RotateServiceAccountRequest) -> ServiceAccountCredentials;
    /// Deletes a service account and its role bindings.
    delete_service_account = Write Access/DeleteServiceAccount(DeleteServiceAccountRequest) -> DeleteServiceAccountResponse;
    /// Returns the daemon's version and condition.
    get_status = Read System/GetStatus(GetStatusRequest) -> Status;
}
