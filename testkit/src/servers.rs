//! The real servers that tests of the vault brokerage talk to: HashiCorp Vault, the PostgreSQL behind its database
//! engine, and moto in AWS's place. Each starts on a loopback port of its own, in a scratch directory, and ends when it
//! is dropped.
//!
//! It knows how to start, fill, break and stop them. It knows nothing of Kontraktor, and nothing here pretends to be a
//! vault: what cannot be had as a real server is a double elsewhere. The one exception is the Kubernetes API that Vault
//! asks about service accounts, which is a peer of Vault's and not ours.
//!
//! Whoever holds a server in a `static` keeps it running after the tests: nothing drops statics.

mod authority;
mod http;
mod installed;
mod kubernetes;
mod moto;
mod port;
mod postgres;
mod process;
mod vault;

pub use authority::{Authority, Identity};
pub use http::{Answer, Http};
pub use installed::{python, vault_binary};
pub use kubernetes::Kubernetes;
pub use moto::Moto;
pub use postgres::Postgres;
pub use vault::{AppRole, Vault};
