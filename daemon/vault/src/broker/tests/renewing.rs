//! Renewals: when they are due, which ones count as the last, and what follows failures.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::time::{Instant, sleep, sleep_until};

use super::{
    super::{Limits, cache::StoredSecret, lease},
    fake::{DB, SECOND, ada, bob, down, granted, leased, leasing, read, read_many, usual, value, with},
};
use crate::{Fetched, Lease, VaultErrorKind};

#[tokio::test(start_paused = true)]
async fn with_a_hold_it_is_renewed_at_two_thirds_again_and_again() {
    let (broker, fake) = leasing(60);
    let started = Instant::now();
    let mut hold = read_many(&broker, &ada(), &[DB], true).await.hold.unwrap();
    for _ in 0..5 {
        sleep(40 * SECOND).await;
        hold = broker.renew_hold(hold.id, &ada()).unwrap();
    }
    let renewed = fake.script().renewed.clone();
    assert!((5..=6).contains(&renewed.len()), "{renewed:?}");
    let mut before = started;
    for (at, asked) in renewed {
        let waited = at.duration_since(before);
        assert!((37 * SECOND..=41 * SECOND).contains(&waited), "{waited:?}");
        assert_eq!(asked, 60 * SECOND);
        before = at;
    }
    // Long after the first term, the same secret.
    assert_eq!(value(&read(&broker, DB).await.unwrap()), "value 0");
    assert_eq!(fake.fetched(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_fails_is_tried_again_until_it_goes_well() {
    let (broker, fake) = leasing(90);
    fake.script().renewals.extend([Err(down()), Err(down()), Err(down())]);
    let hold = read_many(&broker, &ada(), &[DB], true).await.hold.unwrap();
    sleep(80 * SECOND).await;
    assert_eq!(fake.script().renewed.len(), 4);
    broker.renew_hold(hold.id, &ada()).unwrap();
    sleep(40 * SECOND).await;
    assert_eq!(value(&read(&broker, DB).await.unwrap()), "value 0");
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_never_goes_well_ends_with_the_lease() {
    let (broker, fake) = leasing(90);
    fake.script().renewals.extend((0..1_000).map(|_| Err(down())));
    let hold = read_many(&broker, &ada(), &[DB], true).await.hold.unwrap();
    sleep(89 * SECOND).await;
    // A vault that fails is not hammered.
    assert!((3..=8).contains(&fake.script().renewed.len()), "{}", fake.script().renewed.len());
    broker.renew_hold(hold.id, &ada()).unwrap();
    sleep(2 * SECOND).await;
    assert_eq!(broker.renew_hold(hold.id, &ada()).unwrap_err().kind, VaultErrorKind::LeaseGone);
    assert_eq!(broker.vaults()[0].leases, 0);
}

#[tokio::test(start_paused = true)]
async fn while_renewals_fail_new_readers_do_not_get_an_expiring_secret() {
    let (broker, fake) = leasing(60);
    fake.script().renewals.extend((0..1_000).map(|_| Err(down())));
    read_many(&broker, &ada(), &[DB], true).await.hold.unwrap();
    sleep(45 * SECOND).await;
    assert_eq!(value(&read(&broker, DB).await.unwrap()), "value 1");
}

#[tokio::test(start_paused = true)]
async fn a_vault_that_is_left_alone_is_not_asked_to_renew_either() {
    let (broker, fake) = leasing(600);
    read_many(&broker, &ada(), &[DB], true).await.hold.unwrap();
    fake.answers(|_| Err(down().retry_after(60 * SECOND)));
    sleep(365 * SECOND).await;
    read(&broker, "vault://team/secret/other#password").await.unwrap_err();
    sleep(55 * SECOND).await;
    assert!(fake.script().renewed.is_empty());
    sleep(100 * SECOND).await;
    assert_eq!(fake.script().renewed.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn so_many_leases_are_renewed_at_once_and_no_more() {
    let (broker, fake) = with(Limits { concurrency: 1, ..Limits::default() });
    fake.answers(|number| Ok(leased(number, 60)));
    fake.script().renewing_takes = 3 * SECOND;
    for actor in [ada(), bob(), "unix:eve".into()] {
        read_many(&broker, &actor, &[DB], true).await.hold.unwrap();
    }
    sleep(50 * SECOND).await;
    let renewed = fake.script().renewed.clone();
    assert_eq!(renewed.len(), 3);
    assert!(renewed.windows(2).all(|pair| pair[1].0 - pair[0].0 >= 3 * SECOND), "{renewed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_renewal_counts_from_when_it_was_asked_for() {
    let (broker, fake) = leasing(60);
    fake.script().renewing_takes = 2 * SECOND;
    let started = Instant::now();
    read_many(&broker, &ada(), &[DB], true).await.hold.unwrap();
    sleep(50 * SECOND).await;
    let asked = fake.script().renewed[0].0;
    let lease = read(&broker, DB).await.unwrap().lease.unwrap();
    assert_eq!(lease.expires, Timestamp::UNIX_EPOCH + (asked - started) + 60 * SECOND);
    // Nobody renews it after the hold; then that is when it ends.
    sleep_until(asked + 60 * SECOND - SECOND / 10).await;
    assert_eq!(broker.vaults()[0].leases, 1);
    sleep_until(asked + 60 * SECOND + SECOND / 10).await;
    assert_eq!(broker.vaults()[0].leases, 0);
}

#[tokio::test(start_paused = true)]
async fn what_a_vault_rounds_off_is_no_end_of_renewals_and_a_success_ends_a_row_of_failures() {
    let started = Instant::now();
    let Fetched { content, version, lease: granted_first } = leased(0, 600);
    let stored = StoredSecret { content, version, read: started, fetched: Timestamp::UNIX_EPOCH };
    let lease = Arc::new(lease::Lease::new(Arc::new(stored), None, granted_first.unwrap()));
    let _claim = lease.claim(started).unwrap();
    assert_eq!((lease.renewal_failed(None, started), lease.renewal_failed(None, started)), (1, 2));
    let near_its_end = started + 500 * SECOND;
    assert!(lease.claim_if_fresh(near_its_end).is_none());
    for (seconds, kept) in [(599, true), (541, true), (539, false)] {
        lease.renewed(&granted(seconds).unwrap(), started, Timestamp::UNIX_EPOCH);
        assert_eq!(lease.claim_if_fresh(near_its_end).is_some(), kept, "{seconds}");
    }
    assert_eq!(lease.renewal_failed(None, started), 1);
}

#[tokio::test(start_paused = true)]
async fn towards_the_end_of_all_renewals_it_does_not_spin_and_new_readers_get_another() {
    let (broker, fake) = leasing(600);
    // As with max_ttl: whatever is requested, it expires 1,100 seconds after it was made.
    fake.script().no_renewal_beyond = Some(Instant::now() + 1_100 * SECOND);
    let hold = read_many(&broker, &ada(), &[DB], true).await.hold.unwrap();
    let hold_on = async |seconds: u32| {
        sleep(seconds * SECOND).await;
        broker.renew_hold(hold.id, &ada()).unwrap()
    };
    hold_on(390).await;
    hold_on(200).await;
    assert_eq!(fake.script().renewed.len(), 1);
    // Before 800 seconds the vault granted all that is left.
    hold_on(230).await;
    assert_eq!(fake.script().renewed.len(), 2);
    let got = read(&broker, DB).await.unwrap();
    let lease = got.lease.unwrap();
    assert_eq!((value(&got), lease.expires.as_second()), ("value 0", 1_100));
    assert!((300 * SECOND..=360 * SECOND).contains(&lease.duration), "{lease:?}");
    // Less than a third of the 600 seconds is left, and no more will come.
    hold_on(90).await;
    assert_eq!(value(&read(&broker, DB).await.unwrap()), "value 1");
    // Once more it is tried at two thirds, which moves the end no further; then no more. It is held to its end, but a hold
    // gets no longer term than what is left.
    let held = hold_on(100).await;
    assert_eq!((fake.script().renewed.len(), held.expires.as_second()), (3, 1_100));
    hold_on(89).await;
    assert_eq!((fake.script().renewed.len(), broker.vaults()[0].leases), (3, 2));
    sleep(2 * SECOND).await;
    assert_eq!(broker.vaults()[0].leases, 1);
    assert_eq!(broker.renew_hold(hold.id, &ada()).unwrap_err().kind, VaultErrorKind::LeaseGone);
    assert!(fake.revoked().is_empty());
    // Whatever was granted last, the initial term is requested.
    assert!(fake.script().renewed.iter().all(|(_, asked)| *asked == 600 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn what_a_renewal_grants_counts_also_where_it_is_less_than_what_was_left() {
    for (seconds, ends) in [(0, 40), (10, 50)] {
        let (broker, fake) = leasing(60);
        fake.script().renewals.push_back(granted(seconds));
        let hold = read_many(&broker, &ada(), &[DB], true).await.hold.unwrap();
        sleep(36 * SECOND).await;
        broker.renew_hold(hold.id, &ada()).unwrap();
        sleep((ends - 36) * SECOND + SECOND / 2).await;
        assert_eq!((fake.script().renewed.len(), broker.vaults()[0].leases), (1, 0));
        assert_eq!(broker.renew_hold(hold.id, &ada()).unwrap_err().kind, VaultErrorKind::LeaseGone);
        // It has ended, so there is nothing to revoke, and what comes next is made anew.
        assert_eq!(value(&read(&broker, DB).await.unwrap()), "value 1");
        assert!(fake.revoked().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_says_it_was_the_last_one_is() {
    let (broker, fake) = leasing(60);
    let last = granted(60).map(|lease| Lease { renewable: false, ..lease });
    fake.script().renewals.push_back(last);
    let hold = read_many(&broker, &ada(), &[DB], true).await.hold.unwrap();
    sleep(45 * SECOND).await;
    broker.renew_hold(hold.id, &ada()).unwrap();
    let lease = read(&broker, DB).await.unwrap().lease.unwrap();
    assert!(!lease.renewable && lease.duration == 60 * SECOND, "{lease:?}");
    sleep(46 * SECOND).await;
    // A new one, because it is not renewable and less than a third of it is left.
    assert_eq!(value(&read(&broker, DB).await.unwrap()), "value 1");
    sleep(10 * SECOND).await;
    assert_eq!((fake.script().renewed.len(), broker.vaults()[0].leases), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_cannot_be_renewed_is_not_and_ends() {
    let (broker, fake) = usual();
    fake.answers(|number| {
        let mut fetched = leased(number, 60);
        fetched.lease.as_mut().unwrap().renewable = false;
        Ok(fetched)
    });
    let answers = read_many(&broker, &ada(), &[DB], true).await;
    assert!(!answers.secrets[0].as_ref().unwrap().lease.unwrap().renewable);
    sleep(61 * SECOND).await;
    assert!(fake.script().renewed.is_empty() && fake.revoked().is_empty());
    assert_eq!(broker.vaults()[0].leases, 0);
}
