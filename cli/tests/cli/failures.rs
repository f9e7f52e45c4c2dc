//! What a failed command prints, and its exit code.

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, BufRead as _, BufReader},
    os::unix::{ffi::OsStrExt as _, net::UnixListener},
    process::{Command, Stdio},
    time::Instant,
};

use super::world::{World, run};

#[test]
fn a_daemon_that_is_not_running() {
    let mut world = World::without_daemon();
    world.show(&["status"]).show(&["var", "set", "infra-demo/dev", "A=1"]);
    // A stale socket.
    drop(UnixListener::bind(world.socket()).expect("bound"));
    world.show(&["project", "create", "infra-demo"]).show(&["--host", "http://127.0.0.1:1", "status"]);
    insta::assert_snapshot!(world.transcript(), @"
    $ ktr status
    error: cannot reach kontraktord at unix://DIR/k.sock: the socket does not exist
    hint: Start the daemon with `kontraktord --socket DIR/k.sock`.
    [exit 5]
    $ ktr var set infra-demo/dev A=1
    error: cannot reach kontraktord at unix://DIR/k.sock: the socket does not exist
    hint: Start the daemon with `kontraktord --socket DIR/k.sock`.
    [exit 5]
    $ ktr project create infra-demo
    error: cannot reach kontraktord at unix://DIR/k.sock: nothing listens on the socket
    hint: Start the daemon with `kontraktord --socket DIR/k.sock`.
    [exit 5]
    $ ktr --host http://127.0.0.1:1 status
    error: cannot reach kontraktord at http://127.0.0.1:1: the connection was refused: nothing listens there
    hint: Start the daemon with `kontraktord --listen ADDRESS:PORT`, or check host and port.
    [exit 5]
    ");
}

#[test]
fn a_daemon_that_does_not_answer() {
    let mut world = World::without_daemon();
    let _listener = UnixListener::bind(world.socket()).expect("bound");
    let begin = Instant::now();
    world.show(&["--timeout", "300ms", "project", "list"]).show(&[
        "--timeout",
        "300ms",
        "project",
        "create",
        "infra-demo",
    ]);
    // Less than the default timeout.
    assert!(begin.elapsed().as_secs() < 60);
    insta::assert_snapshot!(world.transcript(), @"
    $ ktr --timeout 300ms project list
    error: kontraktord at unix://DIR/k.sock did not respond to ListProjects within 300ms: deadline exceeded
    hint: Check the daemon's log, or increase the timeout.
    [exit 7]
    $ ktr --timeout 300ms project create infra-demo
    error: the outcome of CreateProject is unknown: it was sent to kontraktord at unix://DIR/k.sock, and no response came back (deadline exceeded)
    hint: Check what is stored before you repeat the write.
    [exit 6]
    ");
}

#[test]
fn options_override_environment_variables() {
    let world = World::new();
    let mut command = world.command(&["--host", &format!("unix://{}", world.socket().display()), "status"]);
    command.env("KONTRAKTOR_HOST", "unix:///nowhere").env("KONTRAKTOR_TIMEOUT", "");
    assert_eq!(run(command, b"").code, 0);

    let mut command = world.command(&["status"]);
    command.env("KONTRAKTOR_TIMEOUT", "soon");
    let refused = run(command, b"");
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.ends_with("hint: Correct the value of --timeout or KONTRAKTOR_TIMEOUT.\n"));

    let mut command = world.command(&["status"]);
    command.env("KONTRAKTOR_TOKEN", "a\nb");
    let refused = run(command, b"");
    assert_eq!(refused.code, 2);
    assert!(
        refused.stderr.contains("KONTRAKTOR_TOKEN") && !refused.stderr.contains("a\nb"),
        "{}",
        refused.stderr
    );

    // Empty means the local daemon's socket, here one that cannot exist.
    let mut command = world.command(&["status"]);
    command.env("KONTRAKTOR_HOST", "").env("XDG_RUNTIME_DIR", "/nowhere");
    let local = run(command, b"");
    assert_eq!(
        local.stderr,
        "error: cannot reach kontraktord at unix:///nowhere/kontraktor/kontraktord.sock: the socket does not exist\n\
         hint: Start the daemon with `kontraktord`.\n"
    );
}

/// As root, because nobody else can start a daemon of another user.
#[test]
fn a_daemon_of_another_user_is_not_trusted_and_receives_nothing() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("only root can start a process of another user: this is skipped");
        return;
    }
    const LISTEN: &str = "
import os, socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
os.setuid(65534)
listener.listen()
print('ready', flush=True)
print('received', listener.accept()[0].recv(100))
";
    let world = World::without_daemon();
    let mut other = Command::new("python3")
        .args(["-c", LISTEN])
        .arg(world.socket())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 can be run");
    let mut output = BufReader::new(other.stdout.take().expect("a pipe")).lines();
    assert_eq!(output.next().expect("a line").expect("text"), "ready");
    let mut command = world.command(&["status"]);
    command.env("KONTRAKTOR_TOKEN", "hunter2");
    let refused = run(command, b"");
    assert_eq!(refused.code, 5);
    insta::assert_snapshot!(world.redacted(&refused.stderr), @"
    error: cannot reach kontraktord at unix://DIR/k.sock: the socket is not trusted: uid 65534 listens on it, and not uid 0 or root
    hint: Start a daemon of your own with `kontraktord`, or set KONTRAKTOR_DAEMON_UID=65534 if you trust that user with your secrets.
    ");
    assert_eq!(output.next().expect("a line").expect("text"), "received b''");
    other.wait().expect("it ends");

    let mut command = world.command(&["status"]);
    command.env("KONTRAKTOR_DAEMON_UID", "root");
    let refused = run(command, b"");
    assert_eq!(refused.code, 2);
    assert_eq!(
        refused.stderr,
        "error: invalid KONTRAKTOR_DAEMON_UID: expected the uid of the user who runs the daemon, such as 990\n"
    );
}

#[test]
fn a_default_socket_with_too_long_a_path_is_named_with_its_length() {
    let world = World::without_daemon();
    let runtime = format!("/{}", "x".repeat(100));
    let mut command = world.command(&["status"]);
    command.env_remove("KONTRAKTOR_HOST").env("XDG_RUNTIME_DIR", &runtime);
    let refused = run(command, b"");
    assert_eq!(refused.code, 2);
    insta::assert_snapshot!(refused.stderr.replace(&runtime, "/x"), @"
    error: the default socket path /x/kontraktor/kontraktord.sock is 129 bytes long; the system allows at most 107
    hint: Start the daemon with `kontraktord --socket PATH` and a shorter path, and set KONTRAKTOR_HOST to unix://PATH.
    ");
}

#[test]
fn an_invalid_host_is_not_repeated() {
    let world = World::without_daemon();
    for host in
        ["https://me:hunter2@config.example.com", "http://me:hunter2@localhost", "me:hunter2@localhost"]
    {
        let mut command = world.command(&["status"]);
        command.env("KONTRAKTOR_HOST", host);
        for refused in [run(command, b""), world.run(&["--host", host, "status"])] {
            assert_eq!(refused.code, 2);
            let message = refused.stderr.lines().next().and_then(|line| line.strip_prefix("error: "));
            assert!(message.is_some_and(|message| message.contains("host")), "{}", refused.stderr);
            assert!(!refused.stderr.contains("hunter2"), "{}", refused.stderr);
        }
    }
}

#[test]
fn settings_that_are_not_utf8_are_named() {
    let world = World::without_daemon();
    for name in ["KONTRAKTOR_HOST", "KONTRAKTOR_TIMEOUT", "KONTRAKTOR_TOKEN"] {
        let mut command = world.command(&["status"]);
        command.env(name, OsStr::from_bytes(b"\xff"));
        let refused = run(command, b"");
        assert_eq!(refused.code, 2);
        assert!(refused.stderr.contains(name), "{}", refused.stderr);
    }
}

#[test]
fn completions_need_no_daemon() {
    let world = World::without_daemon();
    let mut command = world.command(&["completions", "bash"]);
    command.env("KONTRAKTOR_HOST", "nonsense").env("KONTRAKTOR_TIMEOUT", "soon");
    let run = run(command, b"");
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    assert!(run.stdout.contains("_ktr()"));
}

#[test]
fn a_closed_output_is_not_an_error() {
    let world = World::without_daemon();
    let (reader, writer) = io::pipe().expect("a pipe");
    drop(reader);
    let output = world
        .command(&["completions", "bash"])
        .stdout(writer)
        .stderr(Stdio::piped())
        .spawn()
        .expect("ktr can be run")
        .wait_with_output()
        .expect("ktr ends");
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}

#[test]
fn output_that_cannot_be_written_is_an_error() {
    let world = World::without_daemon();
    let full = File::options().write(true).open("/dev/full").expect("a full device");
    let output = world
        .command(&["completions", "bash"])
        .stdout(full)
        .stderr(Stdio::piped())
        .spawn()
        .expect("ktr can be run")
        .wait_with_output()
        .expect("ktr ends");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("error: cannot write the output: "));
}

#[test]
fn color_is_used_only_on_a_terminal() {
    let world = World::new();
    world.ok(&["project", "create", "infra-demo"]);
    assert!(!world.ok(&["project", "list"]).contains('\u{1b}'));
    assert!(!world.run(&["project", "create", "infra-demo"]).stderr.contains('\u{1b}'));
}
