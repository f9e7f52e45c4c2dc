//! `kontraktor.v1.Access`.

use kontraktor_proto::v1::{
    CreateServiceAccountRequest, DeleteServiceAccountRequest, DeleteServiceAccountResponse,
    GetRoleBindingRequest, GetServiceAccountRequest, GrantRoleRequest, GrantRoleResponse,
    ListRoleBindingsRequest, ListRoleBindingsResponse, ListServiceAccountsRequest,
    ListServiceAccountsResponse, RevokeRoleRequest, RevokeRoleResponse, RoleBinding,
    RotateServiceAccountRequest, ServiceAccount, ServiceAccountCredentials, access_server::Access,
};
use tonic::{Request, Response, Status, async_trait};

use super::{Api, caller, convert, status};
use kontraktor_service::{NewAccount, NewCredential};

#[async_trait]
impl Access for Api {
    async fn grant_role(
        &self,
        request: Request<GrantRoleRequest>,
    ) -> Result<Response<GrantRoleResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.get_ref();
        let grant = convert::role_grant(request.role, &request.subject, &request.pattern)?;
        let granted = self.service.grant_role(&caller, grant).await.map_err(status)?;
        Ok(Response::new(GrantRoleResponse {
            binding: Some(convert::role_binding(&granted.binding)),
            created: granted.created,
            warnings: granted.warnings,
        }))
    }

    async fn revoke_role(
        &self,
        request: Request<RevokeRoleRequest>,
    ) -> Result<Response<RevokeRoleResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.get_ref();
        let grant = convert::role_grant(request.role, &request.subject, &request.pattern)?;
        self.service.revoke_role(&caller, grant).await.map_err(status)?;
        Ok(Response::new(RevokeRoleResponse {}))
    }

    async fn get_role_binding(
        &self,
        request: Request<GetRoleBindingRequest>,
    ) -> Result<Response<RoleBinding>, Status> {
        let caller = caller(&request)?;
        let request = request.get_ref();
        let grant = convert::role_grant(request.role, &request.subject, &request.pattern)?;
        let binding = self.service.role_binding(&caller, &grant).map_err(status)?;
        Ok(Response::new(convert::role_binding(&binding)))
    }

    async fn list_role_bindings(
        &self,
        request: Request<ListRoleBindingsRequest>,
    ) -> Result<Response<ListRoleBindingsResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let subject = Some(&*request.subject).filter(|text| !text.is_empty());
        let subject = subject.map(convert::subject).transpose()?;
        let pattern = Some(&*request.pattern).filter(|text| !text.is_empty());
        let pattern = pattern.map(convert::pattern).transpose()?;
        let page = convert::page(request.page_size, request.page_token);
        let page =
            self.service.role_bindings(&caller, subject.as_ref(), pattern.as_ref(), &page).map_err(status)?;
        Ok(Response::new(ListRoleBindingsResponse {
            bindings: page.items.iter().map(convert::role_binding).collect(),
            next_page_token: page.next.unwrap_or_default(),
        }))
    }

    async fn create_service_account(
        &self,
        request: Request<CreateServiceAccountRequest>,
    ) -> Result<Response<ServiceAccountCredentials>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let credential = if request.public_key.is_empty() {
            NewCredential::Secret(convert::lifetime(request.secret_lifetime_ms))
        } else {
            NewCredential::PublicKey(request.public_key)
        };
        let new = NewAccount {
            name: convert::account_name(&request.name)?,
            description: request.description,
            scopes: convert::scopes(&request.scopes)?,
            credential,
        };
        let created = self.service.create_service_account(&caller, new).await.map_err(status)?;
        Ok(Response::new(convert::credentials(&created, self.service.now())))
    }

    async fn get_service_account(
        &self,
        request: Request<GetServiceAccountRequest>,
    ) -> Result<Response<ServiceAccount>, Status> {
        let caller = caller(&request)?;
        let name = convert::account_name(&request.get_ref().name)?;
        let account = self.service.service_account(&caller, &name).map_err(status)?;
        Ok(Response::new(convert::service_account(&account, self.service.now())))
    }

    async fn list_service_accounts(
        &self,
        request: Request<ListServiceAccountsRequest>,
    ) -> Result<Response<ListServiceAccountsResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let page = convert::page(request.page_size, request.page_token);
        let page = self.service.service_accounts(&caller, &page).map_err(status)?;
        let now = self.service.now();
        Ok(Response::new(ListServiceAccountsResponse {
            accounts: page.items.iter().map(|account| convert::service_account(account, now)).collect(),
            next_page_token: page.next.unwrap_or_default(),
        }))
    }

    async fn rotate_service_account(
        &self,
        request: Request<RotateServiceAccountRequest>,
    ) -> Result<Response<ServiceAccountCredentials>, Status> {
        let caller = caller(&request)?;
        let request = request.get_ref();
        let name = convert::account_name(&request.name)?;
        let overlap = convert::duration(request.overlap_ms);
        let lifetime = convert::lifetime(request.secret_lifetime_ms);
        let rotated =
            self.service.rotate_service_account(&caller, name, overlap, lifetime).await.map_err(status)?;
        Ok(Response::new(convert::credentials(&rotated, self.service.now())))
    }

    async fn delete_service_account(
        &self,
        request: Request<DeleteServiceAccountRequest>,
    ) -> Result<Response<DeleteServiceAccountResponse>, Status> {
        let caller = caller(&request)?;
        let name = convert::account_name(&request.get_ref().name)?;
        self.service.delete_service_account(&caller, name).await.map_err(status)?;
        Ok(Response::new(DeleteServiceAccountResponse {}))
    }
}
