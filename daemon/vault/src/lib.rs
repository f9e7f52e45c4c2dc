//! Secrets of the vaults that a company already has: fetched, held in memory for a while, passed on, forgotten. It knows how
//! to speak to vaults; it does not know who may read what or where accesses are audited, which is the service's.
//!
//! [`Vault`] is what a vault can do. Each kind is one folder (`hashicorp`, `aws`, `azure`) and one line in [`KINDS`].
//! [`Broker`] is in front of all vaults: cache, single flight, deadlines, circuit breakers and leases exist there, once.

mod aws;
mod azure;
mod broker;
mod cloud;
mod config;
mod error;
mod grants;
pub mod hashicorp;
mod kind;
mod kinds;
mod logging;
mod plain_http;
mod secret;
mod setting_error;
mod toml_settings;
mod vault;

pub use self::{
    aws::{AwsAuth, AwsRole, AwsSettings, AwsVault},
    azure::{AzureAuth, AzureSettings, AzureVault},
    broker::{
        Answers, Broker, ConfiguredVault, HoldTerm, LeaseTerm, Limits, Resolved, VaultChanges, VaultInfo,
    },
    config::{VaultTable, build, build_with, unchanged},
    error::{VaultError, VaultErrorKind},
    grants::Grants,
    kind::{BuildVault, KindSettings, VaultKind},
    kinds::KINDS,
    logging::may_be_logged,
    secret::{Bytes, Content, Fetched, Lease, LeaseId},
    setting_error::SettingError,
    toml_settings::read_config,
    vault::Vault,
};
