//! Vaults that fail, and daemons that continue.

use serde_json::json;
use testkit::{Run, eventually};

use super::{SECRET, Scene, team};

const SHORT: &str =
    "timeout = \"500ms\"\nbreaker_failures = 2\nbreaker_open = \"500ms\"\ncache = { ttl = \"1ms\" }";

fn get(scene: &Scene, field: &str) -> Run {
    scene.world.ktr(&["secret", "get", &format!("vault://team/secret/app/db#{field}")])
}

#[test]
fn a_sealed_vault_is_reported_and_the_last_value_is_used() {
    let scene = Scene::with(SHORT);
    assert_eq!(get(&scene, "password").ok().stdout.trim_end(), SECRET);
    scene.vault.seal();
    let stale = get(&scene, "password").ok();
    assert_eq!(stale.stdout.trim_end(), SECRET);
    assert!(stale.stderr.contains("warning") || stale.stderr.contains("stale"), "{}", stale.stderr);
    let failed = scene.world.ktr(&["secret", "get", "vault://team/secret/other#x"]).fails();
    assert!(failed.text().contains("sealed"), "{}", failed.stderr);
    scene.vault.unseal();
    scene.rotate("another");
    eventually("the unsealed vault is asked again", || {
        get(&scene, "password").ok().stdout.trim_end() == "another"
    });
    scene.no_trace();
}

#[test]
fn a_vault_that_hangs_costs_its_deadline_and_nothing_else() {
    let scene = Scene::with(SHORT);
    scene.world.ktr(&["var", "set", "--create", "shop/dev", "PLAIN=1"]).ok();
    scene.world.ktr(&["secret", "set", "shop/dev", "S=vault://team/secret/app/db#password"]).ok();
    scene.vault.pause();
    let failed = get(&scene, "password").fails();
    assert!(failed.text().contains("did not answer within 500ms"), "{}", failed.stderr);
    // Variables are not affected.
    assert_eq!(scene.world.ktr(&["var", "get", "shop/dev", "PLAIN"]).ok().stdout.trim(), "1");
    for _ in 0..2 {
        get(&scene, "password").fails();
    }
    let listed = scene.world.ktr(&["vault", "list"]).ok();
    assert!(listed.text().contains("did not answer"), "{}", listed.stdout);
    scene.vault.resume();
    eventually("the vault is asked again", || get(&scene, "password").code == 0);
}

#[test]
fn a_revoked_token_is_reported_and_a_new_one_is_used() {
    let scene = Scene::with(SHORT);
    scene.vault.write_policy("reader", "path \"secret/*\" { capabilities = [\"read\"] }");
    let token = scene.vault.create_token(&["reader"], "1h", true);
    let file = scene.world.path().join("token");
    std::fs::write(&file, &token).expect("the scratch directory takes a file");
    scene.vault.revoke_token(&token);
    scene.world.ktr(&["secret", "purge"]).ok();
    let failed = get(&scene, "password");
    if failed.code != 0 {
        assert!(!failed.text().contains(&token), "{}", failed.stderr);
    }
    let fresh = scene.vault.create_token(&["reader"], "1h", true);
    std::fs::write(&file, &fresh).expect("the scratch directory takes a file");
    eventually("the new token is used without a restart", || get(&scene, "password").code == 0);
    assert!(!scene.world.daemon_log().contains(&token) && !scene.world.daemon_log().contains(&fresh));
}

#[test]
fn a_secret_that_is_deleted_between_two_reads_is_no_longer_returned() {
    let scene = Scene::with(SHORT);
    assert_eq!(get(&scene, "password").ok().stdout.trim_end(), SECRET);
    scene.vault.delete("secret/data/app/db");
    let gone = get(&scene, "password").fails();
    assert!(!gone.text().contains(SECRET), "{}", gone.text());
    scene.vault.put("secret/destroy/app/db", &json!({"versions": [1]}));
    let destroyed =
        scene.world.ktr(&["secret", "get", "vault://team/secret/app/db?version=1#password"]).fails();
    assert!(destroyed.text().contains("version"), "{}", destroyed.stderr);
}

/// A daemon starts while its vault is down, and serves everything else.
#[test]
fn a_vault_that_is_down_does_not_keep_the_daemon_from_starting() {
    let mut world = testkit::World::without_daemon();
    let token = world.path().join("token");
    std::fs::write(&token, "root").expect("the scratch directory takes a file");
    world.configure(&team("http://127.0.0.1:1", &token, ""));
    world.start();
    world.ktr(&["var", "set", "--create", "shop/dev", "A=1"]).ok();
    world.ktr(&["secret", "get", "vault://team/secret/x#y"]).fails().says(&["team"]);
    let checked = Run::of(&mut world.kontraktord(&["vault", "check", "team"])).fails();
    assert!(checked.text().contains("team"), "{}", checked.text());
}
