//! References to secrets in HashiCorp Vault.

use std::num::NonZeroU64;

use super::scheme::{FieldRule, Parameter, PathRule, Scheme, Selector, TextRule};

/// `vault://NAME/MOUNT/path?version=3#field`. The version is that of a KV version 2 engine.
pub static SCHEME: Scheme = Scheme {
    name: "vault",
    form: "vault://NAME/MOUNT/path#field",
    path: PathRule::MountAndPath,
    parameters: &[Parameter {
        selector: Selector::Version,
        placeholder: "NUMBER",
        rule: Some(TextRule {
            canonical: number,
            expected: "a whole number of at least 1; leave it out for the newest",
        }),
    }],
    field: FieldRule::Required,
};

fn number(text: &str) -> Option<String> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse::<NonZeroU64>().ok().filter(|_| digits).map(|number| number.to_string())
}
