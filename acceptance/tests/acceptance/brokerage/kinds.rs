//! One secret of each kind of vault, by way of the daemon's configuration.

use std::{fs, path::Path};

use serde_json::json;
use testkit::{
    World,
    doubles::AzureKeyVault,
    servers::{Moto, Vault},
};

use super::{SECRET, team, traces};

fn aws(moto: &Moto, world: &Path) -> String {
    let credentials = world.join("credentials");
    fs::write(&credentials, "[default]\naws_access_key_id = test\naws_secret_access_key = test\n")
        .expect("the scratch directory takes a file");
    format!(
        "[[vault]]\nname = \"prod\"\nkind = \"aws-sm\"\naddress = \"{}\"\nregion = \"{}\"\n\
         auth = {{ method = \"profile\", credentials_file = \"{}\" }}\n",
        moto.address(),
        Moto::REGION,
        credentials.display(),
    )
}

fn azure(vault: &AzureKeyVault) -> String {
    format!(
        "[[vault]]\nname = \"kv\"\nkind = \"azure-kv\"\naddress = \"{}\"\nauthority = \"{}\"\nca_file = \"{}\"\n\
         verify_challenge_resource = false\nauth = {{ method = \"client_secret\", tenant_id = \"{}\", \
         client_id = \"{}\", client_secret_file = \"{}\" }}\n",
        vault.url(),
        vault.authority_url(),
        vault.ca_pem_path().display(),
        vault.tenant_id(),
        vault.client_id(),
        vault.client_secret_path().display(),
    )
}

/// A daemon that knows `team`, a HashiCorp Vault, and `prod`, an AWS Secrets Manager.
pub(super) fn world(vault: &Vault, moto: &Moto) -> World {
    let mut world = World::without_daemon();
    let token = world.path().join("token");
    fs::write(&token, vault.root_token()).expect("the scratch directory takes a file");
    world.configure(&[team(vault.address(), &token, ""), aws(moto, world.path())].concat());
    world.start();
    world
}

#[test]
fn an_environment_gets_its_secrets_from_three_vaults() {
    let (vault, moto, azure_vault) = (Vault::start(), Moto::start(), AzureKeyVault::start());
    vault.put("secret/data/app", &json!({"data": {"token": format!("{SECRET}-vault")}}));
    moto.create("app/db", &json!({"password": format!("{SECRET}-aws")}).to_string());
    azure_vault.secrets().set("app-key", &format!("{SECRET}-azure"));

    let mut world = World::without_daemon();
    let token = world.path().join("token");
    fs::write(&token, vault.root_token()).expect("the scratch directory takes a file");
    world.configure(
        &[team(vault.address(), &token, ""), aws(&moto, world.path()), azure(&azure_vault)].concat(),
    );
    world.start();
    world
        .ktr(&[
            "secret",
            "set",
            "--create",
            "shop/dev",
            "FROM_VAULT=vault://team/secret/app#token",
            "FROM_AWS=aws-sm://prod/app/db#password",
            "FROM_AZURE=azure-kv://kv/app-key",
        ])
        .ok();
    for (key, suffix) in [("FROM_VAULT", "vault"), ("FROM_AWS", "aws"), ("FROM_AZURE", "azure")] {
        let run = world.ktr(&["secret", "get", "shop/dev", key]).ok();
        assert_eq!(run.stdout.trim_end(), format!("{SECRET}-{suffix}"));
    }
    world.ktr(&["secret", "check", "shop/dev"]).ok();
    let run = world.ktr(&["run", "shop/dev", "--", "sh", "-c", "printf %s \"$FROM_AWS\" | wc -c"]).ok();
    assert_eq!(run.stdout.trim(), format!("{SECRET}-aws").len().to_string());

    // Each can be checked by name, and problems are reported.
    for name in ["team", "prod", "kv"] {
        let run = testkit::Run::of(&mut world.kontraktord(&["vault", "check", name])).ok();
        assert!(!run.stdout.is_empty() && !run.text().contains(SECRET), "{}", run.stdout);
    }
    testkit::Run::of(&mut world.kontraktord(&["vault", "check", "nobody"]))
        .fails()
        .says(&["nobody", "team", "prod", "kv"]);
    world.stop();
    // The secrets are stored nowhere; the tokens are only where the test put them.
    assert_eq!(traces(&world.data(), SECRET), Vec::<String>::new());
    assert!(!world.daemon_log().contains(SECRET) && !world.daemon_log().contains(vault.root_token()));
}
