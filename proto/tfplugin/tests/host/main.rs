//! The crate's example providers as a host meets them: as processes, over their sockets.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot continue has failed")]

mod logs;
mod mtls;
mod process;
mod refusal;
mod support;
