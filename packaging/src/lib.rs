//! The files that a Terraform registry serves for one release of the provider.
//!
//! It owns their names, their content and their order of appearance. It does not build: it takes binaries as they are, so
//! that a debug build can be packaged by the same code in a test.

mod archive;
mod error;
mod manifest;
mod platform;
mod release;
mod signature;

pub use error::PackageError;
pub use platform::Platform;
pub use release::{PROVIDER, Release};
