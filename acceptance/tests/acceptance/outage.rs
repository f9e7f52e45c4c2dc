//! No daemon, a daemon that hangs, dies or is restarted: what terraform's user reads, and that no state is lost.

use std::time::Duration;

use nix::sys::signal::Signal;
use testkit::World;

const ONE: &str = r#"
provider "kontraktor" {
  timeout = "2s"
}
resource "kontraktor_variable" "v" {
  project = "outage"
  env     = "dev"
  key     = "KEY"
  value   = "one"
}
"#;

#[test]
fn a_daemon_that_is_not_there_is_named_with_the_command_that_starts_it() {
    let world = World::without_daemon();
    let workspace = world.workspace(ONE);
    let socket = world.socket().display().to_string();
    workspace.apply(&[]).fails().says(&[&socket, "kontraktord"]);
    assert!(!workspace.state().contains("kontraktor_variable"), "nothing was made");
}

#[test]
fn validation_needs_no_daemon() {
    let world = World::without_daemon();
    world.workspace(ONE).terraform(&["validate", "-no-color"]).ok();
}

#[test]
fn planning_something_new_needs_no_daemon() {
    let world = World::without_daemon();
    let plan = world.workspace(ONE).plan(&[]);
    assert_eq!(plan.code, 2, "{}\n{}", plan.stdout, plan.stderr);
}

#[test]
fn state_survives_an_outage() {
    let mut world = World::new();
    let workspace = world.workspace(ONE);
    workspace.apply(&[]).ok();
    let before = workspace.state();
    world.stop();
    workspace.plan(&[]).fails();
    workspace.apply(&[]).fails();
    workspace.destroy().fails();
    assert_eq!(workspace.state(), before);
    world.start();
    workspace.settled();
}

#[test]
fn an_answer_that_never_comes_leaves_the_state_and_says_so() {
    let world = World::new();
    let workspace = world.workspace(ONE);
    // Planned while all is well; then the daemon takes the request and does not answer within the timeout.
    workspace.terraform(&["plan", "-no-color", "-out=saved"]).ok();
    world.signal(Signal::SIGSTOP);
    let lost = workspace.terraform(&["apply", "-no-color", "saved"]).fails();
    lost.says(&["unknown", "outage/dev/KEY"]);
    assert!(workspace.state().contains("\"outage/dev/KEY\""), "partial state is kept: {}", workspace.state());
    world.signal(Signal::SIGCONT);
    // The next run finds out, one way or the other, and ends with the variable in place.
    workspace.apply(&[]).ok();
    workspace.settled();
    world.ktr(&["var", "get", "outage/dev", "KEY"]).ok().says(&["one"]);
}

#[test]
fn an_answer_that_comes_late_but_in_time_is_taken() {
    let world = World::new();
    let workspace = world.workspace(&ONE.replace("2s", "30s"));
    workspace.terraform(&["plan", "-no-color", "-out=saved"]).ok();
    world.signal(Signal::SIGSTOP);
    let pid = i32::try_from(world.pid()).expect("process ids fit");
    let waker = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(1500));
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), Signal::SIGCONT).expect("our own child");
    });
    workspace.terraform(&["apply", "-no-color", "saved"]).ok();
    waker.join().expect("it woke the daemon");
    workspace.settled();
}

/// A restart for an upgrade, say. Single variables are written in batches; environments in calls that are sent once.
#[test]
fn a_daemon_that_is_restarted_in_mid_apply_costs_no_resource() {
    const MANY: &str = r#"
resource "kontraktor_variable" "v" {
  count   = 400
  project = "outage"
  env     = "dev"
  key     = "KEY_${count.index}"
  value   = "1"
}
resource "kontraktor_environment" "e" {
  count   = 100
  project = "outage"
  env     = "env-${count.index}"
}
"#;
    let mut world = World::new();
    let workspace = world.workspace(MANY);
    let mut command = workspace.command(&["apply", "-auto-approve", "-no-color"]);
    let apply = std::thread::spawn(move || testkit::Run::of(&mut command));
    // Some of it is written, and most is not.
    while !world.ktr(&["env", "show", "outage/dev"]).stdout.contains("KEY_") {
        assert!(!apply.is_finished(), "it writes first");
        std::thread::sleep(Duration::from_millis(20));
    }
    world.stop();
    assert!(!apply.is_finished(), "the daemon went away in mid-apply");
    std::thread::sleep(Duration::from_millis(1500));
    world.start();
    apply.join().expect("terraform ran").ok().says(&["500 added"]);
    workspace.settled();
}
