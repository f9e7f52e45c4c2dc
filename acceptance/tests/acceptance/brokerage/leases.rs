//! Dynamic secrets: made for one actor, prolonged while somebody needs them, ended when nobody does.

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use testkit::{binary, servers::Postgres};

use super::Scene;

const ROLE: &str = "sys/leases/lookup/database/creds/app";

/// A Vault whose database engine makes users in a real PostgreSQL, each for so long.
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

/// Waits for what Vault does in its own time.
#[track_caller]
fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(30), "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn user_and_password_come_from_one_answer_and_go_when_the_command_ends() {
    let (scene, postgres) = scene("60s");
    let script = format!(
        "PGPASSWORD=$PASSWORD psql -h 127.0.0.1 -p {} -U \"$USER\" -At -c 'select 6*7' postgres",
        postgres.port()
    );
    let run = scene.world.ktr(&["run", "shop/dev", "--", "sh", "-c", &script]).ok();
    assert_eq!(run.stdout.trim(), "42", "they fit each other");
    eventually("the lease is revoked", || scene.vault.list(ROLE).is_empty());
    let users = postgres.sql("select count(*) from pg_roles where rolname like 'v-%'");
    assert_eq!(users.trim(), "0", "and the user is gone from the database");
}

#[test]
fn a_lease_is_prolonged_for_as_long_as_the_command_runs() {
    let (scene, _postgres) = scene("4s");
    let mut child = Command::new(binary("ktr"))
        .args(["run", "shop/dev", "--", "sh", "-c", "echo $USER; read line"])
        .env("KONTRAKTOR_HOST", scene.world.host())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("ktr can be started");
    let mut first = String::new();
    BufReader::new(child.stdout.take().expect("stdout is piped")).read_line(&mut first).expect("a line");
    let leases = scene.vault.list(ROLE);
    assert_eq!(leases.len(), 1);
    // Twice its own length.
    std::thread::sleep(Duration::from_secs(8));
    assert_eq!(scene.vault.list(ROLE), leases, "it is the same one still");
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

/// Lease ids are kept nowhere: what a killed daemon held ends by itself.
#[test]
fn a_daemon_that_is_killed_leaves_leases_that_expire() {
    let (mut scene, _postgres) = scene("5s");
    scene.world.ktr(&["secret", "get", "shop/dev", "USER"]).ok();
    let leases = scene.vault.list(ROLE);
    assert_eq!(leases.len(), 1);
    scene.world.kill();
    assert_eq!(super::traces(&scene.world.data(), &leases[0]), Vec::<String>::new());
    eventually("the lease ends by itself", || scene.vault.list(ROLE).is_empty());
    scene.world.start();
    scene.world.ktr(&["secret", "get", "shop/dev", "USER"]).ok();
}

#[test]
fn a_daemon_that_stops_ends_its_leases() {
    let (mut scene, _postgres) = scene("5m");
    scene.world.ktr(&["secret", "get", "shop/dev", "USER"]).ok();
    assert_eq!(scene.vault.list(ROLE).len(), 1);
    scene.world.stop();
    eventually("the lease is revoked", || scene.vault.list(ROLE).is_empty());
}

#[test]
fn ktr_that_is_told_to_stop_lets_go() {
    let (scene, _postgres) = scene("5m");
    let mut child = Command::new(binary("ktr"))
        .args(["run", "shop/dev", "--", "sh", "-c", "echo ready; exec sleep 60"])
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

/// PostgreSQL is gone while Vault prolongs: the lease is Vault's matter, and goes on when it is back.
#[test]
fn a_database_that_is_gone_for_a_while_costs_nothing_that_was_made() {
    let (scene, mut postgres) = scene("6s");
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
    assert_eq!(failed.ok().stdout.trim(), "app", "other secrets of the vault are there");
    postgres.start_again();
    let leases = scene.vault.list(ROLE);
    assert_eq!(leases.len(), 1);
    std::thread::sleep(Duration::from_secs(8));
    assert_eq!(scene.vault.list(ROLE), leases, "it was prolonged");
    drop(child.stdin.take());
    child.wait().expect("it ends");
}

/// A daemon that does not answer for a while costs a warning; one that has forgotten the hold, another; the command goes on.
#[test]
fn a_renewal_that_fails_is_tried_again_and_told() {
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
            line.starts_with("warning: the command's dynamic secrets are not all kept alive: "),
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
