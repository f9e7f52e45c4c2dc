//! What can go wrong with Azure Key Vault, and with the directory that gives its tokens.

use std::time::Duration;

use kontraktor_vault::{AzureVault, Fault};
use serde_json::json;
use testkit::doubles::{
    Answer, AzureKeyVault, AzureOptions, Fault as Broken, FaultServer, Request, Validity,
};

use crate::{
    azure::{at, settings, with},
    clouds::{Asked, PATIENCE, VALUE, is, told},
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
fn whoever_is_told_to_wait_does_not_ask_again_and_says_so() {
    let (double, azure) = signed_in();
    for (status, seconds) in [(429, 7), (503, 9)] {
        double.vault().traffic().reset();
        double.vault().faults().always(Broken::Status { status, retry_after: Some(seconds) });
        let refused = azure.refused(DB);
        is(&refused, Fault::Unavailable);
        assert_eq!(refused.retry_after, Some(Duration::from_secs(seconds)));
        assert_eq!(double.vault().traffic().count(|_| true), 1);
        double.vault().faults().clear();
    }
    double.vault().faults().always(Broken::throttled(7));
    insta::assert_snapshot!(told(&azure.refused(DB)), @r#"Unavailable: vault "team" throttles: too many requests (status 429)"#);
}

#[test]
fn a_failure_that_passes_is_not_noticed_and_one_that_stays_is_tried_three_times() {
    let (double, azure) = signed_in();
    for broken in [Broken::internal_error(), Broken::Truncate, Broken::Disconnect] {
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
fn whatever_is_answered_in_the_vaults_place_is_told_apart_and_not_repeated() {
    let (double, azure) = signed_in();
    let said = |status, body: serde_json::Value| Broken::Instead(Answer::json(status, &body));
    let id = |version: &str| format!("https://vault/secrets/db/{version}");
    let cases = [
        (Broken::unavailable(), Fault::Unavailable),
        (Broken::internal_error(), Fault::Unavailable),
        (Broken::Disconnect, Fault::Unavailable),
        (Broken::Truncate, Fault::Answer),
        (Broken::WebPage, Fault::Answer),
        (Broken::Instead(Answer::new(500, "text/html", VALUE)), Fault::Unavailable),
        (Broken::Instead(Answer::new(404, "text/html", VALUE)), Fault::Answer),
        (
            Broken::Instead(Answer::new(200, "application/json", format!("{{\"value\": {VALUE}"))),
            Fault::Answer,
        ),
        (said(200, json!({})), Fault::Answer),
        (said(200, json!({ "value": [VALUE], "id": id("1") })), Fault::Answer),
        (said(200, json!({ "value": VALUE })), Fault::Answer),
        (said(200, json!({ "value": VALUE, "id": "https://vault/secrets/other/1" })), Fault::Answer),
        (said(200, json!({ "value": VALUE, "id": id("") })), Fault::Answer),
        (said(400, json!({ "error": { "code": VALUE, "message": VALUE } })), Fault::Answer),
        (said(403, json!({ "error": { "code": "Forbidden", "message": VALUE } })), Fault::Denied),
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
    double.vault().faults().next_where(1, with_token, Broken::Redirect(elsewhere.url().to_owned()));
    insta::assert_snapshot!(told(&azure.refused(DB)), @r#"
    Answer: vault "team" redirects (status 302), which is not followed
    set the address to where Key Vault itself answers
    "#);

    // Nor does the application's secret.
    let azure = at(&double);
    double.directory().faults().always(Broken::Redirect(elsewhere.url().to_owned()));
    insta::assert_snapshot!(told(&azure.refused(DB)), @r#"
    Answer: no token for vault "team" is given: the answer to the sign-in cannot be understood
    check authority: that a directory answers there, and no proxy in its place
    "#);
    assert_eq!(elsewhere.traffic().count(|_| true), 0);
}

#[test]
fn an_answer_beyond_the_limit_is_not_read_and_not_asked_for_again() {
    let (double, azure) = signed_in();
    double.vault().faults().always(Broken::Instead(Answer::new(
        200,
        "application/json",
        vec![b' '; 23 << 20],
    )));
    insta::assert_snapshot!(told(&azure.refused(DB)), @r#"TooLarge: vault "team" gives more than the 16777216 bytes that a secret may have"#);
    assert_eq!(double.vault().traffic().count(|_| true), 1);
}

#[test]
fn a_request_that_hangs_ends_with_its_caller() {
    let (double, azure) = signed_in();
    double.vault().faults().next(1, Broken::Hang);
    let traffic = double.vault().traffic().clone();
    azure.give_up(DB, move || assert!(traffic.wait_for(1, PATIENCE, |_| true)));
    assert_eq!(azure.read(DB), VALUE);
    double.vault().faults().release();
}

#[test]
fn a_sign_in_that_hangs_ends_with_its_caller_and_hinders_nobody() {
    let double = AzureKeyVault::start();
    double.secrets().set("db", VALUE);
    let azure = at(&double);
    double.directory().faults().next(1, Broken::Hang);
    let traffic = double.directory().traffic().clone();
    azure.give_up(DB, move || assert!(traffic.wait_for(1, PATIENCE, |_| true)));
    assert_eq!(azure.read(DB), VALUE);
    double.directory().faults().release();
}

#[test]
fn a_directory_that_fails_is_an_outage_of_the_vault() {
    let double = AzureKeyVault::start();
    double.secrets().set("db", VALUE);
    let azure = at(&double);
    double.directory().faults().always(Broken::Status { status: 503, retry_after: Some(7) });
    let refused = azure.refused(DB);
    assert_eq!(refused.retry_after, Some(Duration::from_secs(7)));
    insta::assert_snapshot!(told(&refused), @r#"Unavailable: vault "team" cannot be asked: the service that gives tokens fails (status 503)"#);
    double.directory().faults().clear();

    double.directory().faults().always(Broken::WebPage);
    is(&azure.refused(DB), Fault::Answer);
    double.directory().faults().clear();
    double.directory().faults().always(Broken::Disconnect);
    is(&azure.refused(DB), Fault::Unavailable);
    double.directory().faults().clear();
    assert_eq!(azure.read(DB), VALUE);
}

#[test]
fn a_certificate_is_trusted_by_the_operators_word_only_and_not_after_its_time() {
    let double = AzureKeyVault::start();
    let azure = with(&double, |settings| settings.ca_file = None);
    insta::assert_snapshot!(told(&azure.refused(DB)), @r#"
    Unavailable: vault "team" cannot be reached securely: its certificate is from an authority that is not trusted
    set ca_file to that authority's certificate, or install it in the system
    "#);
    let validity = Validity::Expired;
    let double = AzureKeyVault::start_with(AzureOptions { validity, ..AzureOptions::default() });
    insta::assert_snapshot!(told(&at(&double).refused(DB)), @r#"
    Unavailable: vault "team" cannot be reached securely: its certificate has expired
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
    insta::assert_snapshot!(told(&azure.refused(DB)), @r#"
    Unavailable: vault "team" cannot be reached
    check the vault's address, and the network between it and this machine
    "#);
}
