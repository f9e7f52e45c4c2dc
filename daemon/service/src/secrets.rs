//! Secrets: what a key or an environment refers to, and that each access is in the log before its secret is handed out. The
//! broker talks to the vaults.

mod read;
mod refuse;
mod resolve;

pub use self::{
    read::{EnvironmentSecrets, Secret, SecretResult, Secrets},
    resolve::Target,
};
