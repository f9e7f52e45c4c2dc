//! Leases: what a reader gets again, whose it is, and what leaves none behind.

use std::time::Duration;

use tokio::time::{advance, sleep};

use super::fake::{
    DB, SECOND, ada, bob, fields, granted, leasing, read, read_as, read_many, reference, value,
};
use crate::{VaultError, VaultErrorKind};

const CREDS: [&str; 2] = ["vault://team/database/creds/app#user", "vault://team/database/creds/app#password"];

#[tokio::test(start_paused = true)]
async fn all_fields_come_from_one_answer_and_share_one_lease() {
    let (broker, fake) = leasing(60);
    let answers = read_many(&broker, &ada(), &CREDS, false).await;
    assert!(answers.hold.is_none());
    for answer in &answers.secrets {
        let lease = answer.as_ref().unwrap().lease.unwrap();
        assert_eq!((lease.duration, lease.renewable), (60 * SECOND, true));
        assert_eq!(lease.expires.as_second(), 60);
    }
    assert_eq!((fake.fetched(), broker.vaults()[0].leases), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn without_a_hold_a_lease_expires_and_is_not_renewed() {
    let (broker, fake) = leasing(60);
    read(&broker, DB).await.unwrap();
    sleep(59 * SECOND).await;
    assert_eq!(broker.vaults()[0].leases, 1);
    sleep(2 * SECOND).await;
    assert_eq!(broker.vaults()[0].leases, 0);
    assert!(fake.script().renewed.is_empty() && fake.revoked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn near_its_end_a_new_reader_gets_another_and_the_first_one_keeps_theirs() {
    let (broker, fake) = leasing(60);
    read(&broker, DB).await.unwrap();
    advance(39 * SECOND).await;
    assert_eq!(value(&read(&broker, DB).await.unwrap()), "value 0");
    advance(2 * SECOND).await;
    assert_eq!(value(&read(&broker, DB).await.unwrap()), "value 1");
    assert_eq!((broker.vaults()[0].leases, fake.revoked().len()), (2, 0));
    assert_eq!(value(&read(&broker, DB).await.unwrap()), "value 1");
    // Also when the first one has ended.
    sleep(25 * SECOND).await;
    assert_eq!(broker.vaults()[0].leases, 1);
    assert_eq!(value(&read(&broker, DB).await.unwrap()), "value 1");
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_the_vault_no_longer_knows_is_dropped() {
    let (broker, fake) = leasing(60);
    fake.script().renewals.push_back(Err(VaultError::new(VaultErrorKind::LeaseGone, "no such lease")));
    let hold = read_many(&broker, &ada(), &[DB], true).await.hold.unwrap();
    sleep(45 * SECOND).await;
    assert_eq!(broker.vaults()[0].leases, 0);
    let error = broker.renew_hold(hold.id, &ada()).unwrap_err();
    assert_eq!(error.kind, VaultErrorKind::LeaseGone);
    assert_eq!(value(&read(&broker, DB).await.unwrap()), "value 1");
}

#[tokio::test(start_paused = true)]
async fn what_is_made_for_each_no_more_is_shared_again() {
    let (broker, fake) = leasing(60);
    read(&broker, DB).await.unwrap();
    sleep(61 * SECOND).await;
    fake.answers(|_| Ok(fields("for all")));
    let readers = [ada(), bob()].map(|actor| {
        let broker = broker.clone();
        tokio::spawn(async move { value(&read_as(&broker, &actor, DB).await.unwrap()).to_owned() })
    });
    for reader in readers {
        assert_eq!(reader.await.unwrap(), "for all");
    }
    assert_eq!(fake.fetched(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_check_of_a_dynamic_secret_makes_one_and_revokes_it_at_once() {
    let (broker, fake) = leasing(60);
    let checked = broker.check(&[reference(CREDS[0]), reference(CREDS[1])]).await;
    assert!(checked.iter().all(|answer| answer.as_ref().is_ok_and(|found| found.value.is_empty())));
    assert_eq!(fake.fetched(), 1);
    sleep(Duration::from_millis(1)).await;
    assert_eq!((fake.revoked(), broker.vaults()[0].leases), (vec!["lease 0".to_owned()], 0));
    // Nobody gets what was made for a check.
    assert_eq!(value(&read(&broker, CREDS[1]).await.unwrap()), "value 1");
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_went_away_leaves_no_lease_behind() {
    let (broker, fake) = leasing(3_600);
    let reader = tokio::spawn({
        let broker = broker.clone();
        async move { read(&broker, DB).await }
    });
    sleep(Duration::from_millis(5)).await;
    reader.abort();
    sleep(SECOND).await;
    assert_eq!((fake.fetched(), fake.revoked()), (1, vec!["lease 0".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn a_field_that_is_missing_leaves_no_lease_behind() {
    let (broker, fake) = leasing(3_600);
    let answers = read_many(&broker, &ada(), &["vault://team/database/creds/app#nix"], true).await;
    assert_eq!(answers.secrets[0].as_ref().unwrap_err().kind, VaultErrorKind::FieldMissing);
    assert!(answers.hold.is_none());
    drop(answers);
    sleep(SECOND).await;
    assert_eq!(fake.revoked(), ["lease 0"]);
}

#[tokio::test(start_paused = true)]
async fn a_purge_leaves_leases_alone() {
    let (broker, fake) = leasing(60);
    read(&broker, DB).await.unwrap();
    assert_eq!(broker.purge(None), Ok(0));
    assert_eq!(value(&read(&broker, DB).await.unwrap()), "value 0");
    assert_eq!(fake.fetched(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_over_when_it_arrives_is_an_error() {
    for seconds in [0, 1] {
        let (broker, fake) = leasing(seconds);
        fake.script().takes = 2 * SECOND;
        let error = read(&broker, DB).await.unwrap_err();
        insta::allow_duplicates! {
            insta::assert_snapshot!(error, @r#"vault "team" made a secret whose lease had expired when it arrived"#);
        }
        sleep(SECOND).await;
        assert_eq!(broker.vaults()[0].leases, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_without_end_does_not_overflow() {
    let (broker, _fake) = leasing(u64::MAX);
    let answers = read_many(&broker, &ada(), &[DB], true).await;
    assert!(answers.secrets[0].is_ok() && answers.hold.is_some());

    let (broker, fake) = leasing(60);
    fake.script().renewals.push_back(granted(u64::MAX));
    let hold = read_many(&broker, &ada(), &[DB], true).await.hold.unwrap();
    sleep(45 * SECOND).await;
    broker.renew_hold(hold.id, &ada()).unwrap();
    sleep(45 * SECOND).await;
    assert_eq!(value(&read(&broker, DB).await.unwrap()), "value 0");
}
