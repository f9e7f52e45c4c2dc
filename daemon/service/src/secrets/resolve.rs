//! From targets to references, through the keys of environments, imported ones included.

use std::{collections::HashMap, sync::Arc};

use kontraktor_model::{
    names::{EnvPath, Key},
    reference::Reference,
};

use super::super::{Entry, Service, Snapshot};
use kontraktor_domain::{Code, Refusal, VariableKind};

/// A secret, as a caller names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A key that holds a reference.
    Key(EnvPath, Key),
    /// A reference.
    Reference(Reference),
}

/// A reference that a target led to.
#[derive(Debug, Clone)]
pub(super) struct ResolvedTarget {
    /// The reference, in its one spelling.
    pub(super) text: Arc<str>,
    pub(super) reference: Reference,
    /// The environment that owns it, and its key there: where its version is recorded. None: no key holds it, or another
    /// version is read than the reference names.
    pub(super) owner: Option<(EnvPath, Key)>,
    /// The environment that holds the reference. None: the reference itself was asked for.
    pub(super) origin: Option<EnvPath>,
}

/// The snapshots of the environments that one request names, each taken once.
pub(super) struct Resolver<'a> {
    service: &'a Service,
    snapshots: HashMap<(EnvPath, bool), Result<Snapshot, Refusal>>,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(service: &'a Service) -> Self {
        Self { service, snapshots: HashMap::new() }
    }

    /// Finds what a target leads to; with `own_only`, imports are no part of an environment.
    pub(super) fn find(&mut self, target: &Target, own_only: bool) -> Result<ResolvedTarget, Refusal> {
        match target {
            Target::Reference(reference) => Ok(ResolvedTarget {
                text: reference.to_string().into(),
                reference: reference.clone(),
                owner: None,
                origin: None,
            }),
            Target::Key(path, key) => {
                let service = self.service;
                let snapshot = self
                    .snapshots
                    .entry((path.clone(), own_only))
                    .or_insert_with(|| service.current(path, own_only));
                let snapshot = snapshot.as_ref().map_err(Clone::clone)?;
                let entry = snapshot.get(key).ok_or_else(|| missing(path, key))?;
                if entry.variable.kind != VariableKind::Reference {
                    return Err(not_a_secret(path, key));
                }
                of(&entry)
            }
        }
    }
}

/// Returns the reference of an entry that holds one.
pub(super) fn of(entry: &Entry<'_>) -> Result<ResolvedTarget, Refusal> {
    let Entry { variable, origin } = entry;
    Ok(ResolvedTarget {
        text: Arc::clone(&variable.value),
        // It was checked when it was written; an older daemon may have had another grammar.
        reference: variable.value.parse()?,
        owner: Some((origin.path.clone(), variable.key.clone())),
        origin: Some(origin.path.clone()),
    })
}

/// Returns the same reference in the version that was seen last, for reads of the past.
pub(super) fn as_seen(entry: &Entry<'_>) -> Result<ResolvedTarget, Refusal> {
    let found = of(entry)?;
    if found.reference.secret().pinned_version().is_some() {
        return Ok(ResolvedTarget { owner: None, ..found });
    }
    let Entry { variable, origin } = entry;
    let seen = origin.seen_version(variable).ok_or_else(|| {
        Refusal::new(
            Code::SecretVersionUnknown,
            format!(
                "the secret of key \"{}\" in environment \"{}\" has no recorded version for that point in time: it was not resolved \
                 before the next revision, or its vault keeps no versions",
                variable.key, origin.path,
            ),
        )
        .field("at")
        .remedy(
            "use a later point in time, or read the current secret",
        )
    })?;
    let reference = found.reference.at_version(&seen.version)?;
    Ok(ResolvedTarget { text: reference.to_string().into(), reference, owner: None, origin: found.origin })
}

fn missing(path: &EnvPath, key: &Key) -> Refusal {
    Refusal::new(
        Code::NotFound,
        format!("key \"{key}\" does not exist in environment \"{path}\" or what it imports"),
    )
    .field("key")
    .remedy("check the key, or write the secret reference first")
}

fn not_a_secret(path: &EnvPath, key: &Key) -> Refusal {
    Refusal::new(
        Code::NotASecret,
        format!("key \"{key}\" of environment \"{path}\" holds a plain value, not a secret reference"),
    )
    .field("key")
    .remedy("read it as a variable, or use another key")
}
