//! Azure Key Vault: the SDK against the double.

use std::sync::Arc;

use kontraktor_vault::{AzureAuth, AzureSettings, AzureVault, Vault as _, VaultErrorKind};
use testkit::doubles::{AzureKeyVault, AzureOptions, Draft};

use crate::clouds::{Asked, VALUE, clean, described, is, secret};

/// A vault of the double's, signed in to as its application.
pub(crate) fn at(double: &AzureKeyVault) -> Asked<AzureVault> {
    with(double, |_| {})
}

pub(crate) fn with(double: &AzureKeyVault, change: impl FnOnce(&mut AzureSettings)) -> Asked<AzureVault> {
    let mut settings = settings(double);
    change(&mut settings);
    Asked::new(AzureVault::new(&"team".parse().unwrap(), settings).unwrap())
}

/// The double is on a private host, so its challenge is for another domain than its own.
pub(crate) fn settings(double: &AzureKeyVault) -> AzureSettings {
    AzureSettings {
        address: double.url().to_owned(),
        auth: AzureAuth::ClientSecret {
            tenant_id: double.tenant_id().to_owned(),
            client_id: double.client_id().to_owned(),
            client_secret_file: Some(double.client_secret_path()),
            client_secret_env: None,
        },
        authority: Some(double.authority_url().to_owned()),
        ca_file: Some(double.ca_pem_path().to_owned()),
        verify_challenge_resource: false,
    }
}

#[test]
fn a_secret_is_read_by_name_and_by_version() {
    let double = AzureKeyVault::start();
    let first = double.secrets().set("db", "first");
    let second = double.secrets().set("db", "second");
    double.secrets().set("nothing", "");
    let azure = at(&double);
    assert_eq!(azure.read("azure-kv://team/db"), "second");
    assert_eq!(azure.fetch("azure-kv://team/db").unwrap().version.as_ref(), Some(&second));
    // Names are the same whatever their case.
    assert_eq!(azure.read("azure-kv://team/DB"), "second");
    let old = azure.fetch(&format!("azure-kv://team/db?version={first}")).unwrap();
    assert_eq!((old.version, old.lease), (Some(first.clone()), None));
    assert_eq!(azure.read(&format!("azure-kv://team/db?version={first}")), "first");
    assert_eq!(azure.read("azure-kv://team/nothing"), "");
    assert_eq!(azure.version("azure-kv://team/db").unwrap(), Some(second));
    assert_eq!(azure.version(&format!("azure-kv://team/db?version={first}")).unwrap(), Some(first));
}

#[test]
fn many_readers_sign_in_once() {
    let double = AzureKeyVault::start();
    double.secrets().set("db", VALUE);
    let azure = at(&double);
    let secret = secret("azure-kv://team/db");
    let secrets: Vec<_> = (0..16).map(|_| &secret).collect();
    let all = secrets.iter().map(|secret| azure.vault.fetch(secret));
    for answer in azure.wait(futures_util::future::join_all(all)) {
        assert!(answer.is_ok(), "{answer:?}");
    }
    assert_eq!(double.token_requests(), 1);
    assert_eq!(double.fetches("db"), 16);

    // Later requests send the token at once.
    double.vault().traffic().reset();
    assert_eq!(azure.read("azure-kv://team/db"), VALUE);
    assert_eq!(double.vault().traffic().count(|seen| !seen.authorized), 0);
    assert_eq!(double.token_requests(), 1);
}

#[test]
fn a_missing_secret_is_not_a_missing_version() {
    let double = AzureKeyVault::start();
    double.secrets().set("db", VALUE);
    double.secrets().set("off", VALUE);
    double.secrets().enable("off", None, false);
    let azure = at(&double);
    let unknown = "0123456789abcdef0123456789abcdef";
    is(&azure.refused("azure-kv://team/nowhere"), VaultErrorKind::NotFound);
    is(&azure.refused(&format!("azure-kv://team/nowhere?version={unknown}")), VaultErrorKind::NotFound);
    is(&azure.refused(&format!("azure-kv://team/db?version={unknown}")), VaultErrorKind::VersionGone);
    is(&azure.refused(&format!("azure-kv://team/off?version={unknown}")), VaultErrorKind::VersionGone);
    is(&clean(azure.version("azure-kv://team/nowhere").unwrap_err()), VaultErrorKind::NotFound);
    insta::assert_snapshot!(described(&azure.refused("azure-kv://team/nowhere")), @r#"
    NotFound: vault "team" has no such secret
    check the name; recover a deleted secret with az keyvault secret recover
    "#);
    insta::assert_snapshot!(described(&azure.refused(&format!("azure-kv://team/db?version={unknown}"))), @r#"
    VersionGone: vault "team" has the secret, but not this version
    list the versions: az keyvault secret list-versions
    "#);
}

#[test]
fn disabled_denied_and_deleted_secrets_have_different_errors() {
    let double = AzureKeyVault::start();
    let first = double.secrets().set("db", VALUE);
    double.secrets().set("db", VALUE);
    let azure = at(&double);

    double.secrets().enable("db", Some(&first), false);
    is(&azure.refused(&format!("azure-kv://team/db?version={first}")), VaultErrorKind::Disabled);
    assert_eq!(azure.read("azure-kv://team/db"), VALUE);
    double.secrets().enable("db", None, false);
    insta::assert_snapshot!(described(&azure.refused("azure-kv://team/db")), @r#"
    Disabled: the secret is disabled in vault "team"
    enable this version, or use another one
    "#);
    double.secrets().enable("db", None, true);

    double.secrets().deny("db", true);
    insta::assert_snapshot!(described(&azure.refused("azure-kv://team/db")), @r#"
    Denied: vault "team" denies the daemon access to this secret (status 403)
    grant the identity the role Key Vault Secrets User on the vault or the secret
    "#);
    double.secrets().deny("db", false);

    double.secrets().delete("db");
    is(&azure.refused("azure-kv://team/db"), VaultErrorKind::NotFound);
    double.secrets().recover("db");
    assert_eq!(azure.read("azure-kv://team/db"), VALUE);
}

#[test]
fn a_secret_that_is_deleted_between_two_reads_is_gone() {
    let double = AzureKeyVault::start();
    double.secrets().set("db", VALUE);
    double.secrets().delete_after_reads("db", 1);
    let azure = at(&double);
    assert_eq!(azure.read("azure-kv://team/db"), VALUE);
    is(&azure.refused("azure-kv://team/db"), VaultErrorKind::NotFound);
}

#[test]
fn a_secret_is_given_before_and_after_its_time_as_key_vault_does() {
    let double = AzureKeyVault::start();
    double.secrets().write("old", Draft { expires: Some(1), ..Draft::new("old") });
    double.secrets().write("new", Draft { not_before: Some(i64::from(i32::MAX)), ..Draft::new("new") });
    let azure = at(&double);
    assert_eq!(azure.read("azure-kv://team/old"), "old");
    assert_eq!(azure.read("azure-kv://team/new"), "new");
}

#[test]
fn a_sovereign_clouds_vault_asks_for_tokens_of_its_own_domain() {
    let resource = "https://vault.azure.cn".to_owned();
    let double = AzureKeyVault::start_with(AzureOptions { resource, ..AzureOptions::default() });
    double.secrets().set("db", VALUE);
    assert_eq!(at(&double).read("azure-kv://team/db"), VALUE);
}

#[test]
fn no_token_is_sent_for_another_domain() {
    let double = AzureKeyVault::start();
    double.secrets().set("db", VALUE);
    let azure = with(&double, |settings| settings.verify_challenge_resource = true);
    insta::assert_snapshot!(described(&azure.refused("azure-kv://team/db")), @r#"
    InvalidResponse: vault "team" asks for a token for another domain, which is not sent
    check `address`; for a Key Vault behind your own host name, verify_challenge_resource = false trusts the server that answers there
    "#);
    assert_eq!(double.token_requests(), 0);
}

#[test]
fn a_token_that_is_revoked_before_its_time_is_replaced() {
    let double = AzureKeyVault::start();
    double.secrets().set("db", VALUE);
    let azure = Arc::new(at(&double));
    assert_eq!(azure.read("azure-kv://team/db"), VALUE);
    for tokens in [2, 3] {
        double.revoke_tokens();
        assert_eq!(azure.read("azure-kv://team/db"), VALUE);
        assert_eq!(double.token_requests(), tokens);
    }
}

#[test]
fn a_check_says_where_and_as_whom_and_reads_nothing() {
    let double = AzureKeyVault::start();
    double.secrets().set("db", VALUE);
    let azure = at(&double);
    let check = || {
        let shown = azure.wait(azure.vault.check()).unwrap().join("\n");
        let shown = shown.replace(double.url(), "VAULT").replace(double.authority_url(), "DIRECTORY");
        shown.replace(double.tenant_id(), "TENANT").replace(double.client_id(), "CLIENT")
    };
    insta::assert_snapshot!(check(), @r#"
    vault: VAULT
    authority: DIRECTORY
    identity: application CLIENT of tenant TENANT, with a secret
    signed in: the vault accepts the token, and secrets can be read
    "#);
    double.secrets().deny("kontraktor-vault-check-there-is-no-such-secret", true);
    insta::assert_snapshot!(check(), @"
    vault: VAULT
    authority: DIRECTORY
    identity: application CLIENT of tenant TENANT, with a secret
    signed in: the vault accepts the token, but not for every secret; grant the identity the role Key Vault Secrets User on the vault or the secret
    ");
    assert_eq!(double.fetches("db"), 0);
}
