//! Where an issuer publishes its keys: OpenID Connect Discovery 1.0 §4, then RFC 8414 §3.

use reqwest::Url;
use serde::Deserialize;

use super::http::{Fetch, FetchError, may_fetch};

/// What is used of the metadata.
#[derive(Debug, Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
}

/// Returns the address of the keys of an issuer.
pub(super) async fn keys_url(issuer: &str, fetch: &dyn Fetch) -> Result<Url, String> {
    let mut problem = String::new();
    for url in metadata_urls(issuer) {
        match fetch.get(&url).await {
            Ok(document) => return jwks_uri(issuer, &document),
            Err(error @ FetchError::Status(404)) => problem = describe(error),
            Err(error) => return Err(describe(error)),
        }
    }
    Err(problem)
}

fn describe(error: FetchError) -> String {
    format!("its metadata cannot be fetched: {error}")
}

/// Returns where the metadata may be. Both put the same path after the issuer's, or before it.
fn metadata_urls(issuer: &str) -> Vec<Url> {
    let appended = Url::parse(&format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/')));
    let inserted = Url::parse(issuer).map(|mut url| {
        let path = format!("/.well-known/oauth-authorization-server{}", url.path().trim_end_matches('/'));
        url.set_path(&path);
        url
    });
    [appended, inserted].into_iter().flatten().collect()
}

fn jwks_uri(issuer: &str, document: &[u8]) -> Result<Url, String> {
    let metadata: Metadata = serde_json::from_slice(document)
        .map_err(|_| "its metadata is not a JSON object with `issuer` and `jwks_uri`".to_owned())?;
    // Another issuer's metadata would make its keys ours (RFC 8414 §3.3).
    if metadata.issuer != issuer {
        return Err(
            "its metadata names another `issuer`; set `url` to that text, character by character".to_owned()
        );
    }
    Url::parse(&metadata.jwks_uri)
        .ok()
        .filter(may_fetch)
        .ok_or_else(|| "its metadata has a `jwks_uri` that is not https://".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_metadata_is_looked_for_in_both_usual_places() {
        let urls = |issuer| metadata_urls(issuer).iter().map(Url::to_string).collect::<Vec<_>>();
        assert_eq!(
            urls("https://login.example.com/tenant/"),
            [
                "https://login.example.com/tenant/.well-known/openid-configuration",
                "https://login.example.com/.well-known/oauth-authorization-server/tenant",
            ]
        );
        assert_eq!(
            urls("https://login.example.com"),
            [
                "https://login.example.com/.well-known/openid-configuration",
                "https://login.example.com/.well-known/oauth-authorization-server",
            ]
        );
    }

    #[test]
    fn metadata_of_another_issuer_or_with_an_insecure_address_is_refused() {
        let read = |document: &str| jwks_uri("https://a.example.com", document.as_bytes());
        let good = r#"{"issuer":"https://a.example.com","jwks_uri":"https://keys.example.com/k"}"#;
        assert_eq!(read(good).unwrap().as_str(), "https://keys.example.com/k");
        for bad in [
            r#"{"issuer":"https://a.example.com/","jwks_uri":"https://keys.example.com/k"}"#,
            r#"{"issuer":"https://a.example.com","jwks_uri":"http://keys.example.com/k"}"#,
            r#"{"issuer":"https://a.example.com","jwks_uri":"file:///etc/passwd"}"#,
            r#"{"issuer":"https://a.example.com"}"#,
            r#"{"jwks_uri":"https://keys.example.com/k"}"#,
            r#"{"issuer":["https://a.example.com"],"jwks_uri":"https://keys.example.com/k"}"#,
            "<html>",
            "",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
