use kontraktor_access::Scopes;
use serde_json::{Value, json};

use super::*;
use crate::{
    claims::invalid,
    tests::signer::{Signer, now},
};

const ENDPOINT: &str = "https://kontraktor.example.com/oauth/token";

fn client(secrets: Vec<ClientSecret>, public_key: Option<PublicKey>) -> Client {
    Client { client_id: "sa-1".into(), scopes: Scopes::ALL, secrets, public_key }
}

fn secret(text: &str, expires: Option<Timestamp>) -> ClientSecret {
    ClientSecret { sha256: Sha256::digest(text).into(), expires }
}

fn authenticator() -> ClientAuthenticator {
    ClientAuthenticator::new(vec![ENDPOINT.to_owned(), "https://kontraktor.example.com".to_owned()])
}

#[test]
fn each_live_secret_of_the_client_authenticates_it() {
    let client =
        client(vec![secret("old", Some(now())), secret("current", None), secret("next", None)], None);
    let check = |client: Option<&Client>, text: &str| {
        let presented = PresentedCredentials::Secret(text.to_owned().into());
        authenticator().authenticate(client, &presented, now())
    };
    assert_eq!(check(Some(&client), "current"), Ok(()));
    assert_eq!(check(Some(&client), "next"), Ok(()));
    assert_eq!(check(Some(&client), "old"), Err(ClientError::ExpiredSecret));
    assert_eq!(check(Some(&client), "other"), Err(ClientError::Secret));
    assert_eq!(check(Some(&client), ""), Err(ClientError::Secret));
    assert_eq!(check(None, "current"), Err(ClientError::Unknown));
}

#[test]
fn an_assertion_is_checked_and_accepted_once() {
    let signer = Signer::es256("k");
    let key = PublicKey::from_pem(&signer.public_pem()).unwrap();
    let with_key = client(Vec::new(), Some(key));
    let authenticator = authenticator();
    let seconds = now().as_second();
    let claims = |change: Value| {
        let mut claims = json!({
            "iss": "sa-1", "sub": "sa-1", "aud": ENDPOINT, "exp": seconds + 60, "jti": "used by refused ones",
        });
        for (name, value) in change.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims
    };
    let check = |client: &Client, claims: &Value| {
        let presented = PresentedCredentials::Assertion(signer.sign(claims).into());
        authenticator.authenticate(Some(client), &presented, now())
    };
    let refused = |error: TokenError| Err(ClientError::Assertion(error));
    for (change, expected) in [
        (json!({ "iss": "sa-2" }), refused(invalid("iss"))),
        (json!({ "sub": "sa-2" }), refused(invalid("sub"))),
        (json!({ "aud": "https://other.example.com" }), refused(TokenError::Audience)),
        (json!({ "exp": seconds - 60 }), refused(TokenError::Expired)),
        (json!({ "exp": seconds + 361 }), Err(ClientError::LongLived)),
        (json!({ "exp": "9999999999" }), refused(invalid("exp"))),
        (json!({ "nbf": seconds + 61 }), refused(TokenError::NotYetValid)),
        (json!({ "jti": "" }), refused(invalid("jti"))),
        (json!({ "jti": null }), refused(invalid("jti"))),
        (json!({ "jti": "x".repeat(257) }), refused(invalid("jti"))),
    ] {
        assert_eq!(check(&with_key, &claims(change.clone())), expected, "{change}");
    }
    let good = claims(json!({ "aud": [ENDPOINT], "jti": "1" }));
    assert_eq!(check(&client(Vec::new(), None), &good), Err(ClientError::NoPublicKey));
    assert_eq!(check(&with_key, &good), Ok(()));
    assert_eq!(check(&with_key, &good), Err(ClientError::Replayed));
    let issuer = claims(json!({ "aud": "https://kontraktor.example.com", "jti": "2" }));
    assert_eq!(check(&with_key, &issuer), Ok(()));

    // Signed by somebody else.
    let presented =
        PresentedCredentials::Assertion(Signer::es256("k").sign(&claims(json!({ "jti": "3" }))).into());
    assert_eq!(
        authenticator.authenticate(Some(&with_key), &presented, now()),
        refused(TokenError::Signature)
    );
}
