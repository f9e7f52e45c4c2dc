//! What a bulk resource remembers beside its attributes: the revision of each key, on which the next plan rests, and
//! which keys are protected where they differ. As attributes they would make every plan noisy.

use std::collections::{BTreeMap, BTreeSet};

use kontraktor_proto::v1;

use crate::framework::{Diagnostic, Private};

const REVISIONS: &str = "revisions";
const PROTECTED: &str = "protected";

/// The contents of the private state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Remembered {
    /// The revision of each key as it was last read or written. A key without one is that of a write whose answer was
    /// lost: nothing is promised of it.
    pub(super) revisions: BTreeMap<String, u64>,
    /// The keys whose deletion is refused; kept only where `deletion_protection` cannot say it for all.
    pub(super) protected: BTreeSet<String>,
}

impl Remembered {
    pub(super) fn load(private: &Private) -> Result<Self, Diagnostic> {
        let read = || -> serde_json::Result<Self> {
            let revisions = private.get(REVISIONS).map(serde_json::from_str).transpose()?;
            let protected = private.get(PROTECTED).map(serde_json::from_str).transpose()?;
            Ok(Self { revisions: revisions.unwrap_or_default(), protected: protected.unwrap_or_default() })
        };
        read().map_err(|_| {
            Diagnostic::error(
                "The private state cannot be read",
                "What the state keeps of the revisions of these variables is not what this provider writes. Remove the \
                 object with `terraform state rm` and import it again.",
            )
        })
    }

    pub(super) fn store(&self, private: &mut Private) {
        const ALWAYS: &str = "maps and sets of texts are always JSON";
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

    /// What is to be remembered of these variables.
    pub(super) fn of<'a>(variables: impl Iterator<Item = &'a v1::Variable>) -> Self {
        let mut remembered = Self::default();
        for variable in variables {
            remembered.revisions.insert(variable.key.clone(), variable.revision);
            if variable.deletion_protection {
                remembered.protected.insert(variable.key.clone());
            }
        }
        remembered
    }

    /// Whether deleting them is refused: all of them, or none. `None`: they differ, or there is none to ask.
    pub(super) fn protection(&self) -> Option<bool> {
        match (self.protected.len(), self.revisions.len()) {
            (_, 0) => None,
            (0, _) => Some(false),
            (protected, all) => (protected == all).then_some(true),
        }
    }
}
