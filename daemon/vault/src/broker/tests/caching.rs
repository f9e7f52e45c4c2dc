//! What is answered from memory, for how long, and how much of it there may be.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::time::Instant;

use super::{
    super::{
        Limits,
        cache::{Cache, CacheHit, StoredSecret},
    },
    fake::{DB, SECOND, ada, describe_read, down, fields, read, read_many, reference, usual, value, with},
};
use crate::{Fetched, VaultError, VaultErrorKind};

fn refused(fault: VaultErrorKind) -> VaultError {
    VaultError::new(fault, "no")
}

#[tokio::test(start_paused = true)]
async fn a_secret_is_read_once_in_its_time_to_live() {
    let (broker, fake) = usual();
    assert_eq!(describe_read(&broker, DB).await, "value 0");
    tokio::time::advance(Duration::from_secs(299)).await;
    assert_eq!(describe_read(&broker, DB).await, "value 0");
    assert_eq!(fake.fetched(), 1);
    tokio::time::advance(2 * SECOND).await;
    let before = broker.vaults().remove(0);
    assert_eq!(describe_read(&broker, DB).await, "value 1");
    // In the place of the one before.
    let after = broker.vaults().remove(0);
    assert_eq!((after.cached_secrets, after.cached_bytes), (1, before.cached_bytes));
}

#[tokio::test(start_paused = true)]
async fn the_answer_says_when_the_vault_was_asked_and_which_version_it_gave() {
    let (broker, _fake) = usual();
    tokio::time::advance(7 * SECOND).await;
    read(&broker, DB).await.unwrap();
    tokio::time::advance(60 * SECOND).await;
    let cached = read(&broker, DB).await.unwrap();
    assert_eq!((cached.fetched.as_second(), cached.version.as_deref()), (7, Some("1")));
    assert!(!cached.stale && cached.lease.is_none());
}

#[tokio::test(start_paused = true)]
async fn without_a_time_to_live_nothing_is_kept() {
    let (broker, fake) = with(Limits { ttl: Duration::ZERO, ..Limits::default() });
    assert_eq!(describe_read(&broker, DB).await, "value 0");
    assert_eq!(describe_read(&broker, DB).await, "value 1");
    fake.answers(|_| Err(down()));
    assert_eq!(describe_read(&broker, DB).await, "Unavailable");
    assert_eq!(broker.vaults()[0].cached_secrets, 0);
}

#[tokio::test(start_paused = true)]
async fn the_last_good_value_is_the_fallback_for_another_hour_and_is_marked_stale() {
    for fault in [VaultErrorKind::Unavailable, VaultErrorKind::InvalidResponse, VaultErrorKind::SignIn] {
        let (broker, fake) = usual();
        describe_read(&broker, DB).await;
        fake.answers(move |_| Err(refused(fault)));
        tokio::time::advance(Duration::from_mins(6)).await;
        let stale = read(&broker, DB).await.unwrap();
        assert_eq!((value(&stale), stale.stale, stale.fetched.as_second()), ("value 0", true, 0));
        tokio::time::advance(Duration::from_mins(58)).await;
        assert_eq!(describe_read(&broker, DB).await, "value 0 *");
        tokio::time::advance(Duration::from_mins(2)).await;
        assert_eq!(describe_read(&broker, DB).await, format!("{fault:?}"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_vaults_answer_about_a_secret_is_never_replaced_by_a_cached_value() {
    for fault in [
        VaultErrorKind::NotFound,
        VaultErrorKind::VersionGone,
        VaultErrorKind::Denied,
        VaultErrorKind::Disabled,
    ] {
        let (broker, fake) = usual();
        describe_read(&broker, DB).await;
        fake.answers(move |_| Err(refused(fault)));
        tokio::time::advance(Duration::from_mins(6)).await;
        assert_eq!(describe_read(&broker, DB).await, format!("{fault:?}"));
        // Nor is the value before it good for a vault that goes down afterwards.
        fake.answers(|_| Err(down()));
        tokio::time::advance(6 * SECOND).await;
        assert_eq!(describe_read(&broker, DB).await, "Unavailable");
    }
}

#[tokio::test(start_paused = true)]
async fn there_is_no_fallback_for_an_answer_that_is_no_outage() {
    let (broker, fake) = usual();
    describe_read(&broker, DB).await;
    fake.answers(|_| Err(refused(VaultErrorKind::TooLarge)));
    tokio::time::advance(Duration::from_mins(6)).await;
    assert_eq!(describe_read(&broker, DB).await, "TooLarge");
}

#[tokio::test(start_paused = true)]
async fn there_is_no_fallback_beyond_its_time_even_before_it_is_removed() {
    let ttl = 90 * SECOND;
    let (broker, fake) = with(Limits { ttl, stale_while_error: Duration::ZERO, ..Limits::default() });
    describe_read(&broker, DB).await;
    fake.answers(|_| Err(down()));
    tokio::time::sleep(100 * SECOND).await;
    assert_eq!(broker.vaults()[0].cached_secrets, 1);
    assert_eq!(describe_read(&broker, DB).await, "Unavailable");
}

#[tokio::test(start_paused = true)]
async fn an_absence_that_is_not_remembered_still_ends_the_value_before_it() {
    let (broker, fake) = with(Limits { negative_ttl: Duration::ZERO, ..Limits::default() });
    describe_read(&broker, DB).await;
    tokio::time::advance(Duration::from_mins(6)).await;
    fake.answers(|_| Err(refused(VaultErrorKind::NotFound)));
    assert_eq!(describe_read(&broker, DB).await, "NotFound");
    fake.answers(|_| Err(down()));
    assert_eq!(describe_read(&broker, DB).await, "Unavailable");
}

#[tokio::test(start_paused = true)]
async fn what_was_read_later_stays_also_where_the_answers_come_in_the_other_order() {
    let stored = |value: &str| {
        let Fetched { content, version, .. } = fields(value);
        Arc::new(StoredSecret { content, version, read: Instant::now(), fetched: Timestamp::UNIX_EPOCH })
    };
    let mut cache = Cache::new(&Limits::default());
    let earlier = stored("earlier");
    tokio::time::advance(SECOND).await;
    let later = stored("later");
    cache.insert("db", Arc::clone(&later), 0);
    cache.insert("db", earlier, 0);
    let found = cache.get("db", Instant::now());
    assert!(matches!(found, Some(CacheHit::Secret(found)) if Arc::ptr_eq(&found, &later)));
}

#[tokio::test(start_paused = true)]
async fn an_unreadable_secret_is_remembered_for_seconds_and_an_outage_is_not() {
    for (fault, remembered) in [
        (VaultErrorKind::NotFound, true),
        (VaultErrorKind::VersionGone, true),
        (VaultErrorKind::Denied, true),
        (VaultErrorKind::Disabled, true),
        (VaultErrorKind::Unavailable, false),
        (VaultErrorKind::TooLarge, false),
    ] {
        let (broker, fake) = usual();
        fake.answers(move |_| Err(refused(fault)));
        assert_eq!(describe_read(&broker, DB).await, format!("{fault:?}"));
        fake.answers(|_| Ok(fields("made")));
        tokio::time::advance(4 * SECOND).await;
        let soon = describe_read(&broker, DB).await;
        assert_eq!(soon, if remembered { format!("{fault:?}") } else { "made".to_owned() });
        tokio::time::advance(2 * SECOND).await;
        assert_eq!(describe_read(&broker, DB).await, "made");
    }
}

#[tokio::test(start_paused = true)]
async fn a_check_does_not_believe_what_is_remembered_of_absence_or_stale() {
    let (broker, fake) = usual();
    fake.answers(|_| Err(refused(VaultErrorKind::NotFound)));
    assert_eq!(describe_read(&broker, DB).await, "NotFound");
    fake.answers(|_| Ok(fields("hunter2")));
    let checked = broker.check(&[reference(DB)]).await.remove(0).unwrap();
    assert!(checked.value.is_empty());
    assert_eq!(checked.version.as_deref(), Some("1"));
    // A reader profits from it.
    assert_eq!(describe_read(&broker, DB).await, "hunter2");
    assert_eq!(fake.fetched(), 2);
    // A fresh value is trusted; a stale one is not.
    broker.check(&[reference(DB)]).await.remove(0).unwrap();
    assert_eq!(fake.fetched(), 2);
    fake.answers(|_| Err(down()));
    tokio::time::advance(Duration::from_mins(6)).await;
    assert_eq!(broker.check(&[reference(DB)]).await.remove(0).unwrap_err().kind, VaultErrorKind::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn who_was_not_asked_for_longest_makes_room() {
    let (broker, fake) = with(Limits { max_entries: 2, ..Limits::default() });
    let [a, b, c] = ["a", "b", "c"].map(|name| format!("vault://team/secret/{name}#password"));
    describe_read(&broker, &a).await;
    describe_read(&broker, &b).await;
    describe_read(&broker, &a).await;
    describe_read(&broker, &c).await;
    assert_eq!((fake.fetched(), broker.vaults()[0].cached_secrets), (3, 2));
    describe_read(&broker, &a).await;
    assert_eq!(fake.fetched(), 3);
    describe_read(&broker, &b).await;
    assert_eq!(fake.fetched(), 4);
}

#[tokio::test(start_paused = true)]
async fn the_bytes_of_all_secrets_are_bounded() {
    let max_bytes = 10_000;
    let (broker, fake) = with(Limits { max_bytes, ..Limits::default() });
    fake.answers(|_| Ok(fields(&"x".repeat(3_000))));
    for number in 0..5 {
        describe_read(&broker, &format!("vault://team/secret/{number}#password")).await;
        assert!(broker.vaults()[0].cached_bytes <= max_bytes);
    }
    let info = broker.vaults().remove(0);
    assert!(info.cached_secrets == 3 && info.cached_bytes > 9_000, "{info:?}");
    // One that does not fit is still returned, and the others stay.
    fake.answers(move |_| Ok(fields(&"x".repeat(max_bytes))));
    assert_eq!(read(&broker, DB).await.unwrap().value.len(), max_bytes);
    assert_eq!(broker.vaults()[0].cached_secrets, 3);
}

#[tokio::test(start_paused = true)]
async fn values_too_old_for_a_fallback_are_removed_from_memory_unasked() {
    let (broker, fake) = usual();
    describe_read(&broker, DB).await;
    tokio::time::sleep(Duration::from_mins(64)).await;
    assert_eq!(broker.vaults()[0].cached_secrets, 1);
    tokio::time::sleep(Duration::from_mins(3)).await;
    let info = broker.vaults().remove(0);
    assert_eq!((info.cached_secrets, info.cached_bytes), (0, 0));
    // The one who sweeps comes again when there is something again.
    describe_read(&broker, DB).await;
    tokio::time::sleep(Duration::from_mins(67)).await;
    assert_eq!(broker.vaults()[0].cached_bytes, 0);
    // So do absences.
    fake.answers(|_| Err(refused(VaultErrorKind::NotFound)));
    describe_read(&broker, DB).await;
    assert!(broker.vaults()[0].cached_bytes > 0);
    tokio::time::sleep(Duration::from_mins(2)).await;
    assert_eq!(broker.vaults()[0].cached_bytes, 0);
}

#[tokio::test(start_paused = true)]
async fn a_purge_forgets_values_and_absences_and_counts_the_values() {
    let (broker, fake) = usual();
    let other = "vault://team/secret/other#password";
    fake.answers(|_| Err(refused(VaultErrorKind::NotFound)));
    describe_read(&broker, other).await;
    fake.answers(|_| Ok(fields("new")));
    describe_read(&broker, DB).await;
    assert_eq!(broker.purge(Some(&"team".parse().unwrap())), Ok(1));
    assert_eq!(broker.purge(None), Ok(0));
    assert_eq!(describe_read(&broker, other).await, "new");
    assert_eq!(broker.purge(Some(&"else".parse().unwrap())).unwrap_err().kind, VaultErrorKind::UnknownVault);
}

#[tokio::test(start_paused = true)]
async fn what_was_on_its_way_at_a_purge_is_answered_and_not_kept() {
    let (broker, fake) = usual();
    let early = tokio::spawn({
        let broker = broker.clone();
        async move { describe_read(&broker, DB).await }
    });
    tokio::time::sleep(Duration::from_millis(5)).await;
    broker.purge(None).unwrap();
    // A request after the purge gets what was read after it.
    assert_eq!(
        (describe_read(&broker, DB).await, early.await.unwrap()),
        ("value 1".to_owned(), "value 0".to_owned())
    );
    assert_eq!(describe_read(&broker, DB).await, "value 1");
    assert_eq!(fake.fetched(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_purge_forgets_what_is_on_its_way_where_nothing_came_after_it() {
    let (broker, fake) = usual();
    for answer in [Ok(fields("early")), Err(refused(VaultErrorKind::NotFound))] {
        let mut answer = Some(answer);
        fake.answers(move |_| answer.take().unwrap_or_else(|| Ok(fields("late"))));
        broker.purge(None).unwrap();
        let early = tokio::spawn({
            let broker = broker.clone();
            async move { describe_read(&broker, DB).await }
        });
        tokio::time::sleep(Duration::from_millis(5)).await;
        broker.purge(None).unwrap();
        assert_ne!(early.await.unwrap(), "late");
        assert_eq!(broker.vaults()[0].cached_bytes, 0);
        assert_eq!(describe_read(&broker, DB).await, "late");
    }
}

#[tokio::test(start_paused = true)]
async fn what_lands_from_before_a_purge_does_not_end_the_flight_after_it() {
    let (broker, fake) = usual();
    let begin = || {
        let broker = broker.clone();
        tokio::spawn(async move { describe_read(&broker, DB).await })
    };
    let early = begin();
    tokio::time::sleep(Duration::from_millis(5)).await;
    broker.purge(None).unwrap();
    let late = begin();
    assert_eq!(early.await.unwrap(), "value 0");
    let later = begin();
    assert_eq!((late.await.unwrap(), later.await.unwrap()), ("value 1".to_owned(), "value 1".to_owned()));
    assert_eq!(fake.fetched(), 2);
}

#[tokio::test(start_paused = true)]
async fn missing_fields_come_from_what_is_cached() {
    let (broker, fake) = usual();
    let answers = read_many(&broker, &ada(), &[DB, "vault://team/secret/db#none"], false).await.secrets;
    assert_eq!(answers[1].as_ref().unwrap_err().kind, VaultErrorKind::FieldMissing);
    assert_eq!(describe_read(&broker, "vault://team/secret/db#nix").await, "FieldMissing");
    assert_eq!(describe_read(&broker, "vault://team/secret/db#user").await, "u");
    assert_eq!(fake.fetched(), 1);
}
