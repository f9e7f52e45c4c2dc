//! No program leaves what it has in memory, secrets too, behind in a core dump.

use std::{
    io::{BufRead as _, BufReader},
    os::unix::{net::UnixListener, process::ExitStatusExt as _},
    path::Path,
    process::{Child, Command, Stdio},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use testkit::{Daemon, binary};

/// Returns the command with core dumps allowed, in a folder that may be filled with them.
fn may_dump(command: &Command, folder: &Path) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -S -c unlimited && exec \"$0\" \"$@\""]).arg(command.get_program());
    shell.args(command.get_args()).current_dir(folder).stdout(Stdio::piped()).stderr(Stdio::null());
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            shell.env(name, value);
        }
    }
    shell
}

fn spawn(command: &Command, folder: &Path) -> Child {
    may_dump(command, folder).spawn().expect("it can be started")
}

/// Ends the process as a crash does, and returns whether it dumped core.
fn dumps_core(mut child: Child) -> bool {
    let pid = Pid::from_raw(i32::try_from(child.id()).expect("a process id"));
    kill(pid, Signal::SIGABRT).expect("our child");
    let status = child.wait().expect("our child");
    assert_eq!(status.signal(), Some(Signal::SIGABRT as i32), "{status}");
    status.core_dumped()
}

/// Waits for the first line on standard output, which each program prints when it works.
fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().expect("a pipe")).read_line(&mut line).expect("a line");
    line
}

#[test]
fn no_program_dumps_core() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let folder = folder.path();
    let mut other = Command::new("sh");
    other.args(["-c", "echo ready; exec sleep 120"]);
    let mut other = spawn(&other, folder);
    if first_line(&mut other) != "ready\n" || !dumps_core(other) {
        eprintln!("this machine dumps no core for any program: this is skipped");
        return;
    }

    let mut daemon = spawn(&Daemon::builder(folder).command(), folder);
    assert!(first_line(&mut daemon).starts_with("listening on "));
    assert!(!dumps_core(daemon), "kontraktord dumps core");

    let mut provider = Command::new(binary("terraform-provider-kontraktor"));
    provider.arg("--debug").env("TMPDIR", folder);
    let mut provider = spawn(&provider, folder);
    assert!(first_line(&mut provider).starts_with("TF_REATTACH_PROVIDERS="));
    assert!(!dumps_core(provider), "the provider dumps core");

    let socket = folder.join("silent.sock");
    let listener = UnixListener::bind(&socket).expect("bound");
    let mut ktr = Command::new(binary("ktr"));
    ktr.arg("status").env("KONTRAKTOR_HOST", format!("unix://{}", socket.display()));
    let ktr = spawn(&ktr, folder);
    // It waits for an answer from here on.
    let _connection = listener.accept().expect("ktr connects");
    assert!(!dumps_core(ktr), "ktr dumps core");
}
