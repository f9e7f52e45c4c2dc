//! The double of Azure Key Vault passes for the real one with Microsoft's own client, the one for Python.
//!
//! What the client does and asserts is in `python/azure_fidelity.py`; this module controls the double.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use testkit::{
    Run,
    doubles::{AzureKeyVault, AzureOptions, HttpFault, Validity},
    repository,
};

fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| {
        let script = repository().join("acceptance/python/install.sh");
        let run = Run::of(Command::new(script).arg("azure-requirements.txt")).ok();
        PathBuf::from(run.stdout.trim())
    })
}

/// Runs one scenario of the script against this double, with nothing of our own environment: no proxies, no other
/// identities.
#[track_caller]
fn client(double: &AzureKeyVault, scenario: &str) {
    Run::of(
        Command::new(python())
            .arg(repository().join("acceptance/python/azure_fidelity.py"))
            .arg(scenario)
            .env_clear()
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("DOUBLE_VAULT", double.url())
            .env("DOUBLE_AUTHORITY", double.authority_url())
            .env("DOUBLE_METADATA", double.metadata_url())
            .env("DOUBLE_TENANT", double.tenant_id())
            .env("DOUBLE_CLIENT", double.client_id())
            .env("DOUBLE_SECRET_FILE", double.client_secret_path())
            .env("DOUBLE_TOKEN_FILE", double.federated_token_path())
            .env("DOUBLE_CA", double.ca_pem_path())
            .envs(double.app_service_environment()),
    )
    .ok();
}

#[test]
fn microsofts_client_writes_reads_and_disables_secrets() {
    client(&AzureKeyVault::start(), "life_of_a_secret");
}

#[test]
fn microsofts_client_deletes_recovers_and_purges_secrets() {
    client(&AzureKeyVault::start(), "deleted_and_recovered");
}

#[test]
fn microsofts_client_pages_through_lists() {
    client(&AzureKeyVault::start(), "lists_come_in_pages");
}

#[test]
fn microsofts_client_answers_the_challenge() {
    let double = AzureKeyVault::start();
    client(&double, "a_challenge_comes_first");
    assert_eq!((double.fetches("greeting"), double.token_requests()), (3, 1));
}

#[test]
fn microsofts_client_signs_in_by_each_identity() {
    client(&AzureKeyVault::start(), "every_way_to_sign_in");
}

#[test]
fn the_directory_describes_its_tenant() {
    client(&AzureKeyVault::start(), "discovery_of_the_instance");
}

#[test]
fn microsofts_client_reads_expired_secrets_and_those_to_come() {
    client(&AzureKeyVault::start(), "dates_only_inform");
}

#[test]
fn microsofts_client_gets_the_versions_of_the_api_that_it_knows() {
    client(&AzureKeyVault::start(), "versions_of_the_api");
}

#[test]
fn microsofts_client_waits_for_as_long_as_a_throttled_vault_says() {
    let double = AzureKeyVault::start();
    double.secrets().set("greeting", "hello");
    double.vault().faults().next_where(2, |request| request.bearer().is_some(), HttpFault::throttled(7));
    double.directory().faults().next_where(1, |request| request.method() == "POST", HttpFault::throttled(3));
    client(&double, "a_throttled_vault_is_given_its_time");
    // Each wait was followed by a request, and by no more than that.
    assert_eq!((double.fetches("greeting"), double.token_requests()), (3, 2));
}

#[test]
fn microsofts_client_reads_why_it_was_throttled() {
    let double = AzureKeyVault::start();
    double.vault().faults().always(HttpFault::throttled(1));
    client(&double, "throttled_for_good");
}

#[test]
fn microsofts_client_reads_that_it_has_no_right() {
    let double = AzureKeyVault::start();
    double.secrets().set("greeting", "hello");
    double.secrets().deny("greeting", true);
    client(&double, "no_right_to_a_secret");
}

#[test]
fn microsofts_client_refuses_an_expired_certificate() {
    let double =
        AzureKeyVault::start_with(AzureOptions { validity: Validity::Expired, ..AzureOptions::default() });
    client(&double, "an_expired_certificate_is_refused");
    assert_eq!(double.vault().traffic().seen(), [], "nothing was asked over such a connection");
}

#[test]
fn microsofts_client_refuses_an_authority_that_it_does_not_know() {
    let double = AzureKeyVault::start();
    client(&double, "an_unknown_authority_is_refused");
    assert_eq!(double.vault().traffic().seen(), []);
}
