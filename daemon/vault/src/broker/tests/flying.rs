//! Single flight, batches, and concurrency.

use std::{sync::Arc, time::Duration};

use super::{
    super::{Broker, Limits},
    fake::{
        DB, SECOND, ada, bob, describe_read, down, fields, leased, read, read_as, read_many, reference,
        usual, value, with,
    },
};
use crate::{VaultError, VaultErrorKind};

fn numbered(count: usize) -> Vec<kontraktor_model::reference::Reference> {
    (0..count).map(|number| reference(&format!("vault://team/secret/{number}#password"))).collect()
}

async fn all_get(broker: &Broker, readers: usize) -> Vec<String> {
    let readers: Vec<_> = (0..readers)
        .map(|_| {
            let broker = broker.clone();
            tokio::spawn(async move { describe_read(&broker, DB).await })
        })
        .collect();
    let mut got = Vec::new();
    for reader in readers {
        got.push(reader.await.unwrap());
    }
    got
}

#[tokio::test(start_paused = true)]
async fn a_hundred_readers_of_one_secret_make_one_request() {
    for ttl in [Duration::from_mins(5), Duration::ZERO] {
        let (broker, fake) = with(Limits { ttl, ..Limits::default() });
        assert_eq!(all_get(&broker, 100).await, vec!["value 0"; 100]);
        assert_eq!(fake.fetched(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_hundred_readers_of_a_failure_share_it_too() {
    let (broker, fake) = usual();
    fake.answers(|_| Err(down()));
    assert_eq!(all_get(&broker, 100).await, vec!["Unavailable"; 100]);
    assert_eq!(fake.fetched(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_disconnects_affects_no_other() {
    let (broker, fake) = usual();
    let first = tokio::spawn({
        let broker = broker.clone();
        async move { describe_read(&broker, DB).await }
    });
    tokio::time::sleep(Duration::from_millis(3)).await;
    let second = tokio::spawn({
        let broker = broker.clone();
        async move { describe_read(&broker, DB).await }
    });
    tokio::time::sleep(Duration::from_millis(3)).await;
    first.abort();
    assert_eq!(second.await.unwrap(), "value 0");
    assert_eq!(fake.fetched(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_vault_that_panics_fails_its_readers_and_no_later_one() {
    let (broker, fake) = usual();
    fake.answers(|number| {
        if number == 0 { std::panic::resume_unwind(Box::new("broken")) } else { Ok(fields("fine")) }
    });
    let error = read(&broker, DB).await.unwrap_err();
    insta::assert_snapshot!(error, @r#"reading from vault "team" was interrupted"#);
    assert_eq!(describe_read(&broker, DB).await, "fine");
}

#[tokio::test(start_paused = true)]
async fn fields_of_one_secret_are_one_read_and_answers_come_in_their_order() {
    let (broker, fake) = usual();
    let texts = [
        "vault://team/secret/a#password",
        "vault://team/secret/b#password",
        "vault://team/secret/a#user",
        "vault://team/secret/a?version=3#password",
        "vault://team/secret/a#password",
    ];
    let answers = read_many(&broker, &ada(), &texts, false).await.secrets;
    let got: Vec<_> = answers.iter().map(|answer| value(answer.as_ref().unwrap())).collect();
    assert_eq!(got, ["value 0", "value 1", "u", "value 2", "value 0"]);
    assert_eq!(fake.fetched(), 3);
}

#[tokio::test(start_paused = true)]
async fn so_many_are_read_at_once_and_no_more() {
    for (concurrency, calls) in [(16, 200), (3, 10)] {
        let (broker, fake) = with(Limits { concurrency, ..Limits::default() });
        let started = tokio::time::Instant::now();
        let answers = broker.read(&numbered(calls), &ada(), false).await.secrets;
        assert!(answers.iter().all(Result::is_ok));
        assert_eq!((fake.fetched(), fake.script().most_running), (calls, concurrency));
        // In as many rounds as it takes, and none more.
        assert_eq!(started.elapsed().as_millis(), 10 * calls.div_ceil(concurrency) as u128);
    }
}

#[tokio::test(start_paused = true)]
async fn a_vault_that_takes_batches_gets_batches() {
    let (broker, fake) = usual();
    fake.script().batch = 20;
    fake.answers(|number| {
        if number == 7 {
            Err(VaultError::new(VaultErrorKind::NotFound, "no"))
        } else {
            Ok(fields(&format!("{number}")))
        }
    });
    let answers = broker.read(&numbered(45), &ada(), false).await.secrets;
    assert_eq!(fake.script().calls, 3);
    for (number, answer) in answers.iter().enumerate() {
        match answer {
            Ok(resolved) => assert_eq!(value(resolved), number.to_string()),
            Err(error) => assert_eq!((number, error.kind), (7, VaultErrorKind::NotFound)),
        }
    }
    // What is cached travels no more.
    broker.read(&numbered(50), &ada(), false).await;
    assert_eq!(fake.fetched(), 50);
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_is_made_for_each_actor_is_not_shared() {
    let (broker, fake) = usual();
    fake.answers(|number| Ok(leased(number, 60)));
    let spawn = |actor: Arc<str>| {
        let broker = broker.clone();
        tokio::spawn(async move { value(&read_as(&broker, &actor, DB).await.unwrap()).to_owned() })
    };
    let (ada_1, bob_1, ada_2, bob_2) = (spawn(ada()), spawn(bob()), spawn(ada()), spawn(bob()));
    let (ada_1, bob_1) = (ada_1.await.unwrap(), bob_1.await.unwrap());
    assert_ne!(ada_1, bob_1);
    assert_eq!((ada_2.await.unwrap(), bob_2.await.unwrap()), (ada_1.clone(), bob_1));
    assert_eq!((fake.fetched(), broker.vaults()[0].leases), (2, 2));
    // And each gets theirs again.
    assert_eq!(value(&read(&broker, DB).await.unwrap()), ada_1);
    assert_eq!(broker.vaults()[0].cached_secrets, 0);
}

#[tokio::test(start_paused = true)]
async fn those_who_followed_a_check_get_each_their_own() {
    let (broker, fake) = usual();
    fake.answers(|number| Ok(leased(number, 60)));
    let check = tokio::spawn({
        let broker = broker.clone();
        async move { broker.check(&[reference(DB)]).await.remove(0).is_ok() }
    });
    tokio::time::sleep(Duration::from_millis(5)).await;
    let readers = [ada(), bob()].map(|actor| {
        let broker = broker.clone();
        tokio::spawn(async move { value(&read_as(&broker, &actor, DB).await.unwrap()).to_owned() })
    });
    let mut values = Vec::new();
    for reader in readers {
        values.push(reader.await.unwrap());
    }
    values.sort();
    assert!(check.await.unwrap());
    assert_eq!(
        (values, fake.revoked()),
        (vec!["value 1".to_owned(), "value 2".to_owned()], vec!["lease 0".to_owned()])
    );
}

#[tokio::test(start_paused = true)]
async fn many_actors_get_theirs_in_two_rounds_and_not_one_after_the_other() {
    let (broker, fake) = usual();
    fake.answers(|number| Ok(leased(number, 60)));
    let started = tokio::time::Instant::now();
    let readers: Vec<_> = (0..16)
        .map(|number| {
            let (broker, actor) = (broker.clone(), Arc::from(format!("unix:{number}")));
            tokio::spawn(async move { value(&read_as(&broker, &actor, DB).await.unwrap()).to_owned() })
        })
        .collect();
    let mut values = std::collections::HashSet::new();
    for reader in readers {
        values.insert(reader.await.unwrap());
    }
    assert_eq!((values.len(), fake.fetched()), (16, 16));
    assert!(started.elapsed() < SECOND / 20, "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_check_that_followed_a_flight_looks_for_itself_before_it_says_no() {
    let (broker, fake) = usual();
    fake.answers(|number| {
        if number == 0 { Err(VaultError::new(VaultErrorKind::NotFound, "no")) } else { Ok(fields("made")) }
    });
    let reader = tokio::spawn({
        let broker = broker.clone();
        async move { describe_read(&broker, DB).await }
    });
    tokio::time::sleep(Duration::from_millis(5)).await;
    broker.check(&[reference(DB)]).await.remove(0).unwrap();
    assert_eq!(reader.await.unwrap(), "NotFound");
}
