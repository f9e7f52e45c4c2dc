//! Another configuration while the daemon runs: which vaults stay as they are, and how the others end.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use kontraktor_model::names::VaultName;

use super::{Broker, ConfiguredVault, Vaults, backend::Backend};

/// What a new configuration changed, by the names of the vaults.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VaultChanges {
    /// Vaults that were not configured before.
    pub added: Vec<VaultName>,
    /// Vaults whose settings are different, or the content of their `ca_file`.
    pub changed: Vec<VaultName>,
    /// Vaults that are not configured any more.
    pub removed: Vec<VaultName>,
}

impl Broker {
    /// Replaces the vaults by these. One in `unchanged`, whose settings are the same, stays as it is, with its cache, leases and
    /// circuit breaker, unless the content of its `ca_file` is another. The others of before are closed in the background within the deadline, as [`close`](Self::close) does. Needs a running tokio.
    pub fn replace(
        &self,
        vaults: Vec<ConfiguredVault>,
        unchanged: &BTreeSet<VaultName>,
        deadline: Duration,
    ) -> VaultChanges {
        let before = self.vaults.load_full();
        let mut changes = VaultChanges::default();
        let mut after = Vaults::new();
        for configured in vaults {
            let name = configured.name.clone();
            let backend = match before.get(&name) {
                Some(known) if unchanged.contains(&name) && known.ca_digest == configured.ca_digest => {
                    Arc::clone(known)
                }
                known => {
                    let list = if known.is_some() { &mut changes.changed } else { &mut changes.added };
                    list.push(name.clone());
                    Arc::new(Backend::new(configured, Arc::clone(&self.clock)))
                }
            };
            after.insert(name, backend);
        }
        let after = Arc::new(after);
        self.vaults.store(Arc::clone(&after));
        for (name, backend) in &*before {
            match after.get(name) {
                Some(kept) if Arc::ptr_eq(kept, backend) => continue,
                Some(_) => {}
                None => changes.removed.push(name.clone()),
            }
            backend.remove();
            let backend = Arc::clone(backend);
            self.removed.spawn(async move { backend.close(deadline).await });
        }
        changes
    }
}
