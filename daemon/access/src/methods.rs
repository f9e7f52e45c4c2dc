//! Which actions each method of the API leads to. Tests walk this table: a method or a route that is missing fails them.

use super::Action;

/// The methods of `kontraktor.v1`, as `SERVICE/METHOD`, each with the actions that it may ask for. The first is asked for
/// first.
pub const METHODS: &[(&str, &[Action])] = &[
    ("Projects/CreateProject", &[Action::ProjectCreate]),
    ("Projects/GetProject", &[Action::ProjectRead]),
    ("Projects/UpdateProject", &[Action::ProjectUpdate]),
    ("Projects/DeleteProject", &[Action::ProjectDelete]),
    ("Projects/ListProjects", &[Action::ProjectList]),
    ("Environments/CreateEnvironment", &[Action::EnvironmentCreate, Action::EnvironmentImport]),
    ("Environments/GetEnvironment", &[Action::EnvironmentRead]),
    ("Environments/UpdateEnvironment", &[Action::EnvironmentUpdate, Action::EnvironmentImport]),
    ("Environments/DeleteEnvironment", &[Action::EnvironmentDelete]),
    ("Environments/ListEnvironments", &[Action::EnvironmentList]),
    ("Environments/RollbackEnvironment", &[Action::EnvironmentRollback, Action::EnvironmentImport]),
    ("Variables/GetVariable", &[Action::VariableRead]),
    ("Variables/ListVariables", &[Action::VariableList]),
    ("Variables/WriteVariables", &[Action::VariableWrite]),
    ("Environments/GetSnapshot", &[Action::SnapshotRead, Action::SnapshotReadOwn]),
    ("Environments/WatchEnvironment", &[Action::SnapshotRead, Action::SnapshotReadOwn]),
    ("Schemas/CreateSchema", &[Action::SchemaCreate]),
    ("Schemas/GetSchema", &[Action::SchemaRead]),
    ("Schemas/UpdateSchema", &[Action::SchemaUpdate]),
    ("Schemas/DeleteSchema", &[Action::SchemaDelete]),
    ("Schemas/ListSchemas", &[Action::SchemaList]),
    ("Secrets/ReadSecrets", &[Action::SecretRead]),
    ("Secrets/ReadEnvironment", &[Action::SecretReadEnvironment, Action::SecretRead]),
    ("Secrets/StreamSecret", &[Action::SecretStream]),
    ("Secrets/CheckSecrets", &[Action::SecretCheck]),
    ("Secrets/RenewHold", &[Action::HoldRenew]),
    ("Secrets/ReleaseHold", &[Action::HoldRelease]),
    ("Secrets/PurgeSecrets", &[Action::SecretPurge]),
    ("Secrets/ListVaults", &[Action::VaultList]),
    ("Audit/ListAuditEntries", &[Action::AuditRead]),
    ("Audit/ListHistory", &[Action::HistoryRead]),
    ("Audit/VerifyAudit", &[Action::AuditVerify]),
    ("Access/GrantRole", &[Action::RoleGrant]),
    ("Access/RevokeRole", &[Action::RoleRevoke]),
    ("Access/GetRoleBinding", &[Action::RoleRead]),
    ("Access/ListRoleBindings", &[Action::RoleList]),
    ("Access/CreateServiceAccount", &[Action::ServiceAccountCreate]),
    ("Access/GetServiceAccount", &[Action::ServiceAccountRead]),
    ("Access/ListServiceAccounts", &[Action::ServiceAccountList]),
    ("Access/RotateServiceAccount", &[Action::ServiceAccountRotate]),
    ("Access/DeleteServiceAccount", &[Action::ServiceAccountDelete]),
    ("System/GetStatus", &[Action::DaemonStatus]),
];

/// The routes of the HTTP API, as `METHOD PATH`, each with the actions that it may ask for.
pub const ROUTES: &[(&str, &[Action])] = &[];
