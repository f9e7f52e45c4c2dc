//! What is written for each dialect of dotenv files is read back by that dialect's readers, and by each of them.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use kontraktor_model::dotenv::{Dialect, encode};
use tempfile::TempDir;
use testkit::{Run, repository};

type Variables = BTreeMap<String, String>;

/// Characters that some reader treats in a way of its own.
const PIECES: [&str; 15] =
    ["a", "'", "\"", "\\", "$", "{", "}", "`", "#", "\n", "\r", " ", "=", "\u{e9}", "\t"];

/// Variables with every combination of three pieces that the dialect expresses, and a few longer ones.
fn variables(dialect: Dialect) -> Variables {
    let longer = [
        "",
        "plain",
        "-----BEGIN KEY-----\nMIIE+/ab==\n-----END KEY-----\n",
        "$HOME ${HOME} $(id) `id`",
        "it's \"$5\" \\ `x`",
        r"\\server\share\",
        r"C:\new\table",
        r#"{"a": "b\"c", "d": [1, 2]}"#,
        "one # two\n# three\n",
        "export A=b",
        "a=b=c",
        "\\n\\r\\t\\0\\x41\\u0041",
    ];
    let mut values: Vec<String> = longer.map(str::to_owned).to_vec();
    for first in PIECES {
        for second in PIECES {
            values.extend(PIECES.map(|third| format!("{first}{second}{third}")));
        }
    }
    let keyed = values.into_iter().enumerate().map(|(number, value)| (format!("K{number}"), value));
    keyed.filter(|(key, value)| encode(dialect, [(key.as_str(), value.as_str())]).is_ok()).collect()
}

/// A file of the dialect, and what is in it.
struct File {
    directory: TempDir,
    expected: Variables,
}

impl File {
    fn new(dialect: Dialect) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let expected = variables(dialect);
        assert!(expected.len() > 500, "{dialect} expresses {} values", expected.len());
        let pairs = expected.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        let text = encode(dialect, pairs).expect("each of them can be written");
        fs::write(directory.path().join("file"), format!("# a comment\n{text}")).expect("a file of ours");
        Self { directory, expected }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("file")
    }

    #[track_caller]
    fn is_read_by(&self, reader: &str, mut read: Variables) {
        for (key, expected) in &self.expected {
            assert_eq!(read.remove(key).as_ref(), Some(expected), "{reader} reads {key}");
        }
    }
}

fn parse(json: &str) -> Variables {
    serde_json::from_str(json).expect("a JSON object of strings")
}

fn script(path: &str, argument: Option<&str>) -> PathBuf {
    let run = Run::of(Command::new(repository().join(path)).args(argument)).ok();
    PathBuf::from(run.stdout.trim())
}

fn go_reader(name: &str, file: &Path) -> Variables {
    let program = script("acceptance/dotenv-readers/build.sh", None);
    parse(&Run::of(Command::new(program).arg(name).arg(file).env_clear()).ok().stdout)
}

/// Starts the shell's command with the file as `$1`, and returns its environment.
fn shell(name: &str, file: &Path) -> Variables {
    let environment = Command::new(name)
        .args(["-c", "set -a; . \"$1\"; exec /usr/bin/env -0", name])
        .arg(file)
        .env_clear()
        .output()
        .expect("the shell starts");
    assert!(environment.status.success(), "{}", String::from_utf8_lossy(&environment.stderr));
    let text = String::from_utf8(environment.stdout).expect("UTF-8");
    let pairs = text.split_terminator('\0').filter_map(|pair| pair.split_once('='));
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// Reads a file as `docker run --env-file` does, by the documentation of the package `pkg/kvfile` in docker/cli: lines end with
/// LF or CRLF and have at most 64 KiB; blanks before a line are removed; empty lines, and those that begin with `#`, are
/// ignored; nothing is unquoted, unescaped or expanded, and blanks in a value are kept.
fn docker(text: &str) -> Variables {
    let mut variables = Variables::new();
    for line in text.split_terminator('\n') {
        assert!(line.len() < 64 * 1024, "a line is too long");
        let line = line.strip_suffix('\r').unwrap_or(line).trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (key, value) = line.split_once('=').expect("a variable with a value");
        assert!(!key.is_empty() && !key.contains([' ', '\t']), "an invalid name: {key}");
        variables.insert(key.to_owned(), value.to_owned());
    }
    variables
}

#[test]
fn libraries_read_dotenv() {
    let file = File::new(Dialect::Dotenv);
    let python = script("acceptance/python/install.sh", Some("dotenv-requirements.txt"));
    let read = "import dotenv, json, sys; print(json.dumps(dotenv.dotenv_values(sys.argv[1])))";
    let run = Run::of(Command::new(python).args(["-c", read]).arg(file.path()).env_clear()).ok();
    file.is_read_by("python-dotenv", parse(&run.stdout));
    file.is_read_by("godotenv", go_reader("godotenv", &file.path()));
    let read = "console.log(JSON.stringify(process.env))";
    let option = format!("--env-file={}", file.path().display());
    let run = Run::of(Command::new(node()).args([&option, "-e", read]).env_clear()).ok();
    file.is_read_by("node", parse(&run.stdout));
}

/// Returns Node, which `scripts/setup` installs together with npm where it is missing.
fn node() -> PathBuf {
    const FIND: &str = "export PATH=\"${XDG_CACHE_HOME:-$HOME/.cache}/kontraktor/tools/bin:$PATH\"
        \"$1\" npm >&2 && command -v node";
    let setup = repository().join("scripts/setup");
    let run = Run::of(Command::new("sh").args(["-c", FIND, "sh"]).arg(setup)).ok();
    PathBuf::from(run.stdout.trim())
}

#[test]
fn compose_reads_compose() {
    let file = File::new(Dialect::Compose);
    file.is_read_by("compose-go", go_reader("compose", &file.path()));
}

#[test]
fn shells_read_shell() {
    let file = File::new(Dialect::Shell);
    for name in ["sh", "bash"] {
        file.is_read_by(name, shell(name, &file.path()));
    }
}

#[test]
fn docker_reads_docker() {
    let file = File::new(Dialect::Docker);
    let text = fs::read_to_string(file.path()).expect("a file of ours");
    file.is_read_by("docker", docker(&text));
}
