//! Writes of several variables that stand or fall together, and what those who write so were seen to hold.
//!
//! They travel at once and in a request of their own: whoever has so much to write needs no company.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use kontraktor_model::{limits::MAX_MESSAGE_BYTES, names::EnvPath};
use kontraktor_proto::{
    client::{ClientError, new_batch_id},
    v1,
};
use prost::Message as _;

use super::{Session, Trouble};

/// Why several variables were not written.
#[derive(Debug, Clone)]
pub(crate) enum NotTogether {
    /// More than fits into a request: this many bytes.
    TooLarge(usize),
    /// The call failed.
    Trouble(Trouble),
}

/// What a resource of this walk was seen to hold of an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claim {
    /// Whether it owns the environment, and not only its keys.
    pub(crate) exclusive: bool,
    /// Its keys.
    pub(crate) keys: BTreeSet<String>,
}

#[derive(Default)]
pub(super) struct Claims(Mutex<HashMap<EnvPath, Vec<Claim>>>);

impl Claims {
    /// The map is only ever added to, so a poisoned lock holds a sound map.
    fn locked(&self) -> MutexGuard<'_, HashMap<EnvPath, Vec<Claim>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    /// Writes some variables of one environment, all or none, and answers for each in their order. A refusal is an
    /// answer too: then nothing was written.
    ///
    /// # Errors
    /// Where they do not fit into one request, or the call failed.
    pub(crate) async fn write_together(
        &self,
        env: &EnvPath,
        items: Vec<v1::WriteItem>,
    ) -> Result<Vec<v1::WriteResult>, NotTogether> {
        let client = self.client().map_err(NotTogether::Trouble)?;
        let count = items.len();
        let request =
            v1::WriteVariablesRequest { batch_id: new_batch_id(), groups: vec![v1::WriteGroup { items }] };
        let bytes = request.encoded_len();
        if bytes > MAX_MESSAGE_BYTES {
            return Err(NotTogether::TooLarge(bytes));
        }
        tracing::debug!(batch_id = request.batch_id, items = count, "writing variables together");
        let answer = client.write_variables(request).await;
        // Whatever came of it: even a refusal can mean that what was read before is no longer so.
        self.snapshots.forget(env);
        let results = answer.map_err(|error| NotTogether::Trouble(error.into()))?.results;
        if results.len() == count {
            return Ok(results);
        }
        let reason = format!("{} results for {count} items came back", results.len());
        Err(NotTogether::Trouble(
            ClientError::OutcomeUnknown {
                target: client.options().host.to_string(),
                operation: "WriteVariables",
                reason,
            }
            .into(),
        ))
    }

    /// Notes what a resource holds.
    pub(crate) fn claim(&self, env: &EnvPath, claim: Claim) {
        self.claims.locked().entry(env.clone()).or_default().push(claim);
    }

    /// Whether a resource of this walk was seen to hold what fits.
    pub(crate) fn is_claimed(&self, env: &EnvPath, fits: impl FnMut(&Claim) -> bool) -> bool {
        self.claims.locked().get(env).is_some_and(|claims| claims.iter().any(fits))
    }
}
