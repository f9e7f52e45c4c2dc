//! What a developer does with secrets at a shell.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Command, Stdio},
};

use acceptance::{Run, binary};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{SECRET, Scene};

fn scene() -> Scene {
    let scene = Scene::new();
    scene.world.ktr(&["var", "set", "--create", "shop/dev", "DB_HOST=db.internal"]).ok();
    scene.world.ktr(&["secret", "set", "shop/dev", "DB_PASSWORD=vault://team/secret/app/db#password"]).ok();
    scene
}

#[test]
fn a_command_gets_variables_and_secrets_and_its_output_is_masked() {
    let scene = scene();
    let script =
        "echo \"host $DB_HOST\"; echo \"password $DB_PASSWORD.\"; echo \"oops $DB_PASSWORD\" >&2; exit 7";
    let run = scene.world.ktr(&["run", "shop/dev", "--", "sh", "-c", script]);
    assert_eq!(run.code, 7, "the exit code is the command's own");
    assert!(run.stdout.contains("host db.internal"), "{}", run.stdout);
    assert!(run.stdout.contains("password ***."), "{}", run.stdout);
    assert!(run.stderr.contains("oops ***"), "{}", run.stderr);
    assert!(!run.stdout.contains(SECRET) && !run.stderr.contains(SECRET));
    let bare =
        scene.world.ktr(&["run", "--no-mask", "shop/dev", "--", "sh", "-c", "printf %s \"$DB_PASSWORD\""]);
    assert_eq!(bare.ok().stdout, SECRET);
    scene.no_trace();
}

#[test]
fn a_signal_goes_to_the_command_and_its_end_is_ours() {
    let scene = scene();
    let script = "trap 'echo caught; exit 42' TERM; echo ready; while :; do sleep 0.05; done";
    let mut child = Command::new(binary("ktr"))
        .args(["run", "shop/dev", "--", "sh", "-c", script])
        .env("KONTRAKTOR_HOST", scene.world.host())
        .stdout(Stdio::piped())
        .spawn()
        .expect("ktr can be started");
    let mut lines = BufReader::new(child.stdout.take().expect("stdout is piped"));
    let mut first = String::new();
    lines.read_line(&mut first).expect("its output can be read");
    assert_eq!(first, "ready\n");
    kill(Pid::from_raw(i32::try_from(child.id()).expect("a process id")), Signal::SIGTERM)
        .expect("our child");
    let mut rest = String::new();
    lines.read_to_string(&mut rest).expect("its output can be read");
    assert_eq!(rest, "caught\n");
    assert_eq!(child.wait().expect("it ends").code(), Some(42));
}

#[test]
fn a_command_that_cannot_be_started_has_the_shells_exit_codes() {
    let scene = scene();
    assert_eq!(scene.world.ktr(&["run", "shop/dev", "--", "no-such-command"]).code, 127);
    assert_eq!(scene.world.ktr(&["run", "shop/dev", "--", "/dev/null"]).code, 126);
    let nowhere = scene.world.ktr(&["run", "shop/nowhere", "--", "true"]);
    assert_eq!(nowhere.code, 125, "{}", nowhere.stderr);
}

#[test]
fn what_is_shown_says_where_secrets_are_and_not_what_they_are() {
    let scene = scene();
    let shown = scene.world.ktr(&["env", "show", "shop/dev"]).ok();
    assert!(shown.stdout.contains("vault://team/secret/app/db#password"), "{}", shown.stdout);
    let resolved = scene.world.ktr(&["env", "show", "shop/dev", "--resolve"]).ok();
    assert!(resolved.stdout.contains(SECRET) && resolved.stdout.contains("db.internal"));
    let audit = scene.world.ktr(&["audit", "--project", "shop"]).ok();
    assert!(audit.text().contains("DB_PASSWORD") && !audit.text().contains(SECRET), "{}", audit.stdout);
    let history = scene.world.ktr(&["var", "history", "shop/dev", "DB_PASSWORD"]).ok();
    assert!(history.text().contains("vault://team/secret/app/db#password"), "{}", history.stdout);
    let vaults = scene.world.ktr(&["vault", "list"]).ok();
    assert!(vaults.text().contains("team"), "{}", vaults.stdout);
    scene.no_trace();
}

#[test]
fn a_purge_makes_the_next_read_a_fresh_one() {
    let scene = scene();
    let get =
        || scene.world.ktr(&["secret", "get", "shop/dev", "DB_PASSWORD"]).ok().stdout.trim_end().to_owned();
    assert_eq!(get(), SECRET);
    scene.rotate("another");
    assert_eq!(get(), SECRET, "it is cached");
    scene.world.ktr(&["secret", "purge", "team"]).ok();
    assert_eq!(get(), "another");
    scene.rotate("a third");
    scene.world.signal(Signal::SIGHUP);
    // The signal is taken when the daemon gets to it: until then the cached value is right.
    let begun = std::time::Instant::now();
    while get() != "a third" {
        assert!(begun.elapsed().as_secs() < 10, "SIGHUP purges what is cached");
    }
    scene.world.ktr(&["secret", "purge", "nobody"]).fails().says(&["nobody", "team"]);
}

/// An SSH key ring, a keystore: larger than a message, and not text.
#[test]
fn a_large_secret_is_streamed_and_a_larger_one_refused() {
    let scene = scene();
    let large = "0123456789abcdef".repeat(40_000);
    scene.vault.put("secret/data/large", &serde_json::json!({"data": {"ring": large}}));
    let got = scene.world.ktr(&["secret", "get", "vault://team/secret/large#ring"]).ok();
    assert_eq!(got.stdout.trim_end(), large);
    scene.world.ktr(&["secret", "set", "shop/dev", "RING=vault://team/secret/large#ring"]).ok();
    let resolved = scene.world.ktr(&["env", "show", "shop/dev", "--resolve"]).fails();
    assert!(resolved.text().contains("64 KiB"), "{}", resolved.stderr);
}

/// Nothing of a secret is on the command line of anybody, where every user of the machine could read it.
#[test]
fn arguments_hold_no_secret() {
    let scene = scene();
    let script = "cat /proc/$PPID/cmdline /proc/self/cmdline | tr '\\0' ' '";
    let run: Run = scene.world.ktr(&["run", "--no-mask", "shop/dev", "--", "sh", "-c", script]).ok();
    assert!(!run.stdout.contains(SECRET), "{}", run.stdout);
}
