//! `kontraktor_role_binding`: a role that a subject has on what a pattern matches.
//!
//! A binding has nothing that could change: every attribute is part of what it is.

use async_trait::async_trait;
use kontraktor_model::access::{AccessError, Pattern, Role, Subject};
use kontraktor_proto::v1;
use tfplugin_proto::value::{Type, Value};

use super::{
    conflict::{OnConflict, on_conflict_attribute},
    lifecycle::{not_changed, not_created},
};
use crate::{
    errors,
    framework::{Attr, Attribute, Context, Diagnostic, Diagnostics, Failure, Resource, Schema},
    model,
    session::{Session, SessionError},
};

model! {
    /// A binding in state.
    pub(crate) struct State {
        /// `role pattern subject`.
        id: String,
        /// The role.
        role: String,
        /// Who has it.
        subject: String,
        /// On what.
        pattern: String,
        /// What to do when it exists already.
        on_conflict: String,
    }
}

/// The resource.
pub(crate) struct RoleBinding;

struct Binding {
    role: Role,
    subject: Subject,
    pattern: Pattern,
}

/// Roles and patterns contain no space, so that everything after the second one is the subject.
impl std::fmt::Display for Binding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {}", self.role, self.pattern, self.subject)
    }
}

impl Binding {
    fn role(&self) -> i32 {
        v1::Role::from(self.role).into()
    }

    /// Returns the binding in words.
    fn describe(&self) -> String {
        format!("role {} of {} on {}", self.role, self.subject, self.pattern)
    }
}

impl State {
    fn binding(&self) -> Result<Binding, Diagnostic> {
        let invalid = |error: AccessError| {
            Diagnostic::error(format!("Invalid {}", error.field()), describe(&error)).at(error.field())
        };
        Ok(Binding {
            role: self.role.text().parse().map_err(invalid)?,
            subject: self.subject.text().parse().map_err(invalid)?,
            pattern: self.pattern.text().parse().map_err(invalid)?,
        })
    }
}

fn describe(error: &AccessError) -> String {
    format!("{} {}", errors::sentence(&error.to_string()), errors::sentence(error.remedy()))
}

fn check<T: std::str::FromStr<Err = AccessError>>(value: &Value) -> Result<(), String> {
    let parsed = value.as_str().unwrap_or_default().parse::<T>();
    parsed.map(|_| ()).map_err(|error| describe(&error))
}

/// Grants the role, and returns whether it was granted before, and the warnings.
async fn grant(session: &Session, binding: &Binding) -> Result<(bool, Vec<String>), SessionError> {
    let request = v1::GrantRoleRequest {
        role: binding.role(),
        subject: binding.subject.to_string(),
        pattern: binding.pattern.to_string(),
    };
    let response = session.client()?.grant_role(request).await?;
    Ok((!response.created, response.warnings))
}

async fn get(session: &Session, binding: &Binding) -> Result<v1::RoleBinding, SessionError> {
    let request = v1::GetRoleBindingRequest {
        role: binding.role(),
        subject: binding.subject.to_string(),
        pattern: binding.pattern.to_string(),
    };
    Ok(session.client()?.get_role_binding(request).await?)
}

async fn revoke(session: &Session, binding: &Binding) -> Result<(), SessionError> {
    let request = v1::RevokeRoleRequest {
        role: binding.role(),
        subject: binding.subject.to_string(),
        pattern: binding.pattern.to_string(),
    };
    session.client()?.revoke_role(request).await?;
    Ok(())
}

#[async_trait]
impl Resource<Session> for RoleBinding {
    type State = State;

    fn type_name(&self) -> &'static str {
        "kontraktor_role_binding"
    }

    fn schema(&self) -> Schema {
        Schema::new(
            "Manages a role binding: a role that an actor, a group or a service account has on projects and \
             environments.\n\nRequires the scope `admin` and the role `owner` on everything that the pattern matches. The \
             daemon refuses to revoke the role `owner` on `*` from its last subject.",
            vec![
                Attribute::required(
                    "role",
                    Type::String,
                    "The role: `viewer` reads environments, their variables and history; `editor` also writes them; \
                     `secret-reader` reads as a viewer and receives secrets; `owner` does all of this, and grants and \
                     revokes roles. Changing this forces a new resource to be created.",
                )
                .requires_replace()
                .validator(check::<Role>),
                Attribute::required(
                    "subject",
                    Type::String,
                    "Who has the role: `service-account:NAME`, `group:ISSUER:GROUP`, or an actor as the audit log shows it, \
                     such as `unix:ada` or `ISSUER:SUBJECT`. Changing this forces a new resource to be created.",
                )
                .requires_replace()
                .validator(check::<Subject>),
                Attribute::required(
                    "pattern",
                    Type::String,
                    "What the role is about: `*` (everything, the daemon itself too), `PROJECT/*` (a project, its schemas \
                     and its environments), `*/ENV` (the environments of this name in every project), or `PROJECT/ENV`. A \
                     pattern that matches nothing yet is allowed, with a warning. Changing this forces a new resource to be \
                     created.",
                )
                .requires_replace()
                .validator(check::<Pattern>),
                on_conflict_attribute(),
                Attribute::computed("id", Type::String, "The binding's ID, `role pattern subject`."),
            ],
        )
    }

    fn refine(&self, planned: &mut State) {
        let parts = [&planned.role, &planned.pattern, &planned.subject];
        planned.id = if parts.iter().all(|part| part.known().is_some()) {
            parts.map(Attr::text).join(" ").as_str().into()
        } else {
            Attr::Unknown
        };
    }

    async fn create(&self, cx: &mut Context<Session>, planned: State) -> Result<State, Failure<State>> {
        let binding = planned.binding()?;
        let failed = |error: &SessionError| {
            let (diagnostic, may_exist) =
                not_created("role binding", self.type_name(), &binding.to_string(), error);
            Failure { diagnostics: diagnostic.into(), state: may_exist.then(|| planned.clone()) }
        };
        let overwrite = cx.session.on_conflict(&planned.on_conflict).map_err(|error| failed(&error))?
            == OnConflict::Overwrite;
        let (existed, warnings) = grant(&cx.session, &binding).await.map_err(|error| failed(&error))?;
        if existed && !overwrite {
            let message = format!("the {} was granted before", binding.describe());
            return Err(errors::already_exists(self.type_name(), &binding.to_string(), &message).into());
        }
        for warning in warnings {
            cx.warnings.push(
                Diagnostic::warning("Role binding has no effect yet", errors::sentence(&warning))
                    .at("pattern"),
            );
        }
        Ok(planned)
    }

    async fn read(&self, cx: &mut Context<Session>, state: State) -> Result<Option<State>, Diagnostics> {
        let binding = state.binding()?;
        match get(&cx.session, &binding).await {
            Ok(_) => Ok(Some(State { id: Attr::Known(binding.to_string()), ..state })),
            Err(error) if errors::is_not_found(&error) => Ok(None),
            Err(error) => {
                Err(errors::request_failed(&format!("read the {}", binding.describe()), &error).into())
            }
        }
    }

    /// Only `on_conflict` can change, which says how the next create writes.
    async fn update(
        &self,
        _cx: &mut Context<Session>,
        _prior: State,
        planned: State,
    ) -> Result<State, Failure<State>> {
        Ok(planned)
    }

    async fn delete(&self, cx: &mut Context<Session>, prior: State) -> Result<(), Diagnostics> {
        let binding = prior.binding()?;
        match revoke(&cx.session, &binding).await {
            Ok(()) => Ok(()),
            Err(error) if errors::is_not_found(&error) => Ok(()),
            Err(error) => Err(not_changed(&format!("revoke the {}", binding.describe()), &error).into()),
        }
    }

    fn import(&self, id: &str) -> Result<State, Diagnostics> {
        let mut parts = id.splitn(3, ' ');
        let (Some(role), Some(pattern), Some(subject)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(Diagnostic::error(
                "Invalid import ID",
                format!(
                    "The import ID {id:?} has too few parts. Use the form \"ROLE PATTERN SUBJECT\", with one space between \
                     the parts, such as \"editor infra-demo/* service-account:ci\"."
                ),
            )
            .into());
        };
        let state = State {
            id: id.into(),
            role: role.into(),
            subject: subject.into(),
            pattern: pattern.into(),
            ..State::default()
        };
        match state.binding() {
            Ok(_) => Ok(state),
            Err(error) => Err(Diagnostic::error(
                "Invalid import ID",
                format!("The import ID {id:?} cannot be used. {}", error.detail),
            )
            .into()),
        }
    }
}
