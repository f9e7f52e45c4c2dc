//! Signing in: once for all who wait, again when it must be, and not again and again.

use std::{fs, sync::Arc};

use serde_json::json;
use tokio::sync::Notify;

use super::{double::Shared, *};
use crate::VaultErrorKind;

const LOGIN: &str = "auth/approle/login";
const APP: &str = "vault://team/secret/app#field";

/// Answers reads of `secret/data/app` to those who show one of these tokens.
fn guarded(seen: &Seen, good: &[&str]) -> Option<Reply> {
    if matches!(seen.path(), LOGIN | "auth/token/revoke-self") {
        return None;
    }
    if !seen.token().is_some_and(|token| good.contains(&token)) {
        return Some(Reply::error(403, "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n"));
    }
    (seen.path() == "secret/data/app").then(|| version_1("a"))
}

#[tokio::test]
async fn a_hundred_readers_sign_in_once() {
    let (double, vault) = world(|seen| guarded(seen, &["hvs.first"])).await;
    let vault = Arc::new(vault);
    let readers: Vec<_> = (0..100)
        .map(|_| {
            let vault = Arc::clone(&vault);
            tokio::spawn(async move { vault.fetch(&secret(APP)).await })
        })
        .collect();
    for reader in readers {
        assert_eq!(field(&reader.await.unwrap().unwrap()), "a");
    }
    assert_eq!(double.count(LOGIN), 1);
}

#[tokio::test]
async fn a_cancelled_reader_leaves_the_token_to_the_next() {
    let issue = Arc::new(Notify::new());
    let (double, vault) = world({
        let issue = Arc::clone(&issue);
        move |seen| match seen.path() {
            LOGIN => Some(Reply::Held(Arc::clone(&issue), Box::new(granted("hvs.first", 3600)))),
            _ => guarded(seen, &["hvs.first"]),
        }
    })
    .await;
    let vault = Arc::new(vault);
    let reader = tokio::spawn({
        let vault = Arc::clone(&vault);
        async move { vault.fetch(&secret(APP)).await }
    });
    double.saw(LOGIN, 1).await;
    reader.abort();
    assert!(reader.await.unwrap_err().is_cancelled());
    issue.notify_one();
    assert_eq!(field(&vault.fetch(&secret(APP)).await.unwrap()), "a");
    assert_eq!(double.count(LOGIN), 1);
}

#[tokio::test]
async fn a_sign_in_that_hangs_is_given_up() {
    let hangs = Shared::new(true);
    let (double, vault) = world({
        let hangs = hangs.clone();
        move |seen| match seen.path() {
            LOGIN if hangs.get() => Some(Reply::Silence),
            _ => guarded(seen, &["hvs.first"]),
        }
    })
    .await;
    let error = fails(&vault, APP).await;
    assert_eq!(
        (error.kind, error.message.as_str()),
        (VaultErrorKind::Unavailable, "vault \"team\" did not answer the sign-in in time")
    );
    hangs.set(false);
    assert_eq!(field(&vault.fetch(&secret(APP)).await.unwrap()), "a");
    assert_eq!(double.count(LOGIN), 2);
}

#[tokio::test]
async fn a_token_that_vault_no_longer_knows_is_replaced_once() {
    let good = Shared::new("hvs.first");
    let (double, vault) = world({
        let good = good.clone();
        move |seen| match seen.path() {
            LOGIN => Some(granted(good.get(), 3600)),
            _ => guarded(seen, &[good.get()]),
        }
    })
    .await;
    vault.fetch(&secret(APP)).await.unwrap();
    good.set("hvs.second");
    let vault = Arc::new(vault);
    let readers: Vec<_> = (0..20)
        .map(|_| {
            let vault = Arc::clone(&vault);
            tokio::spawn(async move { vault.fetch(&secret(APP)).await })
        })
        .collect();
    for reader in readers {
        assert_eq!(field(&reader.await.unwrap().unwrap()), "a");
    }
    assert_eq!(double.count(LOGIN), 2);
    assert_eq!(double.count("auth/token/lookup-self"), 0, "Vault said which it was");
}

#[tokio::test]
async fn a_refused_path_is_no_reason_to_sign_in_again() {
    let (double, vault) = world(|seen| match seen.path() {
        "secret/data/app" => Some(Reply::error(403, "permission denied")),
        _ => None,
    })
    .await;
    for _ in 0..3 {
        let error = fails(&vault, APP).await;
        assert_eq!((error.kind, error.is_outage()), (VaultErrorKind::Denied, false));
    }
    // Each time Vault was asked whether it was the token.
    assert_eq!((double.count(LOGIN), double.count("auth/token/lookup-self") >= 3), (1, true));
}

#[tokio::test]
async fn a_new_token_that_is_refused_too_may_not() {
    // A Vault that does not say "invalid token", and tokens that may not look themselves up.
    let (double, vault) = world(|seen| match seen.path() {
        "secret/data/app" | "auth/token/lookup-self" => Some(Reply::error(403, "permission denied")),
        _ => None,
    })
    .await;
    assert_eq!(fails(&vault, APP).await.kind, VaultErrorKind::Denied);
    assert_eq!(double.count(LOGIN), 1, "the token was made a moment ago");
}

#[tokio::test]
async fn a_refused_sign_in_is_not_repeated_until_its_file_changes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret-id");
    fs::write(&file, "hunter2-old\n").unwrap();
    let double = Double::start(|seen| match seen.path() {
        LOGIN if seen.body != r#"{"role_id":"role","secret_id":"hunter2-new"}"# => {
            Reply::error(400, &format!("invalid secret_id in {}", seen.body))
        }
        _ => guarded(seen, &["hvs.first"]).unwrap_or_else(|| usual(seen).unwrap()),
    })
    .await;
    let vault = vault(settings(&json!({
        "address": double.address(),
        "auth": { "method": "approle", "role_id": "role", "secret_id_file": file },
    })));
    let error = fails(&vault, APP).await;
    assert_eq!(error.kind, VaultErrorKind::SignIn);
    insta::assert_snapshot!(format!("{error}\n{}", error.remedy.as_deref().unwrap_or_default()), @r#"
    vault "team" rejects the sign-in by approle at auth/approle (400)
    check that the role id is right, that the secret id has neither expired nor been used up, and that AppRole is enabled at this mount (and in this namespace)
    "#);
    assert_eq!(fails(&vault, APP).await, error);
    assert_eq!(double.count(LOGIN), 1);
    fs::write(folder.path().join("new"), "hunter2-new\n").unwrap();
    fs::rename(folder.path().join("new"), &file).unwrap();
    assert_eq!(field(&vault.fetch(&secret(APP)).await.unwrap()), "a");
    assert_eq!(double.count(LOGIN), 2);
}

#[tokio::test]
async fn a_token_file_that_is_replaced_is_used_from_then_on() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let put = |token: &str| {
        fs::write(folder.path().join("new"), token).unwrap();
        fs::rename(folder.path().join("new"), &file).unwrap();
    };
    let good = Shared::new(vec!["hvs.first", "hvs.second"]);
    let double = Double::start({
        let good = good.clone();
        move |seen| guarded(seen, &good.get()).unwrap_or_else(|| usual(seen).unwrap())
    })
    .await;
    let token = json!({ "method": "token", "token_file": file });
    let vault = vault(settings(&json!({ "address": double.address(), "auth": token })));
    let shown = || double.seen().last().unwrap().token().unwrap().to_owned();

    let missing = fails(&vault, APP).await;
    assert!(missing.message.ends_with("/token cannot be read: entity not found"), "{missing}");
    assert_eq!(missing.kind, VaultErrorKind::SignIn);
    put("hvs.first\n");
    vault.fetch(&secret(APP)).await.unwrap();
    assert_eq!(shown(), "hvs.first");
    put("hvs.second");
    vault.fetch(&secret(APP)).await.unwrap();
    assert_eq!(shown(), "hvs.second");
    // An invalid token does not replace a valid one.
    put("hvs.bad");
    for _ in 0..2 {
        vault.fetch(&secret(APP)).await.unwrap();
        assert_eq!(shown(), "hvs.second");
    }
    assert_eq!(double.seen().iter().filter(|seen| seen.token() == Some("hvs.bad")).count(), 1);
    // When the valid one is gone too, this is an error.
    good.set(Vec::new());
    let error = fails(&vault, APP).await;
    assert_eq!(error.kind, VaultErrorKind::SignIn);
    insta::assert_snapshot!(format!("{error}\n{}", error.remedy.as_deref().unwrap_or_default()), @r#"
    vault "team" rejects the daemon's token (403)
    replace the token in `auth`, which has expired or was revoked
    "#);
    // A token that the operator supplied is not revoked.
    vault.sign_out().await;
    assert_eq!(double.count("auth/token/revoke-self"), 0);
}

#[tokio::test]
async fn a_token_may_be_in_the_environment() {
    let double = Double::start(|seen| {
        guarded(seen, &[env!("CARGO_PKG_NAME")]).unwrap_or_else(|| usual(seen).unwrap())
    })
    .await;
    // Cargo sets it for every test.
    let auth = json!({ "method": "token", "token_env": "CARGO_PKG_NAME" });
    let vault = vault(settings(&json!({ "address": double.address(), "auth": auth })));
    assert_eq!(field(&vault.fetch(&secret(APP)).await.unwrap()), "a");
}

#[tokio::test]
async fn a_token_that_may_not_look_itself_up_is_still_used() {
    let double = Double::start(|seen| match seen.path() {
        "auth/token/lookup-self" | "secret/data/closed" => {
            Reply::error(403, "1 error occurred: permission denied")
        }
        "secret/data/app" => version_1("a"),
        _ => usual(seen).unwrap(),
    })
    .await;
    let auth = json!({ "method": "token", "token_env": "CARGO_PKG_NAME" });
    let vault = vault(settings(&json!({ "address": double.address(), "auth": auth })));
    assert_eq!(field(&vault.fetch(&secret(APP)).await.unwrap()), "a");
    let error = fails(&vault, "vault://team/secret/closed#field").await;
    assert_eq!(error.kind, VaultErrorKind::SignIn);
    insta::assert_snapshot!(error.message, @r#"vault "team" rejects the request, and does not tell whether it knows the daemon's token (403)"#);
}

#[tokio::test]
async fn a_token_is_renewed_and_one_that_cannot_be_is_replaced_before_it_expires() {
    let logins = Shared::new(0);
    let (double, vault) = world({
        let logins = logins.clone();
        move |seen| match (seen.path(), logins.get()) {
            (LOGIN, count) => {
                logins.set(count + 1);
                Some(granted(["hvs.first", "hvs.second", "hvs.third"][count], [4, 4, 3600][count]))
            }
            // The first may be renewed once, and then Vault grants less than at first.
            ("auth/token/renew-self", 1) if seen.token() == Some("hvs.first") => {
                Some(granted("hvs.first", 0))
            }
            // The second is not renewable.
            ("auth/token/renew-self", _) => Some(Reply::error(400, "token not renewable: hunter2")),
            _ => guarded(seen, &["hvs.first", "hvs.second", "hvs.third"]),
        }
    })
    .await;
    vault.fetch(&secret(APP)).await.unwrap();
    double.saw(LOGIN, 3).await;
    let renewals: Vec<_> = double
        .seen()
        .iter()
        .filter(|seen| seen.path() == "auth/token/renew-self")
        .map(|seen| seen.token().unwrap().to_owned())
        .collect();
    assert_eq!(renewals, ["hvs.first", "hvs.second"]);
    // The second one serves until the third has come.
    while double.seen().last().unwrap().token() != Some("hvs.third") {
        assert_eq!(field(&vault.fetch(&secret(APP)).await.unwrap()), "a");
    }
}

#[tokio::test]
async fn issued_tokens_are_revoked_when_the_daemon_stops() {
    let good = Shared::new("hvs.first");
    let (double, vault) = world({
        let good = good.clone();
        move |seen| match seen.path() {
            LOGIN => Some(granted(good.get(), 3600)),
            _ => guarded(seen, &[good.get()]),
        }
    })
    .await;
    vault.fetch(&secret(APP)).await.unwrap();
    vault.sign_out().await;
    let ended: Vec<_> =
        double.seen().into_iter().filter(|seen| seen.path() == "auth/token/revoke-self").collect();
    assert_eq!(ended.iter().map(Seen::token).collect::<Vec<_>>(), [Some("hvs.first")]);
    let error = fails(&vault, APP).await;
    assert_eq!(
        (error.kind, error.message.as_str()),
        (VaultErrorKind::Unavailable, "vault \"team\" is closed")
    );
    assert_eq!(double.count(LOGIN), 1);
}

#[tokio::test]
async fn a_token_that_is_issued_when_the_daemon_stops_is_revoked_at_once() {
    let issue = Arc::new(Notify::new());
    let (double, vault) = world({
        let issue = Arc::clone(&issue);
        move |seen| match seen.path() {
            LOGIN => Some(Reply::Held(Arc::clone(&issue), Box::new(granted("hvs.first", 3600)))),
            _ => guarded(seen, &["hvs.first"]),
        }
    })
    .await;
    let vault = Arc::new(vault);
    let reader = tokio::spawn({
        let vault = Arc::clone(&vault);
        async move { vault.fetch(&secret(APP)).await }
    });
    double.saw(LOGIN, 1).await;
    let mut close = std::pin::pin!(vault.sign_out());
    // It waits, and the token comes after that.
    assert!(waits(close.as_mut()).await);
    issue.notify_one();
    close.await;
    double.saw("auth/token/revoke-self", 1).await;
    assert_eq!(double.seen().last().unwrap().token(), Some("hvs.first"));
    let _ = reader.await.unwrap();
}

/// Polls a future once. Returns whether it is pending.
async fn waits(mut work: std::pin::Pin<&mut impl Future<Output = ()>>) -> bool {
    std::future::poll_fn(|context| std::task::Poll::Ready(work.as_mut().poll(context).is_pending())).await
}

#[tokio::test]
async fn a_sign_in_that_requires_a_second_factor_says_so() {
    let (_double, vault) = world(|seen| {
        let auth = json!({ "auth": { "client_token": "", "mfa_requirement": { "mfa_request_id": SECRET } } });
        (seen.path() == LOGIN).then(|| Reply::json(200, auth))
    })
    .await;
    let error = fails(&vault, APP).await;
    assert_eq!(error.kind, VaultErrorKind::SignIn);
    assert_eq!(error.message, "vault \"team\" requires multi-factor authentication for this sign-in");
}

#[tokio::test]
async fn a_check_reports_what_the_token_lacks() {
    let (double, vault) = world(|seen| match seen.path() {
        "sys/health" => Some(Reply::json(200, json!({ "version": "1.21.0\u{1b}[2J", "sealed": false }))),
        "auth/token/lookup-self" => Some(Reply::json(
            200,
            json!({ "data": { "ttl": 5400, "renewable": false, "policies": ["app", "default"], "identity_policies": ["team"] } }),
        )),
        "sys/capabilities-self" => Some(Reply::json(
            200,
            json!({ "data": { "auth/token/lookup-self": ["read"], "auth/token/renew-self": ["deny"],
                "sys/leases/renew": ["root"], "sys/leases/revoke": ["read", "list"], "capabilities": ["read"] } }),
        )),
        _ => None,
    })
    .await;
    let findings = vault.check().await.unwrap().join("\n").replace(double.address(), "ADDRESS");
    insta::assert_snapshot!(findings, @"
    ADDRESS is Vault 1.21.0[2J and serves
    the daemon signs in by approle at auth/approle
    the token has the policies app, default, team
    the token expires in 1h 30m, and is replaced by a new one before that
    the token may not update auth/token/renew-self: the token expires after its first time to live
    the token may not update sys/leases/revoke: dynamic secrets last until their lease expires, even when nobody needs them
    ");
    assert_eq!(double.seen()[0].header("x-vault-namespace"), None);
}
