//! No daemon, a daemon that hangs, dies or is restarted: what terraform's user reads, and that no state is lost.

use std::{
    io::{Read as _, Write as _},
    net::Shutdown,
    os::unix::net::{UnixListener, UnixStream},
    path::PathBuf,
    process::Stdio,
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread,
};

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

/// A socket before the daemon's, which can keep back what the daemon answers.
struct Relay {
    socket: PathBuf,
    /// Whether answers are kept back.
    held: Arc<(Mutex<bool>, Condvar)>,
}

impl Relay {
    fn start(world: &World) -> Self {
        let socket = world.path().join("relay.sock");
        let listener = UnixListener::bind(&socket).expect("the scratch directory takes a socket");
        let (daemon, held) = (world.socket().clone(), Arc::<(Mutex<bool>, Condvar)>::default());
        let relay = Self { socket, held: Arc::clone(&held) };
        thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let far = UnixStream::connect(&daemon).expect("the daemon listens");
                let (near_again, far_again) =
                    (near.try_clone().expect("a copy"), far.try_clone().expect("a copy"));
                let held = Arc::clone(&held);
                thread::spawn(move || copy(near, far, || {}));
                thread::spawn(move || copy(far_again, near_again, || wait_while_held(&held)));
            }
        });
        relay
    }

    fn hold(&self, hold: bool) {
        *self.held.0.lock().unwrap_or_else(PoisonError::into_inner) = hold;
        self.held.1.notify_all();
    }
}

fn wait_while_held(held: &(Mutex<bool>, Condvar)) {
    let guard = held.0.lock().unwrap_or_else(PoisonError::into_inner);
    drop(held.1.wait_while(guard, |held| *held));
}

/// Copies until either end is closed.
fn copy(mut from: UnixStream, mut to: UnixStream, before_writing: impl Fn()) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        before_writing();
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}

/// What terraform does not live to write into its state exists all the same.
#[test]
fn after_a_kill_in_mid_apply_the_error_names_import_and_on_conflict() {
    const MANY: &str = r#"
resource "kontraktor_variable" "first" {
  project = "outage"
  env     = "dev"
  key     = "FIRST"
  value   = "1"
}
resource "terraform_data" "gate" {
  depends_on = [kontraktor_variable.first]
  provisioner "local-exec" {
    command = "until [ -e open ]; do sleep 0.1; done"
  }
}
resource "kontraktor_variable" "v" {
  depends_on = [terraform_data.gate]
  count      = 3
  project    = "outage"
  env        = "dev"
  key        = "KEY_${count.index}"
  value      = "1"
}
"#;
    let world = World::new();
    let workspace = world.workspace(MANY);
    let relay = Relay::start(&world);
    let mut command = workspace.command(&["apply", "-auto-approve", "-no-color"]);
    command.env("KONTRAKTOR_HOST", format!("unix://{}", relay.socket.display()));
    let mut apply = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("terraform starts");
    eventually("the first variable is in the state", || workspace.state().contains("\"FIRST\""));
    relay.hold(true);
    workspace.write("open", "");
    eventually("the daemon has written the others", || {
        let shown = world.ktr(&["env", "show", "outage/dev"]).stdout;
        (0..3).all(|number| shown.contains(&format!("KEY_{number}")))
    });
    apply.kill().expect("terraform runs");
    apply.wait().expect("terraform has ended");
    relay.hold(false);
    assert!(!workspace.state().contains("\"KEY_0\""), "{}", workspace.state());

    workspace.apply(&[]).fails().says(&[
        "Resource already exists",
        "to = kontraktor_variable.NAME id = \"outage/dev/KEY_0\"",
        "After an apply that was interrupted, many objects can exist",
        "on_conflict = \"overwrite\" in the provider block for one apply",
    ]);
    let overwrite = "provider \"kontraktor\" {\n  on_conflict = \"overwrite\"\n}\n";
    workspace.main(&format!("{overwrite}{MANY}")).apply(&[]).ok();
    workspace.main(MANY).settled();
}
