//! Where wire types stop: every conversion between `kontraktor.v1` and the domain, in both directions.
//!
//! It checks the form of what comes in (absent messages, names, ids, times); the rules are the service's.

mod access;
mod audit;
mod batch;
mod containers;
mod names;
mod secrets;
mod time;
mod variables;

use kontraktor_domain::Authorship;
use kontraktor_proto::v1;
use kontraktor_service::PageRequest;

pub(crate) use self::{
    access::{
        credentials, duration, lifetime, pattern, role_binding, role_grant, scopes, service_account, subject,
    },
    audit::entry,
    batch::{batch, results},
    containers::{change, environment, environment_settings, project, project_settings, restored, schema},
    names::{account_name, env_name, env_path, imports, key, project_name, schema_name},
    secrets::{hold, merged, secret_result, target, targets, vault},
    time::{at, time, timestamp},
    variables::{not_modified, own, snapshot, variable},
};

/// A size of 0 and an empty token are proto3's way to send none.
pub(crate) fn page(size: u32, token: String) -> PageRequest {
    PageRequest {
        size: (size > 0).then_some(size),
        token: (!token.is_empty()).then_some(token),
        ..PageRequest::default()
    }
}

fn authorship(written: &Authorship) -> v1::Authorship {
    v1::Authorship {
        actor: written.actor.to_string(),
        via: written.via.to_string(),
        time: Some(timestamp(written.at)),
    }
}

pub(crate) fn count64(entries: usize) -> u64 {
    u64::try_from(entries).unwrap_or(u64::MAX)
}

fn count(entries: usize) -> u32 {
    u32::try_from(entries).unwrap_or(u32::MAX)
}
