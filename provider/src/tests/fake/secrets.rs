//! Vaults that hold what a test put into them, and the service that resolves references to it: problems, leases, holds,
//! versions that are noted, and sizes that have to be streamed.

use std::{
    collections::{BTreeMap, BTreeSet},
    pin::Pin,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, SystemTime},
};

use kontraktor_model::{
    limits::{MAX_SECRET_BYTES, MAX_SECRET_MESSAGE_BYTES},
    reference::Reference,
};
use kontraktor_proto::{
    problem::to_status,
    v1::{self, Problem, ProblemCode, secret_target, secrets_server::Secrets},
};
use tokio_stream::Stream;
use tonic::{Request, Response, Status};

use super::{Answer, FakeDaemon, World, refuse};

/// When a hold is to be renewed the first time; each renewal adds an hour.
pub(in super::super) fn renewal(times: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000 + 3_600 * times)
}

/// When each value was fetched.
fn fetched() -> prost_types::Timestamp {
    (SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)).into()
}

/// A secret in a vault, as its reference names it.
#[derive(Clone, Default)]
pub(in super::super) struct Stored {
    pub(in super::super) value: Vec<u8>,
    pub(in super::super) version: String,
    /// The vault does not answer, and this is cached.
    pub(in super::super) stale: bool,
    /// It has a lease.
    pub(in super::super) dynamic: bool,
    /// It cannot be had.
    pub(in super::super) problem: Option<Problem>,
}

/// What the vaults hold, by reference, and what is held of their leases.
#[derive(Default, Clone)]
pub(super) struct Vaults {
    secrets: BTreeMap<String, Stored>,
    /// How often each hold was renewed.
    holds: BTreeMap<String, u64>,
    /// How many holds there ever were.
    holds_created: u64,
    /// How many changes of versions were noted.
    noted: usize,
    /// The vaults that are listed; if there are none, listing them is denied.
    listed: Vec<v1::VaultStatus>,
}

impl Vaults {
    /// How often the lockfile changed.
    pub(super) fn lockfile(&self) -> usize {
        self.noted
    }

    fn hold(&mut self) -> v1::Hold {
        self.holds_created += 1;
        let id = format!("hold-{}", self.holds_created);
        self.holds.insert(id.clone(), 0);
        held(id, 0)
    }
}

fn held(id: String, renewals: u64) -> v1::Hold {
    let (expires, renew_at) = (renewal(renewals + 1), renewal(renewals));
    v1::Hold { id, expire_time: Some(expires.into()), renew_time: Some(renew_at.into()) }
}

/// How many requests of each kind came.
#[derive(Default)]
pub(in super::super) struct Counters {
    pub(in super::super) reads: AtomicUsize,
    pub(in super::super) environments: AtomicUsize,
    pub(in super::super) streams: AtomicUsize,
    pub(in super::super) checks: AtomicUsize,
    pub(in super::super) renewals: AtomicUsize,
    pub(in super::super) releases: AtomicUsize,
}

impl Counters {
    /// Requests that may have reached a vault.
    pub(in super::super) fn request(&self) -> usize {
        [&self.reads, &self.environments, &self.streams, &self.checks].map(count).into_iter().sum()
    }
}

pub(in super::super) fn count(counter: &AtomicUsize) -> usize {
    counter.load(Ordering::SeqCst)
}

/// A target that led to a reference or to none.
type Led = Result<Reference, Box<Problem>>;

impl World {
    fn key(&self, name: &v1::EnvironmentName, key: &str) -> Led {
        let path = (name.project.clone(), name.env.clone());
        let own = |(project, env): &(String, String)| {
            self.variables.get(&(project.clone(), env.clone(), key.to_owned()))
        };
        let Some(environment) = self.environments.get(&path) else {
            let message = format!("there is no environment {}/{}", path.0, path.1);
            return Err(Problem::new(ProblemCode::NotFound, message).with_field("env").into());
        };
        let imports = environment.imports.iter().rev().map(|name| (name.project.clone(), name.env.clone()));
        let found = std::iter::once(path.clone()).chain(imports).find_map(|path| own(&path));
        let Some(variable) = found else {
            let message = format!("environment {}/{} has no key {key:?}", path.0, path.1);
            return Err(Problem::new(ProblemCode::NotFound, message).with_field("key").into());
        };
        match variable.reference() {
            Some(reference) => Ok(reference.url.parse().expect("what is stored is one")),
            None => Err(Problem::new(ProblemCode::NotASecret, format!("key {key:?} holds a plain value"))
                .with_field("key")
                .into()),
        }
    }

    /// Where the target leads, and its key.
    fn target(&self, target: &v1::SecretTarget) -> (String, Led) {
        match target.target.as_ref().expect("a target is one or the other") {
            secret_target::Target::Key(key) => {
                let name = key.environment.as_ref().expect("a key has an environment");
                (key.key.clone(), self.key(name, &key.key))
            }
            secret_target::Target::Reference(text) => {
                (String::new(), text.parse::<Reference>().map_err(|error| Problem::from(error).into()))
            }
        }
    }

    /// What a vault holds there, whatever its size.
    fn stored(&mut self, reference: &Reference) -> Result<Stored, Box<Problem>> {
        let url = reference.to_string();
        let found = self.vaults.secrets.get(&url).cloned();
        let stored = found.ok_or_else(|| {
            let message = format!("vault \"{}\" has no such secret", reference.vault());
            Problem::new(ProblemCode::SecretNotFound, message).with_field("reference")
        })?;
        if let Some(problem) = stored.problem {
            return Err(problem.into());
        }
        if stored.value.len() > MAX_SECRET_BYTES {
            let message = format!("the secret is larger than {MAX_SECRET_BYTES} bytes (16 MiB)");
            return Err(Problem::new(ProblemCode::SecretTooLarge, message).with_field("reference").into());
        }
        self.record_version(&url, &stored.version);
        Ok(stored)
    }

    /// The lockfile: every key with this reference shows the version.
    fn record_version(&mut self, url: &str, version: &str) {
        for variable in self.variables.values_mut() {
            if let Some(v1::variable::Content::Reference(reference)) = &mut variable.content
                && reference.url == url
                && reference.version != version
            {
                self.vaults.noted += 1;
                version.clone_into(&mut reference.version);
                reference.version_seen_time = Some(fetched());
            }
        }
    }

    /// Returns the result for one target, and whether it has a lease. `streams`: the size is not limited.
    fn resolve(&mut self, key: String, led: Led, streams: bool) -> (v1::SecretResult, bool) {
        let mut result = v1::SecretResult { key, ..Default::default() };
        let stored = led.and_then(|reference| {
            result.reference = reference.to_string();
            result.vault = reference.vault().to_string();
            self.stored(&reference)
        });
        match stored {
            Ok(stored) if !streams && stored.value.len() > MAX_SECRET_MESSAGE_BYTES => {
                let message = format!("the secret is larger than {MAX_SECRET_MESSAGE_BYTES} bytes");
                result.problem =
                    Some(Problem::new(ProblemCode::SecretTooLarge, message).with_field("reference"));
                (result, false)
            }
            Ok(stored) => {
                result.version = stored.version;
                result.value = stored.value;
                result.stale = stored.stale;
                result.fetch_time = Some(fetched());
                result.lease = stored.dynamic.then(|| v1::Lease {
                    duration_ms: 3_600_000,
                    renewable: true,
                    expire_time: Some(renewal(1).into()),
                });
                (result, stored.dynamic)
            }
            Err(problem) => {
                result.problem = Some(*problem);
                (result, false)
            }
        }
    }

    fn resolve_all(
        &mut self,
        led: Vec<(String, Led)>,
        hold: bool,
    ) -> (Vec<v1::SecretResult>, Option<v1::Hold>) {
        let mut leased = false;
        let mut results = Vec::new();
        for (key, led) in led {
            let (result, has_lease) = self.resolve(key, led, false);
            leased |= has_lease;
            results.push(result);
        }
        let hold = (hold && leased).then(|| self.vaults.hold());
        (results, hold)
    }
}

impl FakeDaemon {
    /// Puts a secret into a vault, under the reference in its one spelling.
    pub(in super::super) fn keep_secret(&self, reference: &str, stored: Stored) {
        let parsed: Reference = reference.parse().expect("a reference");
        assert_eq!(parsed.to_string(), reference, "in its one spelling");
        self.world.lock().unwrap().vaults.secrets.insert(reference.to_owned(), stored);
    }

    /// The same with a value and a version.
    pub(in super::super) fn keep_value(&self, reference: &str, value: impl AsRef<[u8]>, version: &str) {
        let stored =
            Stored { value: value.as_ref().to_vec(), version: version.to_owned(), ..Stored::default() };
        self.keep_secret(reference, stored);
    }

    /// The holds that are not released.
    /// Lists a vault.
    pub(in super::super) fn list_vault(&self, name: &str, kind: &str) {
        let vault = v1::VaultStatus { name: name.to_owned(), kind: kind.to_owned(), ..Default::default() };
        self.world.lock().unwrap().vaults.listed.push(vault);
    }

    pub(in super::super) fn holds(&self) -> BTreeSet<String> {
        self.world.lock().unwrap().vaults.holds.keys().cloned().collect()
    }

    /// The holds end.
    pub(in super::super) fn expire_holds(&self) {
        self.world.lock().unwrap().vaults.holds.clear();
    }
}

type Pieces = Pin<Box<dyn Stream<Item = Result<v1::StreamSecretResponse, Status>> + Send>>;

#[tonic::async_trait]
impl Secrets for FakeDaemon {
    type StreamSecretStream = Pieces;

    async fn read_secrets(
        &self,
        request: Request<v1::ReadSecretsRequest>,
    ) -> Answer<v1::ReadSecretsResponse> {
        self.secrets.reads.fetch_add(1, Ordering::SeqCst);
        self.may_read()?;
        let request = request.into_inner();
        let mut world = self.world.lock().unwrap();
        let led = request.targets.iter().map(|target| world.target(target)).collect();
        let (secrets, hold) = world.resolve_all(led, request.hold);
        Ok(Response::new(v1::ReadSecretsResponse { secrets, hold }))
    }

    async fn read_environment(
        &self,
        request: Request<v1::ReadEnvironmentRequest>,
    ) -> Answer<v1::ReadEnvironmentResponse> {
        self.secrets.environments.fetch_add(1, Ordering::SeqCst);
        let request = request.into_inner();
        let snapshot = self
            .view(v1::GetSnapshotRequest {
                name: request.environment,
                prefix: request.prefix,
                own_only: request.own_only,
                at: request.at,
                ..Default::default()
            })?
            .into_inner();
        let mut world = self.world.lock().unwrap();
        let references = snapshot.variables.iter().filter_map(|variable| {
            let reference = variable.reference()?;
            let url: Reference = reference.url.parse().expect("what is stored is one");
            let led = match &request.at {
                None => Ok(url),
                Some(_) if reference.version.is_empty() => {
                    let message = "no version of the secret is on record for that moment";
                    Err(Problem::new(ProblemCode::SecretVersionUnknown, message).with_field("at").into())
                }
                Some(_) => Ok(url.at_version(&reference.version).expect("a version that was seen")),
            };
            Some((variable.key.clone(), led))
        });
        let (secrets, hold) = world.resolve_all(references.collect(), request.hold);
        Ok(Response::new(v1::ReadEnvironmentResponse { snapshot: Some(snapshot), secrets, hold }))
    }

    async fn stream_secret(
        &self,
        request: Request<v1::StreamSecretRequest>,
    ) -> Answer<Self::StreamSecretStream> {
        self.secrets.streams.fetch_add(1, Ordering::SeqCst);
        self.may_read()?;
        let request = request.into_inner();
        let mut world = self.world.lock().unwrap();
        let (key, led) = world.target(&request.target.expect("a request has a target"));
        let (mut secret, leased) = world.resolve(key, led, true);
        if let Some(problem) = secret.problem {
            return Err(to_status(problem));
        }
        let hold = (request.hold && leased).then(|| world.vaults.hold());
        let value = std::mem::take(&mut secret.value);
        let info = v1::StreamedSecret { secret: Some(secret), size_bytes: value.len() as u64, hold };
        let mut pieces = vec![Ok(v1::StreamSecretResponse { info: Some(info), chunk: Vec::new() })];
        pieces.extend(
            value
                .chunks(MAX_SECRET_MESSAGE_BYTES)
                .map(|chunk| Ok(v1::StreamSecretResponse { info: None, chunk: chunk.to_vec() })),
        );
        Ok(Response::new(Box::pin(tokio_stream::iter(pieces))))
    }

    async fn check_secrets(
        &self,
        request: Request<v1::CheckSecretsRequest>,
    ) -> Answer<v1::CheckSecretsResponse> {
        self.secrets.checks.fetch_add(1, Ordering::SeqCst);
        self.may_read()?;
        let request = request.into_inner();
        let mut world = self.world.lock().unwrap();
        let secrets = request.targets.iter().map(|target| {
            let (key, led) = world.target(target);
            let (result, _) = world.resolve(key, led, true);
            v1::SecretResult { value: Vec::new(), ..result }
        });
        Ok(Response::new(v1::CheckSecretsResponse { secrets: secrets.collect() }))
    }

    async fn renew_hold(&self, request: Request<v1::RenewHoldRequest>) -> Answer<v1::Hold> {
        self.secrets.renewals.fetch_add(1, Ordering::SeqCst);
        let id = request.into_inner().id;
        match self.world.lock().unwrap().vaults.holds.get_mut(&id) {
            Some(renewals) => {
                *renewals += 1;
                Ok(Response::new(held(id, *renewals)))
            }
            None => refuse(ProblemCode::HoldGone, "There is no such hold"),
        }
    }

    async fn release_hold(
        &self,
        request: Request<v1::ReleaseHoldRequest>,
    ) -> Answer<v1::ReleaseHoldResponse> {
        self.secrets.releases.fetch_add(1, Ordering::SeqCst);
        self.may_read()?;
        self.world.lock().unwrap().vaults.holds.remove(&request.into_inner().id);
        Ok(Response::new(v1::ReleaseHoldResponse {}))
    }

    async fn purge_secrets(
        &self,
        _request: Request<v1::PurgeSecretsRequest>,
    ) -> Answer<v1::PurgeSecretsResponse> {
        refuse(ProblemCode::Denied, "The provider purges nothing")
    }

    async fn list_vaults(&self, _request: Request<v1::ListVaultsRequest>) -> Answer<v1::ListVaultsResponse> {
        let vaults = self.world.lock().unwrap().vaults.listed.clone();
        if vaults.is_empty() {
            return refuse(ProblemCode::Denied, "Listing vaults is not allowed");
        }
        Ok(Response::new(v1::ListVaultsResponse { vaults }))
    }
}
