//! The vaults against real servers, and against doubles of services without one.
#![expect(clippy::unwrap_used, reason = "a step that fails fails the test")]

mod aws;
mod aws_faults;
mod azure;
mod azure_faults;
mod azure_identity;
mod cloud_logs;
mod clouds;
mod hashicorp;
mod kinds;
