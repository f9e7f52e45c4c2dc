//! Ephemeral `kontraktor_environment`: all variables and secrets of an environment, for as long as a walk takes.

use std::{collections::BTreeMap, time::SystemTime};

use async_trait::async_trait;
use kontraktor_model::{limits::MAX_LISTED_NAMES, names::EnvPath};
use kontraktor_proto::v1::ProblemCode;
use tfplugin_proto::value::{AttributePath, Type};
use unicode_normalization::is_nfc;

use super::holds;
use crate::{
    framework::{
        Attr, Attribute, Context, Diagnostic, Diagnostics, EphemeralResource, Opened, Schema, Sensitive,
    },
    messages::{self, Asked},
    model, places, point_in_time, rules, secret_target,
    session::{NotEverything, Secret, Session, Snapshot, Trouble, Unresolved, View},
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
        /// What keys must begin with.
        prefix: String,
        /// Whether to leave out what is imported.
        own_only: bool,
        /// When.
        at: String,
        /// Plain values by key.
        variables: Texts,
        /// The texts of secrets by key.
        secrets: Secrets,
        /// The bytes of secrets that are no text, by key.
        secrets_base64: Secrets,
        /// Both.
        all: Secrets,
        /// What the vaults call the versions, by key.
        versions: Texts,
        /// The environment's own revision.
        revision: u64,
    }
}

/// The ephemeral resource.
pub(crate) struct Environment;

/// Why it cannot be opened: one message for the call, or one for each secret that cannot be had.
fn not_opened(path: &EnvPath, not: NotEverything, at: bool) -> Diagnostics {
    let unresolved = match not {
        NotEverything::Trouble(trouble) => return failed(path, &trouble, at).into(),
        NotEverything::Secrets(unresolved) => unresolved,
    };
    let more = unresolved.len().saturating_sub(MAX_LISTED_NAMES);
    let mut diagnostics = Diagnostics::new();
    for Unresolved { key, reference, trouble } in unresolved.into_iter().take(MAX_LISTED_NAMES) {
        let asked = Asked {
            doing: format!("read the secret {path}/{key}"),
            reference,
            path: AttributePath::attribute("env"),
        };
        diagnostics
            .push(Diagnostic { path: Some(asked.path.clone()), ..messages::unresolved(&asked, &trouble) });
    }
    if more > 0 {
        let detail = format!("They are of other secrets of {path}. {MAX_LISTED_NAMES} are shown at once.");
        diagnostics.push(Diagnostic::error(format!("{more} more messages like these"), detail).at("env"));
    }
    diagnostics
}

fn failed(path: &EnvPath, trouble: &Trouble, at: bool) -> Diagnostic {
    let mut diagnostic = messages::failed(&format!("read the environment {path} with its secrets"), trouble);
    if trouble.is(ProblemCode::NotFound) {
        if at {
            // It may stand now, and not have stood at that moment.
            return diagnostic.at("at");
        }
        diagnostic.path = diagnostic.path.or_else(|| Some(AttributePath::attribute("env")));
        diagnostic.detail.push_str(
            "\n\nWhere it is created in this configuration: Terraform opens an ephemeral resource as soon as it knows the \
             arguments, also while planning, and depends_on does not delay that. An argument that is made of the id of a \
             kontraktor_secret_reference is not known before the reference is created, so Terraform waits:\n\n  env = \
             split(\"/\", kontraktor_secret_reference.NAME.id)[1]",
        );
    }
    diagnostic
}

/// The plain variables.
fn plain(path: &EnvPath, snapshot: &Snapshot) -> Result<Texts, Diagnostic> {
    let values = snapshot.variables().map(|variable| {
        let (_, value) = places::content(variable, &format_args!("{path}/{}", variable.key))?;
        Ok((variable.key.clone(), value.into()))
    });
    values.collect()
}

/// What there is to say of secrets that were read.
fn warnings(path: &EnvPath, secrets: &[Secret]) -> Diagnostics {
    let mut warnings = Diagnostics::new();
    for secret in secrets {
        if let Some(warning) = secret_target::stale(&format!("{path}/{}", secret.key), secret) {
            warnings.push(warning.at("env"));
        }
    }
    let changed: Vec<&str> = secrets
        .iter()
        .filter(|secret| secret_target::text(secret).is_some_and(|text| !is_nfc(text)))
        .map(|secret| secret.key.as_str())
        .collect();
    if !changed.is_empty() {
        warnings.push(
            Diagnostic::warning(
                format!("Terraform changes the text of secrets of {path}"),
                format!(
                    "Terraform keeps every text in Unicode's normalisation form C, and these are not in it, so they are \
                     not what the vault holds: {}. Read them with ephemeral kontraktor_secret, whose value_base64 is, or \
                     store them in that form.",
                    changed.join(", ")
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
            "All variables and secrets of an environment, at one moment. The values of secrets go into no state and no \
             plan.\n\nEach secret reference is resolved; where one cannot be, nothing is handed out, and a message for \
             each says which and why. Leases are renewed while Terraform needs them and revoked afterwards, as with \
             ephemeral `kontraktor_secret`. The secrets of one environment may be 16 MiB together. Needs Terraform 1.10 \
             or OpenTofu 1.11.",
            vec![
                Attribute::required("project", Type::String, "The project's name.").check(rules::project),
                Attribute::required("env", Type::String, "The environment's name inside the project.")
                    .check(rules::env),
                Attribute::optional(
                    "prefix",
                    Type::String,
                    "Only keys that begin with this, and only their secrets are read. The keys keep it. Left out or \
                     empty: all.",
                ),
                Attribute::optional(
                    "own_only",
                    Type::Bool,
                    "Whether to leave out what the environment imports. Left out: false.",
                ),
                point_in_time::attribute(
                    "Which moment to read: a revision of the environment, such as `12`, or a time by RFC 3339. Secrets \
                     are read in the versions of that moment, where the vault still has them. Left out: now.",
                ),
                Attribute::computed(
                    "variables",
                    Type::map(Type::String),
                    "The values of the plain variables by key, each as text in its canonical form.",
                ),
                Attribute::computed(
                    "secrets",
                    Type::map(Type::String),
                    "The texts of the secrets by key; null where a secret is no UTF-8.",
                )
                .sensitive(),
                Attribute::computed(
                    "secrets_base64",
                    Type::map(Type::String),
                    "The bytes of those secrets that are no UTF-8, in standard base64, by key.",
                )
                .sensitive(),
                Attribute::computed(
                    "all",
                    Type::map(Type::String),
                    "`variables` and `secrets` in one map. A key is one or the other, never both.",
                )
                .sensitive(),
                Attribute::computed(
                    "versions",
                    Type::map(Type::String),
                    "What the vaults call the versions that were read, by the secrets' keys; null where a vault keeps \
                     none.",
                ),
                Attribute::computed("revision", Type::Number, "The environment's own revision."),
            ],
        )
    }

    async fn open(&self, cx: &mut Context<Session>, config: Model) -> Result<Opened<Model>, Diagnostics> {
        let path = places::environment(&config.project, &config.env)?;
        let view = View {
            prefix: config.prefix.text().to_owned(),
            own_only: config.own_only == Attr::Known(true),
            at: point_in_time::parse_argument(&config.at)?,
        };
        let read = cx.session.read_everything(&path, &view).await;
        let everything = read.map_err(|not| not_opened(&path, not, view.at.is_some()))?;
        let variables = match plain(&path, &everything.snapshot) {
            Ok(variables) => variables,
            Err(diagnostic) => {
                // Nobody closes what was not opened.
                cx.session.let_go(everything.holds).await;
                return Err(diagnostic.into());
            }
        };
        let what = format!("secrets of the environment {path}");
        let renew_at = holds::keep(&mut cx.private, &everything.holds, &what);
        let known = variables.iter().map(|(key, value)| {
            (key.clone(), value.known().map(|value| Sensitive::new(value.as_str())).into())
        });
        let mut all: Secrets = known.collect();
        let (mut secrets, mut secrets_base64, mut versions) = <(Secrets, Secrets, Texts)>::default();
        for secret in &everything.secrets {
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
            revision: Attr::Known(everything.snapshot.revision),
            ..config
        };
        Ok(Opened { result, renew_at, warnings: warnings(&path, &everything.secrets) })
    }

    async fn renew(&self, cx: &mut Context<Session>) -> Result<Option<SystemTime>, Diagnostics> {
        holds::renew(cx).await
    }

    async fn close(&self, cx: &mut Context<Session>) -> Result<(), Diagnostics> {
        holds::release(cx).await
    }
}
