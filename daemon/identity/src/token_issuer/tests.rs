use std::{fs, os::unix::fs::PermissionsExt as _};

use kontraktor_access::{Scope, Scopes};

use super::*;
use crate::{VerifiedToken, Verifier};

const URL: &str = "https://kontraktor.example.com";
const DAY: i64 = 24 * 60 * 60;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn issuer(dir: &std::path::Path, now: Timestamp) -> Arc<TokenIssuer> {
    issuer_with(dir, now, DEFAULT_TOKEN_LIFETIME)
}

fn issuer_with(dir: &std::path::Path, now: Timestamp, lifetime: Duration) -> Arc<TokenIssuer> {
    Arc::new(TokenIssuer::new(URL, SigningKeys::open(dir, now).unwrap(), lifetime))
}

async fn verified(
    issuer: &Arc<TokenIssuer>,
    token: &str,
    now: Timestamp,
) -> Result<VerifiedToken, TokenError> {
    let verifier = Verifier::new(Vec::new(), Some(Arc::clone(issuer)), None);
    let verified = verifier.verify(token, now).await?;
    assert!(now < verified.accepted_until);
    Ok(verified.token)
}

#[tokio::test]
async fn a_token_is_valid_for_a_quarter_of_an_hour_and_says_what_it_is_for() {
    let dir = tempfile::tempdir().unwrap();
    let issuer = issuer(dir.path(), at(0));
    let scopes = Scopes::of(&[Scope::EnvRead, Scope::SecretRead]);
    let issued = issuer.issue("sa-0123", scopes, at(0)).unwrap();
    assert_eq!(issued.expires_in, 900);
    let expected = VerifiedToken::Account(AccountToken { client_id: "sa-0123".into(), scopes });
    assert_eq!(verified(&issuer, &issued.token, at(959)).await, Ok(expected));
    assert_eq!(verified(&issuer, &issued.token, at(960)).await, Err(TokenError::Expired));
    let none = issuer.issue("sa-0123", Scopes::NONE, at(0)).unwrap();
    let expected = VerifiedToken::Account(AccountToken { client_id: "sa-0123".into(), scopes: Scopes::NONE });
    assert_eq!(verified(&issuer, &none.token, at(0)).await, Ok(expected));
}

#[tokio::test]
async fn a_token_is_valid_for_as_long_as_configured_and_never_for_longer_than_its_key() {
    let dir = tempfile::tempdir().unwrap();
    for (configured, seconds) in [(10, 10), (90, 90), (3_600, 3_600), (1, 10), (86_400, 3_600)] {
        let issuer = issuer_with(dir.path(), at(0), Duration::from_secs(configured));
        let issued = issuer.issue("sa-1", Scopes::NONE, at(0)).unwrap();
        assert_eq!(issued.expires_in, seconds);
        assert!(verified(&issuer, &issued.token, at(seconds + 59)).await.is_ok());
        assert_eq!(verified(&issuer, &issued.token, at(seconds + 60)).await, Err(TokenError::Expired));
    }
}

#[tokio::test]
async fn a_token_for_another_daemon_or_with_other_claims_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let issuer = issuer(dir.path(), at(0));
    let signed = |token_type: &str, change: &dyn Fn(&mut serde_json::Value)| {
        let mut claims = json!({
            "iss": URL, "aud": URL, "sub": "sa-1", "client_id": "sa-1", "scope": "env.read",
            "iat": at(0).as_second(), "exp": at(900).as_second(),
        });
        change(&mut claims);
        issuer.keys.sign(token_type, &claims).unwrap()
    };
    let cases = [
        (signed("at+jwt", &|_| {}), None),
        (signed("jwt", &|_| {}), Some(TokenError::Type)),
        (
            signed("at+jwt", &|claims| claims["aud"] = json!("https://other.example.com")),
            Some(TokenError::Audience),
        ),
        (
            signed("at+jwt", &|claims| claims["sub"] = json!("sa-2")),
            Some(TokenError::InvalidClaim("sub".into())),
        ),
        (
            signed("at+jwt", &|claims| claims["scope"] = json!(["env.read"])),
            Some(TokenError::InvalidClaim("scope".into())),
        ),
        (
            signed("at+jwt", &|claims| claims["client_id"] = json!(null)),
            Some(TokenError::InvalidClaim("client_id".into())),
        ),
        (
            signed("at+jwt", &|claims| claims["exp"] = json!("9999999999")),
            Some(TokenError::InvalidClaim("exp".into())),
        ),
    ];
    for (token, expected) in cases {
        assert_eq!(verified(&issuer, &token, at(0)).await.err(), expected);
    }
    let (signed, _) =
        signed("at+jwt", &|_| {}).rsplit_once('.').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let forged = format!("{signed}.{}", "A".repeat(86));
    assert_eq!(verified(&issuer, &forged, at(0)).await, Err(TokenError::Signature));
}

#[tokio::test]
async fn a_key_signs_for_30_days_and_verifies_until_its_tokens_have_expired() {
    let dir = tempfile::tempdir().unwrap();
    let count = || fs::read_dir(dir.path().join("keys")).unwrap().count();
    let issuer = issuer(dir.path(), at(0));
    let last = 30 * DAY - 1;
    assert!(!issuer.keys.is_due(at(last)));
    let old = issuer.issue("sa-1", Scopes::NONE, at(last)).unwrap();

    assert!(issuer.keys.is_due(at(last + 1)));
    issuer.keys.rotate(at(last + 1)).unwrap();
    assert_eq!((issuer.keys.jwks()["keys"].as_array().unwrap().len(), count()), (2, 2));
    assert!(verified(&issuer, &old.token, at(last + 900)).await.is_ok());
    let new = issuer.issue("sa-1", Scopes::NONE, at(last + 1)).unwrap();

    // After a restart, too.
    let issuer = self::issuer(dir.path(), at(last + 2));
    assert!(verified(&issuer, &old.token, at(last + 900)).await.is_ok());
    assert!(verified(&issuer, &new.token, at(last + 900)).await.is_ok());

    let gone = last + 1 + 3_600 + 120;
    assert!(!issuer.keys.is_due(at(gone - 1)) && issuer.keys.is_due(at(gone)));
    issuer.keys.rotate(at(gone)).unwrap();
    assert_eq!((issuer.keys.jwks()["keys"].as_array().unwrap().len(), count()), (1, 1));
}

#[tokio::test]
async fn a_remembered_token_ends_with_its_key() {
    let dir = tempfile::tempdir().unwrap();
    let issuer = issuer(dir.path(), at(0));
    let verifier = Verifier::new(Vec::new(), Some(Arc::clone(&issuer)), None);
    let token = issuer.issue("sa-1", Scopes::NONE, at(0)).unwrap();
    assert!(verifier.verify(&token.token, at(1)).await.is_ok());
    // A clock that jumps: the key is gone while the token would still be valid for a clock that did not.
    issuer.keys.rotate(at(40 * DAY)).unwrap();
    issuer.keys.rotate(at(41 * DAY)).unwrap();
    assert_eq!(verifier.verify(&token.token, at(1)).await, Err(TokenError::UnknownKey));
}

#[test]
fn files_of_keys_are_private_and_damaged_or_readable_ones_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    SigningKeys::open(dir.path(), at(0)).unwrap();
    let keys = dir.path().join("keys");
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let file = fs::read_dir(&keys).unwrap().next().unwrap().unwrap().path();
    assert_eq!((mode(&keys), mode(&file)), (0o700, 0o600));
    let refused = || {
        let message = SigningKeys::open(dir.path(), at(0)).unwrap_err().to_string();
        message.replace(&file.display().to_string(), "FILE")
    };

    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    insta::assert_snapshot!(refused(), @"FILE has mode 0640, which lets other users read a private key. Delete it, and start `kontraktord` again");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o660)).unwrap();
    insta::assert_snapshot!(refused(), @"FILE has mode 0660, which lets other users change it. Check its content and run `chmod go-w` on it");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&file, "rubbish").unwrap();
    insta::assert_snapshot!(refused(), @"FILE is not a private key of this daemon. Restore it from a backup, or delete it");

    fs::remove_file(&file).unwrap();
    fs::write(keys.join("1-a.new"), "half").unwrap();
    SigningKeys::open(dir.path(), at(0)).unwrap();
    assert_eq!(fs::read_dir(&keys).unwrap().count(), 1);
}

#[test]
fn what_is_logged_contains_no_key_and_no_token() {
    let dir = tempfile::tempdir().unwrap();
    let issuer = issuer(dir.path(), at(0));
    let shown = format!("{issuer:?}");
    assert!(shown.contains("public_url") && shown.len() < 400, "{shown}");
}
