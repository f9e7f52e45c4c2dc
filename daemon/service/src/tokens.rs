//! What the token endpoint needs: finding a service account, and recording who got a token.

use std::sync::Arc;

use kontraktor_domain::{Access, AccessOperation, Author, Code, Refusal, ServiceAccount};

use super::Service;

/// What came of asking for a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenOutcome {
    /// It was issued.
    Issued,
    /// It was refused.
    Refused,
}

impl Service {
    /// Returns the service account of an identifier at the token endpoint. It asks for no caller: this is how one is found.
    pub fn client(&self, client_id: &str) -> Option<Arc<ServiceAccount>> {
        self.inner.state.load().service_accounts().client(client_id).cloned()
    }

    /// Records that a token was issued to a service account, or refused. `author` is the account's actor; for a refusal
    /// it may be a word for nobody, but never a text of the client's choice. `peer` is from where, where that is known.
    ///
    /// When it returns for a token that is issued, the row is on disk; where it fails, the token must not be handed out. Nobody
    /// waits for the rows of refusals: equal ones of ten seconds are one row with a count.
    pub async fn record_token(
        &self,
        author: Author,
        peer: Option<Arc<str>>,
        outcome: TokenOutcome,
    ) -> Result<(), Refusal> {
        let access = |operation, problem| Access {
            operation,
            action: None,
            project: None,
            environment: None,
            key: None,
            reference: None,
            version: None,
            peer,
            problem,
        };
        match outcome {
            TokenOutcome::Issued => {
                let access = access(AccessOperation::TokenIssued, None);
                self.record_accesses(vec![(author, access)], Vec::new()).await
            }
            TokenOutcome::Refused => {
                self.count(author, access(AccessOperation::TokenRefused, Some(Code::Denied)));
                Ok(())
            }
        }
    }
}
