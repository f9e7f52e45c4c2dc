//! What a client shows the daemon to say who it is: nothing, a token, or client credentials that it exchanges for tokens.

mod access_token;
mod authorization;
mod token_request;
mod token_source;

use secrecy::{ExposeSecret as _, SecretString};

pub(super) use self::{access_token::TokenError, authorization::Authorization};
use super::settings::{Level, Setting, SettingError};
use crate::endpoint::TokenUrl;

/// The longest client id and secret, in bytes.
const MAX_CLIENT_BYTES: usize = 4096;

/// What the client shows besides a client certificate.
#[derive(Debug, Clone, Default)]
pub enum Credentials {
    /// Nothing.
    #[default]
    None,
    /// An access token that someone else obtained.
    Token(SecretString),
    /// Client credentials (RFC 6749 §4.4), exchanged for an access token when one is needed.
    Client(ClientCredentials),
}

/// What a token endpoint is asked with.
#[derive(Debug, Clone)]
pub struct ClientCredentials {
    /// The client's id.
    pub id: String,
    /// Its secret.
    pub secret: SecretString,
    /// The token endpoint; without it, the daemon's own.
    pub token_url: Option<TokenUrl>,
}

/// The settings that say who the client is.
#[derive(Debug, Clone, Default)]
pub struct CredentialSettings {
    /// `oauth_token`.
    pub token: Option<Setting>,
    /// `client_id`.
    pub client_id: Option<Setting>,
    /// `client_secret`.
    pub client_secret: Option<Setting>,
    /// `token_url`.
    pub token_url: Option<Setting>,
}

impl CredentialSettings {
    /// Returns the credentials.
    ///
    /// A token or client credentials of the configuration replace both in the environment; client credentials count as the
    /// configuration's if any of their settings is.
    ///
    /// # Errors
    /// The setting that is wrong: two sources at once, an incomplete one, or an invalid value.
    pub fn resolve(&self) -> Result<Credentials, SettingError> {
        let client = [&self.client_id, &self.client_secret, &self.token_url];
        // The setting that speaks for the client credentials.
        let client = client.into_iter().flatten().min_by_key(|setting| match setting.level() {
            Level::Configuration => 0,
            Level::Environment => 1,
        });
        match (&self.token, client) {
            (None, None) => Ok(Credentials::None),
            (Some(token), None) => Self::token(token),
            (None, Some(_)) => self.client(),
            (Some(token), Some(client)) => match (token.level(), client.level()) {
                (Level::Configuration, Level::Environment) => Self::token(token),
                (Level::Environment, Level::Configuration) => self.client(),
                _ => Err(token.invalid(format!(
                    "both {} and {} are set, and only one source of tokens can be used. Unset one of them",
                    token.name(),
                    client.name()
                ))),
            },
        }
    }

    fn token(token: &Setting) -> Result<Credentials, SettingError> {
        if !is_token(token.text()) {
            return Err(token.invalid(
                "it contains characters that are not allowed in a header; expected a token in one line",
            ));
        }
        Ok(Credentials::Token(token.text().into()))
    }

    fn client(&self) -> Result<Credentials, SettingError> {
        let missing = |given: &Setting, name: &str| {
            given.invalid(format!("the setting {name} is missing; set client_id and client_secret together"))
        };
        let (id, secret) = match (&self.client_id, &self.client_secret, &self.token_url) {
            (Some(id), Some(secret), _) => (id, secret),
            (Some(id), None, _) => return Err(missing(id, "client_secret")),
            (None, Some(secret), _) => return Err(missing(secret, "client_id")),
            (None, None, Some(url)) => return Err(missing(url, "client_id")),
            (None, None, None) => return Ok(Credentials::None),
        };
        for setting in [id, secret] {
            if setting.text().len() > MAX_CLIENT_BYTES || setting.text().chars().any(char::is_control) {
                return Err(setting.invalid(format!(
                    "expected at most {MAX_CLIENT_BYTES} bytes without control characters"
                )));
            }
        }
        let token_url = match &self.token_url {
            Some(url) => {
                Some(TokenUrl::parse(url.text()).map_err(|message| url.invalid(message.to_owned()))?)
            }
            None => None,
        };
        let credentials =
            ClientCredentials { id: id.text().to_owned(), secret: secret.text().into(), token_url };
        Ok(Credentials::Client(credentials))
    }
}

/// Returns whether a text can be sent as a token: visible ASCII, as all tokens are (RFC 6750 §2.1).
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

impl ClientCredentials {
    fn secret(&self) -> &str {
        self.secret.expose_secret()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "settings are optional")]
    fn set(name: &'static str, text: &str) -> Option<Setting> {
        let level = if name.starts_with("KONTRAKTOR_") { Level::Environment } else { Level::Configuration };
        Some(Setting::new(name, level, text))
    }

    fn resolved(settings: CredentialSettings) -> String {
        match settings.resolve() {
            Ok(Credentials::None) => "nothing".to_owned(),
            Ok(Credentials::Token(token)) => format!("token {}", token.expose_secret()),
            Ok(Credentials::Client(client)) => {
                let url = client.token_url.as_ref().map_or("the daemon".to_owned(), TokenUrl::to_string);
                format!("client {} {} at {url}", client.id, client.secret())
            }
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_configuration_replaces_the_environment() {
        let environment = CredentialSettings {
            token: set("KONTRAKTOR_TOKEN", "t"),
            client_id: set("client_id", "id"),
            client_secret: set("KONTRAKTOR_CLIENT_SECRET", "s"),
            token_url: None,
        };
        assert_eq!(resolved(environment), "client id s at the daemon");
        let token = CredentialSettings {
            token: set("oauth_token", "t"),
            client_id: set("KONTRAKTOR_CLIENT_ID", "id"),
            ..CredentialSettings::default()
        };
        assert_eq!(resolved(token), "token t");
        assert_eq!(resolved(CredentialSettings::default()), "nothing");
    }

    #[test]
    fn invalid_settings_are_refused_by_name_and_not_repeated() {
        let client = CredentialSettings {
            client_id: set("client_id", "hunter2"),
            client_secret: set("client_secret", "hunter2"),
            ..CredentialSettings::default()
        };
        let refused = [
            CredentialSettings { token: set("oauth_token", "hunter2"), ..client.clone() },
            CredentialSettings {
                token: set("KONTRAKTOR_TOKEN", "hunter2"),
                client_id: set("KONTRAKTOR_CLIENT_ID", "hunter2"),
                ..CredentialSettings::default()
            },
            CredentialSettings { token: set("oauth_token", "hunter2\n"), ..CredentialSettings::default() },
            CredentialSettings { client_secret: None, ..client.clone() },
            CredentialSettings { client_id: None, ..client.clone() },
            CredentialSettings {
                token_url: set("KONTRAKTOR_TOKEN_URL", "https://hunter2"),
                ..CredentialSettings::default()
            },
            CredentialSettings { token_url: set("token_url", "hunter2"), ..client.clone() },
            CredentialSettings { client_secret: set("client_secret", "hunter2\n"), ..client },
        ]
        .map(resolved)
        .join("\n");
        assert!(!refused.contains("hunter2"), "{refused}");
        insta::assert_snapshot!(refused, @"
        invalid oauth_token: both oauth_token and client_id are set, and only one source of tokens can be used. Unset one of them
        invalid KONTRAKTOR_TOKEN: both KONTRAKTOR_TOKEN and KONTRAKTOR_CLIENT_ID are set, and only one source of tokens can be used. Unset one of them
        invalid oauth_token: it contains characters that are not allowed in a header; expected a token in one line
        invalid client_id: the setting client_secret is missing; set client_id and client_secret together
        invalid client_secret: the setting client_id is missing; set client_id and client_secret together
        invalid KONTRAKTOR_TOKEN_URL: the setting client_id is missing; set client_id and client_secret together
        invalid token_url: expected a URL such as https://NAME/oauth/token
        invalid client_secret: expected at most 4096 bytes without control characters
        ");
    }
}
