//! The secret that the arguments of the ephemeral resource and of the data source name, and the results they show. No
//! network.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kontraktor_proto::v1::{self, ProblemCode, secret_target};
use tfplugin_proto::value::{AttributePath, Type};
use unicode_normalization::is_nfc;

use crate::errors::{self, SecretRequest};
use crate::framework::{Attr, Attribute, Diagnostic, Diagnostics, Sensitive};
use crate::locations::{self, VariableLocation};
use crate::model;
use crate::session::{Secret, UnresolvedSecret};
use crate::validators;

model! {
    /// Arguments and results of everything that reads one secret.
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
        /// The secret as text.
        value: Sensitive,
        /// The secret as base64.
        value_base64: Sensitive,
        /// What the vault calls the version.
        version: String,
        /// The vault's name.
        vault: String,
        /// Whether the value is an earlier one because the vault did not respond.
        stale: bool,
    }
}

impl Model {
    pub(crate) fn arguments(&self) -> Arguments<'_> {
        let Self { project, env, key, reference, id, .. } = self;
        Arguments { project, env, key, reference, id }
    }
}

/// The arguments: three ways to name a secret.
pub(crate) struct Arguments<'a> {
    pub(crate) project: &'a Attr<String>,
    pub(crate) env: &'a Attr<String>,
    pub(crate) key: &'a Attr<String>,
    pub(crate) reference: &'a Attr<String>,
    pub(crate) id: &'a Attr<String>,
}

/// Returns the attributes of the arguments.
pub(crate) fn attributes() -> Vec<Attribute> {
    vec![
        Attribute::optional(
            "project",
            Type::String,
            "The project's name. Together with `env` and `key` it names a stored secret reference.",
        )
        .validator(validators::project),
        Attribute::optional("env", Type::String, "The environment's name inside the project.")
            .validator(validators::env),
        Attribute::optional(
            "key",
            Type::String,
            "The key of a secret reference in the environment, own or imported.",
        )
        .validator(validators::key),
        Attribute::optional(
            "reference",
            Type::String,
            "A secret reference, such as `vault://team/secret/app/db#password`. It does not have to be stored.",
        )
        .validator(validators::reference),
        Attribute::optional(
            "id",
            Type::String,
            "The `id` of a `kontraktor_secret_reference`. Use this if the same configuration creates the reference: the \
             id of a new reference is unknown until the reference is written, and Terraform waits only for unknown \
             arguments, not for `depends_on`.",
        )
        .validator(id),
    ]
}

/// Returns the attributes of the results.
pub(crate) fn results() -> Vec<Attribute> {
    vec![
        Attribute::computed(
            "value",
            Type::String,
            "The secret as text; null if it is not valid UTF-8. Terraform normalizes strings to Unicode form NFC. If \
             that changes the secret, a warning says so, and `value_base64` holds the original bytes.",
        )
        .sensitive(),
        Attribute::computed(
            "value_base64",
            Type::String,
            "The bytes of the secret, in standard base64.",
        )
        .sensitive(),
        Attribute::computed(
            "version",
            Type::String,
            "The vault's identifier of the version that was read; null if the vault keeps no versions.",
        ),
        Attribute::computed("vault", Type::String, "The vault's name in the daemon's configuration."),
        Attribute::computed(
            "stale",
            Type::Bool,
            "Whether the vault did not respond and this is the last known value. A warning says when it was read.",
        ),
    ]
}

fn id(value: &tfplugin_proto::value::Value) -> Result<(), String> {
    parse_id(value.as_str().unwrap_or_default()).map(|_| ())
}

fn parse_id(id: &str) -> Result<VariableLocation, String> {
    let parts: Vec<&str> = id.split('/').collect();
    let [project, env, key] = parts[..] else {
        return Err(
            "id must be the ID of a kontraktor_secret_reference, in the form PROJECT/ENV/KEY.".to_owned()
        );
    };
    locations::variable(&project.into(), &env.into(), &key.into())
        .map_err(|diagnostic| format!("In id, {}", diagnostic.detail))
}

/// The secret to read.
#[derive(Debug)]
pub(crate) struct Target {
    /// The request's target.
    pub(crate) message: v1::SecretTarget,
    /// The location of the secret reference, if the arguments name one.
    location: Option<VariableLocation>,
    /// The secret's name in messages.
    name: String,
    /// The argument that names the secret.
    argument: &'static str,
}

impl Arguments<'_> {
    /// Validates that exactly one way is used, and completely. Unknown values count as set.
    pub(crate) fn validate(&self) -> Diagnostics {
        let location = [("project", self.project), ("env", self.env), ("key", self.key)];
        let by_key = location.iter().any(|(_, part)| !part.is_null());
        let given: Vec<&str> = [
            (by_key, "project, env and key"),
            (!self.reference.is_null(), "reference"),
            (!self.id.is_null(), "id"),
        ]
        .into_iter()
        .filter_map(|(given, way)| given.then_some(way))
        .collect();
        let rule = "Set either project, env and key, or reference, or id.";
        match given[..] {
            [] => Diagnostic::error("Missing secret", format!("The arguments name no secret. {rule}")).into(),
            [_] => {
                let mut diagnostics = Diagnostics::new();
                for (name, _) in location.into_iter().filter(|(_, part)| by_key && part.is_null()) {
                    let detail = format!(
                        "project, env and key together name a secret. Set {name} as well, or use only reference or id."
                    );
                    diagnostics.push(Diagnostic::error(format!("Missing {name}"), detail).at(name));
                }
                diagnostics
            }
            [.., last] => Diagnostic::error(
                "Conflicting arguments",
                format!("{} are set, which can name different secrets. {rule}", given.join(", and ")),
            )
            .at(last)
            .into(),
        }
    }

    /// Returns the secret to read. All arguments must be known.
    pub(crate) fn target(&self) -> Result<Target, Diagnostics> {
        let diagnostics = self.validate();
        if diagnostics.has_errors() {
            return Err(diagnostics);
        }
        let invalid = |name: &'static str, message: String| {
            Diagnostic::error(format!("Invalid {name}"), message).at(name)
        };
        let (target, location, name, argument) = if let Some(text) = self.reference.known() {
            let reference =
                validators::parse_reference(text).map_err(|message| invalid("reference", message))?;
            // The reference itself is a value, which its author may have marked sensitive.
            let name = format!("in vault {}", reference.vault());
            (secret_target::Target::Reference(text.clone()), None, name, "reference")
        } else {
            let (location, argument) = match self.id.known() {
                Some(id) => (parse_id(id).map_err(|message| invalid("id", message))?, "id"),
                None => (locations::variable(self.project, self.env, self.key)?, "key"),
            };
            let key = v1::EnvironmentKey {
                environment: Some((&location.env).into()),
                key: location.key.to_string(),
            };
            let name = location.to_string();
            (secret_target::Target::Key(key), Some(location), name, argument)
        };
        Ok(Target { message: v1::SecretTarget { target: Some(target) }, location, name, argument })
    }
}

impl Target {
    /// Returns the secret's name in messages.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Returns the results beside the arguments, and warnings about them.
    pub(crate) fn result(&self, secret: &Secret, arguments: Model) -> (Model, Diagnostics) {
        let mut warnings = Diagnostics::new();
        let path = AttributePath::attribute(self.argument);
        if let Some(warning) = stale(self.name(), secret) {
            warnings.push(warning.at_path(path.clone()));
        }
        let text = text(secret);
        if text.is_some_and(|text| !is_nfc(text)) {
            warnings.push(
                Diagnostic::warning(
                    "Secret text is not normalized",
                    format!(
                        "Terraform stores strings in Unicode normalization form C (NFC), and the secret {} is not in that \
                         form, so value differs from what the vault holds. Use value_base64, or store the secret in that \
                         form.",
                        self.name()
                    ),
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

    /// Reports why the secret cannot be read. `ephemeral`: for an ephemeral resource, which Terraform opens as soon as it
    /// knows the arguments.
    pub(crate) fn error(&self, unresolved: UnresolvedSecret, ephemeral: bool) -> Diagnostic {
        let error = unresolved.error.as_ref();
        let code = error.problem().map(v1::Problem::code);
        let request = SecretRequest {
            action: format!("read secret {}", self.name()),
            path: AttributePath::attribute(self.argument),
        };
        let mut diagnostic = errors::secret_error(&request, error);
        if self.location.is_none() || !ephemeral {
            return diagnostic;
        }
        match code {
            Some(ProblemCode::NotFound) => {
                diagnostic.path = Some(request.path);
                diagnostic.detail.push_str(if self.argument == "id" { DELETED } else { NOT_CREATED_YET });
            }
            Some(code) if errors::is_caused_by_reference(code) => diagnostic.detail.push_str(CORRECTED),
            _ => {}
        }
        diagnostic
    }
}

/// What to do if the reference is still to be created.
const NOT_CREATED_YET: &str = "\n\nIf this configuration creates the reference with a kontraktor_secret_reference, replace project, env and key with that \
     resource's id:\n\n  id = kontraktor_secret_reference.NAME.id\n\nTerraform opens an ephemeral resource as soon as its \
     arguments are known, even during a plan, and depends_on does not delay that. The id of a new reference is unknown, so \
     Terraform waits for it.";

/// What to do if the reference was deleted.
const DELETED: &str = "\n\nThe reference with this id was deleted after the state was last read. Run `terraform plan` again: it plans to \
     create the reference, and opens it afterwards.";

/// What to do if the same configuration corrects the reference.
const CORRECTED: &str = "\n\nIf the configuration already corrects the reference, apply that first with `terraform apply \
     -target=kontraktor_secret_reference.NAME`: a plan opens the reference that is stored now.";

/// Returns the secret as text, if it is valid UTF-8.
pub(crate) fn text(secret: &Secret) -> Option<&str> {
    std::str::from_utf8(secret.value.expose()).ok()
}

/// Returns the secret's bytes in base64.
pub(crate) fn base64(secret: &Secret) -> Sensitive {
    Sensitive::new(STANDARD.encode(secret.value.expose()))
}

/// Returns a warning if the vault did not respond and the secret is an earlier value.
pub(crate) fn stale(name: &str, secret: &Secret) -> Option<Diagnostic> {
    let from = secret.fetched.as_ref().map_or_else(|| "an earlier time".to_owned(), ToString::to_string);
    secret.stale.then(|| {
        Diagnostic::warning(
            "Secret may be out of date",
            format!(
                "The vault {:?} does not respond, so the secret {name} has the value that was last read, at {from}. Later \
                 changes are missing. Run Terraform again when the vault responds; `kontraktord vault check {}` finds the \
                 cause.",
                secret.vault, secret.vault
            ),
        )
    })
}
