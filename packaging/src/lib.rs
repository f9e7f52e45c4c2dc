//! The files that a Terraform registry serves for one release of the provider.
//!
//! It owns their names, their contents and the order in which they are written. It does not build: it packages existing
//! binaries, so that a test can package a debug build with the same code.

mod archive;
mod error;
mod manifest;
mod platform;
mod release;
mod signature;

pub use error::PackageError;
pub use platform::Platform;
pub use release::{PROVIDER, Release};
