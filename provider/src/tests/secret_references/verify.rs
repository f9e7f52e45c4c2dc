//! `verify`: when the vault is contacted, and the diagnostics.

use std::sync::atomic::Ordering;

use kontraktor_proto::v1::{Problem, ProblemCode};
use tfplugin_proto::value::Value;

use super::super::fake::secrets::{Stored, count};
use super::super::{Harness, render, text};
use super::{REFERENCE, URL, config};
use crate::framework::Fields;

fn verified() -> [(&'static str, Value); 1] {
    [("verify", true.into())]
}

impl Harness {
    fn checks(&self) -> usize {
        count(&self.daemon.secrets.checks)
    }

    /// Plans, and returns the planned state and the diagnostics.
    async fn plan_and_hear(&self, prior: Option<&Fields>, config: &Fields) -> (Fields, Vec<String>) {
        let answer = self.planned(REFERENCE, prior, Some(config)).await;
        let planned = self.received(REFERENCE, answer.planned_state.as_ref());
        (planned.expect("it is planned"), render(&answer.diagnostics))
    }
}

#[tokio::test]
async fn verify_warns_in_a_plan_and_stops_an_apply_before_it_writes() {
    let harness = Harness::new().await;
    let wanted = config(URL, verified());
    let (planned, warned) = harness.plan_and_hear(None, &wanted).await;
    assert_eq!((harness.checks(), harness.writes()), (1, 0));
    insta::assert_snapshot!(warned.join("\n"), @r#"
    Warning at reference: Secret not found
    Failed to verify secret reference demo/dev/DB_PASSWORD. Vault "team" has no such secret.

    Create the secret in the vault, or correct the reference.

    The plan continues, because the secret may be created in the same apply. With verify = true, the apply checks again before it writes, and writes nothing if the secret still cannot be read.
    "#);
    let outcome = harness.applied(REFERENCE, None, Some(&planned), Some(&wanted)).await;
    insta::assert_snapshot!(outcome.message(), @r#"
    Error at reference: Secret not found
    Failed to verify secret reference demo/dev/DB_PASSWORD. Vault "team" has no such secret.

    Create the secret in the vault, or correct the reference.

    Nothing was written. Apply again when the secret can be read, or set verify = false to write the reference without checking it.
    "#);
    assert_eq!((outcome.state, harness.writes()), (None, 0));

    // The secret was made in the meantime.
    harness.daemon.keep_value(URL, "hunter2", "1");
    let created = harness.applied(REFERENCE, None, Some(&planned), Some(&wanted)).await.success().unwrap();
    assert_eq!(created["verify"], true.into());
    assert!(!format!("{created:?}").contains("hunter2"));

    // An update whose check fails changes nothing either.
    let other = config("vault://team/secret/none#password", verified());
    let (_, warned) = harness.plan_and_hear(Some(&created), &other).await;
    assert!(warned[0].starts_with("Warning at reference: Secret not found\nFailed to verify"), "{warned:?}");
    let writes = harness.writes();
    let (planned, _) = harness.plan_and_hear(Some(&created), &other).await;
    let outcome = harness.applied(REFERENCE, Some(&created), Some(&planned), Some(&other)).await;
    assert!(outcome.message().contains("Nothing was written."), "{outcome:?}");
    assert_eq!((outcome.state, harness.writes()), (Some(created), writes));
}

#[tokio::test]
async fn verify_asks_a_vault_only_where_the_reference_changes() {
    let harness = Harness::new().await;
    harness.daemon.keep_value(URL, "hunter2", "1");
    let created = harness.put(REFERENCE, None, &config(URL, verified())).await.success().unwrap();
    assert_eq!(harness.checks(), 2, "one in the plan, one in the apply");
    // No change, another spelling, and what does not concern the secret.
    harness.plan(REFERENCE, Some(&created), Some(&config(URL, verified()))).await;
    let spelled = config("vault://team/secret/app%2Fdb#password", verified());
    harness.plan(REFERENCE, Some(&created), Some(&spelled)).await;
    let described = config(URL, [("verify", true.into()), ("description", text("of the database"))]);
    let described = harness.put(REFERENCE, Some(&created), &described).await.success().unwrap();
    assert_eq!(harness.read(REFERENCE, &described).await.success(), Some(described.clone()));
    harness.configure([]).await;
    assert_eq!(harness.delete(REFERENCE, &described).await.success(), None);
    assert_eq!(harness.checks(), 2);

    // Switched on later: then it is checked, and nothing is written.
    let unverified = harness.put(REFERENCE, None, &config(URL, [])).await.success().unwrap();
    let writes = harness.writes();
    let on = harness.put(REFERENCE, Some(&unverified), &config(URL, verified())).await.success().unwrap();
    assert_eq!((harness.checks(), harness.writes(), &on["revision"]), (4, writes, &unverified["revision"]));
    // What is not known yet cannot be checked, and is when it is applied.
    let (planned, warned) = harness
        .plan_and_hear(Some(&on), &config(URL, [("verify", true.into()), ("pin_version", Value::Unknown)]))
        .await;
    assert_eq!((warned.len(), harness.checks()), (0, 4));
    assert_eq!(planned["vault"], Value::Unknown);
}

#[tokio::test]
async fn verify_leaves_a_plan_alone_while_the_daemon_cannot_be_asked() {
    let harness = Harness::new().await;
    // The provider's block is not known yet.
    harness.configure([("host", Value::Unknown)]).await;
    let (_, warned) = harness.plan_and_hear(None, &config(URL, verified())).await;
    assert_eq!((warned.len(), harness.checks()), (0, 0));
    // The daemon is not there.
    harness.configure([("host", text("unix:///nowhere/k.sock"))]).await;
    let (_, warned) = harness.plan_and_hear(None, &config(URL, verified())).await;
    assert_eq!(warned, [""; 0]);
    // It is there, and refuses to check.
    harness.configure([]).await;
    harness.daemon.deny.store(true, Ordering::SeqCst);
    let (planned, warned) = harness.plan_and_hear(None, &config(URL, verified())).await;
    assert!(warned[0].starts_with("Warning at reference: Failed to verify secret reference"), "{warned:?}");
    let wanted = config(URL, verified());
    let outcome = harness.applied(REFERENCE, None, Some(&planned), Some(&wanted)).await;
    assert!(outcome.message().starts_with("Error at reference: Failed to verify"), "{outcome:?}");
    assert_eq!(harness.writes(), 0);
}

#[tokio::test]
async fn a_stale_secret_passes_the_check() {
    let harness = Harness::new().await;
    let stale = Stored { value: b"old".to_vec(), stale: true, ..Stored::default() };
    harness.daemon.keep_secret(URL, stale);
    harness.put(REFERENCE, None, &config(URL, verified())).await.success();
}

#[tokio::test]
async fn what_the_daemon_refuses_of_a_reference_is_blamed_on_it() {
    let harness = Harness::new().await;
    harness.daemon.keep_secret(
        URL,
        Stored {
            problem: Some(
                Problem::new(ProblemCode::VaultDenied, "vault \"team\" lets the daemon read no such path")
                    .with_remedy("grant it"),
            ),
            ..Stored::default()
        },
    );
    let (_, warned) = harness.plan_and_hear(None, &config(URL, verified())).await;
    assert!(
        warned[0].starts_with("Warning at reference: Access to secret denied\nFailed to verify"),
        "{warned:?}"
    );
    assert!(warned[0].contains("Grant it."), "{warned:?}");
}
