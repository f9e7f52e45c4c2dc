//! `kontraktor.v1.System`.

use std::path::Path;

use kontraktor_access::Caller;
use kontraktor_domain::Refusal;
use kontraktor_proto::v1::{GetStatusRequest, Status as DaemonStatus, system_server::System};
use kontraktor_service::Service;
use tonic::{Request, Response, Status, async_trait};

use super::{Api, caller, convert, status};

#[async_trait]
impl System for Api {
    async fn get_status(&self, request: Request<GetStatusRequest>) -> Result<Response<DaemonStatus>, Status> {
        let caller = caller(&request)?;
        daemon_status(&self.service, &self.data_dir, &caller).map(Response::new).map_err(status)
    }
}

/// Returns how the daemon is.
pub(crate) fn daemon_status(
    service: &Service,
    data_dir: &Path,
    caller: &Caller,
) -> Result<DaemonStatus, Refusal> {
    let answer = service.status(caller)?;
    // Where the daemon keeps its files is for those who see everything.
    let shown = |text: String| if answer.head.is_some() { text } else { String::new() };
    Ok(DaemonStatus {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        start_time: Some(convert::timestamp(answer.started)),
        data_dir: shown(data_dir.display().to_string()),
        store_version: answer.store.engine.to_string(),
        schema_version: answer.store.schema_version,
        project_count: convert::count64(answer.projects),
        environment_count: convert::count64(answer.environments),
        variable_count: convert::count64(answer.variables),
        secret_reference_count: convert::count64(answer.references),
        head_sequence: answer.head.map_or(0, |head| head.seq),
        head_hash: answer.head.map(|head| head.hash.to_string()).unwrap_or_default(),
        actor: caller.actor.to_string(),
        display_name: caller.display_name.as_deref().unwrap_or_default().to_owned(),
        writable: answer.write_error.is_none(),
        write_error: answer.write_error.map(|reason| reason.to_string()).unwrap_or_default(),
    })
}
