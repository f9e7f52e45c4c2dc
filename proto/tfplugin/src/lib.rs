//! Terraform's plugin protocol 6 and go-plugin's handshake: what a Terraform or OpenTofu provider in Rust stands on.
//!
//! - [`wire`]: the messages of protocol 6 and the trait [`wire::provider_server::Provider`]. Every call that a provider
//!   does not define answers `Unimplemented`, which hosts understand as "not offered".
//! - [`value`]: values that are known, null or unknown at every depth, exact numbers, types, paths, and the codecs.
//! - [`serve`]: the handshake, mutual TLS that pins the host's certificate, the services beside the provider, and an end
//!   in good order.
//! - [`logging`]: log lines in the form that hosts read.
//!
//! It holds no framework: schemas, plans and states are what the protocol says they are. It also knows nothing of any
//! particular provider.
//!
//! # A provider of thirty lines
//! ```no_run
#![doc = include_str!("../examples/thirty_lines.rs")]
//! ```

pub mod logging;
pub mod serve;
pub mod value;

/// The messages, client and server of protocol 6, generated from this crate's .proto files.
///
/// The .proto files hold what each message is for.
#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    reason = "generated from the .proto files"
)]
pub mod wire {
    tonic::include_proto!("tfplugin6");
}

/// go-plugin's services beside the provider, generated from this crate's .proto files. A provider has no use for them:
/// they are here for those who play the host, as tests do.
#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    reason = "generated from the .proto files"
)]
pub mod goplugin {
    tonic::include_proto!("plugin");
}

/// The compiled .proto files as an encoded `google.protobuf.FileDescriptorSet`.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
