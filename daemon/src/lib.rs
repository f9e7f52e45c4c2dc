//! The Kontraktor daemon: the rules (`domain`), the log (`store`), the one who applies the rules and writes the log
//! (`service`), the vaults that secrets come from (`vault`), and the shell around them (`api` for gRPC, `commands` for the
//! command line). Nothing points back: the domain knows none of the others, the store, the vaults and the service know
//! nothing of gRPC.

pub mod api;
pub mod cli;
pub mod commands;
pub mod config;
pub mod domain;
pub mod exit;
pub mod hardening;
pub mod listener;
pub mod logging;
pub mod service;
pub mod signals;
pub mod store;
pub mod vault;
