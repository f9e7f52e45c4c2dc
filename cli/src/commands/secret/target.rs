//! Which secret a command is about: a key of an environment, or a reference itself.

use kontraktor_model::{
    names::{EnvPath, Key},
    reference::Reference,
};
use kontraktor_proto::v1::{self, EnvironmentKey, SecretTarget, secret_target::Target};

use crate::error::CliError;

/// Returns the target for a key of an environment.
pub(super) fn for_key(environment: &EnvPath, key: &Key) -> SecretTarget {
    let environment = Some(v1::EnvironmentName::from(environment));
    SecretTarget { target: Some(Target::Key(EnvironmentKey { environment, key: key.to_string() })) }
}

/// Parses `PROJECT/ENV` with a key, or a reference alone.
pub(super) fn parse(source: &str, key: Option<&Key>) -> Result<SecretTarget, CliError> {
    match (source.contains("://"), key) {
        (true, None) => {
            // Parsed here, because the error names the column.
            let reference: Reference = source.parse().map_err(|error| CliError::usage(format!("{error}")))?;
            Ok(SecretTarget { target: Some(Target::Reference(reference.to_string())) })
        }
        (true, Some(_)) => {
            Err(CliError::usage("unexpected key: a reference already names the secret").hint("omit the key"))
        }
        (false, Some(key)) => Ok(for_key(&source.parse()?, key)),
        (false, None) => Err(CliError::usage("missing key")
            .hint("write `ktr secret get PROJECT/ENV KEY` or `ktr secret get REFERENCE`")),
    }
}
