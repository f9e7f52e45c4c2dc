//! `ktr env watch`: changes as they happen, across restarts of the daemon.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    os::unix::process::ExitStatusExt as _,
    process::{Child, ChildStdout, Stdio},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;

use super::world::World;

/// A running `ktr env watch`.
struct Watching {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Watching {
    fn start(world: &World, arguments: &[&str]) -> Self {
        let mut command = world.command(&[&["env", "watch", "infra-demo/dev"], arguments].concat());
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("ktr can be run");
        let lines = BufReader::new(child.stdout.take().expect("a pipe"));
        Self { child, lines }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("UTF-8");
        line
    }

    fn json(&mut self) -> Value {
        serde_json::from_str(&self.line()).expect("one JSON object in a line")
    }

    /// Waits for its end. Returns the exit code or the signal, what it printed since, and its errors.
    fn end(mut self) -> (Option<i32>, Option<i32>, String) {
        let mut rest = String::new();
        self.lines.read_to_string(&mut rest).expect("UTF-8");
        self.child.stderr.take().expect("a pipe").read_to_string(&mut rest).expect("UTF-8");
        let status = self.child.wait().expect("it ends");
        (status.code(), status.signal(), rest)
    }
}

/// The version of the environment, after which a watch begins.
fn version(world: &World) -> String {
    let shown = world.json(&["env", "show", "infra-demo/dev", "--output", "json"]);
    shown["version"].as_str().expect("a version").to_owned()
}

#[test]
fn changes_are_printed_across_a_restart_and_without_values() {
    let mut world = World::with_environment();
    let mut watching = Watching::start(&world, &["--after", &version(&world), "--output", "json"]);
    world.ok(&["var", "set", "infra-demo/dev", "PASSWORD=hunter2", "PORT=5432"]);
    let first = watching.json();
    assert_eq!(first["keys"], serde_json::json!(["PASSWORD", "PORT"]), "{first}");
    assert_eq!((&first["revision"], &first["origin"]), (&2.into(), &"infra-demo/dev".into()));
    assert!(!first.to_string().contains("hunter2"));

    world.ok(&["env", "create", "infra-demo/base"]);
    world.ok(&["env", "update", "infra-demo/dev", "--import", "infra-demo/base"]);
    let imports = watching.json();
    assert_eq!((&imports["revision"], &imports["keys"]), (&3.into(), &serde_json::json!([])));

    // Whether the watch is back already or not: each change is printed once.
    world.restart();
    world.ok(&["var", "set", "infra-demo/base", "LEVEL=debug"]);
    world.ok(&["var", "set", "infra-demo/base", "LEVEL=info"]);
    for _ in 0..2 {
        let level = watching.json();
        assert_eq!((&level["origin"], &level["keys"][0]), (&"infra-demo/base".into(), &"LEVEL".into()));
    }

    // What was printed is where another watch begins.
    let mut again = Watching::start(&world, &["--after", imports["version"].as_str().expect("a version")]);
    for _ in 0..2 {
        let line = again.line();
        assert!(line.contains("revision 3: LEVEL changed in infra-demo/base by unix:"), "{line}");
    }
    world.ok(&["env", "delete", "infra-demo/dev", "--force", "--yes"]);
    let line = again.line();
    assert!(line.contains("revision 4: infra-demo/dev was deleted by unix:"), "{line}");
    assert_eq!(again.end(), (Some(0), None, String::new()));
    assert_eq!(watching.json()["deleted"], true);
    assert_eq!(watching.end(), (Some(0), None, String::new()));
}

#[test]
fn a_script_waits_for_one_change() {
    let world = World::with_environment();
    let watching = Watching::start(&world, &["--once", "--after", &version(&world)]);
    world.ok(&["var", "set", "infra-demo/dev", "A=1"]);
    let (code, _, printed) = watching.end();
    assert_eq!(code, Some(0));
    assert_eq!(world.redacted(&printed), "TIME revision 2: A changed by unix:ME");
    let missing = world.run(&["env", "watch", "infra-demo/nope"]);
    assert_eq!(
        (missing.code, missing.stderr.as_str()),
        (
            3,
            "error: environment \"infra-demo/nope\" does not exist\nhint: List environments with `ktr env list`.\n"
        )
    );
}

#[test]
fn control_c_ends_it_without_a_word() {
    let world = World::with_environment();
    let mut watching = Watching::start(&world, &["--after", &version(&world)]);
    world.ok(&["var", "set", "infra-demo/dev", "A=1"]);
    assert!(watching.line().ends_with('\n'));
    kill(Pid::from_raw(watching.child.id().cast_signed()), Signal::SIGINT).expect("it runs");
    assert_eq!(watching.end(), (None, Some(Signal::SIGINT as i32), String::new()));
}
