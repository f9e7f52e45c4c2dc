//! A vault that is down or slow: deadline and circuit breaker, and what is answered meanwhile.

use std::{sync::Arc, time::Duration};

use super::{
    super::{Broker, ConfiguredVault, Limits},
    fake::{DB, Fake, SECOND, ada, describe_read, down, fields, read, reference, usual},
};
use crate::{VaultError, VaultErrorKind};

fn other(number: usize) -> String {
    format!("vault://team/secret/{number}#password")
}

/// So many reads, each of another secret.
async fn fail(broker: &Broker, times: usize) {
    for number in 0..times {
        assert_eq!(describe_read(broker, &other(number)).await, "Unavailable");
    }
}

#[tokio::test(start_paused = true)]
async fn a_vault_that_does_not_answer_in_time_is_given_up() {
    let (broker, fake) = usual();
    fake.script().takes = 60 * SECOND;
    let started = tokio::time::Instant::now();
    let error = read(&broker, DB).await.unwrap_err();
    assert_eq!(started.elapsed(), 5 * SECOND);
    assert_eq!(fake.script().running, 0);
    insta::assert_snapshot!(format!("{error}\n{}", error.remedy.as_deref().unwrap_or_default()), @r#"
    vault "team" did not answer within 5s
    run `kontraktord vault check team`, or raise `timeout` in its [[vault]] table
    "#);
}

#[tokio::test(start_paused = true)]
async fn the_last_good_value_is_the_fallback_when_the_deadline_passes_and_while_the_breaker_is_open() {
    let (broker, fake) = usual();
    describe_read(&broker, DB).await;
    tokio::time::advance(Duration::from_mins(6)).await;
    fake.script().takes = 60 * SECOND;
    assert_eq!(describe_read(&broker, DB).await, "value 0 *");
    fail(&broker, 4).await;
    assert!(broker.vaults()[0].error.is_some());
    let (calls, started) = (fake.script().calls, tokio::time::Instant::now());
    assert_eq!(describe_read(&broker, DB).await, "value 0 *");
    assert_eq!((fake.script().calls, started.elapsed()), (calls, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn five_failures_in_a_row_open_the_breaker_and_one_probe_closes_it() {
    let (broker, fake) = usual();
    fake.answers(|_| Err(down()));
    fail(&broker, 4).await;
    assert_eq!(broker.vaults()[0].error, None);
    fail(&broker, 1).await;
    let error = read(&broker, DB).await.unwrap_err();
    assert_eq!((error.kind, fake.fetched()), (VaultErrorKind::Unavailable, 5));
    insta::assert_snapshot!(format!("{error}\n{}", error.remedy.as_deref().unwrap_or_default()), @r#"
    vault "team" is unavailable and not retried for another 10 s: vault "team" answered 503
    see whether it is sealed
    "#);
    assert_eq!(broker.vaults()[0].error.as_deref(), Some("vault \"team\" answered 503"));
    // One request probes the vault and fails; the others fail in the meantime.
    tokio::time::advance(11 * SECOND).await;
    let readers: Vec<_> = (10..20)
        .map(|number| {
            let broker = broker.clone();
            tokio::spawn(async move { describe_read(&broker, &other(number)).await })
        })
        .collect();
    for reader in readers {
        assert_eq!(reader.await.unwrap(), "Unavailable");
    }
    assert_eq!(fake.fetched(), 6);
    fake.answers(|_| Ok(fields("back")));
    tokio::time::advance(5 * SECOND).await;
    assert_eq!(describe_read(&broker, DB).await, "Unavailable");
    tokio::time::advance(6 * SECOND).await;
    assert_eq!(describe_read(&broker, DB).await, "back");
    assert_eq!((broker.vaults()[0].error.clone(), fake.fetched()), (None, 7));
    // It counts from the beginning again.
    fake.answers(|_| Err(down()));
    fail(&broker, 4).await;
    assert_eq!(broker.vaults()[0].error, None);
}

#[tokio::test(start_paused = true)]
async fn what_the_vault_says_of_a_secret_is_no_failure_of_the_vault() {
    let (broker, fake) = usual();
    fake.answers(|number| {
        Err(if number % 5 == 4 { VaultError::new(VaultErrorKind::NotFound, "no") } else { down() })
    });
    for number in 0..30 {
        describe_read(&broker, &other(number)).await;
    }
    assert_eq!((fake.fetched(), broker.vaults()[0].error.clone()), (30, None));
}

#[tokio::test(start_paused = true)]
async fn a_vault_that_asks_to_be_left_alone_is_at_once_and_for_five_minutes_at_most() {
    for (asked, left_alone) in [(0, 10), (2, 2), (90, 90), (86_400, 300)] {
        let (broker, fake) = usual();
        fake.answers(move |_| Err(down().retry_after(Duration::from_secs(asked))));
        fail(&broker, 1).await;
        fake.answers(|_| Ok(fields("back")));
        tokio::time::advance(Duration::from_secs(left_alone - 1)).await;
        assert_eq!(describe_read(&broker, DB).await, "Unavailable");
        tokio::time::advance(2 * SECOND).await;
        assert_eq!(describe_read(&broker, DB).await, "back");
    }
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_not_answered_in_time_leaves_the_vault_alone_for_another_while() {
    let (broker, fake) = usual();
    fake.answers(|_| Err(down()));
    fail(&broker, 5).await;
    tokio::time::advance(11 * SECOND).await;
    fake.script().takes = 60 * SECOND;
    assert_eq!(describe_read(&broker, DB).await, "Unavailable");
    fake.script().takes = Duration::ZERO;
    fake.answers(|_| Ok(fields("back")));
    tokio::time::advance(9 * SECOND).await;
    assert_eq!(describe_read(&broker, DB).await, "Unavailable");
    tokio::time::advance(2 * SECOND).await;
    assert_eq!(describe_read(&broker, DB).await, "back");
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_probe_is_not_the_last_one() {
    let (broker, fake) = usual();
    fake.answers(|_| Err(down()));
    fail(&broker, 5).await;
    tokio::time::advance(11 * SECOND).await;
    fake.answers(|_| std::panic::resume_unwind(Box::new("broken")));
    assert_eq!(describe_read(&broker, DB).await, "Unavailable");
    assert_eq!(fake.fetched(), 6);
    // Another may try at once, for nothing was found out.
    fake.answers(|_| Ok(fields("back")));
    assert_eq!(describe_read(&broker, DB).await, "back");
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_disconnects_does_not_cancel_the_probe() {
    let (broker, fake) = usual();
    fake.answers(|_| Err(down()));
    fail(&broker, 5).await;
    fake.answers(|_| Ok(fields("back")));
    tokio::time::advance(11 * SECOND).await;
    let reader = tokio::spawn({
        let broker = broker.clone();
        async move { describe_read(&broker, DB).await }
    });
    tokio::time::sleep(Duration::from_millis(5)).await;
    reader.abort();
    assert!(reader.await.unwrap_err().is_cancelled());
    tokio::time::sleep(SECOND).await;
    assert_eq!(
        (broker.vaults()[0].error.clone(), describe_read(&broker, DB).await),
        (None, "back".to_owned())
    );
    assert_eq!(fake.fetched(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_fails_opens_the_breaker_again_however_few_failed_before() {
    let (broker, fake) = usual();
    fake.answers(|number| Err(if number == 0 { down().retry_after(2 * SECOND) } else { down() }));
    fail(&broker, 1).await;
    tokio::time::advance(3 * SECOND).await;
    fail(&broker, 3).await;
    assert_eq!(fake.fetched(), 2);
    fake.answers(|_| Ok(fields("back")));
    tokio::time::advance(11 * SECOND).await;
    assert_eq!(describe_read(&broker, DB).await, "back");
}

#[tokio::test(start_paused = true)]
async fn a_failure_of_a_call_that_began_before_the_breaker_opened_does_not_keep_it_open() {
    let (broker, fake) = usual();
    fake.answers(|_| Err(down()));
    fake.script().takes = 4 * SECOND;
    let slow = tokio::spawn({
        let broker = broker.clone();
        async move { describe_read(&broker, DB).await }
    });
    tokio::time::sleep(Duration::from_millis(1)).await;
    fake.script().takes = Duration::ZERO;
    fail(&broker, 5).await;
    assert_eq!(slow.await.unwrap(), "Unavailable");
    fake.answers(|_| Ok(fields("back")));
    tokio::time::advance(7 * SECOND).await;
    assert_eq!(describe_read(&broker, DB).await, "back");
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_a_failure_of_the_vault_where_all_of_it_failed_and_counts_once() {
    for (good, open) in [(Some(0), false), (Some(7), false), (None, true)] {
        let (broker, fake) = usual();
        fake.script().batch = 10;
        fake.answers(move |number| if Some(number % 10) == good { Ok(fields("fine")) } else { Err(down()) });
        for round in 0..5 {
            assert_eq!(broker.vaults()[0].error, None);
            let references: Vec<_> =
                (0..10).map(|number| reference(&format!("vault://team/{round}/{number}#password"))).collect();
            broker.read(&references, &ada(), false).await;
        }
        assert_eq!((fake.fetched(), broker.vaults()[0].error.is_some()), (50, open));
    }
}

#[tokio::test(start_paused = true)]
async fn only_the_vault_that_failed_degrades() {
    let vault = |name: &str| {
        let fake = Arc::new(Fake::new());
        let configured = ConfiguredVault {
            name: name.parse().unwrap(),
            kind: "vault",
            address: None,
            grants: Default::default(),
            limits: Limits::default(),
            ca_digest: None,
            vault: Arc::clone(&fake) as _,
        };
        (configured, fake)
    };
    let ((bad, bad_fake), (good, _good_fake)) = (vault("bad"), vault("good"));
    let broker = Broker::new(vec![bad, good], Arc::new(|| jiff::Timestamp::UNIX_EPOCH));
    bad_fake.script().takes = 60 * SECOND;
    let slow = tokio::spawn({
        let broker = broker.clone();
        async move { describe_read(&broker, "vault://bad/secret/db#password").await }
    });
    tokio::time::sleep(Duration::from_millis(1)).await;
    let started = tokio::time::Instant::now();
    assert_eq!(describe_read(&broker, "vault://good/secret/db#password").await, "value 0");
    assert!(started.elapsed() < SECOND);
    assert_eq!(slow.await.unwrap(), "Unavailable");
}
