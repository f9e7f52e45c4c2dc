//! The typed client: one method for each RPC, deadlines, retries, and errors that say whether anything was written.
//!
//! It decides when a request may be sent again. It does not know what the responses mean to Terraform or to a person.

mod call;
mod channel;
mod connect;
mod credentials;
mod error;
mod options;
mod rpc;
mod rpcs;
mod settings;
mod stream;
mod tls;
mod transport;
mod watch;

pub use self::{
    call::Client,
    credentials::{ClientCredentials, CredentialSettings, Credentials},
    error::ClientError,
    options::{ClientOptions, DEFAULT_TIMEOUT, MAX_TIMEOUT},
    rpcs::new_batch_id,
    settings::{Level, Setting, SettingError},
    tls::TlsOptions,
    watch::Watch,
};
