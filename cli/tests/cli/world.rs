//! One daemon on a socket of its own, and `ktr` run against it.

use std::{
    fmt::Write as _,
    fs::{self, File},
    io::{Read as _, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Command, Stdio},
};

use kontraktor_proto::endpoint::CONNECTION_VARIABLES;
use nix::pty::{OpenptyResult, openpty};
use tempfile::TempDir;
use testkit::Daemon;

/// A running daemon with an empty store; ends with the test.
pub(crate) struct World {
    /// First, because it ends before its directory is removed.
    daemon: Option<Daemon>,
    dir: TempDir,
    /// What was run and what it printed.
    transcript: String,
}

/// What one run came to.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl World {
    /// With a daemon that listens.
    pub(crate) fn new() -> Self {
        Self::with_configuration("")
    }

    /// With a vault `team` that cannot be reached, so that references to it can be set and not read.
    pub(crate) fn with_vault() -> Self {
        // What the token is does not matter where nobody listens.
        let world = Self::with_configuration(
            "[[vault]]\nname = \"team\"\nkind = \"vault\"\naddress = \"http://127.0.0.1:1\"\n\
             auth = { method = \"token\", token_file = \"/proc/sys/kernel/ostype\" }\n",
        );
        world.ok(&["env", "create", "infra-demo/dev", "--create-project"]);
        world
    }

    /// Returns a world whose daemon reads this configuration.
    fn with_configuration(toml: &str) -> Self {
        let mut world = Self::without_daemon();
        fs::write(world.path("kontraktord.toml"), toml).expect("the scratch directory takes a file");
        world.daemon = Some(Daemon::builder(world.dir.path()).socket(world.socket()).start());
        world
    }

    /// With nobody who listens.
    pub(crate) fn without_daemon() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).expect("mode set");
        Self { daemon: None, dir, transcript: String::new() }
    }

    /// With the environment `infra-demo/dev`.
    pub(crate) fn with_environment() -> Self {
        let world = Self::new();
        world.ok(&["env", "create", "infra-demo/dev", "--create-project"]);
        world
    }

    /// Ends the daemon and starts another one on the same data and socket.
    pub(crate) fn restart(&mut self) {
        self.daemon.as_mut().expect("a daemon").restart();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.path("k.sock")
    }

    /// `ktr` with these arguments and nothing from this process' environment that it looks at.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ktr"));
        command.args(arguments).env("COLUMNS", "100").current_dir(self.dir.path());
        for name in CONNECTION_VARIABLES {
            command.env_remove(name);
        }
        command.env("KONTRAKTOR_HOST", format!("unix://{}", self.socket().display()));
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        self.run_with(arguments, b"")
    }

    pub(crate) fn run_with(&self, arguments: &[&str], stdin: &[u8]) -> Run {
        run(self.command(arguments), stdin)
    }

    /// Runs what has to succeed; answers with what was printed.
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        let run = self.run(arguments);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "ktr {arguments:?}");
        run.stdout
    }

    pub(crate) fn json(&self, arguments: &[&str]) -> serde_json::Value {
        serde_json::from_str(&self.ok(arguments)).expect("JSON")
    }

    /// Runs it and adds it to the transcript.
    pub(crate) fn show(&mut self, arguments: &[&str]) -> &mut Self {
        let run = self.run(arguments);
        self.transcribe(arguments, &run);
        self
    }

    fn transcribe(&mut self, arguments: &[&str], run: &Run) {
        let line = arguments.iter().map(|argument| quoted(argument)).collect::<Vec<_>>().join(" ");
        write!(self.transcript, "$ ktr {line}\n{}{}", run.stdout, run.stderr).expect("strings grow");
        if run.code != 0 {
            writeln!(self.transcript, "[exit {}]", run.code).expect("strings grow");
        }
    }

    /// Runs it on a terminal, where a person answers, and adds it to the transcript.
    pub(crate) fn answer(&mut self, arguments: &[&str], answer: &str) -> &mut Self {
        self.answer_after(arguments, |_| {}, answer)
    }

    /// As [`Self::answer`], with something done between the question and the answer.
    pub(crate) fn answer_after(
        &mut self,
        arguments: &[&str],
        between: impl FnOnce(&Self),
        answer: &str,
    ) -> &mut Self {
        let run = on_terminal(self.command(arguments), || between(self), answer);
        self.transcribe(arguments, &run);
        self
    }

    /// What was shown since the last time, without what differs from run to run.
    pub(crate) fn transcript(&mut self) -> String {
        let transcript = std::mem::take(&mut self.transcript);
        self.redacted(&transcript)
    }

    fn actor(&self) -> String {
        match self.daemon {
            None => "unix:ME".to_owned(),
            Some(_) => {
                self.json(&["status", "--output", "json"])["actor"].as_str().expect("an actor").to_owned()
            }
        }
    }

    pub(crate) fn redacted(&self, text: &str) -> String {
        let text =
            text.replace(&self.dir.path().display().to_string(), "DIR").replace(&self.actor(), "unix:ME");
        let text = without_secrets(&text);
        let shapes = [
            ("sa-hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh", "CLIENT"),
            ("dddd-dd-ddTdd:dd:dd.ddddddZ", "TIME"),
            ("dddd-dd-ddTdd:dd:ddZ", "TIME"),
            ("hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh", "UUID"),
            ("hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh", "HASH"),
        ];
        // Some are written without the zeros at their end.
        let text = (1..6).rev().fold(text, |text, digits| {
            replace_shape(&text, &format!("dddd-dd-ddTdd:dd:dd.{}Z", "d".repeat(digits)), "TIME")
        });
        let text = shapes.into_iter().fold(text, |text, (shape, name)| replace_shape(&text, shape, name));
        // Columns are as wide as what they hold, and that differs.
        let lines = text.lines().map(|line| {
            if line.starts_with(' ') {
                return line.to_owned();
            }
            line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect::<Vec<_>>().join("  ")
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

pub(crate) fn run(mut command: Command, stdin: &[u8]) -> Run {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("ktr can be run");
    // A command that does not read its input may be gone already.
    let _ = child.stdin.take().expect("a pipe").write_all(stdin);
    let output = child.wait_with_output().expect("ktr ends");
    Run {
        code: output.status.code().expect("ktr is not killed"),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

/// With a terminal for standard input and standard error. The answer is typed after the question is shown.
fn on_terminal(mut command: Command, between: impl FnOnce(), answer: &str) -> Run {
    let OpenptyResult { master, slave } = openpty(None, None).expect("a terminal");
    let mut terminal = File::from(master);
    let child = command
        .env("NO_COLOR", "1")
        .stdin(slave.try_clone().expect("a second handle"))
        .stderr(slave)
        .stdout(Stdio::piped())
        .spawn()
        .expect("ktr can be run");
    // It holds our side of what the child writes to; reading would never end.
    drop(command);
    let mut seen = Vec::new();
    let mut byte = [0];
    while !seen.ends_with(b"[y/N] ") {
        match terminal.read(&mut byte) {
            Ok(1) => seen.push(byte[0]),
            // The child has ended without a question.
            _ => break,
        }
    }
    between();
    // Nobody may be there to read it.
    let _ = terminal.write_all(answer.as_bytes());
    let output = child.wait_with_output().expect("ktr ends");
    // Linux ends a terminal that nobody holds any more with an error.
    let _ = terminal.read_to_end(&mut seen);
    Run {
        code: output.status.code().expect("ktr is not killed"),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(seen).expect("UTF-8").replace("\r\n", "\n"),
    }
}

fn quoted(argument: &str) -> String {
    if argument.contains([' ', '\n', '"', '$']) || argument.is_empty() {
        format!("{argument:?}")
    } else {
        argument.to_owned()
    }
}

/// Replaces what follows the prefix of service accounts' secrets, and of their first characters.
fn without_secrets(text: &str) -> String {
    const PREFIX: &str = "kontraktor_";
    let mut parts = text.split(PREFIX);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |out, part| {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
        out + PREFIX + "SECRET" + rest
    })
}

/// Replaces every place where `d` stands for a digit, `h` for a digit of a hexadecimal number, and the rest for itself.
fn replace_shape(text: &str, shape: &str, name: &str) -> String {
    let fits = |at: &str| {
        at.len() >= shape.len()
            && at.bytes().zip(shape.bytes()).all(|(byte, shape)| match shape {
                b'd' => byte.is_ascii_digit(),
                b'h' => byte.is_ascii_hexdigit(),
                _ => byte == shape,
            })
    };
    let mut out = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if fits(rest) {
            out.push_str(name);
            rest = &rest[shape.len()..];
        } else {
            out.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    out
}
