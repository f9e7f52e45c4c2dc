//! The end: everything is revoked, within a bound.

use tokio::time::{Instant, sleep};

use super::fake::{DB, SECOND, ada, bob, down, leased, read, read_as, read_many, usual};
use crate::vault::Fault;

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
    assert_eq!(read(&broker, DB).await.unwrap_err().fault, Fault::Unavailable);
    assert_eq!(broker.renew_hold(hold.id, &ada()).unwrap_err().fault, Fault::LeaseGone);
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
    drop(reader);
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
    assert!(broker.vaults()[0].trouble.is_some());
    fake.script().revocations.push_back(Err(down()));
    broker.close(4 * SECOND).await;
    assert_eq!(fake.revoked(), ["lease 0"]);
}

#[tokio::test(start_paused = true)]
async fn closing_does_not_wait_for_a_vault_that_hangs_and_signs_out_all_the_same() {
    let (broker, fake) = usual();
    fake.answers(|number| Ok(leased(number, 3_600)));
    read(&broker, DB).await.unwrap();
    fake.script().revoking_hangs = true;
    let begun = Instant::now();
    broker.close(4 * SECOND).await;
    assert!(begun.elapsed() <= 4 * SECOND, "{:?}", begun.elapsed());
    assert!(fake.script().signed_out && fake.revoked().is_empty());
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
    let begun = Instant::now();
    broker.close(SECOND).await;
    assert_eq!((fake.revoked(), begun.elapsed() < SECOND / 2), (vec!["lease 0".to_owned()], true));
}
