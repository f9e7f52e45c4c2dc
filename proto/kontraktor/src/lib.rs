//! The `kontraktor.v1` API: its messages, the typed client, and the rules that every side shares.
//!
//! The daemon, the Terraform provider and `ktr` all stand on this crate, so that a name or a value is judged by the
//! same code on every side. It knows the wire and the rules; it knows nothing of the store, of Terraform, or of how
//! anything is shown to a person.

pub mod client;
pub mod diff;
pub mod dotenv;
pub mod endpoint;
pub mod limits;
pub mod names;
pub mod problem;
pub mod reference;
mod secrets;
pub mod value;
mod variable;

/// The generated messages, clients and servers of `kontraktor.v1`.
#[allow(missing_docs, clippy::all, clippy::pedantic, reason = "generated from the .proto files")]
pub mod v1 {
    tonic::include_proto!("kontraktor.v1");
}

/// The compiled .proto files as an encoded `google.protobuf.FileDescriptorSet`, for gRPC reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/kontraktor.v1.bin"));
