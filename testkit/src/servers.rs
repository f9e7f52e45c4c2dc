//! The real servers that tests of secret brokerage talk to: HashiCorp Vault, the PostgreSQL behind its database engine,
//! and moto in place of AWS. Each starts on its own loopback port, in a scratch directory, and ends when it is dropped.
//!
//! It knows how to start, fill, break and stop them. It knows nothing of Kontraktor. Services without a real server that
//! can run here have a double in `doubles`. The one exception is the Kubernetes API that Vault asks about service
//! accounts, which is Vault's peer and not Kontraktor's.
//!
//! A server in a `static` keeps running after the tests, because statics are never dropped.

mod authority;
mod http;
mod installed;
mod kubernetes;
mod moto;
mod oidc;
mod port;
mod postgres;
mod vault;

pub use authority::{Authority, Identity};
pub use http::{Answer, Http};
pub use installed::{python, vault_binary};
pub use kubernetes::Kubernetes;
pub use moto::Moto;
pub use oidc::Oidc;
pub use port::free as free_port;
pub use postgres::Postgres;
pub use vault::{AppRole, Vault};
