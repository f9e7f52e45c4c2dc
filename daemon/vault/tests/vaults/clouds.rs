//! What the tests of both clouds share.

use std::time::Duration;

use kontraktor_model::reference::{Reference, Secret};
use kontraktor_vault::{Fetched, Vault, VaultError, VaultErrorKind};
use tokio::runtime::Runtime;

/// What must not be seen anywhere but in a value.
pub(crate) const VALUE: &str = "hunter2-and-a-bit-more";

/// A vault and the runtime of its calls. The tests themselves are not asynchronous, because the servers' clients block.
pub(crate) struct Asked<V> {
    pub(crate) vault: V,
    runtime: Runtime,
}

impl<V: Vault> Asked<V> {
    pub(crate) fn new(vault: V) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { vault, runtime }
    }

    pub(crate) fn wait<R>(&self, what: impl Future<Output = R>) -> R {
        self.runtime.block_on(what)
    }

    /// Reads what a reference means, field and all.
    #[track_caller]
    pub(crate) fn read(&self, reference: &str) -> String {
        let fetched = self.fetch(reference).unwrap_or_else(|error| panic!("{reference}: {error:?}"));
        String::from_utf8(value(&fetched, field(reference).as_deref())).unwrap()
    }

    pub(crate) fn fetch(&self, reference: &str) -> Result<Fetched, VaultError> {
        self.wait(self.vault.fetch(&secret(reference)))
    }

    pub(crate) fn version(&self, reference: &str) -> Result<Option<String>, VaultError> {
        self.wait(self.vault.version(&secret(reference)))
    }

    /// Why it cannot be read. No error has a byte of what the servers hold or say.
    #[track_caller]
    pub(crate) fn refused(&self, reference: &str) -> VaultError {
        match self.fetch(reference) {
            Ok(fetched) => panic!("{reference} is given: {fetched:?}"),
            Err(error) => clean(error),
        }
    }

    /// Starts a read that is not answered, and drops it.
    #[track_caller]
    pub(crate) fn give_up(&self, reference: &str, until: impl FnOnce() + Send + 'static) {
        let secret = secret(reference);
        self.runtime.block_on(async {
            let until = tokio::task::spawn_blocking(until);
            tokio::select! {
                answer = self.vault.fetch(&secret) => panic!("{reference} is answered: {answer:?}"),
                _ = until => {}
            }
        });
    }
}

#[track_caller]
pub(crate) fn clean(error: VaultError) -> VaultError {
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("hunter2") && !shown.contains("Exception"), "{shown}");
    error
}

/// Formats an error as people read it.
pub(crate) fn described(error: &VaultError) -> String {
    let VaultError { kind, message, remedy, .. } = error;
    let remedy = remedy.as_deref().unwrap_or_default();
    format!("{kind:?}: {message}\n{remedy}")
}

pub(crate) fn secret(reference: &str) -> Secret {
    reference.parse::<Reference>().unwrap().secret().clone()
}

#[track_caller]
pub(crate) fn value(fetched: &Fetched, field: Option<&str>) -> Vec<u8> {
    fetched.content.select(field).unwrap().expose().to_vec()
}

fn field(reference: &str) -> Option<String> {
    secret(reference).field().map(str::to_owned)
}

/// The timeout of a test's wait.
pub(crate) const TIMEOUT: Duration = Duration::from_mins(1);

#[track_caller]
pub(crate) fn is(error: &VaultError, fault: VaultErrorKind) {
    assert_eq!(error.kind, fault, "{error:?}");
}
