//! References that lead nowhere, and that nothing tells a secret.

use std::sync::Arc;

use jiff::Timestamp;

use super::{
    super::{Broker, ConfiguredVault, Limits},
    fake::{DB, Fake, fields, leased, read, usual},
};
use crate::{Bytes, Content, Fetched, VaultErrorKind};

fn broker_with(vaults: &[(String, &'static str)]) -> Broker {
    let configured = vaults.iter().map(|(name, kind)| ConfiguredVault {
        name: name.parse().unwrap(),
        kind,
        address: None,
        grants: Default::default(),
        limits: Limits::default(),
        ca_digest: None,
        vault: Arc::new(Fake::new()),
    });
    Broker::new(configured.collect(), Arc::new(|| Timestamp::UNIX_EPOCH))
}

async fn refusal(broker: &Broker, text: &str) -> String {
    let error = read(broker, text).await.unwrap_err();
    assert_eq!(error.kind, VaultErrorKind::UnknownVault);
    format!("{error}\n{}", error.remedy.as_deref().unwrap_or_default())
}

#[tokio::test(start_paused = true)]
async fn the_error_for_an_unknown_vault_lists_the_known_ones() {
    insta::assert_snapshot!(refusal(&Broker::none(), DB).await, @r#"
    no vault "team" of kind "vault" is configured
    add a [[vault]] table to kontraktord.toml
    "#);
    let broker = broker_with(&[("kv".to_owned(), "azure-kv"), ("prod".to_owned(), "aws-sm")]);
    insta::assert_snapshot!(refusal(&broker, DB).await, @r#"
    no vault "team" of kind "vault" is configured
    use one of kv (azure-kv), prod (aws-sm), or add a [[vault]] table to kontraktord.toml
    "#);
    let many: Vec<_> = (0..25).map(|number| (format!("v{number:02}"), "vault")).collect();
    let many = refusal(&broker_with(&many), DB).await;
    assert!(many.contains("v19 (vault), 5 more, or add") && !many.contains("v20"), "{many}");
}

#[tokio::test(start_paused = true)]
async fn a_vault_of_another_kind_is_an_unknown_one() {
    let broker = broker_with(&[("team".to_owned(), "aws-sm")]);
    insta::assert_snapshot!(refusal(&broker, DB).await, @r#"
    no vault "team" of kind "vault" is configured
    use one of team (aws-sm), or add a [[vault]] table to kontraktord.toml
    "#);
}

#[tokio::test(start_paused = true)]
async fn one_bad_reference_does_not_spoil_the_others() {
    let (broker, _fake) = usual();
    let references = [DB, "vault://nowhere/secret/db#password", "aws-sm://team/db"];
    let answers = super::fake::read_many(&broker, &super::fake::ada(), &references, false).await.secrets;
    let faults: Vec<_> = answers.iter().map(|answer| answer.as_ref().err().map(|error| error.kind)).collect();
    assert_eq!(faults, [None, Some(VaultErrorKind::UnknownVault), Some(VaultErrorKind::UnknownVault)]);
}

#[tokio::test(start_paused = true)]
async fn no_answer_prints_a_secret_and_no_error_holds_one() {
    let (broker, fake) = usual();
    fake.answers(|_| Ok(fields("hunter2")));
    let answered = read(&broker, DB).await;
    assert!(answered.is_ok() && !format!("{answered:?}").contains("hunter2"));
    let missing = read(&broker, "vault://team/secret/db#none").await;
    assert!(!format!("{missing:?}").contains("hunter2"));

    let (broker, fake) = usual();
    fake.answers(|_| {
        let content = Content::Whole(Bytes::from("hunter2 is no JSON".to_owned()));
        Ok(Fetched { content, version: None, lease: None })
    });
    let error = read(&broker, DB).await.unwrap_err();
    assert_eq!(error.kind, VaultErrorKind::NotJson);
    assert!(!format!("{error:?}").contains("hunter2"));

    let (broker, fake) = usual();
    fake.answers(|number| Ok(leased(number, 60)));
    let answers = super::fake::read_many(&broker, &super::fake::ada(), &[DB], true).await;
    let shown = format!("{answers:?}");
    assert!(!shown.contains("value 0") && !shown.contains("lease 0"), "{shown}");
}
