//! The gRPC API: `kontraktor.v1`, `grpc.health.v1` and reflection over one listener.
//!
//! It is thin: each function turns a message into the domain's words, asks the service, and turns the answer back. It
//! decides who may call (`caller`) and nothing else.

mod audit;
mod caller;
mod calls;
mod convert;
mod environments;
mod projects;
mod running;
mod schemas;
mod secret_answers;
mod secrets;
mod server;
mod system;
mod variables;

pub use self::{
    running::Running,
    server::{ServeError, serve},
};
use std::{path::Path, sync::Arc};

use kontraktor_service::Service;

/// What every service of the API works on.
#[derive(Clone)]
struct Api {
    service: Service,
    data_dir: Arc<Path>,
}
