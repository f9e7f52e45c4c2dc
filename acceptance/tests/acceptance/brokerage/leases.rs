//! Dynamic secrets: created for one actor, renewed while someone needs them, revoked when nobody does.

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use testkit::{binary, eventually, servers::Postgres};

use super::Scene;

const ROLE: &str = "sys/leases/lookup/database/creds/app";

/// A Vault whose database engine creates users in a real PostgreSQL, each with this time to live.
fn scene(ttl: &str) -> (Scene, Postgres) {
    let postgres = Postgres::start();
    let scene = Scene::new();
    scene.vault.configure_database(&postgres, "app", ttl, "10m");
    let references = [
        "USER=vault://team/database/creds/app#username",
        "PASSWORD=vault://team/database/creds/app#password",
    ];
    scene.world.ktr(&[&["secret", "set", "--create", "shop/dev"][..], &references].concat()).ok();
    (scene, postgres)
}

/// Waits until the only lease has been renewed this often. Vault moves its end with each renewal.
#[track_caller]
fn renewed(scene: &Scene, times: usize) {
    let leases = scene.vault.list(ROLE);
    assert_eq!(leases.len(), 1, "{leases:?}");
    let id = format!("database/creds/app/{}", leases[0]);
    let expires = || {
        let lease = scene.vault.put("sys/leases/lookup", &serde_json::json!({ "lease_id": id }));
        lease["data"]["expire_time"].as_str().expect("a lease that exists has an end").to_owned()
    };
    let mut end = expires();
    for _ in 0..times {
        eventually("the lease is renewed", || {
            let now = expires();
            let is_renewed = now != end;
            end = now;
            is_renewed
        });
    }
    assert_eq!(scene.vault.list(ROLE), leases, "it is still the same one");
}

#[test]
fn user_and_password_come_from_one_response_and_are_revoked_when_the_command_ends() {
    let (scene, postgres) = scene("60s");
    let script = format!(
        "PGPASSWORD=$PASSWORD psql -h 127.0.0.1 -p {} -U \"$USER\" -At -c 'select 6*7' postgres",
        postgres.port()
    );
    let run = scene.world.ktr(&["run", "shop/dev", "--", "sh", "-c", &script]).ok();
    assert_eq!(run.stdout.trim(), "42", "they belong together");
    eventually("the lease is revoked", || scene.vault.list(ROLE).is_empty());
    let users = postgres.sql("select count(*) from pg_roles where rolname like 'v-%'");
    assert_eq!(users.trim(), "0", "and the user is gone from the database");
}

#[test]
fn a_lease_is_renewed_while_the_command_runs() {
    let (scene, _postgres) = scene("10s");
    let mut child = Command::new(binary("ktr"))
        .args(["run", "shop/dev", "--", "sh", "-c", "echo $USER; read line"])
        .env("KONTRAKTOR_HOST", scene.world.host())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("ktr can be started");
    let mut first = String::new();
    BufReader::new(child.stdout.take().expect("stdout is piped")).read_line(&mut first).expect("a line");
    renewed(&scene, 2);
    drop(child.stdin.take());
    child.wait().expect("it ends");
    eventually("the lease is revoked", || scene.vault.list(ROLE).is_empty());
}

#[test]
fn terraform_opens_and_closes_what_it_uses() {
    let (scene, _postgres) = scene("60s");
    let workspace = scene.world.workspace(
        r#"
ephemeral "kontraktor_secret" "user" {
  project = "shop"
  env     = "dev"
  key     = "USER"
}

ephemeral "kontraktor_secret" "password" {
  project = "shop"
  env     = "dev"
  key     = "PASSWORD"
}

resource "terraform_data" "use" {
  provisioner "local-exec" {
    command     = "echo \"$U\" > user; [ -n \"$P\" ]"
    environment = { U = ephemeral.kontraktor_secret.user.value, P = ephemeral.kontraktor_secret.password.value }
  }
}
"#,
    );
    workspace.apply(&[]).ok();
    let user = std::fs::read_to_string(workspace.path().join("user")).expect("the provisioner ran");
    assert!(user.starts_with("v-"), "{user}");
    eventually("the lease is revoked", || scene.vault.list(ROLE).is_empty());
    assert!(!workspace.state().contains(user.trim()));
}

/// Lease ids are stored nowhere: what a killed daemon held expires.
#[test]
fn a_daemon_that_is_killed_leaves_leases_that_expire() {
    let (mut scene, _postgres) = scene("15s");
    scene.world.ktr(&["secret", "get", "shop/dev", "USER"]).ok();
    let leases = scene.vault.list(ROLE);
    assert_eq!(leases.len(), 1);
    scene.world.kill();
    assert_eq!(super::traces(&scene.world.data(), &leases[0]), Vec::<String>::new());
    eventually("the lease expires", || scene.vault.list(ROLE).is_empty());
    scene.world.start();
    scene.world.ktr(&["secret", "get", "shop/dev", "USER"]).ok();
}

#[test]
fn a_daemon_that_stops_revokes_its_leases() {
    let (mut scene, _postgres) = scene("5m");
    scene.world.ktr(&["secret", "get", "shop/dev", "USER"]).ok();
    assert_eq!(scene.vault.list(ROLE).len(), 1);
    scene.world.stop();
    eventually("the lease is revoked", || scene.vault.list(ROLE).is_empty());
}

#[test]
fn ktr_that_is_asked_to_stop_releases_its_leases() {
    let (scene, _postgres) = scene("5m");
    let mut child = Command::new(binary("ktr"))
        .args(["run", "shop/dev", "--", "sh", "-c", "echo ready; exec sleep 600"])
        .env("KONTRAKTOR_HOST", scene.world.host())
        .stdout(Stdio::piped())
        .spawn()
        .expect("ktr can be started");
    let mut first = String::new();
    BufReader::new(child.stdout.take().expect("stdout is piped")).read_line(&mut first).expect("a line");
    kill(Pid::from_raw(i32::try_from(child.id()).expect("a process id")), Signal::SIGTERM)
        .expect("our child");
    assert_eq!(child.wait().expect("it ends").code(), Some(128 + 15));
    eventually("the lease is revoked", || scene.vault.list(ROLE).is_empty());
}

/// PostgreSQL is down when Vault has to renew: the lease continues when it is back.
#[test]
fn a_database_that_is_down_for_a_while_costs_no_lease() {
    let (scene, mut postgres) = scene("20s");
    let mut child = Command::new(binary("ktr"))
        .args(["run", "shop/dev", "--", "sh", "-c", "echo $USER; read line"])
        .env("KONTRAKTOR_HOST", scene.world.host())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("ktr can be started");
    let mut user = String::new();
    BufReader::new(child.stdout.take().expect("stdout is piped")).read_line(&mut user).expect("a line");
    postgres.stop();
    let failed = scene.world.ktr(&["secret", "get", "vault://team/secret/app/db#user"]);
    assert_eq!(failed.ok().stdout.trim(), "app", "other secrets of the vault are available");
    postgres.start_again();
    renewed(&scene, 1);
    drop(child.stdin.take());
    child.wait().expect("it ends");
}

/// A daemon that is down for a while costs a warning; one that has forgotten the hold, another; the command continues.
#[test]
fn a_renewal_that_fails_is_retried_and_reported() {
    let (mut scene, _postgres) = scene("20s");
    let mut child = Command::new(binary("ktr"))
        .args(["--timeout", "1s", "run", "shop/dev", "--", "sh", "-c", "echo $USER; read line; exit 5"])
        .env("KONTRAKTOR_HOST", scene.world.host())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("ktr can be started");
    let mut user = String::new();
    BufReader::new(child.stdout.take().expect("stdout is piped")).read_line(&mut user).expect("a line");
    scene.world.kill();
    let mut warnings = BufReader::new(child.stderr.take().expect("stderr is piped"));
    let mut warning = || {
        let mut line = String::new();
        warnings.read_line(&mut line).expect("a warning");
        assert!(
            line.starts_with("warning: cannot renew all leases of the command's dynamic secrets: "),
            "{line}"
        );
        line
    };
    let absent = warning();
    assert!(absent.contains("kontraktord"), "{absent}");
    scene.world.start();
    let forgotten = warning();
    assert!(forgotten.contains("the hold has expired"), "{forgotten}");
    drop(child.stdin.take());
    assert_eq!(child.wait().expect("it ends").code(), Some(5));
}
