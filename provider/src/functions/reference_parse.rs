//! `reference_parse(url)`: parses a secret reference.

use kontraktor_model::reference::Reference;
use tfplugin_proto::value::{Type, Value};

use crate::{
    framework::{Function, FunctionError, Parameter, Signature, model::Content as _},
    model,
};

model! {
    /// The parts of a reference. Parts that its scheme does not have are null.
    pub(crate) struct Parts {
        /// `vault`, `aws-sm` or `azure-kv`.
        scheme: String,
        /// The vault's name in the daemon's configuration.
        vault: String,
        /// Vault: the mount path of the secrets engine.
        mount: String,
        /// Vault: the path inside the mount.
        path: String,
        /// AWS and Azure: the secret's name.
        name: String,
        /// The version.
        version: String,
        /// AWS: the stage.
        stage: String,
        /// The field of the secret.
        field: String,
    }
}

impl From<Reference> for Parts {
    fn from(reference: Reference) -> Self {
        let secret = reference.secret();
        let path = secret.path();
        // Where a scheme has no mounts, the path is the secret's name.
        let (path, name) = if secret.mount().is_some() { (Some(path), None) } else { (None, Some(path)) };
        let text = |part: Option<&str>| part.map(str::to_owned).into();
        Self {
            scheme: secret.scheme().name.into(),
            vault: reference.vault().as_str().into(),
            mount: text(secret.mount()),
            path: text(path),
            name: text(name),
            version: text(secret.pinned_version()),
            stage: text(secret.stage()),
            field: text(secret.field()),
        }
    }
}

/// The function.
pub(crate) struct ReferenceParse;

impl Function for ReferenceParse {
    fn name(&self) -> &'static str {
        "reference_parse"
    }

    fn signature(&self) -> Signature {
        Signature {
            summary: "Parses a secret reference.",
            description: "Validates the URL of a secret reference and returns its parts. The forms are\n\n\
                - HashiCorp Vault: `vault://NAME/MOUNT/path?version=3#field` (the field is required),\n\
                - AWS Secrets Manager: `aws-sm://NAME/secret-name?stage=AWSCURRENT#json-field`, or `?version=ID` (the name \
                may be an ARN),\n\
                - Azure Key Vault: `azure-kv://NAME/secret-name?version=ID`,\n\n\
                where NAME is the vault's name in the daemon's configuration. MOUNT is a single segment; write a slash \
                inside it as `%2F`. `?`, `#`, `%` and blanks in names are percent-encoded; the returned parts are decoded. \
                Empty parts are errors.\n\n\
                The result is an object with `scheme`, `vault`, `mount` and `path` (Vault), `name` (AWS and Azure), \
                `version`, `stage` (AWS) and `field`; missing parts are null. The secret itself is not read. Errors name the \
                column, and never show a part of the URL.",
            parameters: vec![Parameter::new("url", Type::String, "The secret reference.")],
            variadic: None,
            returns: Parts::ty(),
        }
    }

    fn call(&self, arguments: &[Value]) -> Result<Value, FunctionError> {
        let url = arguments.first().and_then(Value::as_str).unwrap_or_default();
        let reference = url.parse::<Reference>();
        let reference = reference.map_err(|error| FunctionError::argument(0, error.to_string()))?;
        Ok(Parts::from(reference).write())
    }
}
