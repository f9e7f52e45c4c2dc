//! What an answer that is no secret becomes.

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::Fault;

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
        table.push_str(&format!("{:?}: {error}\n    {}\n", error.fault, error.remedy));
    }
    insta::assert_snapshot!(table, @r#"
    NotFound: vault "team" does not accept the request (400)
        check mount and path; a dynamic engine answers like this for a role that it does not have
    Unavailable: vault "team" is making the engine a versioned one (400)
        wait until it has done so
    Denied: vault "team" does not let the daemon read this (403)
        give the daemon's token a policy that may read the path (for KV version 2: MOUNT/data/PATH)
    NotFound: vault "team" has nothing there (404)
        check mount and path of the reference
    NotFound: vault "team" has nothing there that can be read (405)
        refer to something that Vault answers a read with
    Unavailable: vault "team" has not caught up with its cluster yet (412)
        try again in a moment
    Answer: vault "team" answers with a status that Vault has no reason for (418)
        check that `address` leads to Vault, and to nothing between that answers instead
    Unavailable: vault "team" asks to be left alone for a while (429)
        raise its rate limit for the daemon, or cache for longer
    Unavailable: vault "team" is a standby that does not serve requests (472)
        name the load balancer or the active node of the cluster in `address`
    Unavailable: vault "team" is a standby that does not serve requests (473)
        name the load balancer or the active node of the cluster in `address`
    Unavailable: vault "team" failed (500)
        see Vault's own log for the reason
    Unavailable: vault "team" is a standby that does not serve requests (500)
        name the load balancer or the active node of the cluster in `address`
    Unavailable: vault "team" is not initialised (501)
        initialise and unseal it
    Unavailable: vault "team" failed (502)
        see Vault's own log for the reason
    Unavailable: vault "team" is not available (503)
        see Vault's own log, and that of what stands before it
    Unavailable: vault "team" is sealed (503)
        unseal it
    "#);
}

#[tokio::test]
async fn a_vault_that_asks_for_time_gets_it() {
    for status in [429, 503] {
        let error = answered(Reply::error(status, "").with("retry-after", "17")).await;
        assert_eq!((error.fault, error.retry_after), (Fault::Unavailable, Some(Duration::from_secs(17))));
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
        assert_eq!(error.fault, Fault::Answer);
        assert_eq!(
            error.message,
            format!("vault \"team\" redirects elsewhere, where no token is sent ({status})")
        );
    }
    let login = to.clone();
    let (double, vault) = world(move |seen| {
        (seen.path() == "auth/approle/login").then(|| Reply::empty(307).with("location", &login))
    })
    .await;
    assert_eq!(fails(&vault, "vault://team/secret/app#field").await.fault, Fault::Answer);
    assert_eq!(elsewhere.seen().len(), 0);
    // Nor to itself, where the location is one that would be served.
    let location = "/v1/secret/data/other";
    let (here, vault) = world(move |seen| match seen.path() {
        DATA => Some(Reply::empty(307).with("location", location)),
        _ => None,
    })
    .await;
    assert_eq!(fails(&vault, "vault://team/secret/app#field").await.fault, Fault::Answer);
    assert_eq!((double.count("auth/approle/login"), here.count("secret/data/other")), (1, 0));
}

#[tokio::test]
async fn an_answer_that_is_cut_off_or_no_json_is_not_understood() {
    let whole = json!({ "data": { "data": { "field": SECRET }, "metadata": { "version": 1 } } }).to_string();
    let as_json = || vec![("content-type", "application/json; charset=utf-8".to_owned())];
    let half = whole.as_bytes()[..whole.len() / 2].to_vec();
    for (reply, expected) in [
        (Reply::CutOff(200, as_json(), half.clone()), "vault \"team\" broke off in the middle of its answer"),
        (
            Reply::Whole(200, as_json(), half),
            "vault \"team\" answers with JSON that is cut off or not what Vault says there",
        ),
        (
            Reply::Whole(200, vec![("content-type", "text/html".into())], whole.clone().into_bytes()),
            "vault \"team\" answers with something else than JSON",
        ),
        (
            Reply::Whole(200, Vec::new(), whole.clone().into_bytes()),
            "vault \"team\" answers with something else than JSON",
        ),
        (
            Reply::json(200, json!(SECRET)),
            "vault \"team\" answers with JSON that is cut off or not what Vault says there",
        ),
        (
            Reply::json(200, json!({ "data": { "field": SECRET } })),
            "vault \"team\" answers with no version where KV version 2 has one",
        ),
        (
            Reply::json(200, json!({ "data": { "data": SECRET, "metadata": { "version": 1 } } })),
            "vault \"team\" answers with no fields where a secret's should be",
        ),
    ] {
        let error = answered(reply).await;
        assert_eq!((error.fault, error.message.as_str()), (Fault::Answer, expected));
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
    assert_eq!(error.fault, Fault::Unavailable);
    assert_eq!(error.message, "vault \"team\" ended the connection before it had answered");

    let (double, vault) = world(|_| None).await;
    drop(double);
    // The port may be closing still, but nobody answers there any more.
    let error = fails(&vault, "vault://team/secret/app#field").await;
    assert_eq!(error.fault, Fault::Unavailable);
}

#[tokio::test]
async fn a_vault_that_says_nothing_is_waited_for_until_the_caller_has_had_enough() {
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
    let too_large = "vault \"team\" answers with more than the 16777216 bytes that a secret may have";

    // Both ways of saying how long it is.
    let error = answered(Reply::Whole(200, json(), with_field(MAX_ANSWER_BYTES))).await;
    assert_eq!((error.fault, error.message.as_str()), (Fault::TooLarge, too_large));
    let error = answered(Reply::Chunked(with_field(MAX_ANSWER_BYTES))).await;
    assert_eq!((error.fault, error.message.as_str()), (Fault::TooLarge, too_large));
    // An answer that would be taken, with a field that is not.
    let error = answered(Reply::Chunked(with_field(MAX_SECRET_BYTES + 1))).await;
    assert_eq!(error.fault, Fault::TooLarge);
    assert_eq!(
        error.message,
        "vault \"team\" holds 16777217 bytes in one field there; a secret may have 16777216"
    );

    let largest = Reply::Chunked(with_field(MAX_SECRET_BYTES));
    let (_double, vault) = world(move |seen| (seen.path() == DATA).then(|| largest.clone())).await;
    let fetched = vault.fetch(&secret("vault://team/secret/app#field")).await.unwrap();
    assert_eq!(fetched.content.select(Some("field")).unwrap().len(), MAX_SECRET_BYTES);
}
