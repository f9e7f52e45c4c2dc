//! `kontraktor_secret_reference`: a key of an environment that refers to a secret in a vault.
//!
//! This file says which call does what; `model` derives the stored reference from the attributes.

mod model;
mod schema;

use async_trait::async_trait;
use kontraktor_proto::client::ClientError;
use kontraktor_proto::v1::{self, write_item};
use tfplugin_proto::value::AttributePath;

use self::model::State;
use super::conflict::OnConflict;
use super::environment_key::{self, CreateError};
use super::protection;
use crate::errors::{self, SecretRequest};
use crate::framework::{
    Attr, Context, Diagnostic, Diagnostics, Failure, PlanContext, Private, Resource, Schema,
};
use crate::key_kind::KeyKind;
use crate::locations;
use crate::session::{Session, SessionError};

/// The resource.
pub(crate) struct SecretReference;

fn check_destroy(prior: &State, replaced: bool) -> Diagnostics {
    environment_key::check_destroy(KeyKind::Reference, prior.id.text(), &prior.deletion_protection, replaced)
}

/// Returns the write operation for the planned state. A protection of `None` leaves the stored one unchanged.
fn put(
    planned: &State,
    create_missing: bool,
    deletion_protection: Option<bool>,
) -> Result<v1::Put, Diagnostic> {
    planned.effective()?;
    Ok(v1::Put {
        r#type: v1::ValueType::Unspecified.into(),
        content: Some(v1::put::Content::Reference(planned.url())),
        description: planned.description.text().to_owned(),
        create_missing,
        deletion_protection,
    })
}

/// Returns whether the planned reference must be verified before it is written.
fn needs_verification(prior: Option<&State>, planned: &State) -> bool {
    let on = |state: &State| state.verify == Attr::Known(true);
    on(planned) && prior.is_none_or(|prior| !on(prior) || !prior.has_same_reference(planned))
}

/// Has the daemon check that the secret can be read. `None`: it can, or the planned reference is not known.
async fn verification_error(
    session: &Session,
    planned: &State,
) -> Result<Option<(SecretRequest, SessionError)>, Diagnostic> {
    let Some(reference) = planned.effective()? else { return Ok(None) };
    let Err(error) = session.check_secret(&reference).await else { return Ok(None) };
    let request = SecretRequest {
        action: format!("verify secret reference {}", known_location(planned)),
        path: AttributePath::attribute("reference"),
    };
    Ok(Some((request, error)))
}

/// Formats the location with `?` for unknown parts.
fn known_location(planned: &State) -> String {
    let part = |part: &Attr<String>| part.known().cloned().unwrap_or_else(|| "?".to_owned());
    format!("{}/{}/{}", part(&planned.project), part(&planned.env), part(&planned.key))
}

/// Warns of a new reference to a vault that the daemon does not have. It accepts such a reference, because the vault may be
/// configured later.
async fn unknown_vault_warning(session: &Session, prior: Option<&State>, planned: &State) -> Diagnostics {
    if prior.is_some_and(|prior| prior.has_same_reference(planned)) {
        return Diagnostics::new();
    }
    let Ok(Some(reference)) = planned.effective() else { return Diagnostics::new() };
    let unknown = session.unknown_vault(&reference).await;
    let warning = unknown.map(|unknown| errors::unknown_vault(&known_location(planned), &unknown));
    warning.map(Diagnostics::from).unwrap_or_default()
}

/// Verifies the reference before a write. If that fails, nothing is written.
async fn verify(session: &Session, prior: Option<&State>, planned: &State) -> Result<(), Diagnostic> {
    if !needs_verification(prior, planned) {
        return Ok(());
    }
    match verification_error(session, planned).await? {
        Some((request, error)) => Err(errors::verification_failed(&request, &error, false)),
        None => Ok(()),
    }
}

#[async_trait]
impl Resource<Session> for SecretReference {
    type State = State;

    fn type_name(&self) -> &'static str {
        KeyKind::Reference.resource()
    }

    fn schema(&self) -> Schema {
        schema::schema()
    }

    fn validate(&self, config: &State) -> Diagnostics {
        // An invalid reference is reported by its own validator.
        let checked = AttributePath::attribute("reference");
        match config.effective() {
            Err(diagnostic) if diagnostic.path != Some(checked) && config.pin_version != Attr::from("") => {
                diagnostic.into()
            }
            Err(_) | Ok(_) => Diagnostics::new(),
        }
    }

    fn observe(&self, session: &Session, _private: &Private, state: &State, exists: bool) {
        protection::observe(session, self.type_name(), &state.id, &state.deletion_protection, exists);
    }

    fn refine(&self, planned: &mut State) {
        planned.vault = match planned.effective() {
            Ok(Some(reference)) => reference.vault().as_str().into(),
            _ => Attr::Unknown,
        };
    }

    async fn plan(
        &self,
        cx: &mut PlanContext<Session>,
        prior: Option<&State>,
        planned: &mut State,
        replaces: bool,
    ) -> Diagnostics {
        protection::plan_default(cx, &planned.on_conflict, &mut planned.deletion_protection, prior.is_none());
        if let (true, Some(prior)) = (replaces, prior) {
            // The new object is planned in a call of its own.
            return check_destroy(prior, true);
        }
        if prior.is_none() {
            let id = locations::id([&planned.project, &planned.env, &planned.key]);
            let diagnostics = environment_key::check_replacement(cx, KeyKind::Reference, id.text());
            if diagnostics.has_errors() {
                return diagnostics;
            }
        }
        if let Err(diagnostic) = planned.effective() {
            return diagnostic.into();
        }
        if let Some(prior) = prior.filter(|prior| prior.is_equivalent_to(planned)) {
            planned.revision = prior.revision.clone();
        }
        let Some(session) = &cx.session else { return Diagnostics::new() };
        if !needs_verification(prior, planned) {
            return unknown_vault_warning(session, prior, planned).await;
        }
        match verification_error(session, planned).await {
            Ok(None) => Diagnostics::new(),
            // Other errors say nothing about the secret; the apply checks again.
            Ok(Some((_, error))) if !matches!(error, SessionError::Client(ClientError::Refused(_))) => {
                Diagnostics::new()
            }
            Ok(Some((request, error))) => errors::verification_failed(&request, &error, true).into(),
            Err(diagnostic) => diagnostic.into(),
        }
    }

    async fn plan_destroy(&self, _cx: &mut PlanContext<Session>, prior: &State) -> Diagnostics {
        check_destroy(prior, false)
    }

    async fn create(&self, cx: &mut Context<Session>, mut planned: State) -> Result<State, Failure<State>> {
        let location = planned.location()?;
        let failed = |error| errors::request_failed(&format!("create secret reference {location}"), &error);
        let create_missing = cx.session.create_missing().map_err(failed)?;
        let overwrite =
            cx.session.on_conflict(&planned.on_conflict).map_err(failed)? == OnConflict::Overwrite;
        let put = put(&planned, create_missing, planned.deletion_protection.known().copied())?;
        verify(&cx.session, None, &planned).await?;
        planned.id = Attr::Known(location.to_string());
        match environment_key::create(&cx.session, &location, KeyKind::Reference, put, overwrite).await {
            Ok(created) => {
                if planned.deletion_protection.known().is_none() {
                    planned.deletion_protection = Attr::Known(created.protected);
                }
                planned.revision = Attr::Known(created.revision);
                Ok(planned)
            }
            Err(CreateError { error, protection }) => {
                let diagnostic =
                    environment_key::not_created(&location, KeyKind::Reference, create_missing, &error);
                planned.deletion_protection = protection.map_or(planned.deletion_protection, Attr::Known);
                let state = error.outcome_unknown().then_some(planned);
                Err(Failure { diagnostics: diagnostic.into(), state })
            }
        }
    }

    async fn read(&self, cx: &mut Context<Session>, state: State) -> Result<Option<State>, Diagnostics> {
        let location = state.location()?;
        let snapshot = cx.session.own_snapshot(&location.env).await;
        let snapshot = snapshot
            .map_err(|error| errors::request_failed(&format!("read secret reference {location}"), &error))?;
        let Some(snapshot) = snapshot else { return Ok(None) };
        let found = snapshot.reference(location.key.as_str());
        if let Some((variable, reference)) =
            found.and_then(|variable| variable.reference().map(|stored| (variable, stored)))
        {
            return Ok(Some(state.stored(&location, variable, reference)));
        }
        // Only an imported state has no reference. For all others the reference was deleted, even if a variable replaced it.
        let imported = state.reference.is_null() && snapshot.get(location.key.as_str()).is_some();
        if imported {
            Err(errors::import_of_other_kind(KeyKind::Reference, &location.to_string()).into())
        } else {
            Ok(None)
        }
    }

    async fn update(
        &self,
        cx: &mut Context<Session>,
        prior: State,
        mut planned: State,
    ) -> Result<State, Failure<State>> {
        let location = planned.location()?;
        verify(&cx.session, Some(&prior), &planned).await?;
        if prior.is_equivalent_to(&planned) {
            planned.revision = prior.revision;
            return Ok(planned);
        }
        let environment_key::Preconditions { create_missing, expect } =
            environment_key::preconditions(&cx.session, &location, &planned.on_conflict, &prior.revision)?;
        let left_out = cx.is_left_out(protection::ATTRIBUTE);
        let protection = planned.deletion_protection.known().copied().filter(|_| !left_out);
        let operation = write_item::Operation::Put(put(&planned, create_missing, protection)?);
        match cx.session.write(&location.env, environment_key::item(&location, operation, expect)).await {
            Ok(result) => {
                planned.revision = Attr::Known(result.revision);
                Ok(planned)
            }
            Err(error) => {
                Err(environment_key::not_updated(&location, KeyKind::Reference, &prior.revision, &error)
                    .into())
            }
        }
    }

    async fn delete(&self, cx: &mut Context<Session>, prior: State) -> Result<(), Diagnostics> {
        let location = prior.location()?;
        let failed = |error| errors::request_failed(&format!("delete secret reference {location}"), &error);
        let on_conflict = cx.session.on_conflict(&prior.on_conflict).map_err(failed)?;
        let expect = if on_conflict == OnConflict::Overwrite {
            None
        } else {
            environment_key::expected(&prior.revision)
        };
        environment_key::delete(&cx.session, &location, KeyKind::Reference, &prior.revision, expect).await
    }

    fn import(&self, id: &str) -> Result<State, Diagnostics> {
        let location = environment_key::import(id)?;
        Ok(State {
            id: id.into(),
            project: location.env.project.as_str().into(),
            env: location.env.env.as_str().into(),
            key: location.key.as_str().into(),
            ..State::default()
        })
    }
}
