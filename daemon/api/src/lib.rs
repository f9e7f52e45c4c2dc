//! The API of the daemon: one router over a list of listeners. `auth` finds out who calls, `grpc` speaks to them; what
//! callers may do is the service's matter.

mod auth;
mod calls;
mod grpc;
mod http_problem;
mod listener;
mod request_id;
mod rest;
mod router;
mod running;
mod server;
mod stopping;

pub use self::{
    listener::Listener,
    running::Running,
    server::{ServeError, serve},
};
