//! No daemon, a daemon that hangs, dies or is restarted: what terraform's user reads, and that no state is lost.

use std::thread;

use testkit::{World, eventually};

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
fn a_missing_daemon_is_reported_with_the_command_that_starts_it() {
    let world = World::without_daemon();
    let workspace = world.workspace(ONE);
    let socket = world.socket().display().to_string();
    workspace.apply(&[]).fails().says(&[&socket, "kontraktord"]);
    assert!(!workspace.state().contains("kontraktor_variable"), "nothing was created");
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
fn a_response_that_never_comes_keeps_the_state_and_is_reported() {
    let world = World::new();
    let workspace = world.workspace(ONE);
    // The plan succeeds; then the daemon receives the request and does not respond within the timeout.
    workspace.terraform(&["plan", "-no-color", "-out=saved"]).ok();
    world.daemon().pause();
    let lost = workspace.terraform(&["apply", "-no-color", "saved"]).fails();
    lost.says(&["unknown", "outage/dev/KEY"]);
    assert!(workspace.state().contains("\"outage/dev/KEY\""), "partial state is kept: {}", workspace.state());
    world.daemon().resume();
    // Whether the write was carried out or not, the next run ends with the variable in place.
    workspace.apply(&[]).ok();
    workspace.settled();
    world.ktr(&["var", "get", "outage/dev", "KEY"]).ok().says(&["one"]);
}

#[test]
fn a_response_that_comes_late_but_in_time_is_accepted() {
    let world = World::new();
    let workspace = world.workspace(&ONE.replace("2s", "5m"));
    workspace.terraform(&["plan", "-no-color", "-out=saved"]).ok();
    world.daemon().pause();
    let mut command = workspace.command(&["apply", "-no-color", "saved"]);
    let apply = thread::spawn(move || testkit::Run::of(&mut command));
    // The kernel queues connections for a paused daemon.
    eventually("the provider has connected", || {
        assert!(!apply.is_finished(), "it waits for the response");
        connections(&world) > 0
    });
    world.daemon().resume();
    apply.join().expect("terraform ran").ok();
    workspace.settled();
}

/// Returns how many connections to the daemon's socket wait for the daemon to accept them, from proc_net(5): a socket of
/// the listening side that has no inode yet.
fn connections(world: &World) -> usize {
    let path = world.socket().display().to_string();
    let sockets = std::fs::read_to_string("/proc/net/unix").expect("Linux lists its sockets");
    let fields = sockets.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    fields.filter(|fields| fields.last() == Some(&&*path) && fields.get(6) == Some(&"0")).count()
}

/// A restart for an upgrade, for example. Single variables are written in batches; environments in calls that are sent once.
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
resource "terraform_data" "gate" {
  provisioner "local-exec" {
    command = "until [ -e open ]; do sleep 0.1; done"
  }
}
resource "kontraktor_environment" "e" {
  depends_on = [terraform_data.gate]
  count      = 100
  project    = "outage"
  env        = "env-${count.index}"
}
"#;
    let mut world = World::new();
    let workspace = world.workspace(MANY);
    let mut command = workspace.command(&["apply", "-auto-approve", "-no-color"]);
    let apply = thread::spawn(move || testkit::Run::of(&mut command));
    // Some of it is written, and the environments are not: they wait for the gate.
    eventually("the first variable is written", || {
        assert!(!apply.is_finished(), "it writes first");
        world.ktr(&["env", "show", "outage/dev"]).stdout.contains("KEY_")
    });
    world.stop();
    workspace.write("open", "");
    // The provider tries in vain for a while.
    thread::sleep(std::time::Duration::from_millis(1500));
    world.start();
    apply.join().expect("terraform ran").ok().says(&["501 added"]);
    workspace.settled();
}
