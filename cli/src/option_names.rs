//! The names of settings in the texts of the client, which are the provider's attributes, as this program has them.

use kontraktor_proto::endpoint::{CLIENT_SECRET_VARIABLE, TOKEN_VARIABLE};

/// The names of settings in which the client speaks, which are the provider's, and those of this program. Secrets have no option.
const NAMES: [(&str, &str); 7] = [
    ("ca_certificate", "--ca-certificate"),
    ("client_certificate", "--client-certificate"),
    ("client_key", "--client-key"),
    ("client_id", "--client-id"),
    ("client_secret", CLIENT_SECRET_VARIABLE),
    ("token_url", "--token-url"),
    ("oauth_token", TOKEN_VARIABLE),
];

/// Returns a text of the client, which has no value of a setting in it, with the names that settings have in this program.
pub(crate) fn with_option_names(text: &str) -> String {
    let text = text
        .replace(&format!("oauth_token or {TOKEN_VARIABLE}"), TOKEN_VARIABLE)
        .replace("check host,", "check --host,");
    let in_options = |part: &str| {
        let word = part.trim_end_matches([' ', ',', ';', ':', '.']);
        let name = NAMES.iter().find(|(name, _)| *name == word);
        name.map_or_else(|| part.to_owned(), |(_, option)| part.replacen(word, option, 1))
    };
    text.split_inclusive(' ').map(in_options).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remedies_name_the_options_of_this_program() {
        let remedies = [
            "set client_certificate and client_key, or KONTRAKTOR_CLIENT_CERTIFICATE and KONTRAKTOR_CLIENT_KEY",
            "set oauth_token, or client_id and client_secret, or client_certificate and client_key",
            "check that oauth_token or KONTRAKTOR_TOKEN is an access token for this daemon, and has not expired",
            "check host, or token_url",
            "set ca_certificate or KONTRAKTOR_CA_CERTIFICATE to the authority's certificate; by default DATA_DIR/tls/ca.pem",
            "invalid --client-id: the setting client_secret is missing; set client_id and client_secret together",
        ];
        insta::assert_snapshot!(remedies.map(with_option_names).join("\n"), @r"
        set --client-certificate and --client-key, or KONTRAKTOR_CLIENT_CERTIFICATE and KONTRAKTOR_CLIENT_KEY
        set KONTRAKTOR_TOKEN, or --client-id and KONTRAKTOR_CLIENT_SECRET, or --client-certificate and --client-key
        check that KONTRAKTOR_TOKEN is an access token for this daemon, and has not expired
        check --host, or --token-url
        set --ca-certificate or KONTRAKTOR_CA_CERTIFICATE to the authority's certificate; by default DATA_DIR/tls/ca.pem
        invalid --client-id: the setting KONTRAKTOR_CLIENT_SECRET is missing; set --client-id and KONTRAKTOR_CLIENT_SECRET together
        ");
    }
}
