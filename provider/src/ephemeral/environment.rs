//! Ephemeral `kontraktor_environment`: all variables and secrets of an environment, for the duration of one walk.

use std::{collections::BTreeMap, time::SystemTime};

use async_trait::async_trait;
use kontraktor_model::{limits::MAX_LISTED_NAMES, names::EnvPath};
use kontraktor_proto::v1::ProblemCode;
use tfplugin_proto::value::{AttributePath, Type};
use unicode_normalization::is_nfc;

use super::holds;
use crate::{
    errors::{self, SecretRequest},
    framework::{
        Attr, Attribute, Context, Diagnostic, Diagnostics, EphemeralResource, OpenResult, Schema, Sensitive,
    },
    locations, model, point_in_time, secret_target,
    session::{ReadEnvironmentError, Secret, Session, SessionError, Snapshot, UnresolvedSecret, View},
    validators,
};

type Texts = BTreeMap<String, Attr<String>>;
type Secrets = BTreeMap<String, Attr<Sensitive>>;

model! {
    /// The ephemeral resource's arguments and results.
    pub(crate) struct Model {
        /// The project.
        project: String,
        /// The environment's name inside the project.
        env: String,
        /// The prefix of the keys.
        prefix: String,
        /// Whether to leave out imported variables.
        own_only: bool,
        /// The point in time.
        at: String,
        /// Plain values by key.
        variables: Texts,
        /// The secrets as text, by key.
        secrets: Secrets,
        /// The secrets that are not valid UTF-8, as base64, by key.
        secrets_base64: Secrets,
        /// Variables and secrets.
        all: Secrets,
        /// The vaults' identifiers of the versions, by key.
        versions: Texts,
        /// The environment's own revision.
        revision: u64,
    }
}

/// The ephemeral resource.
pub(crate) struct Environment;

/// Reports why the environment cannot be opened: one diagnostic for the request, or one for each secret.
fn open_error(path: &EnvPath, error: ReadEnvironmentError, at: bool) -> Diagnostics {
    let unresolved = match error {
        ReadEnvironmentError::Session(error) => return request_error(path, &error, at).into(),
        ReadEnvironmentError::Secrets(unresolved) => unresolved,
    };
    let more = unresolved.len().saturating_sub(MAX_LISTED_NAMES);
    let mut diagnostics = Diagnostics::new();
    for UnresolvedSecret { key, error } in unresolved.into_iter().take(MAX_LISTED_NAMES) {
        let request = SecretRequest {
            action: format!("read secret {path}/{key}"),
            path: AttributePath::attribute("env"),
        };
        diagnostics
            .push(Diagnostic { path: Some(request.path.clone()), ..errors::secret_error(&request, &error) });
    }
    if more > 0 {
        let detail = format!(
            "They concern other secrets of {path}. At most {MAX_LISTED_NAMES} errors are shown at once."
        );
        diagnostics.push(Diagnostic::error(format!("{more} more errors"), detail).at("env"));
    }
    diagnostics
}

fn request_error(path: &EnvPath, error: &SessionError, at: bool) -> Diagnostic {
    let mut diagnostic = errors::request_failed(&format!("read environment {path} with its secrets"), error);
    if error.is(ProblemCode::NotFound) {
        if at {
            // It may exist now, and not have existed at that time.
            return diagnostic.at("at");
        }
        diagnostic.path = diagnostic.path.or_else(|| Some(AttributePath::attribute("env")));
        diagnostic.detail.push_str(
            "\n\nIf this configuration creates the environment: Terraform opens an ephemeral resource as soon as its \
             arguments are known, even during a plan, and depends_on does not delay that. Derive an argument from the id of \
             a kontraktor_secret_reference, which is unknown until the reference is created, so that Terraform waits:\n\n  \
             env = split(\"/\", kontraktor_secret_reference.NAME.id)[1]",
        );
    }
    diagnostic
}

/// Returns the plain variables.
fn plain(path: &EnvPath, snapshot: &Snapshot) -> Result<Texts, Diagnostic> {
    let values = snapshot.variables().map(|variable| {
        let (_, value) = locations::content(variable, &format_args!("{path}/{}", variable.key))?;
        Ok((variable.key.clone(), value.into()))
    });
    values.collect()
}

/// Returns the warnings about secrets that were read.
fn warnings(path: &EnvPath, secrets: &[Secret]) -> Diagnostics {
    let mut warnings = Diagnostics::new();
    for secret in secrets {
        if let Some(warning) = secret_target::stale(&format!("{path}/{}", secret.key), secret) {
            warnings.push(warning.at("env"));
        }
    }
    let not_normalized: Vec<&str> = secrets
        .iter()
        .filter(|secret| secret_target::text(secret).is_some_and(|text| !is_nfc(text)))
        .map(|secret| secret.key.as_str())
        .collect();
    if !not_normalized.is_empty() {
        warnings.push(
            Diagnostic::warning(
                "Secret text is not normalized",
                format!(
                    "Terraform stores strings in Unicode normalization form C (NFC), and these secrets of {path} are not in \
                     that form, so they differ from what the vault holds: {}. Read them with value_base64 of ephemeral \
                     kontraktor_secret, or store them in that form.",
                    not_normalized.join(", ")
                ),
            )
            .at("env"),
        );
    }
    warnings
}

#[async_trait]
impl EphemeralResource<Session> for Environment {
    type Model = Model;

    fn type_name(&self) -> &'static str {
        "kontraktor_environment"
    }

    fn schema(&self) -> Schema {
        Schema::new(
            "Reads all variables and secrets of an environment at one point in time. The values of secrets are stored in \
             neither the state nor a plan.\n\nEvery secret reference is resolved; if any of them cannot be, the resource \
             fails with an error for each. Leases are renewed while Terraform needs them and revoked afterwards, as with \
             ephemeral `kontraktor_secret`. The secrets of one environment can be up to 16 MiB in size together. Requires \
             Terraform 1.10 or OpenTofu 1.11.",
            vec![
                Attribute::required("project", Type::String, "The project's name.")
                    .validator(validators::project),
                Attribute::required("env", Type::String, "The environment's name inside the project.")
                    .validator(validators::env),
                Attribute::optional(
                    "prefix",
                    Type::String,
                    "The prefix of the keys to read. Other secrets are not resolved. The returned keys include the prefix. \
                     Defaults to all keys.",
                ),
                Attribute::optional(
                    "own_only",
                    Type::Bool,
                    "Whether to leave out imported variables. Defaults to `false`.",
                ),
                point_in_time::attribute(
                    "The point in time to read: a revision of the environment, such as `12`, or an RFC 3339 time. Secrets \
                     are read in the versions of that time, if the vault still has them. Defaults to now.",
                ),
                Attribute::computed(
                    "variables",
                    Type::map(Type::String),
                    "The values of the plain variables by key, as text in canonical form.",
                ),
                Attribute::computed(
                    "secrets",
                    Type::map(Type::String),
                    "The secrets as text, by key; null if a secret is not valid UTF-8.",
                )
                .sensitive(),
                Attribute::computed(
                    "secrets_base64",
                    Type::map(Type::String),
                    "The secrets that are not valid UTF-8, in standard base64, by key.",
                )
                .sensitive(),
                Attribute::computed(
                    "all",
                    Type::map(Type::String),
                    "`variables` and `secrets` in one map. A key is in only one of them.",
                )
                .sensitive(),
                Attribute::computed(
                    "versions",
                    Type::map(Type::String),
                    "The vaults' identifiers of the versions that were read, by the secrets' keys; null if a vault keeps no \
                     versions.",
                ),
                Attribute::computed("revision", Type::Number, "The environment's own revision."),
            ],
        )
    }

    async fn open(&self, cx: &mut Context<Session>, config: Model) -> Result<OpenResult<Model>, Diagnostics> {
        let path = locations::environment(&config.project, &config.env)?;
        let view = View {
            prefix: config.prefix.text().to_owned(),
            own_only: config.own_only == Attr::Known(true),
            at: point_in_time::parse_argument(&config.at)?,
        };
        let read = cx.session.read_environment(&path, &view).await;
        let resolved = read.map_err(|error| open_error(&path, error, view.at.is_some()))?;
        let variables = match plain(&path, &resolved.snapshot) {
            Ok(variables) => variables,
            Err(diagnostic) => {
                // The host closes only what was opened.
                cx.session.release_holds(resolved.holds).await;
                return Err(diagnostic.into());
            }
        };
        let what = format!("secrets of the environment {path}");
        let renew_at = holds::store(&mut cx.private, &resolved.holds, &what);
        let known = variables.iter().map(|(key, value)| {
            (key.clone(), value.known().map(|value| Sensitive::new(value.as_str())).into())
        });
        let mut all: Secrets = known.collect();
        let (mut secrets, mut secrets_base64, mut versions) = <(Secrets, Secrets, Texts)>::default();
        for secret in &resolved.secrets {
            let text = secret_target::text(secret).map(Sensitive::new);
            if text.is_none() {
                secrets_base64.insert(secret.key.clone(), Attr::Known(secret_target::base64(secret)));
            }
            all.insert(secret.key.clone(), text.clone().into());
            secrets.insert(secret.key.clone(), text.into());
            versions.insert(secret.key.clone(), secret.version.clone().into());
        }
        let result = Model {
            variables: Attr::Known(variables),
            secrets: Attr::Known(secrets),
            secrets_base64: Attr::Known(secrets_base64),
            all: Attr::Known(all),
            versions: Attr::Known(versions),
            revision: Attr::Known(resolved.snapshot.revision),
            ..config
        };
        Ok(OpenResult { result, renew_at, warnings: warnings(&path, &resolved.secrets) })
    }

    async fn renew(&self, cx: &mut Context<Session>) -> Result<Option<SystemTime>, Diagnostics> {
        holds::renew(cx).await
    }

    async fn close(&self, cx: &mut Context<Session>) -> Result<(), Diagnostics> {
        holds::release(cx).await
    }
}
