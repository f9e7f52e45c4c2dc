//! What `ktr run` does for a command: its environment, its output, its signals and its exit code.
//!
//! No test here depends on how fast the machine is: each waits for events, and the order of the events is the proof. Where a
//! broken ktr would let a test wait forever, a bound of two minutes ends it.

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
use serde_json::json;
use testkit::{Run, binary, servers::python};

use super::{SECRET, Scene, shop as scene};

/// A loop for shell scripts that wait for a signal's trap; it ends after two minutes and more.
const WAIT: &str = "i=0; while [ $i -lt 2400 ]; do i=$((i + 1)); sleep 0.05; done";

/// Returns `ktr run` with this shell script, not started yet.
fn ktr_run(scene: &Scene, script: &str) -> Command {
    let mut command = Command::new(binary("ktr"));
    command.args(["run", "shop/dev", "--", "sh", "-c", script]).env("KONTRAKTOR_HOST", scene.world.host());
    command
}

/// Starts the command with its output piped, and returns the first line that it prints.
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

/// Prints an environment variable, and the password in it, as programs do.
const PRINT_FORMS: &str = r#"
import base64, html, json, os, shlex, urllib.parse
whole = os.environ["DB"]
password = json.loads(whole)["password"]
for secret in (whole, password):
    for form in (secret, repr(secret), json.dumps({"a": secret}), json.dumps(json.dumps(secret)), html.escape(secret),
                 urllib.parse.quote(secret), urllib.parse.quote_plus(secret), shlex.quote(secret), secret.encode().hex(),
                 base64.b64encode(secret.encode()).decode()):
        print(form)
for user in ("u", "us", "use"):
    print("Basic", base64.b64encode(f"{user}:{password}".encode()).decode())
print("port", json.loads(whole)["port"], "debug", json.loads(whole)["debug"], flush=True)
"#;

/// A secret that is a JSON object.
#[test]
fn the_strings_in_a_json_secret_are_masked_in_every_form() {
    let scene = scene();
    let password = "k9#Lm$2pQ!xz&7'W\"d";
    let data =
        json!({"username": "app_user", "password": password, "pin": "123", "port": 5432, "debug": true});
    scene.vault.put("secret/data/app/whole", &json!({"data": {"json": data.to_string()}}));
    scene.world.ktr(&["secret", "set", "shop/dev", "DB=vault://team/secret/app/whole#json"]).ok();
    let python = python().display().to_string();
    let run = scene.world.ktr(&["run", "shop/dev", "--", &python, "-c", PRINT_FORMS]).ok();
    assert_eq!(run.stdout.matches("***").count(), 23);
    assert!(run.stdout.ends_with("port 5432 debug True\n"));
    // A few characters of Basic authentication depend on the user's name too.
    let visible = run.stdout.replace("***", "");
    let digits = "6b39234c6d24327051217a";
    for piece in ["k9#", "k9%", "k9\\", "xz", "azkjT", "OWs5I", "app_user", digits] {
        assert!(!visible.contains(piece), "a piece of a secret is visible");
    }
    assert!(
        run.stderr.contains("warning: too short to mask in the output: DB (1 string in it)"),
        "{}",
        run.stderr
    );
}

#[test]
fn single_keys_can_be_left_unmasked() {
    let scene = scene();
    scene.vault.put("secret/data/app/flags", &json!({"data": {"level": "verbose"}}));
    scene.world.ktr(&["secret", "set", "shop/dev", "LEVEL=vault://team/secret/app/flags#level"]).ok();
    let print = |options: &[&str]| {
        let command = ["--", "sh", "-c", "echo \"$LEVEL $DB_PASSWORD\""];
        scene.world.ktr(&[&["run", "shop/dev"], options, &command].concat())
    };
    assert_eq!(print(&[]).ok().stdout, "*** ***\n");
    assert_eq!(print(&["--no-mask=LEVEL"]).ok().stdout, "verbose ***\n");
    let all = print(&["--no-mask=LEVEL", "--no-mask=DB_PASSWORD"]).ok().stdout;
    assert!(all == format!("verbose {SECRET}\n"), "every key is left unmasked");
    for unknown in ["--no-mask=LEVLE", "--no-mask=DB_HOST", "--no-mask="] {
        let run = print(&[unknown]);
        assert_eq!((run.code, run.stdout.as_str()), (125, ""));
        assert!(
            run.stderr.contains("in --no-mask; the keys with secrets are `DB_PASSWORD`, `LEVEL`"),
            "{}",
            run.stderr
        );
    }
}

#[test]
fn a_signal_is_forwarded_and_the_exit_code_is_the_commands() {
    let scene = scene();
    let script = format!("trap 'echo caught; exit 42' TERM; echo ready; {WAIT}");
    let (mut child, mut lines, first) = started(&mut ktr_run(&scene, &script));
    assert_eq!(first, "ready\n");
    signal(&child, Signal::SIGTERM);
    let mut rest = String::new();
    lines.read_to_string(&mut rest).expect("its output can be read");
    assert_eq!(rest, "caught\n");
    assert_eq!(child.wait().expect("it ends").code(), Some(42));
}

/// `nohup` ignores SIGHUP, and shells ignore SIGINT for background jobs; ktr and the command then ignore them too.
///
/// ktr handles signals in the order of their arrival, so it has handled the ignored ones before the one that ends the script.
#[test]
fn a_signal_that_was_ignored_stays_ignored() {
    let scene = scene();
    let mut command = Command::new("sh");
    let script = format!("trap 'echo survived; exit 0' USR1; echo ready; {WAIT}");
    command.args(["-c", "trap '' HUP INT; exec \"$0\" run shop/dev -- sh -c \"$1\""]).arg(binary("ktr"));
    command.arg(script).env("KONTRAKTOR_HOST", scene.world.host());
    let (mut child, mut lines, first) = started(&mut command);
    assert_eq!(first, "ready\n");
    signal(&child, Signal::SIGHUP);
    signal(&child, Signal::SIGINT);
    signal(&child, Signal::SIGUSR1);
    let mut rest = String::new();
    lines.read_to_string(&mut rest).expect("its output can be read");
    assert_eq!(rest, "survived\n");
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}

/// Runs a command on a terminal of its own, in the foreground. When it has printed `ready`, it is interrupted: by the keyboard
/// if the second argument is `key`, by another process if it is `kill`. When it has printed `interrupted`, ktr is sent SIGUSR1.
const ON_TERMINAL: &str = r#"
import os, pty, signal, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[2], sys.argv[2:])
signal.alarm(120)
seen = b""
def more():
    try:
        return os.read(terminal, 4096)
    except OSError:
        return b""
def read_until(word):
    global seen
    while word not in seen:
        piece = more()
        if not piece:
            sys.exit(seen.decode())
        seen += piece
read_until(b"ready")
if sys.argv[1] == "key":
    os.write(terminal, b"\x03")
else:
    os.kill(pid, signal.SIGINT)
read_until(b"interrupted")
os.kill(pid, signal.SIGUSR1)
while piece := more():
    seen += piece
print(seen.decode(), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"#;

/// Counts the interrupts until SIGUSR1 arrives. Both stay pending until they are waited for, and the interrupt is taken first.
const COUNT_INTERRUPTS: &str = r#"
import signal
awaited = {signal.SIGINT, signal.SIGUSR1}
signal.pthread_sigmask(signal.SIG_BLOCK, awaited)
print("ready", flush=True)
count = 0
while signal.sigwait(awaited) == signal.SIGINT:
    count += 1
    print("interrupted", flush=True)
print("interrupts:", count)
"#;

/// A terminal sends an interrupt to ktr and to the command; another process sends it to ktr alone.
///
/// ktr handles signals in the order of their arrival: it has handled the interrupt, and a second one would have reached the
/// command, before it forwards the SIGUSR1 that ends the count.
#[test]
fn an_interrupt_arrives_once_from_a_terminal_and_from_a_process() {
    let scene = scene();
    for sender in ["key", "kill"] {
        let mut command = Command::new(python());
        command.args(["-c", ON_TERMINAL, sender]).arg(binary("ktr")).args(["run", "shop/dev", "--"]);
        command.arg(python()).args(["-c", COUNT_INTERRUPTS]).env("KONTRAKTOR_HOST", scene.world.host());
        Run::of(&mut command).ok().says(&["interrupts: 1 0"]);
    }
}

#[test]
fn a_command_that_cannot_be_started_has_the_exit_codes_of_shells() {
    let scene = scene();
    assert_eq!(scene.world.ktr(&["run", "shop/dev", "--", "no-such-command"]).code, 127);
    assert_eq!(scene.world.ktr(&["run", "shop/dev", "--", "/dev/null"]).code, 126);
    let nowhere = scene.world.ktr(&["run", "shop/nowhere", "--", "true"]);
    assert_eq!(nowhere.code, 125, "{}", nowhere.stderr);
}

/// A command may leave a process behind that has its output open and prints on.
#[test]
fn processes_that_the_command_left_behind_are_not_waited_for() {
    let scene = scene();
    let script = "(while :; do echo talk || exit; : > talked; sleep 0.02; done) & \
                  until [ -e talked ]; do sleep 0.02; done; echo mine; echo $DB_PASSWORD; exit 3";
    let (sender, ended) = mpsc::channel();
    let mut command = ktr_run(&scene, script);
    command.current_dir(scene.world.path());
    thread::spawn(move || sender.send(Run::of(&mut command)));
    let run = ended.recv_timeout(Duration::from_mins(2)).expect("ktr ends although a process still prints");
    assert_eq!(run.code, 3);
    assert!(run.stdout.contains("mine\n") && run.stdout.contains("***\n"), "{}", run.stdout);
}

#[test]
fn output_to_one_file_keeps_its_order() {
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
fn large_output_passes_through_to_the_last_byte() {
    let scene = scene();
    let script = "yes 0123456789abcde | head -c 5000000; printf %s \"$DB_PASSWORD\"";
    let run = Run::of(&mut ktr_run(&scene, script)).ok();
    assert_eq!((run.stdout.len(), &run.stdout[5_000_000..]), (5_000_003, "***"));
}

/// A reader that goes away ends the command as it would without ktr.
#[test]
fn a_reader_that_goes_away_ends_the_command() {
    let scene = scene();
    let (mut child, lines, first) = started(&mut ktr_run(&scene, "yes; exit 9"));
    assert_eq!(first, "y\n");
    drop(lines);
    let status = child.wait().expect("it ends");
    assert!(matches!(status.code(), Some(141 | 9)), "{status}");
}

/// Every user of a machine can read the command lines of its processes.
#[test]
fn no_command_line_holds_a_secret() {
    let scene = scene();
    let script = "cat /proc/$PPID/cmdline /proc/self/cmdline | tr '\\0' ' '";
    let run: Run = scene.world.ktr(&["run", "--no-mask", "shop/dev", "--", "sh", "-c", script]).ok();
    assert!(!run.stdout.contains(SECRET), "{}", run.stdout);
}
