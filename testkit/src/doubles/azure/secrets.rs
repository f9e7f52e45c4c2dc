//! A vault's content: secrets with their versions, and the deleted ones that can still be recovered. Tests change it here,
//! clients through the data plane; both see the same.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use uuid::Uuid;

use super::{now, refusal::Refusal};

/// The attributes of a new version.
#[derive(Clone)]
pub struct Draft {
    /// The value.
    pub value: String,
    /// A hint for readers, such as `text/plain`.
    pub content_type: Option<String>,
    /// Names and values.
    pub tags: Option<BTreeMap<String, String>>,
    /// Whether the value may be read.
    pub enabled: bool,
    /// When it becomes valid, in seconds of Unix time. It can be read before that, as with the real service, where this is
    /// only information.
    pub not_before: Option<i64>,
    /// When it expires. It can still be read after that.
    pub expires: Option<i64>,
}

impl Draft {
    /// Returns an enabled version with only this value.
    pub fn new(value: impl Into<String>) -> Self {
        let value = value.into();
        Self { value, content_type: None, tags: None, enabled: true, not_before: None, expires: None }
    }
}

/// One version of a secret.
#[derive(Clone)]
pub(super) struct Version {
    pub(super) id: String,
    pub(super) draft: Draft,
    pub(super) created: i64,
    pub(super) updated: i64,
}

/// A secret: its name as first written, and its versions from the oldest to the current one.
#[derive(Clone)]
pub(super) struct Secret {
    pub(super) name: String,
    pub(super) versions: Vec<Version>,
}

impl Secret {
    pub(super) fn current(&self) -> &Version {
        self.versions.last().expect("a secret has a version from its first day")
    }

    fn position(&self, version: Option<&str>) -> Option<usize> {
        match version {
            None => self.versions.len().checked_sub(1),
            Some(id) => self.versions.iter().position(|version| version.id == id),
        }
    }
}

/// A deleted secret and the time of its deletion.
#[derive(Clone)]
pub(super) struct Deleted {
    pub(super) secret: Secret,
    pub(super) at: i64,
}

/// The content of a vault. Clones are of the same vault. Names are case-insensitive.
#[derive(Clone, Default)]
pub struct Secrets(Arc<Mutex<State>>);

#[derive(Default)]
pub(super) struct State {
    pub(super) live: BTreeMap<String, Secret>,
    pub(super) deleted: BTreeMap<String, Deleted>,
    /// The names that callers are not authorized for.
    denied: HashSet<String>,
    /// The number of reads after which a secret is deleted.
    reads_left: HashMap<String, usize>,
}

impl Secrets {
    /// Writes a new version with this value, and returns the version's id.
    ///
    /// # Panics
    /// When a deleted secret holds the name.
    pub fn set(&self, name: &str, value: &str) -> String {
        self.write(name, Draft::new(value))
    }

    /// Writes a new version, and returns its id.
    ///
    /// # Panics
    /// When a deleted secret holds the name.
    pub fn write(&self, name: &str, draft: Draft) -> String {
        self.lock().put(name, draft).expect("a name that no deleted secret holds").1.id
    }

    /// Enables or disables a version; the current one when none is given.
    ///
    /// # Panics
    /// When there is no such secret or version.
    pub fn enable(&self, name: &str, version: Option<&str>, enabled: bool) {
        self.lock()
            .change(name, version, |draft| draft.enabled = enabled)
            .expect("a secret that the test wrote");
    }

    /// Deletes a secret with all its versions; it can be recovered. The real service takes seconds for that.
    ///
    /// # Panics
    /// When it does not exist.
    pub fn delete(&self, name: &str) {
        self.lock().delete(name).expect("a secret that the test wrote");
    }

    /// Deletes a secret as soon as it has been read this many more times.
    pub fn delete_after_reads(&self, name: &str, reads: usize) {
        self.lock().reads_left.insert(key(name), reads);
    }

    /// Recovers a deleted secret.
    ///
    /// # Panics
    /// When it does not exist.
    pub fn recover(&self, name: &str) {
        self.lock().recover(name).expect("a secret that the test deleted");
    }

    /// Purges a deleted secret.
    ///
    /// # Panics
    /// When it does not exist.
    pub fn purge(&self, name: &str) {
        self.lock().purge(name).expect("a secret that the test deleted");
    }

    /// Denies callers access to this secret, which need not exist; `false` allows it again.
    pub fn deny(&self, name: &str, denied: bool) {
        let mut state = self.lock();
        if denied {
            state.denied.insert(key(name));
        } else {
            state.denied.remove(&key(name));
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").field("names", &self.lock().live.keys()).finish_non_exhaustive()
    }
}

impl State {
    /// Returns the secret and one of its versions to a caller that reads its value.
    pub(super) fn read(&mut self, name: &str, version: Option<&str>) -> Result<(Secret, Version), Refusal> {
        let key = key(name);
        let (secret, version) = self.find(name, version)?;
        if !version.draft.enabled {
            return Err(Refusal::disabled());
        }
        if let Some(left) = self.reads_left.get_mut(&key) {
            *left = left.saturating_sub(1);
            if *left == 0 {
                self.reads_left.remove(&key);
                self.delete(name)?;
            }
        }
        Ok((secret, version))
    }

    pub(super) fn put(&mut self, name: &str, draft: Draft) -> Result<(Secret, Version), Refusal> {
        self.allowed(name)?;
        let key = key(name);
        if self.deleted.contains_key(&key) {
            return Err(Refusal::recoverable(name));
        }
        let now = now();
        let version = Version { id: Uuid::new_v4().simple().to_string(), draft, created: now, updated: now };
        let fresh = || Secret { name: name.to_owned(), versions: Vec::new() };
        let secret = self.live.entry(key).or_insert_with(fresh);
        secret.versions.push(version.clone());
        Ok((secret.clone(), version))
    }

    pub(super) fn change(
        &mut self,
        name: &str,
        version: Option<&str>,
        change: impl FnOnce(&mut Draft),
    ) -> Result<(Secret, Version), Refusal> {
        self.allowed(name)?;
        let secret = self.live.get_mut(&key(name)).ok_or_else(|| Refusal::not_found(name))?;
        let index = secret.position(version).ok_or_else(|| Refusal::not_found(name))?;
        let version = &mut secret.versions[index];
        change(&mut version.draft);
        version.updated = now();
        let version = version.clone();
        Ok((secret.clone(), version))
    }

    pub(super) fn delete(&mut self, name: &str) -> Result<Deleted, Refusal> {
        self.allowed(name)?;
        let secret = self.live.remove(&key(name)).ok_or_else(|| Refusal::not_found(name))?;
        let deleted = Deleted { secret, at: now() };
        self.deleted.insert(key(name), deleted.clone());
        Ok(deleted)
    }

    pub(super) fn deleted(&self, name: &str) -> Result<Deleted, Refusal> {
        self.allowed(name)?;
        self.deleted.get(&key(name)).cloned().ok_or_else(|| Refusal::deleted_not_found(name))
    }

    pub(super) fn recover(&mut self, name: &str) -> Result<Secret, Refusal> {
        self.allowed(name)?;
        let deleted = self.deleted.remove(&key(name)).ok_or_else(|| Refusal::not_found(name))?;
        self.live.insert(key(name), deleted.secret.clone());
        Ok(deleted.secret)
    }

    pub(super) fn purge(&mut self, name: &str) -> Result<(), Refusal> {
        self.allowed(name)?;
        self.deleted.remove(&key(name)).map(drop).ok_or_else(|| Refusal::deleted_not_found(name))
    }

    /// Returns the versions of a secret in the arbitrary order of their ids; none when it does not exist.
    pub(super) fn versions(&self, name: &str) -> Result<Vec<(Secret, Version)>, Refusal> {
        self.allowed(name)?;
        let mut versions: Vec<_> = self
            .live
            .get(&key(name))
            .map(|secret| secret.versions.iter().map(|version| (secret.clone(), version.clone())).collect())
            .unwrap_or_default();
        versions.sort_by(|(_, one), (_, other)| one.id.cmp(&other.id));
        Ok(versions)
    }

    fn find(&self, name: &str, version: Option<&str>) -> Result<(Secret, Version), Refusal> {
        self.allowed(name)?;
        let secret = self.live.get(&key(name)).ok_or_else(|| Refusal::not_found(name))?;
        let index = secret.position(version).ok_or_else(|| Refusal::not_found(name))?;
        Ok((secret.clone(), secret.versions[index].clone()))
    }

    fn allowed(&self, name: &str) -> Result<(), Refusal> {
        if self.denied.contains(&key(name)) { Err(Refusal::denied(name)) } else { Ok(()) }
    }
}

fn key(name: &str) -> String {
    name.to_ascii_lowercase()
}
