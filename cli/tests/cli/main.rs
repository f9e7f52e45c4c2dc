//! `ktr` against the real daemon: its output for people and scripts, and its exit codes.
//!
//! Needs `kontraktord` beside `ktr` in cargo's target folder: `cargo build -p kontraktord`.

mod composition;
mod environments;
mod failures;
mod help;
mod json;
mod log;
mod protection;
mod roles;
mod rollback;
mod running;
mod schemas;
mod secrets;
mod variables;
mod watching;
mod world;
