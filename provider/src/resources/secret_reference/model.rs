//! The state of `kontraktor_secret_reference`: what the author wrote, and the one reference that it comes to.

use kontraktor_model::reference::Reference;
use kontraktor_proto::v1;

use crate::{
    framework::{Attr, Diagnostic},
    messages::{Kind, Side},
    model,
    places::{self, Place},
    resources::stored_description,
    rules,
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
        /// Whether it must resolve before it is written.
        verify: bool,
        /// What it is for.
        description: String,
        /// Whether the daemon refuses to delete it.
        deletion_protection: bool,
        /// What happens where someone else wrote in between.
        on_conflict: String,
        /// The environment's revision at which this key was last written.
        revision: u64,
        /// The vault's name in the daemon's configuration.
        vault: String,
    }
}

/// What is told of a pin that does not fit.
fn bad_pin(detail: String) -> Diagnostic {
    Diagnostic::error("Invalid pin_version", detail).at("pin_version")
}

/// What a reference comes to where it is pinned.
fn pinned(reference: &Reference, version: &str) -> Result<Reference, Diagnostic> {
    match reference.secret().pinned_version() {
        Some(own) if own != version => Err(bad_pin(
            "The reference names a version itself, and pin_version is another. Leave the version out of the reference, or \
             leave pin_version out."
                .to_owned(),
        )),
        Some(_) => Ok(reference.clone()),
        None => reference.at_version(version).map_err(|error| {
            // The column would be that of a text which the author did not write.
            let told = error.to_string();
            let fault = told.split_once(": ").map_or(told.as_str(), |(_, fault)| fault);
            bad_pin(format!("With pin_version as the version of the reference, {fault}."))
        }),
    }
}

impl State {
    pub(super) fn place(&self) -> Result<Place, Diagnostic> {
        places::variable(&self.project, &self.env, &self.key)
    }

    /// The reference that is stored, where it is known.
    pub(super) fn effective(&self) -> Result<Option<Reference>, Diagnostic> {
        let (Some(text), false) = (self.reference.known(), self.pin_version.is_unknown()) else {
            return Ok(None);
        };
        let invalid = |message| Diagnostic::error("Invalid reference", message).at("reference");
        let reference = rules::parse_reference(text).map_err(invalid)?;
        match self.pin_version.known() {
            Some(version) => pinned(&reference, version).map(Some),
            None => Ok(Some(reference)),
        }
    }

    /// Whether both come to the same reference.
    pub(super) fn refers_to_the_same(&self, other: &Self) -> bool {
        match (self.effective(), other.effective()) {
            (Ok(Some(ours)), Ok(Some(theirs))) => ours == theirs,
            // A scheme that is newer than this provider is compared as it is written.
            _ => {
                self.reference.known().is_some()
                    && self.reference == other.reference
                    && self.pin_version == other.pin_version
            }
        }
    }

    /// Whether nothing that is stored would change.
    pub(super) fn means_the_same(&self, other: &Self) -> bool {
        self.refers_to_the_same(other)
            && !other.description.is_unknown()
            && self.description.text() == other.description.text()
            && self.deletion_protection == other.deletion_protection
    }

    /// One side of a conflict. `url` is what the reference comes to.
    pub(super) fn side<'a>(&'a self, url: &'a str) -> Side<'a> {
        Side {
            value: url,
            value_type: Kind::Reference.noun(),
            description: self.description.text(),
            protected: self.deletion_protection.known() == Some(&true),
        }
    }

    /// What the reference comes to, as text; the author's where it comes to nothing.
    pub(super) fn url(&self) -> String {
        match self.effective() {
            Ok(Some(reference)) => reference.to_string(),
            _ => self.reference.text().to_owned(),
        }
    }

    /// The state for what is stored, in the author's words where they mean it.
    pub(super) fn stored(self, place: &Place, variable: &v1::Variable, stored: &v1::SecretReference) -> Self {
        let (reference, pin_version) = self.spelled(&stored.url);
        Self {
            id: Attr::Known(place.to_string()),
            project: place.env.project.as_str().into(),
            env: place.env.env.as_str().into(),
            key: place.key.as_str().into(),
            reference,
            pin_version,
            // An import knows nothing of it, and left out is off.
            verify: Attr::Known(self.verify == Attr::Known(true)),
            description: stored_description(&self.description, &variable.description),
            deletion_protection: Attr::Known(variable.deletion_protection),
            on_conflict: self.on_conflict,
            revision: Attr::Known(variable.revision),
            vault: stored.vault.as_str().into(),
        }
    }

    /// Reference and pin for what is stored: the author's text stays while only the pin moved.
    fn spelled(&self, url: &str) -> (Attr<String>, Attr<String>) {
        let as_it_is = (url.into(), Attr::Null);
        let (Ok(stored), Some(text)) = (url.parse::<Reference>(), self.reference.known()) else {
            return as_it_is;
        };
        if self.effective().is_ok_and(|held| held.as_ref() == Some(&stored)) {
            return (self.reference.clone(), self.pin_version.clone());
        }
        let version = stored.secret().pinned_version().filter(|_| self.pin_version.known().is_some());
        let Some(version) = version else { return as_it_is };
        let held = text.parse::<Reference>().ok().filter(|held| held.secret().pinned_version().is_none());
        let moved = held.and_then(|held| held.at_version(&version).ok()).is_some_and(|moved| moved == stored);
        if moved {
            (self.reference.clone(), Attr::Known(version))
        } else {
            (Attr::Known(stored.unpinned().to_string()), Attr::Known(version))
        }
    }
}
