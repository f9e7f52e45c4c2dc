//! Terraform's plugin protocol 6 and go-plugin's handshake: the foundation for a Terraform or OpenTofu provider in Rust.
//!
//! - [`wire`]: the messages of protocol 6 and the trait [`wire::provider_server::Provider`]. Calls that a
//!   provider does not implement return `Unimplemented`, which hosts understand.
//! - [`value`]: values that are known, null or unknown at every depth, exact numbers, types, paths, and the codecs.
//! - [`serve`]: the handshake, mutual TLS that pins the host's certificate, the services beside the provider, and graceful
//!   shutdown.
//! - [`logging`]: log lines in the format that hosts read.
//!
//! It is not a framework, and knows nothing of any particular provider: schemas, plans and state are the provider's.
//!
//! # A minimal provider
//! ```no_run
#![doc = include_str!("../examples/minimal.rs")]
//! ```

pub mod logging;
pub mod serve;
pub mod value;

/// The messages, client and server of protocol 6, generated from this crate's .proto files.
///
/// The .proto files describe each message.
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

/// go-plugin's services beside the provider, generated from this crate's .proto files. Providers do not need them; they are
/// public for programs that act as a host, such as tests.
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
