//! What an answer that is no secret becomes.

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::VaultErrorKind;

const DATA: &str = "secret/data/app";

/// What a read fails with that is answered like this.
async fn answered(reply: Reply) -> VaultError {
    let (_double, vault) = world(move |seen| (seen.path() == DATA).then(|| reply.clone())).await;
    fails(&vault, "vault://team/secret/app#field").await
}

#[tokio::test]
async fn each_status_is_an_error_of_its_own_that_repeats_nothing() {
    let mut table = String::new();
    for (status, text) in [
        (400, "hunter2"),
        (400, "Upgrading from non-versioned to versioned data. This backend will be unavailable: hunter2"),
        (403, "permission denied: hunter2"),
        (404, "hunter2"),
        (405, "unsupported operation: hunter2"),
        (412, "required index state not present: hunter2"),
        (418, "hunter2"),
        (429, "rate limit quota exceeded: hunter2"),
        (472, "hunter2"),
        (473, "hunter2"),
        (500, "hunter2"),
        (500, "Vault is in standby mode: hunter2"),
        (501, "hunter2"),
        (502, "hunter2"),
        (503, "hunter2"),
        (503, "Vault is sealed: hunter2"),
    ] {
        let error = answered(Reply::error(status, text)).await;
        table.push_str(&format!(
            "{:?}: {error}\n    {}\n",
            error.kind,
            error.remedy.as_deref().unwrap_or_default()
        ));
    }
    insta::assert_snapshot!(table, @r#"
    NotFound: vault "team" rejects the request (400)
        check mount and path; a dynamic engine rejects unknown roles like this
    Unavailable: vault "team" is upgrading the engine to KV version 2 (400)
        try again when the upgrade is done
    Denied: vault "team" does not allow the daemon to read this secret (403)
        grant the daemon's token a policy that may read the path (for KV version 2: MOUNT/data/PATH)
    NotFound: vault "team" has no such secret (404)
        check mount and path of the reference
    NotFound: vault "team" has nothing at this path that can be read (405)
        use a path that supports reads in the reference
    Unavailable: vault "team" has not caught up with its cluster yet (412)
        try again in a moment
    InvalidResponse: vault "team" returned an unexpected status (418)
        check that Vault, and not a proxy, answers at `address`
    Unavailable: vault "team" throttles requests (429)
        raise its rate limit for the daemon, or raise `cache.ttl`
    Unavailable: vault "team" is a standby that does not serve requests (472)
        set `address` to the load balancer or the active node of the cluster
    Unavailable: vault "team" is a standby that does not serve requests (473)
        set `address` to the load balancer or the active node of the cluster
    Unavailable: vault "team" reports an internal error (500)
        see Vault's log for the reason
    Unavailable: vault "team" is a standby that does not serve requests (500)
        set `address` to the load balancer or the active node of the cluster
    Unavailable: vault "team" is not initialized (501)
        initialize and unseal it
    Unavailable: vault "team" reports an internal error (502)
        see Vault's log for the reason
    Unavailable: vault "team" is unavailable (503)
        see Vault's log, and that of the proxy in front of it
    Unavailable: vault "team" is sealed (503)
        unseal it
    "#);
}

#[tokio::test]
async fn a_vault_that_asks_for_time_gets_it() {
    for status in [429, 503] {
        let error = answered(Reply::error(status, "").with("retry-after", "17")).await;
        assert_eq!(
            (error.kind, error.retry_after),
            (VaultErrorKind::Unavailable, Some(Duration::from_secs(17)))
        );
    }
    for (header, expected) in [
        ("18446744073709551615", Some(Duration::from_hours(1))),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
        ("-1", None),
    ] {
        assert_eq!(answered(Reply::error(429, "").with("retry-after", header)).await.retry_after, expected);
    }
}

#[tokio::test]
async fn no_redirect_is_followed_and_the_token_goes_nowhere_else() {
    let elsewhere = Double::start(|_| version_1(SECRET)).await;
    let to = format!("{}/v1/secret/data/app?t=hunter2", elsewhere.address());
    for status in [301, 302, 303, 307, 308] {
        let error = answered(Reply::empty(status).with("location", &to)).await;
        assert_eq!(error.kind, VaultErrorKind::InvalidResponse);
        assert_eq!(
            error.message,
            format!("vault \"team\" returned a redirect, which is not followed ({status})")
        );
    }
    let login = to.clone();
    let (double, vault) = world(move |seen| {
        (seen.path() == "auth/approle/login").then(|| Reply::empty(307).with("location", &login))
    })
    .await;
    assert_eq!(fails(&vault, "vault://team/secret/app#field").await.kind, VaultErrorKind::InvalidResponse);
    assert_eq!(elsewhere.seen().len(), 0);
    // Nor to itself, where the location is one that would be served.
    let location = "/v1/secret/data/other";
    let (here, vault) = world(move |seen| match seen.path() {
        DATA => Some(Reply::empty(307).with("location", location)),
        _ => None,
    })
    .await;
    assert_eq!(fails(&vault, "vault://team/secret/app#field").await.kind, VaultErrorKind::InvalidResponse);
    assert_eq!((double.count("auth/approle/login"), here.count("secret/data/other")), (1, 0));
}

#[tokio::test]
async fn a_truncated_answer_or_one_that_is_not_json_is_invalid() {
    let whole = json!({ "data": { "data": { "field": SECRET }, "metadata": { "version": 1 } } }).to_string();
    let as_json = || vec![("content-type", "application/json; charset=utf-8".to_owned())];
    let half = whole.as_bytes()[..whole.len() / 2].to_vec();
    for (reply, expected) in [
        (
            Reply::CutOff(200, as_json(), half.clone()),
            "vault \"team\" closed the connection in the middle of its answer",
        ),
        (
            Reply::Whole(200, as_json(), half),
            "vault \"team\" returned an answer whose JSON is truncated or unexpected",
        ),
        (
            Reply::Whole(200, vec![("content-type", "text/html".into())], whole.clone().into_bytes()),
            "vault \"team\" returned an answer that is not JSON",
        ),
        (
            Reply::Whole(200, Vec::new(), whole.clone().into_bytes()),
            "vault \"team\" returned an answer that is not JSON",
        ),
        (
            Reply::json(200, json!(SECRET)),
            "vault \"team\" returned an answer whose JSON is truncated or unexpected",
        ),
        (
            Reply::json(200, json!({ "data": { "field": SECRET } })),
            "vault \"team\" returned an answer without the version of KV version 2",
        ),
        (
            Reply::json(200, json!({ "data": { "data": SECRET, "metadata": { "version": 1 } } })),
            "vault \"team\" returned an answer without a secret's fields",
        ),
    ] {
        let error = answered(reply).await;
        assert_eq!((error.kind, error.message.as_str()), (VaultErrorKind::InvalidResponse, expected));
    }
    let (_double, vault) = world(move |seen| {
        (seen.path() == DATA).then(|| Reply::Whole(200, as_json(), whole.clone().into_bytes()))
    })
    .await;
    assert_eq!(field(&vault.fetch(&secret("vault://team/secret/app#field")).await.unwrap()), SECRET);
}

#[tokio::test]
async fn a_connection_that_ends_or_never_begins_is_an_outage() {
    let error = answered(Reply::HangUp).await;
    assert_eq!(error.kind, VaultErrorKind::Unavailable);
    assert_eq!(error.message, "vault \"team\" closed the connection without an answer");

    let (double, vault) = world(|_| None).await;
    drop(double);
    // The port may still be closing, but does not answer any more.
    let error = fails(&vault, "vault://team/secret/app#field").await;
    assert_eq!(error.kind, VaultErrorKind::Unavailable);
}

#[tokio::test]
async fn a_vault_that_hangs_is_waited_for_until_the_caller_gives_up() {
    let (double, vault) = world(|seen| (seen.path() == DATA).then_some(Reply::Silence)).await;
    let vault = std::sync::Arc::new(vault);
    let reading = tokio::spawn({
        let vault = std::sync::Arc::clone(&vault);
        async move { vault.fetch(&secret("vault://team/secret/app#field")).await }
    });
    double.saw(DATA, 1).await;
    assert!(!reading.is_finished());
    reading.abort();
    assert!(reading.await.unwrap_err().is_cancelled());
}

#[tokio::test]
async fn more_than_a_secret_may_have_is_not_read() {
    use crate::hashicorp::transport::MAX_ANSWER_BYTES;
    use kontraktor_model::limits::MAX_SECRET_BYTES;

    let with_field = |size: usize| {
        let mut body = br#"{"data":{"data":{"field":""#.to_vec();
        body.resize(body.len() + size, b'x');
        body.extend_from_slice(br#""},"metadata":{"version":1}}}"#);
        body
    };
    let json = || vec![("content-type", "application/json".to_owned())];
    let too_large = "vault \"team\" returned more than the limit of 16777216 bytes";

    // Both ways of saying how long it is.
    let error = answered(Reply::Whole(200, json(), with_field(MAX_ANSWER_BYTES))).await;
    assert_eq!((error.kind, error.message.as_str()), (VaultErrorKind::TooLarge, too_large));
    let error = answered(Reply::Chunked(with_field(MAX_ANSWER_BYTES))).await;
    assert_eq!((error.kind, error.message.as_str()), (VaultErrorKind::TooLarge, too_large));
    // An answer that would be taken, with a field that is not.
    let error = answered(Reply::Chunked(with_field(MAX_SECRET_BYTES + 1))).await;
    assert_eq!(error.kind, VaultErrorKind::TooLarge);
    assert_eq!(
        error.message,
        "a field of the secret in vault \"team\" has 16777217 bytes; the limit is 16777216"
    );

    let largest = Reply::Chunked(with_field(MAX_SECRET_BYTES));
    let (_double, vault) = world(move |seen| (seen.path() == DATA).then(|| largest.clone())).await;
    let fetched = vault.fetch(&secret("vault://team/secret/app#field")).await.unwrap();
    assert_eq!(fetched.content.select(Some("field")).unwrap().len(), MAX_SECRET_BYTES);
}
