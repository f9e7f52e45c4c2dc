//! Which engine serves a mount: looked up as Vault's own command line does, cached for a while, and looked up again when a
//! read fails in a way that another engine would explain.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kontraktor_model::names::VaultName;
use reqwest::StatusCode;
use serde::Deserialize;
use tokio::time::Instant;

use super::{
    answer::{Answer, Envelope, parse_data},
    endpoints::LookUpMount,
    path::encode_path,
    request::Request,
    secret_path::SecretPath,
    session::Session,
};
use crate::error::{VaultError, VaultErrorKind};

/// How long an engine is cached.
const TTL: Duration = Duration::from_mins(10);

/// The largest number of cached engines, far more than anybody mounts.
const MAX_MOUNTS: usize = 1_000;

/// The kind of an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Engine {
    /// KV version 2.
    Versioned,
    /// KV version 1, and every engine that generates secrets.
    Plain,
}

/// The result of a lookup.
#[derive(Debug, Clone, Copy)]
pub(super) struct FoundEngine {
    pub(super) engine: Engine,
    /// Whether it was cached, so that it may have changed.
    cached: bool,
}

/// The cached mounts of one Vault.
#[derive(Default)]
pub(super) struct Mounts(Mutex<HashMap<String, Known>>);

struct Known {
    engine: Engine,
    since: Instant,
    /// Whether the daemon may not read the metadata of secrets here.
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

    /// Returns the engine of the secret's mount.
    pub(super) async fn engine(
        &self,
        session: &Session,
        vault: &VaultName,
        secret: SecretPath<'_>,
    ) -> Result<FoundEngine, VaultError> {
        let known = self
            .known()
            .get(secret.mount)
            .filter(|known| known.since.elapsed() < TTL)
            .map(|known| known.engine);
        match known {
            Some(engine) => Ok(FoundEngine { engine, cached: true }),
            None => self.look_up(session, vault, secret).await,
        }
    }

    /// Looks the engine up again where another engine than the cached one would explain the error of a read. Returns the
    /// engine where it is another one.
    pub(super) async fn changed(
        &self,
        session: &Session,
        vault: &VaultName,
        secret: SecretPath<'_>,
        previous: FoundEngine,
        error: &VaultError,
    ) -> Option<FoundEngine> {
        let explains = match error.kind {
            VaultErrorKind::NotFound | VaultErrorKind::Denied | VaultErrorKind::InvalidResponse => true,
            // The reference names a version, and the engine kept no versions.
            VaultErrorKind::VersionGone => previous.engine == Engine::Plain,
            _ => false,
        };
        if !previous.cached || !explains {
            return None;
        }
        let now = self.look_up(session, vault, secret).await.ok()?;
        (now.engine != previous.engine).then_some(now)
    }

    async fn look_up(
        &self,
        session: &Session,
        vault: &VaultName,
        secret: SecretPath<'_>,
    ) -> Result<FoundEngine, VaultError> {
        let answer = session.call(&Request::of(&lookup(vault, secret)?)).await?.0;
        let engine = engine_of(vault, secret, &answer)?;
        let mut known = self.known();
        if known.len() >= MAX_MOUNTS && !known.contains_key(secret.mount) {
            known.clear();
        }
        known.insert(secret.mount.to_owned(), Known { engine, since: Instant::now(), hides_metadata: false });
        Ok(FoundEngine { engine, cached: false })
    }

    pub(super) fn hides_metadata(&self, secret: SecretPath<'_>) -> bool {
        self.known().get(secret.mount).is_some_and(|known| known.hides_metadata)
    }

    pub(super) fn set_hides_metadata(&self, secret: SecretPath<'_>) {
        if let Some(known) = self.known().get_mut(secret.mount) {
            known.hides_metadata = true;
        }
    }
}

fn lookup(vault: &VaultName, secret: SecretPath<'_>) -> Result<LookUpMount, VaultError> {
    // These paths of Vault's API could return the daemon's own token. No secrets engine is mounted there.
    if matches!(secret.mount.split('/').next(), Some("auth" | "sys")) {
        return Err(no_engine(vault));
    }
    let (mount, path) = paths(vault, secret)?;
    Ok(LookUpMount { mount, path })
}

/// Encodes the mount and the path for URLs.
pub(super) fn paths(vault: &VaultName, secret: SecretPath<'_>) -> Result<(String, String), VaultError> {
    encode_path(secret.mount).zip(encode_path(secret.path)).ok_or_else(|| {
        VaultError::new(
            VaultErrorKind::NotFound,
            format!("vault \"{vault}\" cannot have a secret at this path"),
        )
        .remedy("write mount and path without empty segments and without \".\" and \"..\"")
    })
}

fn no_engine(vault: &VaultName) -> VaultError {
    VaultError::new(
        VaultErrorKind::NotFound,
        format!("vault \"{vault}\" has no secrets engine at this mount"),
    )
    .remedy(
        "write the whole path of a secrets engine as MOUNT, with %2F for each slash, as in \
         vault://NAME/team%2Fkv/app#password",
    )
}

fn engine_of(vault: &VaultName, secret: SecretPath<'_>, answer: &Answer) -> Result<Engine, VaultError> {
    match answer.status {
        StatusCode::OK => {}
        // Vault before 0.10 had no versions.
        StatusCode::NOT_FOUND => return Ok(Engine::Plain),
        _ => {
            return Err(answer.error(
                vault,
                "access this mount",
                "check that the mount exists, and grant the daemon's token a policy that may read the path (for KV version \
                 2: MOUNT/data/PATH)",
            ));
        }
    }
    let mount: Mount = parse_data(answer.parse::<Envelope<'_>>(vault)?.data, vault)?;
    // A namespace may precede it. With less or more of the mount's path in MOUNT, the request would reach another path.
    let is_exact = mount.path.is_none_or(|path| {
        let path = path.trim_end_matches('/');
        path == secret.mount || path.strip_suffix(secret.mount).is_some_and(|before| before.ends_with('/'))
    });
    if !is_exact || mount.accessor.starts_with("auth_") || matches!(&*mount.kind, "system" | "ns_system") {
        return Err(no_engine(vault));
    }
    let version = mount.options.and_then(|options| options.version);
    Ok(if mount.kind == "kv" && version.as_deref() == Some("2") { Engine::Versioned } else { Engine::Plain })
}
