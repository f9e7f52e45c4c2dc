//! The real `kontraktord`, started on a temporary directory and spoken to over its socket.
#![expect(clippy::unwrap_used, reason = "a step that fails fails the test")]

mod api;
mod audit_verify;
mod bootstrap;
mod common;
mod composition;
mod connections;
mod crash;
mod damage;
mod http;
mod identity;
mod lifecycle;
mod logs;
mod malformed;
mod reload;
mod revocation;
mod schemas;
mod shortage;
mod tls;
mod upgrade;
