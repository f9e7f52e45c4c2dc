//! The `kontraktor.v1` API: its messages, the typed client, the JSON shapes, and the conversions to and from
//! `kontraktor-model`.
//!
//! The daemon, the Terraform provider and `ktr` use this crate. It knows the wire; it does not know the store, Terraform,
//! or how anything is presented to a person.

pub mod client;
mod codec;
mod convert;
pub mod diff;
pub mod endpoint;
pub mod json;
pub mod problem;
mod secrets;
mod variable;

pub use convert::{role, value_type};

/// The generated messages, clients and servers of `kontraktor.v1`.
#[allow(missing_docs, clippy::all, clippy::pedantic, reason = "generated from the .proto files")]
pub mod v1 {
    tonic::include_proto!("kontraktor.v1");
}

/// The compiled .proto files as an encoded `google.protobuf.FileDescriptorSet`, for gRPC reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/kontraktor.v1.bin"));
