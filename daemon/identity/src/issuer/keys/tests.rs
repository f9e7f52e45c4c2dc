use serde_json::json;

use super::*;
use crate::{
    IssuerTable, build_issuers,
    tests::signer::{Published, Signer, jwks},
};

const URL: &str = "https://login.example.com";

fn source(published: &Published) -> KeySource {
    let tables: Vec<IssuerTable> = serde_json::from_value(json!([{ "url": URL, "audience": "a" }])).unwrap();
    KeySource::new(&build_issuers(&tables).unwrap()[0], Arc::new(published.clone()))
}

async fn is_found(source: &KeySource, id: &str) -> bool {
    source.find(Some(id), SignatureAlgorithm::ES256).await.is_ok()
}

/// Waits until the keys have been fetched so often (metadata and keys are two documents).
async fn fetched(published: &Published, documents: usize) {
    while published.fetched() < documents {
        tokio::task::yield_now().await;
    }
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    assert_eq!(published.fetched(), documents);
}

#[tokio::test(start_paused = true)]
async fn everybody_who_waits_shares_one_fetch() {
    let (published, key) = (Published::default(), Signer::es256("a"));
    published.issuer(URL, &[&key]);
    let source = source(&published);
    let waiting: Vec<_> = (0..50)
        .map(|_| {
            let source = source.clone();
            tokio::spawn(async move { is_found(&source, "a").await })
        })
        .collect();
    for found in waiting {
        assert!(found.await.unwrap());
    }
    assert_eq!(published.fetched(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_new_key_is_found_at_once_and_a_withdrawn_one_ends_with_it() {
    let (published, old, new) = (Published::default(), Signer::es256("old"), Signer::es256("new"));
    published.issuer(URL, &[&old]);
    let source = source(&published);
    let (_, generation) = source.find(Some("old"), SignatureAlgorithm::ES256).await.unwrap();
    assert!(source.confirms(generation));
    published.issuer(URL, &[&new]);
    assert!(is_found(&source, "old").await);
    assert!(is_found(&source, "new").await);
    assert!(!is_found(&source, "old").await);
    assert!(!source.confirms(generation));
}

#[tokio::test(start_paused = true)]
async fn unknown_keys_fetch_a_few_times_and_then_only_now_and_then() {
    let (published, key) = (Published::default(), Signer::es256("a"));
    published.issuer(URL, &[&key]);
    let source = source(&published);
    assert!(is_found(&source, "a").await);
    for number in 0..100 {
        assert!(!is_found(&source, &format!("unknown {number}")).await);
    }
    let burst = 2 + 2 * EARLY_BURST as usize;
    assert_eq!(published.fetched(), burst);
    tokio::time::advance(EARLY_INTERVAL).await;
    for _ in 0..100 {
        assert!(!is_found(&source, "unknown").await);
    }
    assert_eq!(published.fetched(), burst + 2);
}

#[tokio::test(start_paused = true)]
async fn keys_are_refreshed_ahead_and_used_for_a_day_without_their_issuer() {
    let (published, key) = (Published::default(), Signer::es256("a"));
    published.issuer(URL, &[&key]);
    let source = source(&published);
    let (_, generation) = source.find(Some("a"), SignatureAlgorithm::ES256).await.unwrap();
    tokio::time::advance(REFRESH_AHEAD).await;
    assert!(source.confirms(generation));
    fetched(&published, 4).await;
    assert!(source.confirms(generation), "the same document is the same generation");

    published.clear();
    tokio::time::advance(FRESH).await;
    assert!(!source.confirms(generation));
    assert!(is_found(&source, "a").await);
    // One failed attempt, and the next one only after a while.
    assert_eq!(published.fetched(), 5);
    assert!(is_found(&source, "a").await);
    assert_eq!(published.fetched(), 5);
    tokio::time::advance(FIRST_RETRY).await;
    assert!(is_found(&source, "a").await);
    assert_eq!(published.fetched(), 6);

    tokio::time::advance(STALE).await;
    let gone = source.find(Some("a"), SignatureAlgorithm::ES256).await.unwrap_err();
    let TokenError::KeysUnavailable { issuer, problem, retry_after } = gone else { panic!("{gone:?}") };
    assert_eq!((&*issuer, &*problem), ("login.example.com", "its metadata cannot be fetched: refused"));
    assert!(retry_after >= FIRST_RETRY && retry_after <= LONGEST_RETRY, "{retry_after:?}");
    published.issuer(URL, &[&key]);
    tokio::time::advance(LONGEST_RETRY).await;
    assert!(is_found(&source, "a").await);
}

#[tokio::test(start_paused = true)]
async fn expired_keys_are_fetched_again_and_kept_where_that_fails() {
    let (published, old, new) = (Published::default(), Signer::es256("old"), Signer::es256("new"));
    published.issuer(URL, &[&old]);
    let source = source(&published);
    assert!(is_found(&source, "old").await);
    published.issuer(URL, &[&new]);
    source.expire();
    assert!(!is_found(&source, "old").await);
    published.clear();
    source.expire();
    assert!(is_found(&source, "new").await);
}

#[test]
fn keys_that_cannot_be_used_are_left_out() {
    let good = Signer::es256("good");
    let mut set = jwks(&[&good]);
    let rsa = Signer::rs256("rsa").jwk();
    let changed = |name: &str, value: Value| {
        let mut key = rsa.clone();
        key[name] = value;
        key
    };
    let unusable = [
        json!({ "kty": "oct", "k": "c2VjcmV0", "kid": "hmac", "alg": "HS256" }),
        json!({ "kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "weak" }),
        json!({ "kty": "EC", "crv": "P-256", "x": "AQ", "y": "AQ" }),
        json!({ "kty": "EC", "crv": "secp256k1", "x": good.jwk()["x"], "y": good.jwk()["y"] }),
        json!({ "kty": "OKP", "crv": "X25519", "x": good.jwk()["x"] }),
        json!({ "kid": "no type" }),
        json!("text"),
        json!(null),
        changed("use", json!("enc")),
        changed("alg", json!("HS256")),
        changed("alg", json!("RSA-OAEP")),
        changed("alg", json!("ES256")),
        changed("key_ops", json!(["encrypt"])),
    ];
    set["keys"].as_array_mut().unwrap().extend(unusable.clone());
    let keys = read_keys(set.to_string().as_bytes()).unwrap();
    assert_eq!(keys.len(), 1);
    assert!(read_keys(json!({ "keys": unusable }).to_string().as_bytes()).is_err());
    for rubbish in ["", "{}", "[]", r#"{"keys":{}}"#, "<html>"] {
        assert!(read_keys(rubbish.as_bytes()).is_err(), "{rubbish}");
    }
    // A key that names its algorithm is used with that one only.
    let keys = read_keys(json!({ "keys": [changed("alg", json!("RS256"))] }).to_string().as_bytes()).unwrap();
    assert!(keys[0].1.allows(SignatureAlgorithm::RS256) && !keys[0].1.allows(SignatureAlgorithm::PS256));
}
