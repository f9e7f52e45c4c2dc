//! Which secret is meant: a key of an environment, or a reference itself.

use kontraktor_model::{
    names::{EnvPath, Key},
    reference::Reference,
};
use kontraktor_proto::v1::{self, KeyOfEnvironment, SecretTarget, secret_target::Target};

use crate::error::CliError;

/// A key of an environment.
pub(super) fn of_key(environment: &EnvPath, key: &Key) -> SecretTarget {
    let environment = Some(v1::EnvironmentName::from(environment));
    SecretTarget { target: Some(Target::Key(KeyOfEnvironment { environment, key: key.to_string() })) }
}

/// `PROJECT/ENV` and a key, or a reference alone.
pub(super) fn of_words(what: &str, key: Option<&Key>) -> Result<SecretTarget, CliError> {
    match (what.contains("://"), key) {
        (true, None) => {
            // Here already, because the message points at the column.
            let reference: Reference = what.parse().map_err(|error| CliError::usage(format!("{error}")))?;
            Ok(SecretTarget { target: Some(Target::Reference(reference.to_string())) })
        }
        (true, Some(_)) => Err(CliError::usage("a reference names the secret: no key goes with it")),
        (false, Some(key)) => Ok(of_key(&what.parse()?, key)),
        (false, None) => Err(CliError::usage("a key is missing: name it behind the environment")
            .hint("ktr secret get PROJECT/ENV KEY, or a reference such as vault://NAME/MOUNT/path#field")),
    }
}
