//! The state of `kontraktor_secret_reference`, and the reference that is stored for it.

use kontraktor_model::reference::Reference;
use kontraktor_proto::v1;

use crate::{
    framework::{Attr, Diagnostic},
    locations::{self, VariableLocation},
    model,
    resources::lifecycle::stored_description,
    validators,
};

model! {
    /// A secret reference in state.
    pub(crate) struct State {
        /// `project/env/key`.
        id: String,
        /// The project.
        project: String,
        /// The environment's name inside the project.
        env: String,
        /// The key inside the environment.
        key: String,
        /// The reference as the author wrote it.
        reference: String,
        /// The version that it is pinned to.
        pin_version: String,
        /// Whether it is verified before it is written.
        verify: bool,
        /// Its description.
        description: String,
        /// Whether the daemon refuses to delete it.
        deletion_protection: bool,
        /// What to do when it was changed outside of the plan.
        on_conflict: String,
        /// The environment's revision at which this key was last written.
        revision: u64,
        /// The vault's name in the daemon's configuration.
        vault: String,
    }
}

/// Reports a `pin_version` that does not fit the reference.
fn invalid_pin(detail: String) -> Diagnostic {
    Diagnostic::error("Invalid pin_version", detail).at("pin_version")
}

/// Returns the reference pinned to the version.
fn pinned(reference: &Reference, version: &str) -> Result<Reference, Diagnostic> {
    match reference.secret().pinned_version() {
        Some(own) if own != version => Err(invalid_pin(
            "The reference already names a version, and pin_version differs from it. Remove the version from the \
             reference, or remove pin_version."
                .to_owned(),
        )),
        Some(_) => Ok(reference.clone()),
        None => reference.at_version(version).map_err(|error| {
            // The column would refer to a text that the author did not write.
            let message = error.to_string();
            let reason = message.split_once(": ").map_or(message.as_str(), |(_, reason)| reason);
            invalid_pin(format!("With pin_version as the version of the reference, {reason}."))
        }),
    }
}

impl State {
    pub(super) fn location(&self) -> Result<VariableLocation, Diagnostic> {
        locations::variable(&self.project, &self.env, &self.key)
    }

    /// Returns the reference that is stored, if it is known.
    pub(super) fn effective(&self) -> Result<Option<Reference>, Diagnostic> {
        let (Some(text), false) = (self.reference.known(), self.pin_version.is_unknown()) else {
            return Ok(None);
        };
        let invalid = |message| Diagnostic::error("Invalid reference", message).at("reference");
        let reference = validators::parse_reference(text).map_err(invalid)?;
        match self.pin_version.known() {
            Some(version) => pinned(&reference, version).map(Some),
            None => Ok(Some(reference)),
        }
    }

    /// Returns whether both states store the same reference.
    pub(super) fn has_same_reference(&self, other: &Self) -> bool {
        match (self.effective(), other.effective()) {
            (Ok(Some(ours)), Ok(Some(theirs))) => ours == theirs,
            // A scheme that this provider does not know is compared as text.
            _ => {
                self.reference.known().is_some()
                    && self.reference == other.reference
                    && self.pin_version == other.pin_version
            }
        }
    }

    /// Returns whether updating to `other` would change nothing that is stored.
    pub(super) fn is_equivalent_to(&self, other: &Self) -> bool {
        self.has_same_reference(other)
            && !other.description.is_unknown()
            && self.description.text() == other.description.text()
            && self.deletion_protection == other.deletion_protection
    }

    /// Returns the stored reference as text, or the configured text if there is no valid reference.
    pub(super) fn url(&self) -> String {
        match self.effective() {
            Ok(Some(reference)) => reference.to_string(),
            _ => self.reference.text().to_owned(),
        }
    }

    /// Returns the state for the stored reference, with the author's own spelling if that is equivalent.
    pub(super) fn stored(
        self,
        location: &VariableLocation,
        variable: &v1::Variable,
        stored: &v1::SecretReference,
    ) -> Self {
        let (reference, pin_version) = self.spelled(&stored.url);
        Self {
            id: Attr::Known(location.to_string()),
            project: location.env.project.as_str().into(),
            env: location.env.env.as_str().into(),
            key: location.key.as_str().into(),
            reference,
            pin_version,
            // An imported state does not know it, and the default is off.
            verify: Attr::Known(self.verify == Attr::Known(true)),
            description: stored_description(&self.description, &variable.description),
            deletion_protection: Attr::Known(variable.deletion_protection),
            on_conflict: self.on_conflict,
            revision: Attr::Known(variable.revision),
            vault: stored.vault.as_str().into(),
        }
    }

    /// Returns `reference` and `pin_version` for a stored reference. The author's text is kept if only the version changed.
    fn spelled(&self, url: &str) -> (Attr<String>, Attr<String>) {
        let as_stored = (url.into(), Attr::Null);
        let (Ok(stored), Some(text)) = (url.parse::<Reference>(), self.reference.known()) else {
            return as_stored;
        };
        if self.effective().is_ok_and(|held| held.as_ref() == Some(&stored)) {
            return (self.reference.clone(), self.pin_version.clone());
        }
        let version = stored.secret().pinned_version().filter(|_| self.pin_version.known().is_some());
        let Some(version) = version else { return as_stored };
        let held = text.parse::<Reference>().ok().filter(|held| held.secret().pinned_version().is_none());
        let moved = held.and_then(|held| held.at_version(version).ok()).is_some_and(|moved| moved == stored);
        if moved {
            (self.reference.clone(), Attr::Known(version.to_owned()))
        } else {
            (Attr::Known(stored.unpinned().to_string()), Attr::Known(version.to_owned()))
        }
    }
}
