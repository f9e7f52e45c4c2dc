//! Who the daemon is for Azure: each way of signing in. Some of it lies in a process's environment, which a test cannot
//! change for itself: such a test runs itself again, in a process that has the environment.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Stdio},
};

use kontraktor_vault::{AzureAuth, AzureSettings, AzureVault, VaultErrorKind};
use testkit::doubles::AzureKeyVault;

use crate::{
    azure::{at, with},
    clouds::{Asked, VALUE, described, is},
};

const DB: &str = "azure-kv://team/db";

/// The input of the second process: the vault's address and its authority's certificates.
const ADDRESS: &str = "VAULTS_TEST_ADDRESS";
const CA_FILE: &str = "VAULTS_TEST_CA_FILE";

fn double() -> AzureKeyVault {
    let double = AzureKeyVault::start();
    double.secrets().set("db", VALUE);
    double
}

fn application(double: &AzureKeyVault, change: impl FnOnce(&mut AzureAuth)) -> Asked<AzureVault> {
    with(double, |settings| change(&mut settings.auth))
}

#[test]
fn a_wrong_client_secret_is_reported_until_the_file_has_the_right_one() {
    let double = double();
    let file = double.client_secret_path();
    let right = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{VALUE}\n")).unwrap();
    let azure = at(&double);
    insta::assert_snapshot!(described(&azure.refused(DB)), @r#"
    SignIn: sign-in to vault "team" failed: the application's secret is wrong (status 401)
    store the secret's value, not its id
    "#);
    assert_eq!(double.token_requests(), 1);
    fs::write(&file, format!("{right}\n")).unwrap();
    assert_eq!(azure.read(DB), VALUE);
}

#[test]
fn an_unknown_application_and_a_missing_file_have_different_errors() {
    let double = double();
    let azure = application(&double, |auth| {
        let AzureAuth::ClientSecret { client_id, .. } = auth else { return };
        "00000000-0000-0000-0000-000000000000".clone_into(client_id);
    });
    insta::assert_snapshot!(described(&azure.refused(DB)), @r#"
    SignIn: sign-in to vault "team" failed: the tenant has no such application (status 400)
    check `client_id` and `tenant_id`
    "#);
    fs::remove_file(double.client_secret_path()).unwrap();
    insta::assert_snapshot!(described(&at(&double).refused(DB)), @r#"
    SignIn: sign-in to vault "team" failed: `client_secret_file` cannot be read (entity not found)
    check the file and its permissions
    "#);
    assert_eq!(double.token_requests(), 1);
}

#[test]
fn a_workload_signs_in_with_its_service_accounts_token() {
    let double = double();
    let file = double.federated_token_path();
    let workload = || {
        application(&double, |auth| {
            *auth = AzureAuth::WorkloadIdentity {
                tenant_id: Some(double.tenant_id().to_owned()),
                client_id: Some(double.client_id().to_owned()),
                token_file: Some(file.clone()),
            };
        })
    };
    assert_eq!(workload().read(DB), VALUE);

    let right = fs::read_to_string(&file).unwrap();
    fs::write(&file, "hunter2.hunter2.hunter2").unwrap();
    let azure = workload();
    is(&azure.refused(DB), VaultErrorKind::SignIn);
    // The file is read anew after a refusal, and not only when the SDK thinks that it is time.
    fs::write(&file, right).unwrap();
    assert_eq!(azure.read(DB), VALUE);
    fs::remove_file(&file).unwrap();
    insta::assert_snapshot!(described(&workload().refused(DB)), @r#"
    SignIn: sign-in to vault "team" failed: method "workload_identity" is not available here
    set `tenant_id`, `client_id` and `token_file`, or let the pod's webhook set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_FEDERATED_TOKEN_FILE; make the file readable
    "#);
}

#[test]
fn a_workload_is_known_by_its_environment() {
    let double = double();
    let environment = [
        ("AZURE_TENANT_ID", double.tenant_id().to_owned()),
        ("AZURE_CLIENT_ID", double.client_id().to_owned()),
        ("AZURE_FEDERATED_TOKEN_FILE", double.federated_token_path().display().to_string()),
        ("AZURE_AUTHORITY_HOST", double.authority_url().to_owned()),
    ];
    again("in_a_pod", &double, &environment);
    assert_eq!(double.fetches("db"), 1);
}

#[test]
#[ignore = "run by a_workload_is_known_by_its_environment"]
fn in_a_pod() {
    let nothing = AzureAuth::WorkloadIdentity { tenant_id: None, client_id: None, token_file: None };
    assert_eq!(as_in_the_environment(nothing).read(DB), VALUE);
}

#[test]
fn a_managed_identity_is_that_of_the_machine() {
    let double = double();
    // A proxy would learn the identity's token, and so is never asked.
    let proxies =
        ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY"].map(|name| (name, "http://127.0.0.1:1".to_owned()));
    let environment = [&double.app_service_environment()[..], &proxies].concat();
    again("on_app_service", &double, &environment);
    assert_eq!(double.managed_identity().traffic().count(|_| true), 3);
    assert_eq!(double.directory().traffic().count(|_| true), 0);
}

#[test]
#[ignore = "run by a_managed_identity_is_that_of_the_machine"]
fn on_app_service() {
    let managed = |client_id: Option<String>| as_in_the_environment(AzureAuth::ManagedIdentity { client_id });
    assert_eq!(managed(None).read(DB), VALUE);
    assert_eq!(managed(std::env::var("VAULTS_TEST_CLIENT_ID").ok()).read(DB), VALUE);
    insta::assert_snapshot!(described(&managed(Some("another".to_owned())).refused(DB)), @r#"
    SignIn: sign-in to vault "team" failed: the identity is rejected (status 400)
    check `auth`, and that the identity exists and is enabled
    "#);
}

#[test]
fn a_client_secret_can_come_from_the_environment() {
    let double = double();
    let secret = fs::read_to_string(double.client_secret_path()).unwrap();
    let authority = ("AZURE_AUTHORITY_HOST", double.authority_url().to_owned());
    let tenant = ("VAULTS_TEST_TENANT_ID", double.tenant_id().to_owned());
    again("with_a_secret_in_the_environment", &double, &[("APPLICATION_SECRET", secret), authority, tenant]);
    assert_eq!(double.fetches("db"), 1);
}

#[test]
#[ignore = "run by a_client_secret_can_come_from_the_environment"]
fn with_a_secret_in_the_environment() {
    let auth = AzureAuth::ClientSecret {
        tenant_id: std::env::var("VAULTS_TEST_TENANT_ID").unwrap(),
        client_id: std::env::var("VAULTS_TEST_CLIENT_ID").unwrap(),
        client_secret_file: None,
        client_secret_env: Some("APPLICATION_SECRET".to_owned()),
    };
    assert_eq!(as_in_the_environment(auth).read(DB), VALUE);
}

/// What `az` prints for `account get-access-token`, with a token that the double gives.
const AZ: &str = r#"#!/usr/bin/env python3
import json, os, sys, urllib.request
assert "get-access-token" in sys.argv, sys.argv
url = os.environ["TOKENS"] + "?api-version=2019-08-01&resource=https://vault.azure.net"
request = urllib.request.Request(url, headers={"X-IDENTITY-HEADER": os.environ["TOKENS_HEADER"]})
token = json.load(urllib.request.urlopen(request))
print(json.dumps({"accessToken": token["access_token"], "expires_on": int(token["expires_on"]), "tokenType": "Bearer"}))
"#;

#[test]
fn a_developer_is_the_user_who_signed_in_with_az() {
    let double = double();
    let folder = tempfile::tempdir().unwrap();
    let [(_, tokens), (_, header)] = double.app_service_environment();
    let path = std::env::var("PATH").unwrap();
    let environment = |folder: &Path| {
        let path = format!("{}:{path}", folder.display());
        [("PATH", path), ("TOKENS", tokens.clone()), ("TOKENS_HEADER", header.clone())]
    };
    again("without_az", &double, &[("PATH", folder.path().display().to_string())]);
    let az = folder.path().join("az");
    fs::write(&az, AZ).unwrap();
    fs::set_permissions(&az, fs::Permissions::from_mode(0o755)).unwrap();
    again("signed_in_with_az", &double, &environment(folder.path()));
    assert_eq!(double.fetches("db"), 1);
}

#[test]
#[ignore = "run by a_developer_is_the_user_who_signed_in_with_az"]
fn signed_in_with_az() {
    assert_eq!(as_in_the_environment(AzureAuth::Developer {}).read(DB), VALUE);
}

#[test]
#[ignore = "run by a_developer_is_the_user_who_signed_in_with_az"]
fn without_az() {
    insta::assert_snapshot!(described(&as_in_the_environment(AzureAuth::Developer {}).refused(DB)), @r#"
    SignIn: sign-in to vault "team" failed: no identity is available
    sign in with az login or azd auth login, or check the method in `auth`
    "#);
}

/// Runs one of the tests of this file in a process of its own, with this environment.
#[track_caller]
fn again(test: &str, double: &AzureKeyVault, environment: &[(&str, String)]) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("azure_identity::{test}"), "--ignored", "--nocapture"])
        .env(ADDRESS, double.url())
        .env(CA_FILE, double.ca_pem_path())
        .env("VAULTS_TEST_CLIENT_ID", double.client_id())
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let sent = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && sent.contains("1 passed"),
        "{sent}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn as_in_the_environment(auth: AzureAuth) -> Asked<AzureVault> {
    let given = |name| std::env::var(name).expect("set by the test that runs this one");
    let settings = AzureSettings {
        address: given(ADDRESS),
        auth,
        authority: None,
        ca_file: Some(given(CA_FILE).into()),
        verify_challenge_resource: false,
    };
    Asked::new(AzureVault::new(&"team".parse().unwrap(), settings).unwrap())
}
