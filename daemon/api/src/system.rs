//! `kontraktor.v1.System`.

use kontraktor_proto::v1::{GetStatusRequest, Status as DaemonStatus, system_server::System};
use tonic::{Request, Response, Status, async_trait};

use super::{Api, caller::caller, convert};

#[async_trait]
impl System for Api {
    async fn get_status(&self, request: Request<GetStatusRequest>) -> Result<Response<DaemonStatus>, Status> {
        let caller = caller(&request)?;
        let status = self.service.status(&caller).map_err(convert::status)?;
        Ok(Response::new(DaemonStatus {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started: Some(convert::timestamp(status.started)),
            data_dir: self.data_dir.display().to_string(),
            store_version: status.store.engine.to_string(),
            schema_version: status.store.schema_version,
            projects: convert::count64(status.projects),
            environments: convert::count64(status.environments),
            variables: convert::count64(status.variables),
            head_sequence: status.head.seq,
            head_hash: status.head.hash.to_string(),
            actor: caller.actor.to_string(),
            writable: status.trouble.is_none(),
            trouble: status.trouble.map(|reason| reason.to_string()).unwrap_or_default(),
        }))
    }
}
