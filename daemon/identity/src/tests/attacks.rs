//! Tokens that somebody made to be taken for another one's, and malformed ones.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

use super::{
    signer::{Published, Signer, now, unsigned},
    verifier, verify,
};
use crate::{MAX_TOKEN_BYTES, TokenError, Verifier, claims::invalid};

const URL: &str = "https://login.example.com";
const OTHER_URL: &str = "https://other.example.com";

fn claims() -> Value {
    let seconds = now().as_second();
    json!({ "iss": URL, "sub": "ada", "aud": "kontraktor", "iat": seconds, "exp": seconds + 300 })
}

fn changed(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

/// Two issuers, one with an RSA and an EC key, one with an Ed25519 key.
struct Scene {
    rsa: Signer,
    ec: Signer,
    other: Signer,
    verifier: Verifier,
}

impl Scene {
    fn new() -> Self {
        let (rsa, ec, other) = (Signer::rs256("rsa"), Signer::es256("ec"), Signer::ed25519("ed"));
        let published = Published::default();
        published.issuer(URL, &[&rsa, &ec]);
        published.issuer(OTHER_URL, &[&other]);
        let verifier = verifier(
            json!([
                { "url": URL, "audience": "kontraktor", "groups_claim": "groups" },
                { "url": OTHER_URL, "audience": "kontraktor" },
            ]),
            &published,
        );
        Self { rsa, ec, other, verifier }
    }

    async fn refused(&self, token: &str) -> TokenError {
        verify(&self.verifier, token).await.expect_err(token)
    }
}

#[tokio::test]
async fn a_token_of_somebody_else_is_refused() {
    let scene = Scene::new();
    let header = |algorithm: &str, id: &str| json!({ "typ": "JWT", "alg": algorithm, "kid": id });
    for good in [&scene.rsa, &scene.ec] {
        let found = verify(&scene.verifier, &good.sign(&claims())).await.unwrap();
        assert_eq!(&*found.actor, "login.example.com:ada");
    }
    let pss = scene.rsa.sign_with(&header("PS256", "rsa"), &claims());
    assert!(verify(&scene.verifier, &pss).await.is_ok());

    // No signature at all.
    for algorithm in ["none", "None", "nOnE", ""] {
        let text = unsigned(&header(algorithm, "rsa"), &claims());
        assert_eq!(scene.refused(&format!("{text}.")).await, TokenError::Algorithm);
    }
    let text = unsigned(&header("RS256", "rsa"), &claims());
    assert_eq!(scene.refused(&format!("{text}.")).await, TokenError::Signature);

    // The public key as the secret of an HMAC, in the forms that libraries were tricked with.
    let secrets = [scene.rsa.public_pem(), scene.rsa.jwk()["n"].to_string(), String::new()];
    for secret in secrets {
        let text = unsigned(&header("HS256", "rsa"), &claims());
        let key = EncodingKey::from_secret(secret.as_bytes());
        let signature = jsonwebtoken::crypto::sign(text.as_bytes(), &key, Algorithm::HS256).unwrap();
        assert_eq!(scene.refused(&format!("{text}.{signature}")).await, TokenError::Algorithm);
    }

    // A key that the token brings along or points to.
    let attacker = Signer::es256("attacker");
    for (name, value) in [
        ("jwk", attacker.jwk()),
        ("jku", json!("https://attacker.example.com/jwks")),
        ("x5u", json!("https://attacker.example.com/cert")),
        ("x5c", json!(["MIIB"])),
    ] {
        let mut header = header("ES256", "ec");
        header[name] = value;
        assert_eq!(
            scene.refused(&attacker.sign_with(&header, &claims())).await,
            TokenError::Signature,
            "{name}"
        );
    }

    // Another issuer's key, for our issuer and for its own.
    assert_eq!(scene.refused(&scene.other.sign(&claims())).await, TokenError::UnknownKey);
    let named = scene.other.sign_with(&header("EdDSA", "rsa"), &claims());
    assert_eq!(scene.refused(&named).await, TokenError::UnknownKey);
    assert!(verify(&scene.verifier, &scene.other.sign(&changed("iss", json!(OTHER_URL)))).await.is_ok());
    let stolen = scene.rsa.sign_with(&header("RS256", "ed"), &changed("iss", json!(OTHER_URL)));
    assert_eq!(scene.refused(&stolen).await, TokenError::UnknownKey);
    for iss in ["https://unknown.example.com", "https://login.example.com/", "HTTPS://login.example.com"] {
        let token = scene.rsa.sign(&changed("iss", json!(iss)));
        assert_eq!(scene.refused(&token).await, TokenError::UnknownIssuer);
    }

    // An algorithm that does not belong to the key.
    for (algorithm, id) in [("RS256", "ec"), ("ES256", "rsa"), ("ES384", "ec"), ("EdDSA", "ec")] {
        let token = scene.rsa.sign_with(&header(algorithm, id), &claims());
        assert_eq!(scene.refused(&token).await, TokenError::UnknownKey, "{algorithm} {id}");
    }
}

#[tokio::test]
async fn tricks_with_the_name_of_the_key_find_no_other_key() {
    let scene = Scene::new();
    for id in [
        "../../../../dev/null",
        "rsa' OR '1'='1",
        "RSA",
        "rsa ",
        "rsa\0",
        "|/usr/bin/true",
        "https://attacker/jwks",
    ] {
        let header = json!({ "typ": "JWT", "alg": "RS256", "kid": id });
        assert_eq!(
            scene.refused(&scene.rsa.sign_with(&header, &claims())).await,
            TokenError::UnknownKey,
            "{id}"
        );
    }
    for id in [json!(""), json!("x".repeat(257)), json!(null), json!(7), json!(["rsa"])] {
        let header = json!({ "typ": "JWT", "alg": "RS256", "kid": id });
        let error = scene.refused(&scene.rsa.sign_with(&header, &claims())).await;
        assert!(matches!(error, TokenError::Malformed(_)), "{id}: {error:?}");
    }
    // Without a name there must be a single key that fits.
    let unnamed = json!({ "typ": "JWT", "alg": "RS256" });
    assert!(verify(&scene.verifier, &scene.rsa.sign_with(&unnamed, &claims())).await.is_ok());
}

#[tokio::test]
async fn claims_are_required_and_typed() {
    let scene = Scene::new();
    let seconds = now().as_second();
    let missing = |name: &'static str| TokenError::MissingClaim(name.into());
    let cases = [
        (without("exp"), missing("exp")),
        (without("iss"), missing("iss")),
        (without("aud"), missing("aud")),
        (without("sub"), missing("sub")),
        (changed("exp", json!(seconds - 60)), TokenError::Expired),
        (changed("exp", json!("9999999999")), invalid("exp")),
        (changed("exp", json!(null)), invalid("exp")),
        (changed("exp", json!([9_999_999_999_i64])), invalid("exp")),
        (changed("exp", json!(1e40)), invalid("exp")),
        (changed("exp", json!(-1)), invalid("exp")),
        (changed("nbf", json!(seconds + 61)), TokenError::NotYetValid),
        (changed("nbf", json!("0")), invalid("nbf")),
        (changed("iat", json!(seconds + 61)), TokenError::NotYetValid),
        (changed("iat", json!({})), invalid("iat")),
        (changed("iss", json!([URL])), invalid("iss")),
        (changed("aud", json!("other")), TokenError::Audience),
        (changed("aud", json!("kontraktor other")), TokenError::Audience),
        (changed("aud", json!([])), missing("aud")),
        (changed("aud", json!([["kontraktor"]])), invalid("aud")),
        (changed("aud", json!({ "kontraktor": 1 })), invalid("aud")),
        (changed("sub", json!("")), invalid("sub")),
        (changed("sub", json!(7)), invalid("sub")),
        (changed("sub", json!("ada\nactor=root")), invalid("sub")),
        (changed("sub", json!("a".repeat(600))), invalid("sub")),
        (changed("groups", json!({ "a": 1 })), invalid("groups")),
        (changed("groups", json!(["a", 1])), invalid("groups")),
        (changed("groups", json!([""])), invalid("groups")),
        (changed("groups", json!(vec!["a"; 1_001])), invalid("groups")),
        (changed("scope", json!(7)), invalid("scope")),
        (changed("cnf", json!({ "jkt": "x" })), TokenError::Bound),
    ];
    for (claims, expected) in cases {
        assert_eq!(scene.refused(&scene.ec.sign(&claims)).await, expected, "{claims}");
    }
}

#[tokio::test]
async fn what_is_no_signed_token_is_refused() {
    let scene = Scene::new();
    let good = scene.ec.sign(&claims());
    let (text, signature) = good.rsplit_once('.').unwrap();
    let (header, payload) = text.split_once('.').unwrap();
    let encode = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
    let with_header = |name: &str, value: Value| {
        let mut header = json!({ "typ": "JWT", "alg": "ES256", "kid": "ec" });
        header[name] = value;
        scene.ec.sign_with(&header, &claims())
    };
    let malformed = [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "...".to_owned(),
        text.to_owned(),
        header.to_owned(),
        format!("{good}.x"),
        format!("{header}..{signature}"),
        format!(".{payload}.{signature}"),
        format!(" {good}"),
        format!("{header}=.{payload}.{signature}"),
        format!("{}.{payload}.{signature}", encode("[]")),
        format!("{}.{payload}.{signature}", encode("{")),
        format!("{header}.{}.{signature}", encode("[1]")),
        format!("{header}.{}.{signature}", encode("\"text\"")),
        format!("{header}.{}.{signature}", encode("\u{fffd}")),
        format!("{header}.{}.{signature}", encode(&format!("{}{}", "[".repeat(500), "]".repeat(500)))),
        with_header("enc", json!("A256GCM")),
        with_header("zip", json!("DEF")),
        "a.b.c.d.e".to_owned(),
    ];
    for token in malformed {
        let error = scene.refused(&token).await;
        assert!(matches!(error, TokenError::Malformed(_)), "{token}: {error:?}");
    }
    for (token, expected) in [
        (format!("{good}\n"), TokenError::Signature),
        (format!("{good}="), TokenError::Signature),
        (format!("{text}.{}", &signature[..80]), TokenError::Signature),
        (format!("{text}.{}", "A".repeat(86)), TokenError::Signature),
        (with_header("crit", json!(["exp"])), TokenError::Critical),
        (with_header("crit", json!(null)), TokenError::Critical),
        (with_header("typ", json!("logout+jwt")), TokenError::Type),
        (with_header("typ", json!("dpop+jwt")), TokenError::Type),
        (with_header("typ", json!(7)), TokenError::Type),
        (with_header("alg", json!(["ES256"])), TokenError::Algorithm),
        ("a".repeat(MAX_TOKEN_BYTES + 1), TokenError::TooLarge),
    ] {
        assert_eq!(scene.refused(&token).await, expected, "{token}");
    }
}
