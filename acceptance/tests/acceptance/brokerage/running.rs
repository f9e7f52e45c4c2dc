//! What `ktr run` makes of a command: its environment, its output, its signals and its end.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use testkit::{Run, binary, servers::python};

use super::{SECRET, Scene, shop as scene};

/// `ktr run` with this shell script, not started yet.
fn ktr_run(scene: &Scene, script: &str) -> Command {
    let mut command = Command::new(binary("ktr"));
    command.args(["run", "shop/dev", "--", "sh", "-c", script]).env("KONTRAKTOR_HOST", scene.world.host());
    command
}

/// Started, with its output piped, and the first line that it printed.
fn started(command: &mut Command) -> (Child, BufReader<std::process::ChildStdout>, String) {
    let mut child = command.stdout(Stdio::piped()).spawn().expect("it can be started");
    let mut lines = BufReader::new(child.stdout.take().expect("stdout is piped"));
    let mut first = String::new();
    lines.read_line(&mut first).expect("its output can be read");
    (child, lines, first)
}

fn signal(child: &Child, what: Signal) {
    kill(Pid::from_raw(i32::try_from(child.id()).expect("a process id")), what).expect("our child");
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
    let (mut child, mut lines, first) = started(&mut ktr_run(&scene, script));
    assert_eq!(first, "ready\n");
    signal(&child, Signal::SIGTERM);
    let mut rest = String::new();
    lines.read_to_string(&mut rest).expect("its output can be read");
    assert_eq!(rest, "caught\n");
    assert_eq!(child.wait().expect("it ends").code(), Some(42));
}

/// `nohup`, and shells for what runs in their background, have signals ignored; then they are, by ktr and the command.
#[test]
fn a_signal_that_was_ignored_stays_ignored() {
    let scene = scene();
    let mut command = Command::new("sh");
    let script = "trap '' HUP INT; exec \"$0\" run shop/dev -- sh -c 'echo ready; sleep 1; echo survived'";
    command.arg("-c").arg(script).arg(binary("ktr")).env("KONTRAKTOR_HOST", scene.world.host());
    let (mut child, mut lines, first) = started(&mut command);
    assert_eq!(first, "ready\n");
    signal(&child, Signal::SIGHUP);
    signal(&child, Signal::SIGINT);
    let mut rest = String::new();
    lines.read_to_string(&mut rest).expect("its output can be read");
    assert_eq!(rest, "survived\n");
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}

/// Runs a command on a terminal of its own, in the foreground; when it has said `ready`, the second argument says what
/// happens: `key` is an interrupt by the keyboard, `kill` one by another process.
const ON_TERMINAL: &str = r#"
import os, pty, signal, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[2], sys.argv[2:])
seen = b""
def more():
    try:
        return os.read(terminal, 4096)
    except OSError:
        return b""
while b"ready" not in seen:
    piece = more()
    if not piece:
        break
    seen += piece
if sys.argv[1] == "key":
    os.write(terminal, b"\x03")
else:
    os.kill(pid, signal.SIGINT)
while piece := more():
    seen += piece
print(seen.decode(), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"#;

/// A terminal sends an interrupt to ktr and to the command; another process sends it to ktr alone.
#[test]
fn an_interrupt_comes_once_whoever_sent_it() {
    let scene = scene();
    let count = "import signal, time\nseen = []\nsignal.signal(signal.SIGINT, lambda *_: seen.append(1))\n\
                 print('ready', flush=True)\n\
                 end = time.monotonic() + 1.5\n\
                 while time.monotonic() < end: time.sleep(0.05)\n\
                 print('interrupts:', len(seen))";
    for how in ["key", "kill"] {
        let mut command = Command::new(python());
        command.args(["-c", ON_TERMINAL, how]).arg(binary("ktr")).args(["run", "shop/dev", "--"]);
        command.arg(python()).args(["-c", count]).env("KONTRAKTOR_HOST", scene.world.host());
        Run::of(&mut command).ok().says(&["interrupts: 1 0"]);
    }
}

#[test]
fn a_command_that_cannot_be_started_has_the_shells_exit_codes() {
    let scene = scene();
    assert_eq!(scene.world.ktr(&["run", "shop/dev", "--", "no-such-command"]).code, 127);
    assert_eq!(scene.world.ktr(&["run", "shop/dev", "--", "/dev/null"]).code, 126);
    let nowhere = scene.world.ktr(&["run", "shop/nowhere", "--", "true"]);
    assert_eq!(nowhere.code, 125, "{}", nowhere.stderr);
}

/// A command may leave somebody behind who has its output open, and goes on talking.
#[test]
fn nobody_waits_for_those_whom_the_command_left_behind() {
    let scene = scene();
    let script =
        "(while :; do echo talk || exit; sleep 0.02; done) & echo mine; sleep 0.3; echo $DB_PASSWORD; exit 3";
    let (sender, ended) = mpsc::channel();
    let mut command = ktr_run(&scene, script);
    thread::spawn(move || sender.send(Run::of(&mut command)));
    let run = ended.recv_timeout(Duration::from_secs(30)).expect("ktr ends although somebody still talks");
    assert_eq!(run.code, 3);
    assert!(run.stdout.contains("mine\n") && run.stdout.contains("***\n"), "{}", run.stdout);
}

#[test]
fn what_goes_to_one_place_keeps_its_order() {
    let scene = scene();
    let script = "for i in 1 2 3 4 5 6 7 8 9; do echo \"out $i $DB_PASSWORD\"; echo \"err $i\" >&2; done";
    let file = scene.world.path().join("both");
    let both = std::fs::File::create(&file).expect("the scratch directory takes a file");
    let mut command = ktr_run(&scene, script);
    command.stdout(both.try_clone().expect("a second handle")).stderr(both);
    assert!(command.status().expect("ktr can be run").success());
    let expected = (1..10).fold(String::new(), |all, i| all + &format!("out {i} ***\nerr {i}\n"));
    assert_eq!(std::fs::read_to_string(file).expect("it was written"), expected);
}

/// More than any pipe or buffer holds.
#[test]
fn much_output_is_passed_on_to_the_last_byte() {
    let scene = scene();
    let script = "yes 0123456789abcde | head -c 5000000; printf %s \"$DB_PASSWORD\"";
    let run = Run::of(&mut ktr_run(&scene, script)).ok();
    assert_eq!((run.stdout.len(), &run.stdout[5_000_000..]), (5_000_003, "***"));
}

/// A reader that goes away is the command's matter: it is told as it would be without us.
#[test]
fn a_reader_that_goes_away_ends_the_command() {
    let scene = scene();
    let (mut child, lines, first) = started(&mut ktr_run(&scene, "yes; exit 9"));
    assert_eq!(first, "y\n");
    drop(lines);
    let status = child.wait().expect("it ends");
    assert!(matches!(status.code(), Some(141 | 9)), "{status}");
}

/// Nothing of a secret is on the command line of anybody, where every user of the machine could read it.
#[test]
fn arguments_hold_no_secret() {
    let scene = scene();
    let script = "cat /proc/$PPID/cmdline /proc/self/cmdline | tr '\\0' ' '";
    let run: Run = scene.world.ktr(&["run", "--no-mask", "shop/dev", "--", "sh", "-c", script]).ok();
    assert!(!run.stdout.contains(SECRET), "{}", run.stdout);
}
