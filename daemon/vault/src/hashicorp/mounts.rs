//! Which engine serves a mount: asked as Vault's own command line does, remembered for a while, asked again when a read
//! fails in a way that another engine would explain.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kontraktor_model::{names::VaultName, reference::VaultSecret};
use reqwest::StatusCode;
use serde::Deserialize;
use tokio::time::Instant;

use super::{
    answer::{Answer, Envelope, plain},
    session::Session,
    settings::encoded,
    transport::Request,
};
use crate::{Fault, VaultError};

/// How long an engine is remembered.
const REMEMBERED: Duration = Duration::from_mins(10);

/// How many are remembered. Far more than anybody mounts.
const MAX_MOUNTS: usize = 1_000;

/// What matters of an engine here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Engine {
    /// KV version 2.
    Versioned,
    /// KV version 1, and every engine that makes what is read.
    Plain,
}

/// An engine that was found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    pub(super) engine: Engine,
    /// Whether it was known from before, so that it may be another one by now.
    remembered: bool,
}

/// What is remembered of the mounts of one Vault.
#[derive(Default)]
pub(super) struct Mounts(Mutex<HashMap<String, Known>>);

struct Known {
    engine: Engine,
    since: Instant,
    /// Whether the daemon was refused a look at the metadata of a secret here.
    hides_metadata: bool,
}

#[derive(Deserialize)]
struct Mount {
    path: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    accessor: String,
    #[serde(default)]
    options: Option<Options>,
}

#[derive(Deserialize)]
struct Options {
    #[serde(default)]
    version: Option<String>,
}

impl Mounts {
    fn known(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The engine of the secret's mount.
    pub(super) async fn engine(
        &self,
        session: &Session,
        vault: &VaultName,
        secret: &VaultSecret,
    ) -> Result<Found, VaultError> {
        let known = self
            .known()
            .get(&secret.mount)
            .filter(|known| known.since.elapsed() < REMEMBERED)
            .map(|known| known.engine);
        match known {
            Some(engine) => Ok(Found { engine, remembered: true }),
            None => self.ask(session, vault, secret).await,
        }
    }

    /// The engine that is there now, where the error of a read may come from its being another one than was remembered.
    pub(super) async fn changed(
        &self,
        session: &Session,
        vault: &VaultName,
        secret: &VaultSecret,
        was: Found,
        error: &VaultError,
    ) -> Option<Found> {
        let explains = match error.fault {
            Fault::NotFound | Fault::Denied | Fault::Answer => true,
            // The reference names a version, and the engine kept none.
            Fault::VersionGone => was.engine == Engine::Plain,
            _ => false,
        };
        if !was.remembered || !explains {
            return None;
        }
        let now = self.ask(session, vault, secret).await.ok()?;
        (now.engine != was.engine).then_some(now)
    }

    async fn ask(
        &self,
        session: &Session,
        vault: &VaultName,
        secret: &VaultSecret,
    ) -> Result<Found, VaultError> {
        let answer = session.call(&Request::get(lookup_path(vault, secret)?)).await?.0;
        let engine = engine_of(vault, secret, &answer)?;
        let mut known = self.known();
        if known.len() >= MAX_MOUNTS && !known.contains_key(&secret.mount) {
            known.clear();
        }
        known.insert(secret.mount.clone(), Known { engine, since: Instant::now(), hides_metadata: false });
        Ok(Found { engine, remembered: false })
    }

    pub(super) fn hides_metadata(&self, secret: &VaultSecret) -> bool {
        self.known().get(&secret.mount).is_some_and(|known| known.hides_metadata)
    }

    pub(super) fn set_hides_metadata(&self, secret: &VaultSecret) {
        if let Some(known) = self.known().get_mut(&secret.mount) {
            known.hides_metadata = true;
        }
    }
}

fn lookup_path(vault: &VaultName, secret: &VaultSecret) -> Result<String, VaultError> {
    // Both are whole paths of Vault's API, in which the daemon's own token could be read. Vault mounts nothing there.
    if matches!(secret.mount.split('/').next(), Some("auth" | "sys")) {
        return Err(no_engine(vault));
    }
    let (mount, path) = paths(vault, secret)?;
    Ok(format!("sys/internal/ui/mounts/{mount}/{path}"))
}

/// The mount and the path as URLs hold them.
pub(super) fn paths(vault: &VaultName, secret: &VaultSecret) -> Result<(String, String), VaultError> {
    encoded(&secret.mount).zip(encoded(&secret.path)).ok_or_else(|| {
        VaultError::new(Fault::NotFound, format!("vault \"{vault}\" can have nothing at such a path"))
            .remedy("write mount and path without empty segments and without segments of dots")
    })
}

fn no_engine(vault: &VaultName) -> VaultError {
    VaultError::new(Fault::NotFound, format!("vault \"{vault}\" has no secrets engine mounted there")).remedy(
        "MOUNT in a reference is the whole path of a secrets engine, with %2F for each slash in it, as in \
         vault://NAME/team%2Fkv/app#password",
    )
}

fn engine_of(vault: &VaultName, secret: &VaultSecret, answer: &Answer) -> Result<Engine, VaultError> {
    match answer.status {
        StatusCode::OK => {}
        // Vault before 0.10, which had no versions.
        StatusCode::NOT_FOUND => return Ok(Engine::Plain),
        _ => {
            return Err(answer.refusal(
                vault,
                "see anything in this mount",
                "check the mount: one that does not exist is answered like this too; and give the daemon's token a policy \
                 that may read the path (for KV version 2: MOUNT/data/PATH)",
            ));
        }
    }
    let mount: Mount = plain(answer.read::<Envelope<'_>>(vault)?.data, vault)?;
    // Before it there may be the namespace. Whoever wrote less or more of it as MOUNT would be led to another path.
    let there = mount.path.is_none_or(|path| {
        let path = path.trim_end_matches('/');
        path == secret.mount || path.strip_suffix(&*secret.mount).is_some_and(|before| before.ends_with('/'))
    });
    if !there || mount.accessor.starts_with("auth_") || matches!(&*mount.kind, "system" | "ns_system") {
        return Err(no_engine(vault));
    }
    let version = mount.options.and_then(|options| options.version);
    Ok(if mount.kind == "kv" && version.as_deref() == Some("2") { Engine::Versioned } else { Engine::Plain })
}
