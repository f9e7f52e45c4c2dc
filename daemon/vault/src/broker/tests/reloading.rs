//! Another configuration: unchanged vaults keep everything, and removed ones end as when the daemon stops.

use std::{collections::BTreeSet, sync::Arc};

use kontraktor_model::names::VaultName;
use tokio::time::sleep;

use super::{
    super::{Broker, ConfiguredVault, Limits, VaultChanges},
    fake::{DB, Fake, SECOND, ada, describe_read, leased, read, read_many, usual},
};
use crate::VaultErrorKind;

fn configured(name: &str, fake: &Arc<Fake>) -> ConfiguredVault {
    ConfiguredVault {
        name: name.parse().unwrap(),
        kind: "vault",
        address: Some("https://vault.example".to_owned()),
        grants: Default::default(),
        limits: Limits::default(),
        ca_digest: None,
        vault: Arc::clone(fake) as _,
    }
}

fn names(names: &[&str]) -> Vec<VaultName> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

/// Replaces the vaults by these, of which some are unchanged.
fn replace(broker: &Broker, vaults: &[(&str, &Arc<Fake>)], unchanged: &[&str]) -> VaultChanges {
    let vaults = vaults.iter().map(|(name, fake)| configured(name, fake)).collect();
    broker.replace(vaults, &names(unchanged).into_iter().collect::<BTreeSet<_>>(), 3 * SECOND)
}

#[tokio::test(start_paused = true)]
async fn an_unchanged_vault_keeps_its_cache_and_its_leases() {
    let (broker, fake) = usual();
    assert_eq!(describe_read(&broker, DB).await, "value 0");
    fake.answers(|number| Ok(leased(number, 3_600)));
    let hold =
        read_many(&broker, &ada(), &["vault://team/database/creds/r#password"], true).await.hold.unwrap();
    let other = Arc::new(Fake::new());
    let changes = replace(&broker, &[("team", &Arc::new(Fake::new())), ("new", &other)], &["team"]);
    assert_eq!(changes, VaultChanges { added: names(&["new"]), ..VaultChanges::default() });
    assert_eq!(describe_read(&broker, DB).await, "value 0");
    assert_eq!(describe_read(&broker, "vault://new/secret/x#password").await, "value 0");
    broker.renew_hold(hold.id, &ada()).unwrap();
    sleep(30 * SECOND).await;
    let script = fake.script();
    assert_eq!((script.fetched, script.revoked.len(), script.signed_out), (2, 0, false));
}

#[tokio::test(start_paused = true)]
async fn a_removed_vault_revokes_its_leases_and_signs_out() {
    let (broker, fake) = usual();
    fake.answers(|number| Ok(leased(number, 3_600)));
    let hold = read_many(&broker, &ada(), &[DB], true).await.hold.unwrap();
    let changes = replace(&broker, &[], &[]);
    assert_eq!(changes, VaultChanges { removed: names(&["team"]), ..VaultChanges::default() });
    assert_eq!(read(&broker, DB).await.unwrap_err().kind, VaultErrorKind::UnknownVault);
    sleep(SECOND).await;
    assert_eq!(fake.revoked(), ["lease 0"]);
    assert!(fake.script().signed_out);
    assert_eq!(broker.renew_hold(hold.id, &ada()).unwrap_err().kind, VaultErrorKind::LeaseGone);
}

#[tokio::test(start_paused = true)]
async fn a_changed_vault_begins_anew_and_what_was_running_says_so() {
    let (broker, fake) = usual();
    assert_eq!(describe_read(&broker, DB).await, "value 0");
    fake.answers(|number| Ok(leased(number, 3_600)));
    fake.script().takes = SECOND;
    let reader = tokio::spawn({
        let broker = broker.clone();
        async move { read(&broker, "vault://team/database/creds/r#password").await }
    });
    sleep(SECOND / 2).await;
    let next = Arc::new(Fake::new());
    let changes = replace(&broker, &[("team", &next)], &[]);
    assert_eq!(changes, VaultChanges { changed: names(&["team"]), ..VaultChanges::default() });
    assert_eq!(describe_read(&broker, DB).await, "value 0");
    assert_eq!(next.fetched(), 1);
    let error = reader.await.unwrap().unwrap_err();
    assert_eq!(error.message, "the configuration of vault \"team\" was changed meanwhile");
    sleep(SECOND).await;
    assert_eq!(fake.revoked(), ["lease 1"]);
}

#[tokio::test(start_paused = true)]
async fn a_vault_whose_authorities_are_others_begins_anew_though_its_settings_are_the_same() {
    let (broker, fake) = usual();
    let authorities =
        |fake: &Arc<Fake>, digest| ConfiguredVault { ca_digest: digest, ..configured("team", fake) };
    let unchanged = BTreeSet::from(["team".parse().unwrap()]);
    let replace =
        |fake: &Arc<Fake>, digest| broker.replace(vec![authorities(fake, digest)], &unchanged, 3 * SECOND);
    let changed = VaultChanges { changed: names(&["team"]), ..VaultChanges::default() };
    assert_eq!(replace(&fake, None), VaultChanges::default());
    let next = Arc::new(Fake::new());
    assert_eq!(replace(&next, Some([1; 32])), changed);
    assert_eq!(replace(&fake, Some([1; 32])), VaultChanges::default());
    assert_eq!(describe_read(&broker, DB).await, "value 0");
    assert_eq!((fake.fetched(), next.fetched()), (0, 1));
    assert_eq!(replace(&fake, Some([2; 32])), changed);
    assert_eq!(replace(&fake, None), changed);
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_a_vault_that_is_being_removed() {
    let (broker, fake) = usual();
    describe_read(&broker, DB).await;
    fake.script().signing_out_takes = SECOND;
    replace(&broker, &[], &[]);
    broker.close(3 * SECOND).await;
    assert!(fake.script().signed_out);
}
