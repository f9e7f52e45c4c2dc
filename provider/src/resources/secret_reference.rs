//! `kontraktor_secret_reference`: a key of an environment that refers to a secret in a vault.
//!
//! A plan is a promise, as with `kontraktor_variable`. This file says which call does what; what the author's words come to
//! is in `model`.

mod model;
mod schema;

use async_trait::async_trait;
use kontraktor_proto::client::ClientError;
use kontraktor_proto::v1::{self, write_item};
use tfplugin_proto::value::AttributePath;

use self::model::State;
use super::conflict::OnConflict;
use super::own_key::{self, NotCreated};
use super::protection;
use crate::framework::{Attr, Context, Diagnostic, Diagnostics, Failure, PlanContext, Resource, Schema};
use crate::messages::{self, Asked, Kind};
use crate::session::{Session, Trouble};

/// The resource.
pub(crate) struct SecretReference;

fn refuse(prior: &State, replaced: bool) -> Diagnostics {
    own_key::refuse(Kind::Reference, prior.id.text(), &prior.deletion_protection, replaced)
}

/// The put of what is planned. Protection that is `None` stays as it is.
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

/// Whether what is planned must resolve before it is written.
fn is_to_be_verified(prior: Option<&State>, planned: &State) -> bool {
    let on = |state: &State| state.verify == Attr::Known(true);
    on(planned) && prior.is_none_or(|prior| !on(prior) || !prior.refers_to_the_same(planned))
}

/// Has the daemon check that the secret can be read. `None`: it can, or what is planned is not known.
async fn verified(session: &Session, planned: &State) -> Result<Option<(Asked, Trouble)>, Diagnostic> {
    let Some(reference) = planned.effective()? else { return Ok(None) };
    let Err(trouble) = session.check_secret(&reference).await else { return Ok(None) };
    let asked = Asked {
        doing: format!("verify the secret reference {}", places(planned)),
        reference: reference.to_string(),
        path: AttributePath::attribute("reference"),
    };
    Ok(Some((asked, trouble)))
}

/// The place as far as it is known.
fn places(planned: &State) -> String {
    let part = |part: &Attr<String>| part.known().cloned().unwrap_or_else(|| "?".to_owned());
    format!("{}/{}/{}", part(&planned.project), part(&planned.env), part(&planned.key))
}

/// The check before a write: nothing is written where it fails.
async fn verify(session: &Session, prior: Option<&State>, planned: &State) -> Result<(), Diagnostic> {
    if !is_to_be_verified(prior, planned) {
        return Ok(());
    }
    match verified(session, planned).await? {
        Some((asked, trouble)) => Err(messages::verification(&asked, &trouble, false)),
        None => Ok(()),
    }
}

#[async_trait]
impl Resource<Session> for SecretReference {
    type State = State;

    fn type_name(&self) -> &'static str {
        Kind::Reference.resource()
    }

    fn schema(&self) -> Schema {
        schema::schema()
    }

    fn validate(&self, config: &State) -> Diagnostics {
        // What is none by itself has the message of its own check.
        let checked = AttributePath::attribute("reference");
        match config.effective() {
            Err(diagnostic) if diagnostic.path != Some(checked) && config.pin_version != Attr::from("") => {
                diagnostic.into()
            }
            Err(_) | Ok(_) => Diagnostics::new(),
        }
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
        protection::plan_left_out(
            cx,
            &planned.on_conflict,
            &mut planned.deletion_protection,
            prior.is_none(),
        );
        if let (true, Some(prior)) = (replaces, prior) {
            // The new object is asked about when the host plans it.
            return refuse(prior, true);
        }
        if let Err(diagnostic) = planned.effective() {
            return diagnostic.into();
        }
        if let Some(prior) = prior.filter(|prior| prior.means_the_same(planned)) {
            planned.revision = prior.revision.clone();
        }
        let Some(session) = cx.session.as_ref().filter(|_| is_to_be_verified(prior, planned)) else {
            return Diagnostics::new();
        };
        match verified(session, planned).await {
            Ok(None) => Diagnostics::new(),
            // A daemon that cannot be asked says nothing about the secret; the apply finds out.
            Ok(Some((_, trouble))) if !matches!(trouble, Trouble::Client(ClientError::Refused(_))) => {
                Diagnostics::new()
            }
            Ok(Some((asked, trouble))) => messages::verification(&asked, &trouble, true).into(),
            Err(diagnostic) => diagnostic.into(),
        }
    }

    async fn plan_destroy(&self, _cx: &mut PlanContext<Session>, prior: &State) -> Diagnostics {
        refuse(prior, false)
    }

    async fn create(&self, cx: &mut Context<Session>, mut planned: State) -> Result<State, Failure<State>> {
        let place = planned.place()?;
        let failed = |trouble| messages::failed(&format!("create {place}"), &trouble);
        let create_missing = cx.session.create_missing().map_err(failed)?;
        let overwrite =
            cx.session.on_conflict(&planned.on_conflict).map_err(failed)? == OnConflict::Overwrite;
        let put = put(&planned, create_missing, planned.deletion_protection.known().copied())?;
        verify(&cx.session, None, &planned).await?;
        planned.id = Attr::Known(place.to_string());
        match own_key::create(&cx.session, &place, Kind::Reference, put, overwrite).await {
            Ok(created) => {
                if planned.deletion_protection.known().is_none() {
                    planned.deletion_protection = Attr::Known(created.protected);
                }
                planned.revision = Attr::Known(created.revision);
                Ok(planned)
            }
            Err(NotCreated { trouble, kept }) => {
                let told = own_key::not_created(&place, Kind::Reference, create_missing, &trouble);
                planned.deletion_protection = kept.map_or(planned.deletion_protection, Attr::Known);
                let state = trouble.outcome_unknown().then_some(planned);
                Err(Failure { diagnostics: told.into(), state })
            }
        }
    }

    async fn read(&self, cx: &mut Context<Session>, state: State) -> Result<Option<State>, Diagnostics> {
        let place = state.place()?;
        let snapshot = cx.session.own(&place.env).await;
        let snapshot = snapshot.map_err(|trouble| messages::failed(&format!("read {place}"), &trouble))?;
        let Some(snapshot) = snapshot else { return Ok(None) };
        let found = snapshot.reference(place.key.as_str());
        if let Some((variable, reference)) =
            found.and_then(|variable| variable.reference().map(|stored| (variable, stored)))
        {
            return Ok(Some(state.stored(&place, variable, reference)));
        }
        // Only an import knows no reference. For all others it is gone, whatever took its place.
        let imports = state.reference.is_null() && snapshot.get(place.key.as_str()).is_some();
        if imports { Err(Kind::Reference.imports_other(&place.to_string()).into()) } else { Ok(None) }
    }

    async fn update(
        &self,
        cx: &mut Context<Session>,
        prior: State,
        mut planned: State,
    ) -> Result<State, Failure<State>> {
        let place = planned.place()?;
        verify(&cx.session, Some(&prior), &planned).await?;
        if prior.means_the_same(&planned) {
            planned.revision = prior.revision;
            return Ok(planned);
        }
        let own_key::Terms { create_missing, expect } =
            own_key::terms(&cx.session, &place, &planned.on_conflict, &prior.revision)?;
        let left_out = cx.is_left_out(protection::ATTRIBUTE);
        let protection = planned.deletion_protection.known().copied().filter(|_| !left_out);
        let operation = write_item::Operation::Put(put(&planned, create_missing, protection)?);
        match cx.session.write(&place.env, own_key::item(&place, operation, expect)).await {
            Ok(result) => {
                planned.revision = Attr::Known(result.revision);
                Ok(planned)
            }
            Err(trouble) => {
                let (from, to) = (prior.url(), planned.url());
                let (from, to) = (prior.side(&from), planned.side(&to));
                Err(own_key::not_updated(&place, Kind::Reference, &from, &to, &trouble).into())
            }
        }
    }

    async fn delete(&self, cx: &mut Context<Session>, prior: State) -> Result<(), Diagnostics> {
        let place = prior.place()?;
        let failed = |trouble| messages::failed(&format!("delete {place}"), &trouble);
        let on_conflict = cx.session.on_conflict(&prior.on_conflict).map_err(failed)?;
        let expect =
            if on_conflict == OnConflict::Overwrite { None } else { own_key::expected(&prior.revision) };
        own_key::delete(&cx.session, &place, &prior.side(&prior.url()), expect).await
    }

    fn import(&self, id: &str) -> Result<State, Diagnostics> {
        let place = own_key::import(id)?;
        Ok(State {
            id: id.into(),
            project: place.env.project.as_str().into(),
            env: place.env.env.as_str().into(),
            key: place.key.as_str().into(),
            ..State::default()
        })
    }
}
