#![allow(missing_docs)]
//! stub
use super::*;
use jiff::Timestamp;
use kontraktor_proto::{names::VaultName, reference::Reference};
use std::sync::Arc;
use uuid::Uuid;
#[derive(Clone)]
pub struct Broker {}
#[derive(Debug, Clone)]
pub struct Resolved {
    pub value: Bytes,
    pub version: Option<String>,
    pub stale: bool,
    pub fetched: Timestamp,
    pub lease: Option<LeaseTerm>,
}
#[derive(Debug, Clone)]
pub struct LeaseTerm {
    pub duration: Duration,
    pub renewable: bool,
    pub expires: Timestamp,
}
#[derive(Debug, Clone)]
pub struct HoldTerm {
    pub id: Uuid,
    pub expires: Timestamp,
    pub renew_at: Timestamp,
}
pub struct Answers {
    pub secrets: Vec<Result<Resolved, VaultError>>,
    pub hold: Option<HoldTerm>,
}
#[derive(Debug, Clone)]
pub struct VaultInfo {
    pub name: VaultName,
    pub kind: &'static str,
    pub address: String,
    pub trouble: Option<String>,
    pub cached_secrets: usize,
    pub cached_bytes: usize,
    pub leases: usize,
}
impl Broker {
    pub fn none() -> Self {
        Self {}
    }
    pub async fn read(&self, _references: &[Reference], _actor: &Arc<str>, _hold: bool) -> Answers {
        unimplemented!()
    }
    pub async fn check(&self, _references: &[Reference]) -> Vec<Result<Resolved, VaultError>> {
        unimplemented!()
    }
    pub async fn renew_hold(&self, _id: Uuid, _actor: &Arc<str>) -> Result<HoldTerm, VaultError> {
        unimplemented!()
    }
    pub async fn release_hold(&self, _id: Uuid, _actor: &Arc<str>) -> Result<(), VaultError> {
        unimplemented!()
    }
    pub fn purge(&self, _vault: Option<&VaultName>) -> Result<usize, VaultError> {
        unimplemented!()
    }
    pub fn vaults(&self) -> Vec<VaultInfo> {
        Vec::new()
    }
    pub async fn close(&self, _deadline: Duration) {}
}
