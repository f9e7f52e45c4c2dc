//! Holds: whose they are, how long they last, and what their end does.

use tokio::time::sleep;
use uuid::Uuid;

use super::fake::{DB, SECOND, ada, bob, down, leased, leasing, read, read_many, usual, value};
use crate::{VaultError, VaultErrorKind};

const OTHER: &str = "vault://team/database/creds/other#password";

#[tokio::test(start_paused = true)]
async fn a_hold_lasts_as_long_as_the_shortest_lease_and_half_a_minute_at_least() {
    for (seconds, others, term) in [(60, 600, 60), (600, 90, 90), (10, 60, 30)] {
        let (broker, fake) = usual();
        fake.answers(move |number| Ok(leased(number, if number == 0 { seconds } else { others })));
        let hold = read_many(&broker, &ada(), &[DB, OTHER], true).await.hold.unwrap();
        let now = hold.renew_at.as_second() - term * 2 / 3;
        assert_eq!((now, hold.expires.as_second()), (0, term));
    }
}

#[tokio::test(start_paused = true)]
async fn there_is_no_hold_where_nothing_has_a_lease_or_none_was_asked_for() {
    let (broker, fake) = usual();
    assert!(read_many(&broker, &ada(), &[DB], true).await.hold.is_none());
    fake.answers(|number| Ok(leased(number, 60)));
    assert!(read_many(&broker, &ada(), &[OTHER], false).await.hold.is_none());
}

#[tokio::test(start_paused = true)]
async fn the_last_release_revokes() {
    let (broker, fake) = leasing(60);
    let first = read_many(&broker, &ada(), &[DB], true).await.hold.unwrap();
    let second = read_many(&broker, &ada(), &[DB, OTHER], true).await.hold.unwrap();
    broker.release_hold(first.id, &ada()).unwrap();
    sleep(SECOND).await;
    assert_eq!(fake.revoked(), [""; 0]);
    broker.release_hold(second.id, &ada()).unwrap();
    sleep(SECOND).await;
    let mut revoked = fake.revoked();
    revoked.sort();
    assert_eq!((revoked, broker.vaults()[0].leases), (vec!["lease 0".to_owned(), "lease 1".to_owned()], 0));
    // What is released already is no error, and what comes next is made anew.
    broker.release_hold(second.id, &ada()).unwrap();
    broker.release_hold(Uuid::nil(), &ada()).unwrap();
    assert_eq!(value(&read(&broker, DB).await.unwrap()), "value 2");
}

#[tokio::test(start_paused = true)]
async fn a_hold_that_is_not_renewed_expires() {
    let (broker, fake) = leasing(90);
    let hold = read_many(&broker, &ada(), &[DB], true).await.hold.unwrap();
    sleep(89 * SECOND).await;
    assert_eq!((fake.revoked().len(), broker.vaults()[0].leases), (0, 1));
    sleep(2 * SECOND).await;
    // The daemon had renewed the lease at two thirds, so there is something to revoke.
    assert_eq!(fake.revoked(), ["lease 0"]);
    assert_eq!(broker.renew_hold(hold.id, &ada()).unwrap_err().kind, VaultErrorKind::LeaseGone);
}

#[tokio::test(start_paused = true)]
async fn a_lease_without_a_hold_outlives_the_hold_of_another() {
    let (broker, fake) = leasing(60);
    let hold = read_many(&broker, &ada(), &[DB], true).await.hold.unwrap();
    sleep(10 * SECOND).await;
    read(&broker, DB).await.unwrap();
    // Renewed at 40 at the latest; the reader expects 60.
    sleep(35 * SECOND).await;
    broker.release_hold(hold.id, &ada()).unwrap();
    sleep(13 * SECOND).await;
    assert_eq!((fake.revoked().len(), broker.vaults()[0].leases), (0, 1));
    sleep(3 * SECOND).await;
    assert_eq!(fake.revoked(), ["lease 0"]);
}

#[tokio::test(start_paused = true)]
async fn a_hold_is_its_actors_own() {
    let (broker, fake) = leasing(60);
    let hold = read_many(&broker, &ada(), &[DB], true).await.hold.unwrap();
    let renewed = broker.renew_hold(hold.id, &bob()).unwrap_err();
    let released = broker.release_hold(hold.id, &bob()).unwrap_err();
    assert_eq!((renewed.kind, released.kind), (VaultErrorKind::LeaseGone, VaultErrorKind::LeaseGone));
    sleep(SECOND).await;
    assert!(fake.revoked().is_empty());
    broker.renew_hold(hold.id, &ada()).unwrap();
}

#[tokio::test(start_paused = true)]
async fn renewing_a_hold_says_when_it_is_to_be_renewed_next() {
    let (broker, _fake) = leasing(60);
    let hold = read_many(&broker, &ada(), &[DB], true).await.hold.unwrap();
    sleep(40 * SECOND).await;
    let renewed = broker.renew_hold(hold.id, &ada()).unwrap();
    assert_eq!((renewed.id, renewed.expires.as_second(), renewed.renew_at.as_second()), (hold.id, 100, 80));
    // It is the new term that counts.
    sleep(30 * SECOND).await;
    broker.renew_hold(hold.id, &ada()).unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_expired_lease_of_several_is_an_error_and_the_hold_continues_for_the_others() {
    let (broker, fake) = leasing(60);
    fake.script().renewals.push_back(Err(VaultError::new(VaultErrorKind::LeaseGone, "gone")));
    let hold = read_many(&broker, &ada(), &[DB, OTHER], true).await.hold.unwrap();
    for _ in 0..3 {
        sleep(45 * SECOND).await;
        let error = broker.renew_hold(hold.id, &ada()).unwrap_err();
        assert_eq!(error.kind, VaultErrorKind::LeaseGone);
        insta::allow_duplicates! {
            insta::assert_snapshot!(error, @"1 of the 2 leases of this hold have expired; the hold continues for the others");
        }
        assert_eq!(broker.vaults()[0].leases, 1);
    }
    broker.release_hold(hold.id, &ada()).unwrap();
    sleep(SECOND).await;
    assert_eq!(fake.revoked().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_revocation_that_fails_is_tried_again_and_one_that_is_refused_is_not() {
    let (broker, fake) = leasing(600);
    fake.script().revocations.extend([Err(down()), Err(down())]);
    let hold = read_many(&broker, &ada(), &[DB], true).await.hold.unwrap();
    broker.release_hold(hold.id, &ada()).unwrap();
    sleep(10 * SECOND).await;
    assert_eq!(fake.revoked(), ["lease 0"]);

    fake.script().revocations.push_back(Err(VaultError::new(VaultErrorKind::Denied, "no")));
    let hold = read_many(&broker, &ada(), &[DB], true).await.hold.unwrap();
    broker.release_hold(hold.id, &ada()).unwrap();
    sleep(60 * SECOND).await;
    assert_eq!((fake.revoked().len(), broker.vaults()[0].leases), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_is_being_revoked_is_not_returned() {
    let (broker, fake) = leasing(600);
    fake.script().revocations.push_back(Err(down()));
    let hold = read_many(&broker, &ada(), &[DB], true).await.hold.unwrap();
    broker.release_hold(hold.id, &ada()).unwrap();
    sleep(SECOND / 2).await;
    assert_eq!((fake.revoked().len(), broker.vaults()[0].leases), (0, 1));
    assert_eq!(value(&read(&broker, DB).await.unwrap()), "value 1");
    sleep(SECOND).await;
    assert_eq!(fake.revoked(), ["lease 0"]);
}

#[tokio::test(start_paused = true)]
async fn an_expired_lease_is_not_revoked() {
    let (broker, fake) = leasing(60);
    fake.script().revocations.extend((0..1_000).map(|_| Err(down())));
    let hold = read_many(&broker, &ada(), &[DB], true).await.hold.unwrap();
    broker.release_hold(hold.id, &ada()).unwrap();
    sleep(125 * SECOND).await;
    let tries = 1_000 - fake.script().revocations.len();
    // A vault that fails is not hammered.
    assert!((3..=8).contains(&tries), "{tries}");
    assert_eq!(broker.vaults()[0].leases, 0);
    // Nor is it forgotten.
    let (broker, fake) = leasing(3_600);
    fake.script().revocations.extend((0..1_000).map(|_| Err(down())));
    let hold = read_many(&broker, &ada(), &[DB], true).await.hold.unwrap();
    broker.release_hold(hold.id, &ada()).unwrap();
    sleep(600 * SECOND).await;
    let tries = 1_000 - fake.script().revocations.len();
    assert!((13..=16).contains(&tries), "{tries}");
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_does_not_count_for_the_term_of_a_hold() {
    let (broker, fake) = usual();
    // The first request is read first.
    fake.answers(|number| Ok(leased(number, if number == 0 { 60 } else { 600 })));
    fake.script().renewals.push_back(Err(VaultError::new(VaultErrorKind::LeaseGone, "gone")));
    let hold = read_many(&broker, &ada(), &[DB, OTHER], true).await.hold.unwrap();
    sleep(50 * SECOND).await;
    assert_eq!(broker.renew_hold(hold.id, &ada()).unwrap_err().kind, VaultErrorKind::LeaseGone);
    sleep(300 * SECOND).await;
    assert_eq!((fake.revoked().len(), broker.vaults()[0].leases), (0, 1));
}
