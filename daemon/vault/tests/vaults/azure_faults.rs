//! What can go wrong with Azure Key Vault, and with the directory that gives its tokens.

use std::time::Duration;

use kontraktor_vault::{AzureVault, VaultErrorKind};
use serde_json::json;
use testkit::doubles::{Answer, AzureKeyVault, AzureOptions, FaultServer, HttpFault, Request, Validity};

use crate::{
    azure::{at, settings, with},
    clouds::{Asked, TIMEOUT, VALUE, described, is},
};

const DB: &str = "azure-kv://team/db";

/// A double with a secret, and a vault that is signed in to it.
fn signed_in() -> (AzureKeyVault, Asked<AzureVault>) {
    let double = AzureKeyVault::start();
    double.secrets().set("db", VALUE);
    let azure = at(&double);
    assert_eq!(azure.read(DB), VALUE);
    double.vault().traffic().reset();
    (double, azure)
}

fn with_token(request: &Request) -> bool {
    request.bearer().is_some()
}

#[test]
fn a_wait_that_is_requested_is_respected_and_reported() {
    let (double, azure) = signed_in();
    for (status, seconds) in [(429, 7), (503, 9)] {
        double.vault().traffic().reset();
        double.vault().faults().always(HttpFault::Status { status, retry_after: Some(seconds) });
        let refused = azure.refused(DB);
        is(&refused, VaultErrorKind::Unavailable);
        assert_eq!(refused.retry_after, Some(Duration::from_secs(seconds)));
        assert_eq!(double.vault().traffic().count(|_| true), 1);
        double.vault().faults().clear();
    }
    double.vault().faults().always(HttpFault::throttled(7));
    insta::assert_snapshot!(described(&azure.refused(DB)), @r#"Unavailable: vault "team" throttles requests (status 429)"#);
}

#[test]
fn a_failure_that_passes_is_not_noticed_and_one_that_stays_is_tried_three_times() {
    let (double, azure) = signed_in();
    for broken in [HttpFault::internal_error(), HttpFault::Truncate, HttpFault::Disconnect] {
        double.vault().faults().next(2, broken.clone());
        assert_eq!(azure.read(DB), VALUE);
        double.vault().traffic().reset();
        double.vault().faults().always(broken);
        azure.refused(DB);
        assert_eq!(double.vault().traffic().count(|_| true), 3);
        double.vault().faults().clear();
    }
}

#[test]
fn each_invalid_response_has_its_own_error_and_is_not_repeated() {
    let (double, azure) = signed_in();
    let sent = |status, body: serde_json::Value| HttpFault::Instead(Answer::json(status, &body));
    let id = |version: &str| format!("https://vault/secrets/db/{version}");
    let cases = [
        (HttpFault::unavailable(), VaultErrorKind::Unavailable),
        (HttpFault::internal_error(), VaultErrorKind::Unavailable),
        (HttpFault::Disconnect, VaultErrorKind::Unavailable),
        (HttpFault::Truncate, VaultErrorKind::InvalidResponse),
        (HttpFault::WebPage, VaultErrorKind::InvalidResponse),
        (HttpFault::Instead(Answer::new(500, "text/html", VALUE)), VaultErrorKind::Unavailable),
        (HttpFault::Instead(Answer::new(404, "text/html", VALUE)), VaultErrorKind::InvalidResponse),
        (
            HttpFault::Instead(Answer::new(200, "application/json", format!("{{\"value\": {VALUE}"))),
            VaultErrorKind::InvalidResponse,
        ),
        (sent(200, json!({})), VaultErrorKind::InvalidResponse),
        (sent(200, json!({ "value": [VALUE], "id": id("1") })), VaultErrorKind::InvalidResponse),
        (sent(200, json!({ "value": VALUE })), VaultErrorKind::InvalidResponse),
        (sent(200, json!({ "value": null, "id": id("1") })), VaultErrorKind::NotFound),
        (
            sent(200, json!({ "value": VALUE, "id": "https://vault/secrets/other/1" })),
            VaultErrorKind::InvalidResponse,
        ),
        (sent(200, json!({ "value": VALUE, "id": id("") })), VaultErrorKind::InvalidResponse),
        (sent(400, json!({ "error": { "code": VALUE, "message": VALUE } })), VaultErrorKind::InvalidResponse),
        (sent(403, json!({ "error": { "code": "Forbidden", "message": VALUE } })), VaultErrorKind::Denied),
    ];
    for (broken, fault) in cases {
        double.vault().faults().always(broken);
        is(&azure.refused(DB), fault);
        double.vault().faults().clear();
        assert_eq!(azure.read(DB), VALUE);
    }
}

#[test]
fn a_token_goes_to_no_other_host() {
    let elsewhere = FaultServer::http(|_| Answer::json(200, &json!({ "value": VALUE })));
    let (double, azure) = signed_in();
    double.vault().faults().next_where(1, with_token, HttpFault::Redirect(elsewhere.url().to_owned()));
    insta::assert_snapshot!(described(&azure.refused(DB)), @r#"
    InvalidResponse: vault "team" returned a redirect (status 302), which is not followed
    set `address` to where Key Vault itself answers
    "#);

    // Nor does the application's secret.
    let azure = at(&double);
    double.directory().faults().always(HttpFault::Redirect(elsewhere.url().to_owned()));
    insta::assert_snapshot!(described(&azure.refused(DB)), @r#"
    InvalidResponse: sign-in to vault "team" failed: the token service returned an invalid response
    check that a directory, and not a proxy, answers at `authority`
    "#);
    assert_eq!(elsewhere.traffic().count(|_| true), 0);
}

#[test]
fn an_answer_beyond_the_limit_is_not_read_and_not_asked_for_again() {
    let (double, azure) = signed_in();
    double.vault().faults().always(HttpFault::Instead(Answer::new(
        200,
        "application/json",
        vec![b' '; 23 << 20],
    )));
    insta::assert_snapshot!(described(&azure.refused(DB)), @r#"TooLarge: the secret in vault "team" is larger than the limit of 16777216 bytes"#);
    assert_eq!(double.vault().traffic().count(|_| true), 1);
}

#[test]
fn a_request_that_hangs_ends_with_its_caller() {
    let (double, azure) = signed_in();
    double.vault().faults().next(1, HttpFault::Hang);
    let traffic = double.vault().traffic().clone();
    azure.give_up(DB, move || assert!(traffic.wait_for(1, TIMEOUT, |_| true)));
    assert_eq!(azure.read(DB), VALUE);
    double.vault().faults().release();
}

#[test]
fn a_sign_in_that_hangs_ends_with_its_caller_and_hinders_nobody() {
    let double = AzureKeyVault::start();
    double.secrets().set("db", VALUE);
    let azure = at(&double);
    double.directory().faults().next(1, HttpFault::Hang);
    let traffic = double.directory().traffic().clone();
    azure.give_up(DB, move || assert!(traffic.wait_for(1, TIMEOUT, |_| true)));
    assert_eq!(azure.read(DB), VALUE);
    double.directory().faults().release();
}

#[test]
fn a_directory_that_fails_is_an_outage_of_the_vault() {
    let double = AzureKeyVault::start();
    double.secrets().set("db", VALUE);
    let azure = at(&double);
    double.directory().faults().always(HttpFault::Status { status: 503, retry_after: Some(7) });
    let refused = azure.refused(DB);
    assert_eq!(refused.retry_after, Some(Duration::from_secs(7)));
    insta::assert_snapshot!(described(&refused), @r#"Unavailable: vault "team" cannot be used: the token service failed (status 503)"#);
    double.directory().faults().clear();

    double.directory().faults().always(HttpFault::WebPage);
    is(&azure.refused(DB), VaultErrorKind::InvalidResponse);
    double.directory().faults().clear();
    double.directory().faults().always(HttpFault::Disconnect);
    is(&azure.refused(DB), VaultErrorKind::Unavailable);
    double.directory().faults().clear();
    assert_eq!(azure.read(DB), VALUE);
}

#[test]
fn a_certificate_is_trusted_by_the_operators_word_only_and_not_after_its_time() {
    let double = AzureKeyVault::start();
    let azure = with(&double, |settings| settings.ca_file = None);
    insta::assert_snapshot!(described(&azure.refused(DB)), @r#"
    Unavailable: vault "team" cannot be reached over TLS: its certificate is signed by an unknown authority
    set `ca_file` to that authority's certificate, or install it in the system
    "#);
    let validity = Validity::Expired;
    let double = AzureKeyVault::start_with(AzureOptions { validity, ..AzureOptions::default() });
    insta::assert_snapshot!(described(&at(&double).refused(DB)), @r#"
    Unavailable: vault "team" cannot be reached over TLS: its certificate has expired
    renew the vault's certificate, and check this machine's clock
    "#);
    assert_eq!(double.token_requests(), 0);
}

#[test]
fn a_vault_that_is_not_there_is_unavailable() {
    let double = AzureKeyVault::start();
    let settings = settings(&double);
    // Kept: the settings name files that go with the double.
    let gone = AzureKeyVault::start().url().to_owned();
    let azure =
        with(&double, |changed| *changed = kontraktor_vault::AzureSettings { address: gone, ..settings });
    insta::assert_snapshot!(described(&azure.refused(DB)), @r#"
    Unavailable: vault "team" cannot be reached
    check `address`, and the network between this machine and the vault
    "#);
}
