//! `kontraktor.v1.Variables`.

use kontraktor_proto::v1::{
    GetVariableRequest, ListVariablesRequest, ListVariablesResponse, Variable, WriteVariablesRequest,
    WriteVariablesResponse, variables_server::Variables,
};
use tonic::{Request, Response, Status, async_trait};

use super::{Api, caller, convert, status};

#[async_trait]
impl Variables for Api {
    async fn write_variables(
        &self,
        request: Request<WriteVariablesRequest>,
    ) -> Result<Response<WriteVariablesResponse>, Status> {
        let caller = caller(&request)?;
        let batch = convert::batch(request.into_inner())?;
        let outcome = self.service.write_variables(&caller, batch).await.map_err(status)?;
        Ok(Response::new(convert::results(&outcome)))
    }

    async fn get_variable(&self, request: Request<GetVariableRequest>) -> Result<Response<Variable>, Status> {
        let caller = caller(&request)?;
        let request = request.get_ref();
        let path = convert::env_path("environment", request.environment.as_ref())?;
        let key = convert::key(&request.key)?;
        let (environment, variable) = self.service.variable(&caller, &path, &key).map_err(status)?;
        Ok(Response::new(convert::own(&environment, &variable)))
    }

    async fn list_variables(
        &self,
        request: Request<ListVariablesRequest>,
    ) -> Result<Response<ListVariablesResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let path = convert::env_path("environment", request.environment.as_ref())?;
        let page = convert::page(request.page_size, request.page_token);
        let (environment, page) =
            self.service.variables(&caller, &path, &request.prefix, &page).map_err(status)?;
        let variables = page.items.iter().map(|variable| convert::own(&environment, variable)).collect();
        Ok(Response::new(ListVariablesResponse { variables, next_page_token: page.next.unwrap_or_default() }))
    }
}
