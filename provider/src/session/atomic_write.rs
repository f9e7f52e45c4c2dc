//! Atomic writes of several variables of one environment.
//!
//! They are sent at once and in a request of their own: a write of many variables gains nothing from waiting for others.

use kontraktor_model::{limits::MAX_MESSAGE_BYTES, names::EnvPath};
use kontraktor_proto::{
    client::{ClientError, new_batch_id},
    v1,
};
use prost::Message as _;

use super::{Session, SessionError};

/// Why an atomic write failed.
#[derive(Debug, Clone)]
pub(crate) enum AtomicWriteError {
    /// The request would be larger than a message may be: this many bytes.
    TooLarge(usize),
    /// The request failed.
    Session(SessionError),
}

impl Session {
    /// Writes some variables of one environment, all or none, and returns a result for each in their order. A refusal is
    /// a result too; then nothing was written.
    ///
    /// # Errors
    /// If the variables do not fit into one request, or the request failed.
    pub(crate) async fn write_atomic(
        &self,
        env: &EnvPath,
        items: Vec<v1::WriteItem>,
    ) -> Result<Vec<v1::WriteResult>, AtomicWriteError> {
        let client = self.client().map_err(AtomicWriteError::Session)?;
        let count = items.len();
        let request =
            v1::WriteVariablesRequest { batch_id: new_batch_id(), groups: vec![v1::WriteGroup { items }] };
        let bytes = request.encoded_len();
        if bytes > MAX_MESSAGE_BYTES {
            return Err(AtomicWriteError::TooLarge(bytes));
        }
        tracing::debug!(batch_id = request.batch_id, items = count, "writing variables atomically");
        let answer = client.write_variables(request).await;
        // Even a refusal can mean that an earlier snapshot is out of date.
        self.snapshots.forget(env);
        let results = answer.map_err(|error| AtomicWriteError::Session(error.into()))?.results;
        if results.len() == count {
            return Ok(results);
        }
        let reason = format!("the response holds {} results for {count} items", results.len());
        Err(AtomicWriteError::Session(
            ClientError::OutcomeUnknown {
                target: client.options().host.to_string(),
                operation: "WriteVariables",
                reason,
            }
            .into(),
        ))
    }
}
