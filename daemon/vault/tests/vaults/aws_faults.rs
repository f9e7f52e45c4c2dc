//! What can go wrong with AWS Secrets Manager and cannot be made to happen in moto.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use jiff::{SignedDuration, Timestamp, fmt::rfc2822::DateTimePrinter};
use kontraktor_vault::{Vault as _, VaultErrorKind};
use serde_json::{Value, json};
use testkit::{
    doubles::{Answer, FaultServer, HttpFault, Request, Validity},
    servers::Moto,
};

use crate::{
    aws::Aws,
    clouds::{TIMEOUT, VALUE, clean, described, is, secret, value},
};

const DB: &str = "aws-sm://team/app/db";

/// An error of the service, whose text may contain anything.
fn error(code: &str) -> Answer {
    Answer::new(400, "application/x-amz-json-1.1", json!({ "__type": code, "message": VALUE }).to_string())
}

fn json_answer(body: &Value) -> Answer {
    Answer::new(200, "application/x-amz-json-1.1", body.to_string())
}

fn given(name: &str) -> Value {
    let arn = format!("arn:aws:secretsmanager:eu-central-1:123456789012:secret:{name}-Ab12Cd");
    json!({ "ARN": arn, "Name": name, "VersionId": "v1", "SecretString": VALUE })
}

fn action(request: &Request) -> &str {
    request
        .header("x-amz-target")
        .and_then(|target| target.strip_prefix("secretsmanager."))
        .unwrap_or_default()
}

/// A service that gives every secret.
fn serving() -> FaultServer {
    FaultServer::http(|_| json_answer(&given("app/db")))
}

#[test]
fn a_throttled_request_is_retried_and_then_the_wait_is_reported() {
    let server = serving();
    let aws = Aws::at(server.url());
    server.faults().next(2, HttpFault::Instead(error("ThrottlingException")));
    assert_eq!(aws.read(DB), VALUE);
    assert_eq!(server.traffic().count(|_| true), 3);

    server.traffic().reset();
    server.faults().always(HttpFault::Instead(error("ThrottlingException").with("retry-after", "7")));
    let refused = aws.refused(DB);
    assert_eq!(refused.retry_after, Some(Duration::from_secs(7)));
    insta::assert_snapshot!(described(&refused), @r#"Unavailable: vault "team" throttles requests"#);
    assert_eq!(server.traffic().count(|_| true), 3, "no more tries than these");
}

#[test]
fn each_invalid_response_has_its_own_error_and_is_not_repeated() {
    let server = serving();
    let aws = Aws::at(server.url());
    let cases = [
        (HttpFault::Status { status: 503, retry_after: Some(9) }, VaultErrorKind::Unavailable),
        (HttpFault::Instead(Answer::new(502, "text/html", VALUE)), VaultErrorKind::Unavailable),
        (HttpFault::Disconnect, VaultErrorKind::Unavailable),
        (HttpFault::Truncate, VaultErrorKind::InvalidResponse),
        (HttpFault::WebPage, VaultErrorKind::InvalidResponse),
        (
            HttpFault::Instead(Answer::new(
                200,
                "application/x-amz-json-1.1",
                format!("{{\"SecretString\": {VALUE}"),
            )),
            VaultErrorKind::InvalidResponse,
        ),
        (
            HttpFault::Instead(json_answer(&json!({ "SecretString": [VALUE] }))),
            VaultErrorKind::InvalidResponse,
        ),
        (HttpFault::Instead(json_answer(&json!({ "Name": VALUE }))), VaultErrorKind::InvalidResponse),
        (HttpFault::Instead(error(VALUE)), VaultErrorKind::InvalidResponse),
        (HttpFault::Instead(error("AccessDeniedException")), VaultErrorKind::Denied),
        (HttpFault::Instead(error("DecryptionFailure")), VaultErrorKind::Denied),
        (HttpFault::Instead(error("InvalidRequestException")), VaultErrorKind::Disabled),
        (HttpFault::Instead(error("ExpiredTokenException")), VaultErrorKind::SignIn),
        (HttpFault::Instead(error("UnrecognizedClientException")), VaultErrorKind::SignIn),
    ];
    for (broken, fault) in cases {
        server.faults().always(broken);
        is(&aws.refused(DB), fault);
        server.faults().clear();
        assert_eq!(aws.read(DB), VALUE);
    }
}

#[test]
fn a_redirect_to_another_host_is_not_followed() {
    let elsewhere = serving();
    let server = serving();
    let aws = Aws::at(server.url());
    server.faults().always(HttpFault::Redirect(elsewhere.url().to_owned()));
    let refused = aws.refused(DB);
    insta::assert_snapshot!(described(&refused), @r#"
    InvalidResponse: vault "team" returned a redirect (status 302), which is not followed
    set `address` to where Secrets Manager itself answers
    "#);
    assert_eq!(elsewhere.traffic().count(|_| true), 0);
}

#[test]
fn an_answer_beyond_the_limit_is_not_read_and_not_asked_for_again() {
    let server = FaultServer::http(|_| Answer::new(200, "application/x-amz-json-1.1", vec![b' '; 23 << 20]));
    let aws = Aws::at(server.url());
    let refused = aws.refused(DB);
    insta::assert_snapshot!(described(&refused), @r#"TooLarge: the secret in vault "team" is larger than the limit of 16777216 bytes"#);
    assert_eq!(server.traffic().count(|_| true), 1);
}

#[test]
fn a_secret_of_the_largest_size_is_read_and_a_larger_one_is_not() {
    let size = Arc::new(AtomicUsize::new(16 << 20));
    let asked = size.clone();
    let server = FaultServer::http(move |_| {
        json_answer(&json!({ "VersionId": "v1", "SecretString": "x".repeat(asked.load(Ordering::Relaxed)) }))
    });
    let aws = Aws::at(server.url());
    assert_eq!(aws.read(DB).len(), 16 << 20);
    size.fetch_add(1, Ordering::Relaxed);
    is(&aws.refused(DB), VaultErrorKind::TooLarge);
}

#[test]
fn a_request_that_hangs_ends_with_its_caller() {
    let server = serving();
    let aws = Aws::at(server.url());
    server.faults().next(1, HttpFault::Hang);
    let traffic = server.traffic().clone();
    aws.give_up(DB, move || assert!(traffic.wait_for(1, TIMEOUT, |_| true)));
    assert_eq!(aws.read(DB), VALUE);
    server.faults().release();
}

#[test]
fn credentials_that_are_refused_are_read_again() {
    let good = Arc::new(Mutex::new("AKIAFIRST"));
    let known = good.clone();
    let server = FaultServer::http(move |request| {
        let signed = request.header("authorization").unwrap_or_default();
        let good = signed.contains(&format!("Credential={}/", known.lock().unwrap()));
        if good { json_answer(&given("app/db")) } else { error("UnrecognizedClientException") }
    });
    let aws = Aws::at(server.url());
    assert_eq!(aws.read(DB), VALUE);

    // The key was replaced, in AWS and in the file: reads succeed.
    *good.lock().unwrap() = "AKIASECOND";
    aws.key("AKIASECOND", "");
    assert_eq!(aws.read(DB), VALUE);

    // The key was replaced in AWS only, until it is written to the file.
    *good.lock().unwrap() = "AKIATHIRD";
    server.traffic().reset();
    insta::assert_snapshot!(described(&aws.refused(DB)), @r#"
    SignIn: vault "team" rejects the daemon's credentials: they are unknown
    check that the access key exists, is active, and belongs to the right account
    "#);
    assert_eq!(
        server.traffic().count(|_| true),
        2,
        "once with what was read before, once with what is there now"
    );
    aws.key("AKIATHIRD", "");
    assert_eq!(aws.read(DB), VALUE);
}

#[test]
fn a_profile_that_is_not_there_is_no_outage_of_the_vault_and_can_come() {
    let server = serving();
    let aws = Aws::with(server.url(), |settings| {
        let kontraktor_vault::AwsAuth::Profile { profile, .. } = &mut settings.auth else { return };
        *profile = Some("later".to_owned());
    });
    let refused = aws.refused(DB);
    insta::assert_snapshot!(described(&refused), @r#"
    SignIn: no credentials for vault "team" were found
    check the profile in `auth`; without one, give the daemon an identity (instance, container, web identity) or keys in its environment
    "#);
    assert_eq!(server.traffic().count(|_| true), 0);
    aws.key("AKIAFIRST", "[later]\naws_access_key_id = AKIALATER\naws_secret_access_key = x");
    assert_eq!(aws.read(DB), VALUE);
}

/// A service whose clock is ahead by so much, and which takes no signature older than 5 minutes.
fn ahead(by: SignedDuration) -> FaultServer {
    FaultServer::http(move |request| {
        let now = now() + by;
        let signed = request.header("x-amz-date").unwrap_or_default();
        let signed = jiff::fmt::strtime::parse("%Y%m%dT%H%M%SZ", signed).and_then(|time| time.to_datetime());
        let signed =
            signed.and_then(|time| time.to_zoned(jiff::tz::TimeZone::UTC)).map(|time| time.timestamp());
        let close =
            signed.is_ok_and(|signed| now.duration_since(signed).abs() < SignedDuration::from_mins(5));
        let answer = if close { json_answer(&given("app/db")) } else { error("InvalidSignatureException") };
        answer.with("date", DateTimePrinter::new().timestamp_to_rfc9110_string(&now).unwrap())
    })
}

#[expect(clippy::disallowed_methods, reason = "the SDK signs with the real time")]
fn now() -> Timestamp {
    Timestamp::try_from(SystemTime::now()).unwrap()
}

#[test]
fn a_clock_that_is_off_is_corrected_by_what_aws_says() {
    for by in [SignedDuration::from_hours(3), SignedDuration::from_hours(-3)] {
        let server = ahead(by);
        let aws = Aws::at(server.url());
        assert_eq!(aws.read(DB), VALUE);
        assert_eq!(server.traffic().count(|_| true), 2, "one refused, one signed anew");
        assert_eq!(aws.read(DB), VALUE);
        assert_eq!(server.traffic().count(|_| true), 3, "the difference is remembered");
    }
}

#[test]
fn a_clock_that_cannot_be_corrected_is_named() {
    let server = serving();
    let aws = Aws::at(server.url());
    server.faults().always(HttpFault::Instead(error("InvalidSignatureException").with("date", "yesterday")));
    insta::assert_snapshot!(described(&aws.refused(DB)), @r#"
    SignIn: vault "team" rejects the daemon's credentials: the signature is invalid
    check the secret access key, and this machine's clock (AWS allows 5 minutes)
    "#);
}

#[test]
fn secrets_are_read_singly_where_batches_are_denied_and_the_denial_is_remembered() {
    let server = FaultServer::http(|request| match action(request) {
        "GetSecretValue" => {
            let body: Value = serde_json::from_slice(request.body()).unwrap();
            json_answer(&given(body["SecretId"].as_str().unwrap()))
        }
        _ => error("AccessDeniedException"),
    });
    let aws = Aws::at(server.url());
    let secrets = ["a", "b", "c"].map(|name| secret(&format!("aws-sm://team/{name}")));
    let secrets: Vec<_> = secrets.iter().collect();
    for requests in [4, 7] {
        for answer in aws.wait(aws.vault.fetch_many(&secrets)) {
            assert_eq!(value(&answer.unwrap(), None), VALUE.as_bytes());
        }
        assert_eq!(server.traffic().count(|_| true), requests);
    }
    // The version is not described either, and is read.
    assert_eq!(aws.version(DB).unwrap().as_deref(), Some("v1"));
    let findings = aws.wait(aws.vault.check()).unwrap().join("\n");
    assert!(findings.contains("may not list secrets, which is not needed"), "{findings}");
    assert!(findings.contains("batches: not allowed"), "{findings}");
}

#[test]
fn a_batch_in_pages_is_read_to_its_end_and_what_is_missing_is_asked_for() {
    let server = FaultServer::http(|request| {
        let body: Value = serde_json::from_slice(request.body()).unwrap();
        match (action(request), body["NextToken"].as_str()) {
            ("GetSecretValue", _) => json_answer(&given(body["SecretId"].as_str().unwrap())),
            (_, None) => json_answer(&json!({ "SecretValues": [given("a")], "NextToken": "more" })),
            // One has trouble of the service's, one of its own, one is forgotten.
            (_, Some(_)) => json_answer(&json!({ "SecretValues": [given("b")], "Errors": [
                { "SecretId": "c", "ErrorCode": "InternalServiceError", "Message": VALUE },
                { "SecretId": "d", "ErrorCode": "AccessDeniedException", "Message": VALUE },
            ] })),
        }
    });
    let aws = Aws::at(server.url());
    let secrets = ["a", "b", "c", "d", "e"].map(|name| secret(&format!("aws-sm://team/{name}")));
    let answers = aws.wait(aws.vault.fetch_many(&secrets.iter().collect::<Vec<_>>()));
    let faults: Vec<_> =
        answers.into_iter().map(|answer| answer.map(drop).map_err(|error| clean(error).kind)).collect();
    assert_eq!(faults, [Ok(()), Ok(()), Ok(()), Err(VaultErrorKind::Denied), Ok(())]);
    assert_eq!(server.traffic().count(|_| true), 4);
}

#[test]
fn an_outage_is_every_secrets_of_a_batch_and_is_not_multiplied() {
    let server = serving();
    let aws = Aws::at(server.url());
    server.faults().always(HttpFault::unavailable());
    let secrets = ["a", "b", "c"].map(|name| secret(&format!("aws-sm://team/{name}")));
    for answer in aws.wait(aws.vault.fetch_many(&secrets.iter().collect::<Vec<_>>())) {
        is(&clean(answer.unwrap_err()), VaultErrorKind::Unavailable);
    }
    assert_eq!(server.traffic().count(|_| true), 3, "one request, and the tries again");
}

#[test]
fn an_arn_of_another_region_is_reported() {
    let server = FaultServer::http(|_| error("ResourceNotFoundException"));
    let aws = Aws::at(server.url());
    let refused =
        aws.refused("aws-sm://team/arn:aws:secretsmanager:us-east-1:123456789012:secret:app/db-Ab12Cd");
    insta::assert_snapshot!(described(&refused), @r#"
    NotFound: vault "team" has no such secret in region eu-central-1
    the ARN belongs to another region; use a vault of that region in the reference
    "#);
    let here =
        format!("aws-sm://team/arn:aws:secretsmanager:{}:123456789012:secret:app/db-Ab12Cd", Moto::REGION);
    assert!(!aws.refused(&here).remedy.is_some_and(|remedy| remedy.contains("another region")));
}

#[test]
fn a_certificate_is_trusted_by_the_operators_word_only_and_not_after_its_time() {
    let server = FaultServer::https(Validity::Current, |_| json_answer(&given("app/db")));
    let trusting = |server: &FaultServer| {
        Aws::with(server.url(), |settings| settings.ca_file = Some(server.ca_pem_path().to_owned()))
    };
    assert_eq!(trusting(&server).read(DB), VALUE);
    insta::assert_snapshot!(described(&Aws::at(server.url()).refused(DB)), @r#"
    Unavailable: vault "team" cannot be reached over TLS: its certificate is signed by an unknown authority
    set `ca_file` to that authority's certificate, or install it in the system
    "#);
    let expired = FaultServer::https(Validity::Expired, |_| json_answer(&given("app/db")));
    insta::assert_snapshot!(described(&trusting(&expired).refused(DB)), @r#"
    Unavailable: vault "team" cannot be reached over TLS: its certificate has expired
    renew the vault's certificate, and check this machine's clock
    "#);
    assert_eq!(expired.traffic().count(|_| true), 0);
}
