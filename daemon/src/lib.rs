//! The Kontraktor daemon: the shell around the crates beside this one. It owns configuration, commands, signals, start
//! and stop, and chooses the store and the listeners.

pub mod cli;
pub mod commands;
pub mod config;
pub mod exit;
pub mod listener;
pub mod log_format;
pub mod logging;
pub mod signals;
pub mod supervisor;
