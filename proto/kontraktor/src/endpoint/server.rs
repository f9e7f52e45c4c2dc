//! Addresses on the network: a name and a port, and whether TLS protects what is sent there.

use std::{fmt, net::IpAddr};

use http::Uri;
use rustls::pki_types::ServerName;

/// How a server is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// TLS.
    Https,
    /// Plain text, which never leaves this machine.
    Http,
}

impl Scheme {
    fn default_port(self) -> u16 {
        match self {
            Self::Https => 443,
            Self::Http => 80,
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Https => "https",
            Self::Http => "http",
        })
    }
}

/// A server on the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    scheme: Scheme,
    name: String,
    port: u16,
}

impl Server {
    /// Returns whether TLS protects the connection.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Returns the name or the address, without brackets.
    pub fn name(&self) -> &str {
        self.name.trim_start_matches('[').trim_end_matches(']')
    }

    /// Returns the port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Parses `scheme://NAME[:PORT]` with what may follow, and returns that path and query too.
    pub(super) fn parse(scheme: Scheme, text: &str) -> Result<(Self, String), ServerError> {
        // `Uri` drops a fragment.
        if text.contains('#') {
            return Err(ServerError::Invalid);
        }
        let uri: Uri = text.parse().map_err(|_| ServerError::Invalid)?;
        let authority = uri.authority().ok_or(ServerError::Invalid)?;
        if authority.as_str().contains('@') {
            return Err(ServerError::Credentials);
        }
        let port = match authority.as_str().strip_prefix(authority.host()) {
            Some("") => scheme.default_port(),
            _ => authority.port_u16().filter(|port| *port > 0).ok_or(ServerError::Invalid)?,
        };
        let server = Self { scheme, name: authority.host().to_owned(), port };
        // What a certificate can be for: a DNS name or an IP address.
        if ServerName::try_from(server.name()).is_err() {
            return Err(ServerError::Invalid);
        }
        if scheme == Scheme::Http && !server.is_loopback() {
            return Err(ServerError::PlainHttp);
        }
        Ok((server, uri.path_and_query().map(ToString::to_string).unwrap_or_default()))
    }

    fn is_loopback(&self) -> bool {
        match self.name().parse::<IpAddr>() {
            Ok(address) => address.is_loopback(),
            // What the name leads to is checked when it is connected to.
            Err(_) => self.name.eq_ignore_ascii_case("localhost"),
        }
    }

    /// Returns name and port, for connecting.
    pub(crate) fn authority_with_port(&self) -> String {
        format!("{}:{}", self.name, self.port)
    }

    /// Returns the name, and the port where it is not that of the scheme, as they are written in a URL.
    pub fn authority(&self) -> String {
        if self.port == self.scheme.default_port() {
            self.name.clone()
        } else {
            format!("{}:{}", self.name, self.port)
        }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority())
    }
}

/// An address that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ServerError {
    Invalid,
    Credentials,
    PlainHttp,
}

/// The URL of a token endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenUrl {
    server: Server,
    path_and_query: String,
}

impl TokenUrl {
    /// Parses a `token_url` setting.
    ///
    /// # Errors
    /// What is wrong, in a sentence without a full stop. It never repeats the URL.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let scheme = match text.split_once("://") {
            Some(("https", _)) => Scheme::Https,
            Some(("http", _)) => Scheme::Http,
            _ => return Err("expected a URL such as https://NAME/oauth/token"),
        };
        let (server, path_and_query) = Server::parse(scheme, text).map_err(|error| match error {
            ServerError::Invalid => "expected a URL such as https://NAME/oauth/token",
            ServerError::Credentials => {
                "it must not contain a user name or password. Set client_id and client_secret instead"
            }
            ServerError::PlainHttp => {
                "plain http:// would send the client secret unencrypted, and is allowed only to localhost, 127.0.0.1 and \
                 [::1]. Use https://"
            }
        })?;
        Ok(Self { server, path_and_query })
    }

    /// Returns the server.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Returns the path, with the query if there is one.
    pub fn path_and_query(&self) -> &str {
        if self.path_and_query.is_empty() { "/" } else { &self.path_and_query }
    }
}

/// Shows the URL without its query.
impl fmt::Display for TokenUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path_and_query.split('?').next().unwrap_or_default();
        write!(f, "{}{path}", self.server)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_url_has_a_path_and_is_shown_without_its_query() {
        let url = TokenUrl::parse("https://login.example.com/oauth/token?audience=k").expect("a good URL");
        assert_eq!(url.to_string(), "https://login.example.com/oauth/token");
        assert_eq!(url.path_and_query(), "/oauth/token?audience=k");
        assert_eq!(
            TokenUrl::parse("http://127.0.0.1:8080").map(|url| url.path_and_query().to_owned()),
            Ok("/".to_owned())
        );
    }

    #[test]
    fn an_invalid_token_url_is_refused_and_not_repeated() {
        let refusals = [
            "hunter2",
            "ftp://hunter2",
            "https://",
            "https://u:hunter2@h/t",
            "http://hunter2/t",
            "https://h/#hunter2",
        ]
        .map(|url| TokenUrl::parse(url).expect_err("an invalid URL"))
        .join("\n");
        assert!(!refusals.contains("hunter2"), "{refusals}");
        insta::assert_snapshot!(refusals, @"
        expected a URL such as https://NAME/oauth/token
        expected a URL such as https://NAME/oauth/token
        expected a URL such as https://NAME/oauth/token
        it must not contain a user name or password. Set client_id and client_secret instead
        plain http:// would send the client secret unencrypted, and is allowed only to localhost, 127.0.0.1 and [::1]. Use https://
        expected a URL such as https://NAME/oauth/token
        ");
    }
}
