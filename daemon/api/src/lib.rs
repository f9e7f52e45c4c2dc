//! The API of the daemon: one router over a list of listeners. `auth` finds out who calls, `grpc` speaks to them; what
//! callers may do is the service's matter.

mod activity;
mod auth;
mod calls;
#[cfg(test)]
mod compatibility;
mod connection_limits;
mod grpc;
mod http_problem;
mod http_rules;
mod limits;
mod listener;
mod oauth;
mod options;
mod request_id;
mod rest;
mod router;
mod running;
mod server;
mod stopping;
mod tls;

pub use self::{
    auth::Identity,
    connection_limits::ConnectionLimits,
    limits::{RateLimitSettings, RateLimits},
    listener::Listener,
    options::ApiOptions,
    running::Running,
    server::{ServeError, serve},
    tls::{ClientCertificates, ServerCertificate, Tls, TlsError, TlsOptions, is_host_name},
};
