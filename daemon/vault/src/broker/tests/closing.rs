//! The end: everything is revoked, within a bound.

use jiff::Timestamp;
use tokio::time::{Instant, sleep};

use super::{
    super::Limits,
    fake::{DB, SECOND, ada, bob, describe_read, down, leased, read, read_as, read_many, usual, with},
};
use crate::VaultErrorKind;

#[tokio::test(start_paused = true)]
async fn closing_revokes_what_is_held_and_what_is_not_and_signs_out_last() {
    let (broker, fake) = usual();
    fake.answers(|number| Ok(leased(number, 3_600)));
    let hold = read_many(&broker, &ada(), &[DB], true).await.hold.unwrap();
    read_as(&broker, &bob(), DB).await.unwrap();
    broker.close(3 * SECOND).await;
    let mut revoked = fake.revoked();
    revoked.sort();
    assert_eq!(revoked, ["lease 0", "lease 1"]);
    assert!(fake.script().signed_out);
    assert_eq!(read(&broker, DB).await.unwrap_err().kind, VaultErrorKind::Unavailable);
    assert_eq!(broker.renew_hold(hold.id, &ada()).unwrap_err().kind, VaultErrorKind::LeaseGone);
}

#[tokio::test(start_paused = true)]
async fn closing_waits_for_what_is_being_made_and_revokes_it() {
    let (broker, fake) = usual();
    fake.answers(|number| Ok(leased(number, 3_600)));
    fake.script().takes = SECOND;
    let reader = tokio::spawn({
        let broker = broker.clone();
        async move { read_many(&broker, &ada(), &[DB], true).await }
    });
    sleep(SECOND / 2).await;
    broker.close(3 * SECOND).await;
    assert_eq!(fake.revoked(), ["lease 0"]);
    // It is not returned any more, and not held.
    let answers = reader.await.unwrap();
    assert_eq!(answers.secrets[0].as_ref().unwrap_err().kind, VaultErrorKind::Unavailable);
    assert!(answers.hold.is_none());
}

#[tokio::test(start_paused = true)]
async fn closing_releases_all_holds_and_renews_nothing() {
    let (broker, fake) = usual();
    fake.answers(|number| Ok(leased(number, 60)));
    let hold = read_many(&broker, &ada(), &[DB], true).await.hold.unwrap();
    // Also where the lease cannot be revoked.
    fake.script().revoking_hangs = true;
    broker.close(SECOND).await;
    // A hold belongs to its actor; the error for one that has expired does not tell whose it was.
    broker.release_hold(hold.id, &bob()).unwrap();
    assert_eq!(broker.renew_hold(hold.id, &ada()).unwrap_err().kind, VaultErrorKind::LeaseGone);
    sleep(120 * SECOND).await;
    assert!(fake.script().renewed.is_empty());
    // After closing, no hold is opened.
    assert!(broker.holds.open(Vec::new(), &ada(), Instant::now(), Timestamp::UNIX_EPOCH).is_none());
}

#[tokio::test(start_paused = true)]
async fn closing_asks_for_nothing_more_and_forgets_what_is_cached() {
    let (broker, fake) = with(Limits { concurrency: 1, ..Limits::default() });
    fake.script().takes = SECOND;
    let readers = [DB, "vault://team/secret/other#password"].map(|text| {
        let broker = broker.clone();
        tokio::spawn(async move { describe_read(&broker, text).await })
    });
    sleep(SECOND / 2).await;
    broker.close(4 * SECOND).await;
    let mut got = Vec::new();
    for reader in readers {
        got.push(reader.await.unwrap());
    }
    assert_eq!((got, fake.fetched()), (vec!["value 0".to_owned(), "Unavailable".to_owned()], 1));
    assert_eq!(broker.vaults()[0].cached_secrets, 0);
}

#[tokio::test(start_paused = true)]
async fn closing_breaks_off_a_renewal_or_a_revocation_that_hangs() {
    let (broker, fake) = usual();
    fake.answers(|number| Ok(leased(number, 60)));
    fake.script().renewing_takes = 60 * SECOND;
    read_many(&broker, &ada(), &[DB], true).await.hold.unwrap();
    let hold = read_many(&broker, &bob(), &[DB], true).await.hold.unwrap();
    sleep(40 * SECOND).await;
    assert_eq!(fake.script().renewed.len(), 2);
    fake.script().revoking_hangs = true;
    broker.release_hold(hold.id, &bob()).unwrap();
    // The renewal in progress ends first, by its deadline.
    sleep(6 * SECOND).await;
    fake.script().revoking_hangs = false;
    let started = Instant::now();
    broker.close(4 * SECOND).await;
    let mut revoked = fake.revoked();
    revoked.sort();
    assert_eq!(revoked, ["lease 0", "lease 1"]);
    assert!(started.elapsed() < SECOND / 2, "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn closing_does_not_mind_the_breaker_and_tries_again() {
    let (broker, fake) = usual();
    fake.answers(|number| Ok(leased(number, 3_600)));
    read(&broker, DB).await.unwrap();
    fake.answers(|_| Err(down()));
    for number in 0..5 {
        read(&broker, &format!("vault://team/secret/{number}#password")).await.unwrap_err();
    }
    assert!(broker.vaults()[0].error.is_some());
    fake.script().revocations.push_back(Err(down().retry_after(60 * SECOND)));
    broker.close(4 * SECOND).await;
    assert_eq!(fake.revoked(), ["lease 0"]);
}

#[tokio::test(start_paused = true)]
async fn closing_does_not_wait_for_a_vault_that_hangs_and_signs_out_all_the_same() {
    let (broker, fake) = usual();
    fake.answers(|number| Ok(leased(number, 3_600)));
    read(&broker, DB).await.unwrap();
    fake.script().revoking_hangs = true;
    fake.script().signing_out_takes = SECOND / 2;
    let started = Instant::now();
    broker.close(4 * SECOND).await;
    assert!(started.elapsed() <= 4 * SECOND, "{:?}", started.elapsed());
    assert!(fake.script().signed_out && fake.revoked().is_empty());

    let (broker, fake) = usual();
    fake.script().signing_out_takes = 60 * SECOND;
    let started = Instant::now();
    broker.close(4 * SECOND).await;
    assert_eq!(started.elapsed(), 4 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn closing_hurries_a_revocation_that_was_waiting() {
    let (broker, fake) = usual();
    fake.answers(|number| Ok(leased(number, 3_600)));
    fake.script().revocations.extend((0..4).map(|_| Err(down())));
    let hold = read_many(&broker, &ada(), &[DB], true).await.hold.unwrap();
    broker.release_hold(hold.id, &ada()).unwrap();
    // After 1, 3 and 7 seconds it was tried again; the next time would be 15.
    sleep(8 * SECOND).await;
    let started = Instant::now();
    broker.close(SECOND).await;
    assert_eq!((fake.revoked(), started.elapsed() < SECOND / 2), (vec!["lease 0".to_owned()], true));
}
