//! References to secrets in Azure Key Vault.

use super::scheme::{FieldRule, Parameter, PathRule, Scheme, Selector, TextRule};

/// `azure-kv://NAME/secret-name?version=IDENTIFIER`.
pub static SCHEME: Scheme = Scheme {
    name: "azure-kv",
    form: "azure-kv://NAME/secret-name",
    path: PathRule::NameOf(TextRule {
        canonical: name,
        expected: "1 to 127 characters from A-Z, a-z, 0-9 and \"-\"",
    }),
    parameters: &[Parameter {
        selector: Selector::Version,
        placeholder: "IDENTIFIER",
        rule: Some(TextRule {
            canonical: version,
            expected: "letters and digits, as at the end of the secret's identifier",
        }),
    }],
    field: FieldRule::None,
};

fn name(text: &str) -> Option<String> {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    ((1..=127).contains(&text.len()) && text.bytes().all(good)).then(|| text.to_owned())
}

fn version(text: &str) -> Option<String> {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric()).then(|| text.to_owned())
}
