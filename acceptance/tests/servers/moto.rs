//! moto in place of AWS Secrets Manager.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use testkit::servers::{Http, Moto};

/// The status is not checked: moto returns 404 where AWS returns 400.
fn is_missing(moto: &Moto, name: &str) -> bool {
    let answer = moto.call("GetSecretValue", &json!({ "SecretId": name }));
    !answer.succeeded() && answer.body["__type"] == "ResourceNotFoundException"
}

#[test]
fn a_secret_has_versions_and_stages() {
    let moto = Moto::start();
    let arn = moto.create("app/db", "first");
    assert!(arn.starts_with("arn:aws:secretsmanager:eu-central-1:123456789012:secret:app/db-"), "{arn}");
    let first = moto.call("GetSecretValue", &json!({ "SecretId": arn })).ok();
    let second = moto.put("app/db", "second", &[]);
    moto.put("app/db", "third", &["NEXT"]);

    let value = |asked: Value| moto.call("GetSecretValue", &asked).ok()["SecretString"].clone();
    assert_eq!(value(json!({ "SecretId": "app/db" })), "second");
    assert_eq!(value(json!({ "SecretId": "app/db", "VersionId": second })), "second");
    assert_eq!(value(json!({ "SecretId": "app/db", "VersionStage": "AWSPREVIOUS" })), "first");
    assert_eq!(value(json!({ "SecretId": "app/db", "VersionId": first["VersionId"] })), "first");
    assert_eq!(value(json!({ "SecretId": "app/db", "VersionStage": "NEXT" })), "third");
}

#[test]
fn a_secret_may_be_binary() {
    let moto = Moto::start();
    moto.create_binary("keystore", b"\x00\xff\xfe");
    let read = moto.call("GetSecretValue", &json!({ "SecretId": "keystore" })).ok();
    let bytes = BASE64_STANDARD.decode(read["SecretBinary"].as_str().expect("bytes")).expect("Base64");
    assert_eq!((bytes.as_slice(), &read["SecretString"]), (b"\x00\xff\xfe".as_slice(), &Value::Null));
}

#[test]
fn many_secrets_come_in_one_response() {
    let moto = Moto::start();
    moto.create("one", "1");
    moto.create("two", "2");
    let read = moto.call("BatchGetSecretValue", &json!({ "SecretIdList": ["one", "two"] })).ok();
    let values = read["SecretValues"].as_array().expect("a list").iter();
    assert_eq!(values.map(|value| &value["SecretString"]).collect::<Vec<_>>(), ["1", "2"]);
}

#[test]
fn a_deletion_removes_a_secret_and_a_reset_everything() {
    let moto = Moto::start();
    moto.create("one", "1");
    moto.create("two", "2");
    moto.delete("one");
    assert!(is_missing(&moto, "one") && !is_missing(&moto, "two"));
    moto.reset();
    assert!(is_missing(&moto, "two"));
}

#[test]
fn recorded_actions_are_listed() {
    let moto = Moto::start();
    moto.create("one", "1");
    moto.record();
    moto.call("GetSecretValue", &json!({ "SecretId": "one" })).ok();
    moto.call("DescribeSecret", &json!({ "SecretId": "one" })).ok();
    assert_eq!(moto.actions(), ["GetSecretValue", "DescribeSecret"]);
}

#[test]
fn a_stopped_moto_refuses_connections_and_restarts_empty_on_its_port() {
    let mut moto = Moto::start();
    moto.create("one", "1");
    let address = moto.address();
    moto.stop();
    let refused = Http::new(&address, &[]).try_send("GET", "/", &Value::Null).expect_err("nothing listens");
    assert!(refused.is_connect(), "{refused:?}");

    moto.start_again();
    assert_eq!(moto.address(), address);
    assert!(is_missing(&moto, "one"));
}
