//! The registry's manifest: the plugin protocol that the provider supports.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::PackageError;

/// Reads and validates the manifest, and returns its bytes.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, PackageError> {
    let bytes = fs::read(path).map_err(PackageError::read(path))?;
    check(&bytes).map_err(|why| PackageError::Manifest { path: path.to_path_buf(), why })?;
    Ok(bytes)
}

fn check(bytes: &[u8]) -> Result<(), String> {
    let manifest: Value = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    if manifest["version"] != 1 {
        return Err("its version is not 1".to_owned());
    }
    let versions = manifest["metadata"]["protocol_versions"].as_array();
    // The provider speaks one protocol. If a manifest names another, the registry offers the provider to hosts that cannot
    // use it.
    if versions.is_none_or(|versions| versions.len() != 1 || versions[0] != "6.0") {
        return Err("its protocol versions are not 6.0 alone".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_for_another_protocol_is_refused() {
        for text in [
            "",
            "[]",
            r#"{"version":2,"metadata":{"protocol_versions":["6.0"]}}"#,
            r#"{"version":1}"#,
            r#"{"version":1,"metadata":{"protocol_versions":[]}}"#,
            r#"{"version":1,"metadata":{"protocol_versions":["5.0"]}}"#,
            r#"{"version":1,"metadata":{"protocol_versions":["5.0","6.0"]}}"#,
        ] {
            assert!(check(text.as_bytes()).is_err(), "{text}");
        }
        check(br#"{"version":1,"metadata":{"protocol_versions":["6.0"]}}"#).expect("the right one");
    }
}
