//! The private state of a bulk resource: the revision of each key, which the next plan expects, and the protected keys if
//! they differ. As attributes these would show as changes in every plan.

use std::collections::{BTreeMap, BTreeSet};

use kontraktor_proto::v1;

use crate::framework::{Diagnostic, Private};

const REVISIONS: &str = "revisions";
const PROTECTED: &str = "protected";

/// The contents of the private state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct PrivateState {
    /// The revision of each key as it was last read or written. A key without one is that of a write whose response was
    /// lost: nothing is expected of it.
    pub(super) revisions: BTreeMap<String, u64>,
    /// The protected keys; kept only if `deletion_protection` is not the same for all.
    pub(super) protected: BTreeSet<String>,
}

impl PrivateState {
    pub(super) fn load(private: &Private) -> Result<Self, Diagnostic> {
        let read = || -> serde_json::Result<Self> {
            let revisions = private.get(REVISIONS).map(serde_json::from_str).transpose()?;
            let protected = private.get(PROTECTED).map(serde_json::from_str).transpose()?;
            Ok(Self { revisions: revisions.unwrap_or_default(), protected: protected.unwrap_or_default() })
        };
        read().map_err(|_| {
            Diagnostic::error(
                "Invalid private state",
                "The private state of these variables was not written by this provider. Remove the object with \
                 `terraform state rm` and import it again.",
            )
        })
    }

    pub(super) fn store(&self, private: &mut Private) {
        const ALWAYS: &str = "maps and sets of strings are always valid JSON";
        if self.revisions.is_empty() {
            private.remove(REVISIONS);
        } else {
            private.set(REVISIONS, serde_json::to_string(&self.revisions).expect(ALWAYS));
        }
        if self.protected.is_empty() {
            private.remove(PROTECTED);
        } else {
            private.set(PROTECTED, serde_json::to_string(&self.protected).expect(ALWAYS));
        }
    }

    /// Returns the private state for these variables.
    pub(super) fn of<'a>(variables: impl Iterator<Item = &'a v1::Variable>) -> Self {
        let mut private_state = Self::default();
        for variable in variables {
            private_state.revisions.insert(variable.key.clone(), variable.revision);
            if variable.deletion_protection {
                private_state.protected.insert(variable.key.clone());
            }
        }
        private_state
    }

    /// Returns whether the keys are protected. `None`: they differ, or there are none.
    pub(super) fn protection(&self) -> Option<bool> {
        match (self.protected.len(), self.revisions.len()) {
            (_, 0) => None,
            (0, _) => Some(false),
            (protected, all) => (protected == all).then_some(true),
        }
    }
}
