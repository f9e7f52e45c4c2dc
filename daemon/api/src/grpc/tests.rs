//! The table of methods: it has each one, and each asks for the action that it names.

use std::collections::BTreeSet;

use axum::body::Body;
use jiff::Timestamp;
use kontraktor_access::{Action, METHODS, ROUTES, Scopes};
use kontraktor_proto::v1;
use kontraktor_service::ServiceOptions;
use kontraktor_store::MemoryStore;
use prost::Message as _;
use prost_types::FileDescriptorSet;
use strum::VariantArray as _;
use tonic::codegen::http;
use tower::ServiceExt as _;

use super::*;

const PACKAGE: &str = "kontraktor.v1";

/// Every method of the services that are described, as `SERVICE/METHOD`.
fn described() -> BTreeSet<String> {
    let set = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap();
    let services = set.file.iter().filter(|file| file.package() == PACKAGE).flat_map(|file| &file.service);
    services
        .flat_map(|service| {
            service.method.iter().map(|method| format!("{}/{}", service.name(), method.name()))
        })
        .collect()
}

#[test]
fn the_table_has_every_method_and_every_action() {
    let listed: BTreeSet<String> = METHODS.iter().map(|(method, _)| (*method).to_owned()).collect();
    assert_eq!(listed, described());
    assert_eq!(listed.len(), METHODS.len(), "a method is listed twice");
    let used: BTreeSet<&str> =
        METHODS.iter().chain(ROUTES).flat_map(|(_, actions)| *actions).map(Into::into).collect();
    // The daemon's own tests and tools read everything at once.
    let all =
        Action::VARIANTS.iter().filter(|action| **action != Action::StateRead).map(Into::into).collect();
    assert_eq!(used, all);
}

/// Returns a request of a method that gets as far as the service.
fn example(method: &str) -> Vec<u8> {
    let name = || Some(v1::EnvironmentName { project: "p".to_owned(), env: "dev".to_owned() });
    let (project, p) = ("p".to_owned(), "p".to_owned());
    let key = v1::EnvironmentKey { environment: name(), key: "K".to_owned() };
    let target = v1::SecretTarget { target: Some(v1::secret_target::Target::Key(key)) };
    let id = uuid::Uuid::from_u128(1).to_string();
    let (role, subject, pattern) = (v1::Role::Viewer.into(), "unix:ada".to_owned(), "*".to_owned());
    match method {
        "Projects/CreateProject" => {
            v1::CreateProjectRequest { name: p, ..Default::default() }.encode_to_vec()
        }
        "Projects/GetProject" => v1::GetProjectRequest { name: p }.encode_to_vec(),
        "Projects/UpdateProject" => {
            v1::UpdateProjectRequest { name: p, ..Default::default() }.encode_to_vec()
        }
        "Projects/DeleteProject" => {
            v1::DeleteProjectRequest { name: p, ..Default::default() }.encode_to_vec()
        }
        "Environments/CreateEnvironment" => {
            v1::CreateEnvironmentRequest { name: name(), ..Default::default() }.encode_to_vec()
        }
        "Environments/GetEnvironment" => v1::GetEnvironmentRequest { name: name() }.encode_to_vec(),
        "Environments/UpdateEnvironment" => {
            v1::UpdateEnvironmentRequest { name: name(), ..Default::default() }.encode_to_vec()
        }
        "Environments/DeleteEnvironment" => {
            v1::DeleteEnvironmentRequest { name: name(), ..Default::default() }.encode_to_vec()
        }
        "Environments/RollbackEnvironment" => {
            v1::RollbackEnvironmentRequest { name: name(), ..Default::default() }.encode_to_vec()
        }
        "Environments/GetSnapshot" => {
            v1::GetSnapshotRequest { name: name(), ..Default::default() }.encode_to_vec()
        }
        "Environments/WatchEnvironment" => {
            v1::WatchEnvironmentRequest { name: name(), ..Default::default() }.encode_to_vec()
        }
        "Variables/GetVariable" => {
            v1::GetVariableRequest { environment: name(), key: "K".to_owned() }.encode_to_vec()
        }
        "Variables/ListVariables" => {
            v1::ListVariablesRequest { environment: name(), ..Default::default() }.encode_to_vec()
        }
        "Variables/WriteVariables" => {
            let operation = Some(v1::write_item::Operation::Delete(v1::Delete::default()));
            let item =
                v1::WriteItem { environment: name(), key: "K".to_owned(), operation, ..Default::default() };
            let groups = vec![v1::WriteGroup { items: vec![item] }];
            v1::WriteVariablesRequest { batch_id: id, groups }.encode_to_vec()
        }
        "Schemas/CreateSchema" => {
            v1::CreateSchemaRequest { project, name: p, ..Default::default() }.encode_to_vec()
        }
        "Schemas/GetSchema" => v1::GetSchemaRequest { project, name: p }.encode_to_vec(),
        "Schemas/UpdateSchema" => {
            v1::UpdateSchemaRequest { project, name: p, ..Default::default() }.encode_to_vec()
        }
        "Schemas/DeleteSchema" => v1::DeleteSchemaRequest { project, name: p }.encode_to_vec(),
        "Schemas/ListSchemas" => v1::ListSchemasRequest { project, ..Default::default() }.encode_to_vec(),
        "Secrets/ReadSecrets" => {
            v1::ReadSecretsRequest { targets: vec![target], ..Default::default() }.encode_to_vec()
        }
        "Secrets/CheckSecrets" => v1::CheckSecretsRequest { targets: vec![target] }.encode_to_vec(),
        "Secrets/StreamSecret" => {
            v1::StreamSecretRequest { target: Some(target), ..Default::default() }.encode_to_vec()
        }
        "Secrets/ReadEnvironment" => {
            v1::ReadEnvironmentRequest { environment: name(), ..Default::default() }.encode_to_vec()
        }
        "Secrets/RenewHold" => v1::RenewHoldRequest { id }.encode_to_vec(),
        "Secrets/ReleaseHold" => v1::ReleaseHoldRequest { id }.encode_to_vec(),
        "Audit/ListHistory" => {
            v1::ListHistoryRequest { environment: name(), ..Default::default() }.encode_to_vec()
        }
        "Access/GrantRole" => v1::GrantRoleRequest { role, subject, pattern }.encode_to_vec(),
        "Access/RevokeRole" => v1::RevokeRoleRequest { role, subject, pattern }.encode_to_vec(),
        "Access/GetRoleBinding" => v1::GetRoleBindingRequest { role, subject, pattern }.encode_to_vec(),
        "Access/CreateServiceAccount" => {
            v1::CreateServiceAccountRequest { name: p, ..Default::default() }.encode_to_vec()
        }
        "Access/GetServiceAccount" => v1::GetServiceAccountRequest { name: p }.encode_to_vec(),
        "Access/RotateServiceAccount" => {
            v1::RotateServiceAccountRequest { name: p, ..Default::default() }.encode_to_vec()
        }
        "Access/DeleteServiceAccount" => v1::DeleteServiceAccountRequest { name: p }.encode_to_vec(),
        // An empty request is a good one.
        "Projects/ListProjects"
        | "Environments/ListEnvironments"
        | "Secrets/PurgeSecrets"
        | "Secrets/ListVaults"
        | "Audit/ListAuditEntries"
        | "Audit/VerifyAudit"
        | "Access/ListRoleBindings"
        | "Access/ListServiceAccounts"
        | "System/GetStatus" => Vec::new(),
        other => panic!("{other} has no example yet"),
    }
}

#[tokio::test]
async fn every_method_asks_for_the_action_that_the_table_names() {
    let clock = Arc::new(|| Timestamp::UNIX_EPOCH);
    let service = Service::start(Arc::new(MemoryStore::new()), clock, ServiceOptions::default()).unwrap();
    let (_stop, stopping) = Stopping::channel();
    let api = Api { service, data_dir: Path::new("/").into(), stopping };
    let health = Health::serving().await;
    let router = routes(&api, &health).unwrap();
    let nobody = Arc::new(Caller::new("unix:eve", "test", Scopes::NONE));
    for (method, actions) in METHODS {
        let message = example(method);
        let mut frame = vec![0];
        frame.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
        frame.extend(message);
        let request = http::Request::post(format!("/{PACKAGE}.{method}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .extension(Arc::clone(&nobody))
            .body(Body::from(frame))
            .unwrap();
        let answer = router.clone().oneshot(request).await.unwrap();
        let Some(status) = Status::from_header_map(answer.headers()) else {
            assert_eq!(actions[0], Action::DaemonStatus, "{method} was answered");
            continue;
        };
        let expected = format!("permission denied: {} requires the scope", actions[0]);
        assert!(status.message().starts_with(&expected), "{method}: {status:?}");
    }
}
