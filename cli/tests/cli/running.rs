//! `ktr run` with variables alone. Secrets, masking and signals are tested in `acceptance`, which has vaults.

use std::{fs, os::unix::fs::PermissionsExt as _, process::Command};

use super::world::{World, run};

fn scene() -> World {
    let world = World::with_environment();
    world.ok(&["var", "set", "infra-demo/dev", "PORT=1", "db.host=a b\nc", "APP_NAME=x"]);
    world
}

#[test]
fn variables_override_the_environment_of_ktr() {
    let world = scene();
    let print =
        "import os; print(repr([os.environ.get(k) for k in ('PORT', 'db.host', 'APP_NAME', 'MINE')]))";
    let with = |options: &[&str]| {
        let arguments = [&["run", "infra-demo/dev"], options, &["--", "python3", "-c", print]].concat();
        let mut command = world.command(&arguments);
        command.env("PORT", "mine").env("MINE", "mine");
        let run = run(command, b"");
        assert_eq!((run.code, run.stderr.as_str()), (0, ""));
        run.stdout
    };
    assert_eq!(with(&[]), "['1', 'a b\\nc', 'x', 'mine']\n");
    assert_eq!(with(&["--prefix", "APP_"]), "['mine', None, 'x', 'mine']\n");
    assert_eq!(with(&["--at", "1"]), "['mine', None, None, 'mine']\n");
}

#[test]
fn input_output_and_exit_code_are_the_commands_own() {
    let world = scene();
    let script = "cat; echo \"port $PORT\"; echo wrong >&2; exit 42";
    let run = world.run_with(&["run", "infra-demo/dev", "--", "sh", "-c", script], b"in\n");
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (42, "in\nport 1\n", "wrong\n"));
    // Options after -- are the command's.
    let run = world.run(&["run", "infra-demo/dev", "--", "echo", "--output", "json", "--", "-n"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, "--output json -- -n\n"));
}

#[test]
fn failures_of_ktr_have_exit_codes_of_their_own() {
    let mut world = scene();
    let file = world.path("file");
    fs::write(&file, "echo no").expect("the scratch directory takes a file");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("mode set");
    let file = file.display().to_string();
    world
        .show(&["run", "infra-demo/dev", "--", "no-such-command"])
        .show(&["run", "infra-demo/dev", "--", &file])
        .show(&["run", "infra-demo/dev", "--", ""])
        .show(&["run", "infra-demo/nowhere", "--", "true"])
        .show(&["run", "infra-demo/dev", "--at", "99", "--", "true"])
        .show(&["run", "infra-demo/dev", "--no-mask=PORT", "--", "true"])
        .show(&["run", "infra-demo/dev", "--nonsense", "--", "true"])
        .show(&["run", "infra-demo/dev"])
        .show(&["run", "infra-demo/dev", "true"])
        .show(&["run", "Infra/dev", "--", "true"])
        .show(&["--timeout", "soon", "run", "infra-demo/dev", "--", "true"])
        .show(&["--host", "ftp://localhost", "run", "infra-demo/dev", "--", "true"])
        .show(&["--host", "unix:///nowhere/k.sock", "run", "infra-demo/dev", "--", "true"]);
    insta::assert_snapshot!(world.transcript(), @r#"
    $ ktr run infra-demo/dev -- no-such-command
    error: cannot run "no-such-command": No such file or directory (os error 2)
    hint: Check the command's name, and the PATH if the environment sets it.
    [exit 127]
    $ ktr run infra-demo/dev -- DIR/file
    error: cannot run "DIR/file": Permission denied (os error 13)
    [exit 126]
    $ ktr run infra-demo/dev -- ""
    error: cannot run "": No such file or directory (os error 2)
    hint: Check the command's name, and the PATH if the environment sets it.
    [exit 127]
    $ ktr run infra-demo/nowhere -- true
    error: environment "infra-demo/nowhere" does not exist
    hint: List environments with `ktr env list`.
    [exit 125]
    $ ktr run infra-demo/dev --at 99 -- true
    error: environment "infra-demo/dev" has no revision 99; the newest is 2
    hint: Use a revision from 1 to 2.
    [exit 125]
    $ ktr run infra-demo/dev --no-mask=PORT -- true
    error: unknown key `PORT` in --no-mask: there are no secrets to mask
    [exit 125]
    $ ktr run infra-demo/dev --nonsense -- true
    error: unexpected argument '--nonsense' found

      tip: to pass '--nonsense' as a value, use '-- --nonsense'

    Usage: ktr run <PROJECT/ENV> -- <COMMAND>...

    For more information, try '--help'.
    [exit 125]
    $ ktr run infra-demo/dev
    error: the following required arguments were not provided:
      <COMMAND>...

    Usage: ktr run --host <HOST> <PROJECT/ENV> -- <COMMAND>...

    For more information, try '--help'.
    [exit 125]
    $ ktr run infra-demo/dev true
    error: unexpected argument 'true' found

    Usage: ktr run [OPTIONS] <PROJECT/ENV> -- <COMMAND>...

    For more information, try '--help'.
    [exit 125]
    $ ktr run Infra/dev -- true
    error: invalid value 'Infra/dev' for '<PROJECT/ENV>': project has 'I' at character 1; use 1 to 63 characters of a-z, 0-9 and "-", with a letter or a digit at the beginning and at the end

    For more information, try '--help'.
    [exit 125]
    $ ktr --timeout soon run infra-demo/dev -- true
    error: invalid timeout: expected a number and a unit, such as 500ms, 10s or 2m
    hint: Correct the value of --timeout or KONTRAKTOR_TIMEOUT.
    [exit 125]
    $ ktr --host ftp://localhost run infra-demo/dev -- true
    error: unsupported host scheme ftp://; expected unix:///path/to/kontraktord.sock or https://NAME[:PORT]. Omit host to use the local daemon's socket
    hint: Correct the value of --host or KONTRAKTOR_HOST.
    [exit 125]
    $ ktr --host unix:///nowhere/k.sock run infra-demo/dev -- true
    error: cannot reach kontraktord at unix:///nowhere/k.sock: the socket does not exist
    hint: Start the daemon with `kontraktord --socket /nowhere/k.sock`.
    [exit 125]
    "#);
    assert_eq!(world.run(&["run", "--help"]).code, 0);
}

/// ktr replaces itself with the command, which has its process id.
#[test]
fn ktr_becomes_the_command_if_there_is_nothing_to_mask() {
    let world = scene();
    let mut command = world.command(&["run", "infra-demo/dev", "--", "sh", "-c", "echo $$"]);
    let child = command.stdout(std::process::Stdio::piped()).spawn().expect("ktr can be run");
    let pid = child.id();
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), pid.to_string());
}

/// Everyone who can write to an environment would run code with the rights of those who use it.
#[test]
fn variables_that_run_code_are_refused_unless_they_are_allowed_by_name() {
    let mut world = scene();
    world.ok(&["env", "create", "infra-demo/base"]);
    world.ok(&["var", "set", "infra-demo/base", "NODE_OPTIONS=--require=/nowhere.js"]);
    world.ok(&["env", "update", "infra-demo/dev", "--import", "infra-demo/base"]);
    world.ok(&["var", "set", "infra-demo/dev", "LD_PRELOAD=/nowhere.so", "PATH=/bin:/usr/bin"]);
    world.show(&["run", "infra-demo/dev", "--", "touch", "started"]);
    world.show(&[
        "run",
        "infra-demo/dev",
        "--allow-variable",
        "PATH",
        "--own-only",
        "--",
        "touch",
        "started",
    ]);
    assert!(!world.path("started").exists());
    let allowed = ["--prefix", "P", "--allow-variable", "PATH"];
    world.show(&[&["run", "infra-demo/dev"], &allowed[..], &["--", "sh", "-c", "echo $PORT $PATH"]].concat());
    insta::assert_snapshot!(world.transcript(), @r#"
    $ ktr run infra-demo/dev -- touch started
    error: infra-demo/dev sets variables by which programs run code: LD_PRELOAD, NODE_OPTIONS, PATH; the command was not started
    hint: If you trust everyone who can write to the environment and its imports, add --allow-variable LD_PRELOAD --allow-variable NODE_OPTIONS --allow-variable PATH; otherwise exclude them with --prefix.
    [exit 125]
    $ ktr run infra-demo/dev --allow-variable PATH --own-only -- touch started
    error: infra-demo/dev sets variables by which programs run code: LD_PRELOAD; the command was not started
    hint: If you trust everyone who can write to the environment and its imports, add --allow-variable LD_PRELOAD; otherwise exclude them with --prefix.
    [exit 125]
    $ ktr run infra-demo/dev --prefix P --allow-variable PATH -- sh -c "echo $PORT $PATH"
    1 /bin:/usr/bin
    "#);
}

/// Returns the command behind another one that runs it.
fn behind(first: &[&str], command: &Command) -> Command {
    let mut whole = Command::new(first[0]);
    whole.args(&first[1..]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => whole.env(name, value),
            None => whole.env_remove(name),
        };
    }
    whole.current_dir(command.get_current_dir().expect("the scratch directory"));
    whole
}

/// Makes the process a child subreaper (prctl(2)), which the command that it then becomes still is.
const SUBREAPER: [&str; 3] = [
    "python3",
    "-c",
    "import ctypes, os, sys; ctypes.CDLL(None).prctl(36, 1, 0, 0, 0); os.execvp(sys.argv[1], sys.argv[1:])",
];

/// Leaves processes behind, lets all of them end at once, and waits until none is left, not even as a zombie.
const LEAVE_ORPHANS: &str = r#"
import os, sys, time
started, start = os.pipe()
ended, end = os.pipe()
for _ in range(5):
    if os.fork() == 0:
        if os.fork() == 0:
            os.close(end)
            os.write(start, b"%9d" % os.getpid())
            os.read(ended, 1)
            os._exit(3)
        os._exit(0)
    os.wait()
orphans = [int(os.read(started, 9)) for _ in range(5)]
deadline = time.monotonic() + 120
def wait(what, done):
    while not done():
        if time.monotonic() > deadline:
            sys.exit(what)
        time.sleep(0.01)
def parent(pid):
    return int(open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[1])
for orphan in orphans:
    wait("ktr does not adopt orphans", lambda: parent(orphan) == os.getppid())
os.close(end)
for orphan in orphans:
    wait("ktr leaves zombies", lambda: not os.path.exists(f"/proc/{orphan}"))
sys.exit(42)
"#;

#[test]
fn orphans_are_reaped_by_process_1_and_by_a_child_subreaper() {
    let world = scene();
    let ktr = || world.command(&["run", "infra-demo/dev", "--", "python3", "-c", LEAVE_ORPHANS]);
    let check = |command| {
        let run = run(command, b"");
        assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (42, "", ""));
    };
    check(behind(&SUBREAPER, &ktr()));

    let namespace = ["unshare", "--pid", "--fork", "--mount-proc"];
    if Command::new(namespace[0])
        .args(&namespace[1..])
        .arg("true")
        .output()
        .is_ok_and(|run| run.status.success())
    {
        check(behind(&namespace, &ktr()));
    } else {
        eprintln!("no namespace of processes can be made here: process 1 is not tested");
    }
}

/// ktr turns its own core dumps off, and not those of the command: neither of one that it becomes nor of one beside it.
#[test]
fn the_command_has_the_limits_that_ktr_was_started_with() {
    let world = scene();
    let ktr = world.command(&["run", "infra-demo/dev", "--", "sh", "-c", "ulimit -S -c"]);
    let limited = ["sh", "-c", "ulimit -S -c 1 || exit 77; exec \"$0\" \"$@\""];
    for command in [behind(&limited, &ktr), behind(&limited, &behind(&SUBREAPER, &ktr))] {
        let run = run(command, b"");
        if run.code == 77 {
            eprintln!("core dumps are turned off for this test itself: this is skipped");
            return;
        }
        assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (0, "1\n", ""));
    }
}
