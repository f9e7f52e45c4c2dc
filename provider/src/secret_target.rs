//! Which secret is meant, as the arguments of the ephemeral resource and of the data source name it, and what they show of
//! it. No network.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kontraktor_proto::v1::{self, ProblemCode, secret_target};
use tfplugin_proto::value::{AttributePath, Type};
use unicode_normalization::is_nfc;

use crate::framework::{Attr, Attribute, Diagnostic, Diagnostics, Sensitive};
use crate::messages::{self, Asked};
use crate::model;
use crate::places::{self, Place};
use crate::rules;
use crate::session::{Secret, Unresolved};

model! {
    /// Arguments and results of whatever reads one secret.
    pub(crate) struct Model {
        /// The project.
        project: String,
        /// The environment's name inside the project.
        env: String,
        /// The key of a secret reference.
        key: String,
        /// A reference itself.
        reference: String,
        /// The id of a `kontraktor_secret_reference`.
        id: String,
        /// The text.
        value: Sensitive,
        /// The bytes.
        value_base64: Sensitive,
        /// What the vault calls the version.
        version: String,
        /// The vault's name.
        vault: String,
        /// Whether the vault did not answer.
        stale: bool,
    }
}

impl Model {
    pub(crate) fn arguments(&self) -> Arguments<'_> {
        let Self { project, env, key, reference, id, .. } = self;
        Arguments { project, env, key, reference, id }
    }
}

/// The arguments: three ways to name one secret.
pub(crate) struct Arguments<'a> {
    pub(crate) project: &'a Attr<String>,
    pub(crate) env: &'a Attr<String>,
    pub(crate) key: &'a Attr<String>,
    pub(crate) reference: &'a Attr<String>,
    pub(crate) id: &'a Attr<String>,
}

/// The attributes of the arguments.
pub(crate) fn attributes() -> Vec<Attribute> {
    vec![
        Attribute::optional(
            "project",
            Type::String,
            "The project's name. With `env` and `key` it names a secret reference that is stored.",
        )
        .check(rules::project),
        Attribute::optional("env", Type::String, "The environment's name inside the project.")
            .check(rules::env),
        Attribute::optional(
            "key",
            Type::String,
            "The key of a secret reference in the environment, its own or imported.",
        )
        .check(rules::key),
        Attribute::optional(
            "reference",
            Type::String,
            "A secret reference itself, such as `vault://team/secret/app/db#password`. It need not be stored anywhere.",
        )
        .check(rules::reference),
        Attribute::optional(
            "id",
            Type::String,
            "The `id` of a `kontraktor_secret_reference`. Use this where the reference is created in the same \
             configuration: on create the id is not known before the reference is written, and only an argument that is \
             not known yet makes Terraform wait; `depends_on` does not.",
        )
        .check(id),
    ]
}

/// The attributes of the results.
pub(crate) fn results() -> Vec<Attribute> {
    vec![
        Attribute::computed(
            "value",
            Type::String,
            "The secret as text; null where it is no UTF-8. Terraform normalises texts (NFC): where that changes the \
             secret, a warning says so, and `value_base64` has it as it is.",
        )
        .sensitive(),
        Attribute::computed(
            "value_base64",
            Type::String,
            "The secret's bytes in standard base64, whatever they are.",
        )
        .sensitive(),
        Attribute::computed(
            "version",
            Type::String,
            "What the vault calls the version that was read; null where it keeps none.",
        ),
        Attribute::computed("vault", Type::String, "The vault's name in the daemon's configuration."),
        Attribute::computed(
            "stale",
            Type::Bool,
            "Whether the vault did not answer, and this is the last value that it gave. A warning says from when it is.",
        ),
    ]
}

fn id(value: &tfplugin_proto::value::Value) -> Result<(), String> {
    parse_id(value.as_str().unwrap_or_default()).map(|_| ())
}

fn parse_id(id: &str) -> Result<Place, String> {
    let parts: Vec<&str> = id.split('/').collect();
    let [project, env, key] = parts[..] else {
        return Err(
            "id must be the id of a kontraktor_secret_reference, PROJECT/ENV/KEY. Names hold no slash."
                .to_owned(),
        );
    };
    places::variable(&project.into(), &env.into(), &key.into())
        .map_err(|diagnostic| format!("In id, {}", diagnostic.detail))
}

/// The secret that is meant.
#[derive(Debug)]
pub(crate) struct Target {
    /// What the daemon is asked for.
    pub(crate) message: v1::SecretTarget,
    /// What the key is, where the target names one.
    place: Option<Place>,
    /// The argument that names it.
    argument: &'static str,
}

impl Arguments<'_> {
    /// Whether exactly one way is taken, and taken whole. What is not known yet counts as given.
    pub(crate) fn validate(&self) -> Diagnostics {
        let place = [("project", self.project), ("env", self.env), ("key", self.key)];
        let by_key = place.iter().any(|(_, part)| !part.is_null());
        let given: Vec<&str> = [
            (by_key, "project, env and key"),
            (!self.reference.is_null(), "reference"),
            (!self.id.is_null(), "id"),
        ]
        .into_iter()
        .filter_map(|(given, way)| given.then_some(way))
        .collect();
        let rule = "Name one secret: by project, env and key, or by reference, or by id.";
        match given[..] {
            [] => Diagnostic::error("No secret is named", rule).into(),
            [_] => {
                let mut diagnostics = Diagnostics::new();
                for (name, _) in place.into_iter().filter(|(_, part)| by_key && part.is_null()) {
                    let detail = format!(
                        "project, env and key name a secret together, so set {name} too; or name it by reference or id \
                         alone."
                    );
                    diagnostics.push(Diagnostic::error(format!("Missing {name}"), detail).at(name));
                }
                diagnostics
            }
            [.., last] => Diagnostic::error(
                "A secret is named in more than one way",
                format!("{} are set, and may name different secrets. {rule}", given.join(", and ")),
            )
            .at(last)
            .into(),
        }
    }

    /// The secret, when all is known.
    pub(crate) fn target(&self) -> Result<Target, Diagnostics> {
        let diagnostics = self.validate();
        if diagnostics.has_errors() {
            return Err(diagnostics);
        }
        let invalid = |name: &'static str, message: String| {
            Diagnostic::error(format!("Invalid {name}"), message).at(name)
        };
        let (target, place, argument) = if let Some(text) = self.reference.known() {
            rules::parse_reference(text).map_err(|message| invalid("reference", message))?;
            (secret_target::Target::Reference(text.clone()), None, "reference")
        } else {
            let (place, argument) = match self.id.known() {
                Some(id) => (parse_id(id).map_err(|message| invalid("id", message))?, "id"),
                None => (places::variable(self.project, self.env, self.key)?, "key"),
            };
            let key =
                v1::KeyOfEnvironment { environment: Some((&place.env).into()), key: place.key.to_string() };
            (secret_target::Target::Key(key), Some(place), argument)
        };
        Ok(Target { message: v1::SecretTarget { target: Some(target) }, place, argument })
    }
}

impl Target {
    /// The secret's name in messages.
    pub(crate) fn name(&self) -> String {
        match (&self.place, &self.message.target) {
            (Some(place), _) => place.to_string(),
            (None, Some(secret_target::Target::Reference(reference))) => reference.clone(),
            (None, _) => String::new(),
        }
    }

    /// What is shown of it, beside the arguments, and what is to be said about that.
    pub(crate) fn show(&self, secret: &Secret, arguments: Model) -> (Model, Diagnostics) {
        let mut warnings = Diagnostics::new();
        let path = AttributePath::attribute(self.argument);
        if let Some(warning) = stale(&self.name(), secret) {
            warnings.push(warning.at_path(path.clone()));
        }
        let text = text(secret);
        if text.is_some_and(|text| !is_nfc(text)) {
            warnings.push(
                Diagnostic::warning(
                    format!("Terraform changes the text of the secret {}", self.name()),
                    "Terraform keeps every text in Unicode's normalisation form C, and this one is not in it, so value \
                     is not what the vault holds. Use value_base64, which is, or store the secret in that form.",
                )
                .at_path(path),
            );
        }
        let shown = Model {
            value: text.map(Sensitive::new).into(),
            value_base64: Attr::Known(base64(secret)),
            version: secret.version.clone().into(),
            vault: secret.vault.as_str().into(),
            stale: Attr::Known(secret.stale),
            ..arguments
        };
        (shown, warnings)
    }

    /// Why there is nothing to show. `opens`: by an ephemeral resource, which Terraform opens as soon as it knows the
    /// arguments.
    pub(crate) fn unresolved(&self, unresolved: Unresolved, opens: bool) -> Diagnostic {
        let trouble = unresolved.trouble.as_ref();
        let code = trouble.problem().map(v1::Problem::code);
        let asked = Asked {
            doing: format!("read the secret {}", self.name()),
            // The name says it already.
            reference: if self.place.is_some() { unresolved.reference } else { String::new() },
            path: AttributePath::attribute(self.argument),
        };
        let mut diagnostic = messages::unresolved(&asked, trouble);
        if self.place.is_none() || !opens {
            return diagnostic;
        }
        match code {
            Some(ProblemCode::NotFound) => {
                diagnostic.path = Some(asked.path);
                diagnostic.detail.push_str(if self.argument == "id" { GONE } else { NOT_YET });
            }
            Some(code) if messages::is_references_fault(code) => diagnostic.detail.push_str(CORRECTED),
            _ => {}
        }
        diagnostic
    }
}

/// What to do where a reference is opened that is still to be created.
const NOT_YET: &str = "\n\nWhere a kontraktor_secret_reference of this configuration creates it, pass that resource's id in the place of \
     project, env and key:\n\n  id = kontraktor_secret_reference.NAME.id\n\nTerraform opens an ephemeral resource as soon \
     as it knows the arguments, also while planning, and depends_on does not delay that. The id of a reference that is \
     still to be created is not known, so Terraform waits for it.";

/// What to do where a reference is gone that was there.
const GONE: &str = "\n\nThe reference that this id names does not stand, so it was deleted after it was last read. Plan again: what is \
     missing is planned, and opened after it is created.";

/// What to do where the plan that would correct a reference opens it first.
const CORRECTED: &str = "\n\nWhere the configuration corrects the reference already, apply that alone first (`terraform apply \
     -target=kontraktor_secret_reference.NAME`): a plan opens what is stored now.";

/// The secret as text, where it is one.
pub(crate) fn text(secret: &Secret) -> Option<&str> {
    std::str::from_utf8(secret.value.expose()).ok()
}

/// The secret's bytes.
pub(crate) fn base64(secret: &Secret) -> Sensitive {
    Sensitive::new(STANDARD.encode(secret.value.expose()))
}

/// The vault did not answer, and an older value stands in.
pub(crate) fn stale(name: &str, secret: &Secret) -> Option<Diagnostic> {
    let from = secret.fetched.as_ref().map_or_else(|| "an earlier time".to_owned(), ToString::to_string);
    secret.stale.then(|| {
        Diagnostic::warning(
            format!("The secret {name} may be out of date"),
            format!(
                "The vault {:?} does not answer, so this is the last value that it gave, from {from}. What was changed \
                 there since is not in it.\n\nRun again when the vault answers; `kontraktord vault check {}` says what is \
                 wrong with it.",
                secret.vault, secret.vault
            ),
        )
    })
}
