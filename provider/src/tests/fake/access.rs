//! Role bindings: kept, and never judged.

use std::sync::atomic::Ordering;

use kontraktor_proto::problem::to_status;
use kontraktor_proto::v1::access_server::Access;
use kontraktor_proto::v1::{self, Problem, ProblemCode};
use tonic::{Request, Response};

use super::{Answer, FakeDaemon, authorship, refuse};

fn missing() -> Problem {
    Problem::new(ProblemCode::NotFound, "There is no such role binding").with_field("role")
}

impl FakeDaemon {
    /// The bindings, as role, subject and pattern.
    pub(in super::super) fn bindings(&self) -> Vec<(i32, String, String)> {
        self.world.lock().unwrap().bindings.iter().cloned().collect()
    }

    /// Someone else grants a role.
    pub(in super::super) fn grant(&self, role: v1::Role, subject: &str, pattern: &str) {
        self.world.lock().unwrap().bindings.insert((role.into(), subject.to_owned(), pattern.to_owned()));
    }

    /// Someone else revokes every role.
    pub(in super::super) fn revoke_all(&self) {
        self.world.lock().unwrap().bindings.clear();
    }
}

#[tonic::async_trait]
impl Access for FakeDaemon {
    async fn grant_role(&self, request: Request<v1::GrantRoleRequest>) -> Answer<v1::GrantRoleResponse> {
        self.changes.fetch_add(1, Ordering::SeqCst);
        let v1::GrantRoleRequest { role, subject, pattern } = request.into_inner();
        let (created, known) = {
            let mut world = self.world.lock().unwrap();
            let known = world.projects.keys().any(|project| pattern.starts_with(&format!("{project}/")));
            (world.bindings.insert((role, subject.clone(), pattern.clone())), known)
        };
        self.may_answer().await;
        let created_by = Some(authorship("unix:ada", "terraform"));
        let warnings = if known { Vec::new() } else { vec![format!("{pattern} matches no environment yet")] };
        let binding = v1::RoleBinding { role, subject, pattern, created: created_by };
        Ok(Response::new(v1::GrantRoleResponse { binding: Some(binding), created, warnings }))
    }

    async fn revoke_role(&self, request: Request<v1::RevokeRoleRequest>) -> Answer<v1::RevokeRoleResponse> {
        self.changes.fetch_add(1, Ordering::SeqCst);
        let v1::RevokeRoleRequest { role, subject, pattern } = request.into_inner();
        if subject == "unix:last" {
            return refuse(ProblemCode::Protected, "nobody could grant roles any more");
        }
        if !self.world.lock().unwrap().bindings.remove(&(role, subject, pattern)) {
            return Err(to_status(missing()));
        }
        Ok(Response::new(v1::RevokeRoleResponse {}))
    }

    async fn get_role_binding(&self, request: Request<v1::GetRoleBindingRequest>) -> Answer<v1::RoleBinding> {
        self.may_read()?;
        let v1::GetRoleBindingRequest { role, subject, pattern } = request.into_inner();
        let key = (role, subject.clone(), pattern.clone());
        if !self.world.lock().unwrap().bindings.contains(&key) {
            return Err(to_status(missing()));
        }
        let created = Some(authorship("unix:ada", "terraform"));
        Ok(Response::new(v1::RoleBinding { role, subject, pattern, created }))
    }

    async fn list_role_bindings(
        &self,
        _request: Request<v1::ListRoleBindingsRequest>,
    ) -> Answer<v1::ListRoleBindingsResponse> {
        refuse(ProblemCode::Denied, "The provider reads single bindings")
    }

    async fn create_service_account(
        &self,
        _request: Request<v1::CreateServiceAccountRequest>,
    ) -> Answer<v1::ServiceAccountCredentials> {
        refuse(ProblemCode::Denied, "The provider creates no service accounts")
    }

    async fn get_service_account(
        &self,
        _request: Request<v1::GetServiceAccountRequest>,
    ) -> Answer<v1::ServiceAccount> {
        refuse(ProblemCode::Denied, "The provider reads no service accounts")
    }

    async fn list_service_accounts(
        &self,
        _request: Request<v1::ListServiceAccountsRequest>,
    ) -> Answer<v1::ListServiceAccountsResponse> {
        refuse(ProblemCode::Denied, "The provider reads no service accounts")
    }

    async fn rotate_service_account(
        &self,
        _request: Request<v1::RotateServiceAccountRequest>,
    ) -> Answer<v1::ServiceAccountCredentials> {
        refuse(ProblemCode::Denied, "The provider rotates no service accounts")
    }

    async fn delete_service_account(
        &self,
        _request: Request<v1::DeleteServiceAccountRequest>,
    ) -> Answer<v1::DeleteServiceAccountResponse> {
        refuse(ProblemCode::Denied, "The provider deletes no service accounts")
    }
}
