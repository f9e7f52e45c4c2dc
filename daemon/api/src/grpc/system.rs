//! `kontraktor.v1.System`.

use kontraktor_proto::v1::{GetStatusRequest, Status as DaemonStatus, system_server::System};
use tonic::{Request, Response, Status, async_trait};

use super::{Api, caller, convert, status};

#[async_trait]
impl System for Api {
    async fn get_status(&self, request: Request<GetStatusRequest>) -> Result<Response<DaemonStatus>, Status> {
        let caller = caller(&request)?;
        let answer = self.service.status(&caller).map_err(status)?;
        Ok(Response::new(DaemonStatus {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            start_time: Some(convert::timestamp(answer.started)),
            data_dir: self.data_dir.display().to_string(),
            store_version: answer.store.engine.to_string(),
            schema_version: answer.store.schema_version,
            project_count: convert::count64(answer.projects),
            environment_count: convert::count64(answer.environments),
            variable_count: convert::count64(answer.variables),
            head_sequence: answer.head.seq,
            head_hash: answer.head.hash.to_string(),
            actor: caller.actor.to_string(),
            writable: answer.write_error.is_none(),
            write_error: answer.write_error.map(|reason| reason.to_string()).unwrap_or_default(),
        }))
    }
}
