//! Handing secrets out: who may, what a key or an environment refers to, and that it is in the log before it leaves. How
//! vaults are spoken to is the broker's matter.

mod read;
mod refuse;
mod resolve;

pub use self::{
    read::{EnvironmentSecrets, Secret, SecretResult, Secrets},
    resolve::Target,
};
