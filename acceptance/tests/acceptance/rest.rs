//! The REST API, by what others wrote for OpenAPI: a linter, a generator of clients, and schemathesis, which makes requests out of
//! the document. All of them see a real daemon.

use std::{
    fs,
    io::{self, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    os::unix::{fs::symlink, net::UnixStream},
    path::{Path, PathBuf},
    process::Command,
    thread,
};

use tempfile::TempDir;
use testkit::{Run, World, repository};

/// The files of acceptance/rest, in a folder with the packages that they need, beside the document of a daemon.
struct Tools {
    folder: TempDir,
    address: String,
    // Dropped last: the daemon stops.
    _world: World,
}

impl Tools {
    fn start() -> Self {
        let world = World::new();
        world.daemon();
        let address = bridge(&world.socket());
        let folder = tempfile::tempdir().expect("a folder");
        let packages = Run::of(&mut Command::new(repository().join("acceptance/rest/install.sh"))).ok();
        let packages = PathBuf::from(packages.stdout.trim());
        symlink(packages.join("node_modules"), folder.path().join("node_modules")).expect("a link");
        for name in ["package.json", "redocly.yaml", "tsconfig.json", "life.ts"] {
            let from = repository().join("acceptance/rest").join(name);
            fs::copy(from, folder.path().join(name)).expect("a copy");
        }
        fs::write(folder.path().join("openapi.json"), document(&world.socket())).expect("a file");
        Self { folder, address, _world: world }
    }

    /// Runs a command of the packages.
    fn run(&self, name: &str, arguments: &[&str]) -> Run {
        let program = self.folder.path().join("node_modules/.bin").join(name);
        self.run_program(&program, arguments)
    }

    fn run_program(&self, program: &Path, arguments: &[&str]) -> Run {
        let cache = std::env::var("XDG_CACHE_HOME").map(PathBuf::from);
        let cache = cache.or_else(|_| std::env::var("HOME").map(|home| Path::new(&home).join(".cache")));
        let tools = cache.expect("a home").join("kontraktor/tools/bin");
        let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap_or_default());
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("PATH", path)
            .env("REDOCLY_TELEMETRY", "off");
        Run::of(&mut command)
    }
}

#[test]
fn a_linter_finds_nothing_in_the_document() {
    let tools = Tools::start();
    tools.run("redocly", &["lint", "--config", "redocly.yaml", "--format", "stylish", "openapi.json"]).ok();
}

#[test]
fn an_environment_lives_through_a_client_that_others_generate() {
    let tools = Tools::start();
    tools.run("openapi-typescript", &["openapi.json", "--output", "schema.d.ts"]).ok();
    tools.run("tsc", &["--project", "tsconfig.json"]).ok();
    let lived = tools.run_program(Path::new("node"), &["life.js", &tools.address]).ok();
    assert_eq!(lived.stdout.trim(), "an environment lived");
}

/// Each operation with its examples, with values at the edges of their types, and with random ones. What the document does not
/// say is a failure: a status, a media type, a header, a body of another shape. The stream of events has no end, and is left out.
#[test]
fn requests_made_of_the_document_are_answered_as_it_says() {
    let tools = Tools::start();
    let install = repository().join("acceptance/python/install.sh");
    let python = Run::of(Command::new(install).arg("rest-requirements.txt")).ok();
    let checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
        response_schema_conformance,use_after_free";
    let url = format!("{}/openapi.json", tools.address);
    let arguments = [
        "-m",
        "schemathesis.cli",
        "run",
        &url,
        "--checks",
        checks,
        "--phases",
        "examples,coverage,fuzzing,stateful",
        "--max-examples",
        "20",
        "--max-time",
        "60",
        "--request-timeout",
        "30",
        "--workers",
        "1",
        "--generation-deterministic",
        "--no-color",
        "--exclude-path",
        "/api/v1/environments/{project}/{env}/events",
    ];
    tools.run_program(Path::new(python.stdout.trim()), &arguments).ok();
}

/// Returns what the daemon says of itself.
fn document(socket: &Path) -> String {
    let mut daemon = UnixStream::connect(socket).expect("a connection");
    daemon
        .write_all(b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .expect("a request");
    let mut answer = String::new();
    daemon.read_to_string(&mut answer).expect("an answer");
    answer.split_once("\r\n\r\n").expect("a body").1.to_owned()
}

/// Forwards connections from a port of the loopback to the daemon's socket, as long as the test runs.
fn bridge(socket: &Path) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let socket = socket.to_owned();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let socket = socket.clone();
            thread::spawn(move || {
                // The daemon may have stopped, and clients may leave at any time.
                let _ = forward(&client, &socket);
            });
        }
    });
    format!("http://{address}")
}

fn forward(client: &TcpStream, socket: &Path) -> io::Result<()> {
    let daemon = UnixStream::connect(socket)?;
    let (mut to_daemon, mut from_client) = (daemon.try_clone()?, client.try_clone()?);
    let requests = thread::spawn(move || {
        let copied = copy(&mut from_client, &mut to_daemon);
        let _ = to_daemon.shutdown(Shutdown::Write);
        copied
    });
    let (mut from_daemon, mut to_client) = (daemon, client.try_clone()?);
    let copied = copy(&mut from_daemon, &mut to_client);
    let _ = client.shutdown(Shutdown::Both);
    let _ = requests.join();
    copied
}

fn copy(from: &mut impl Read, to: &mut impl Write) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match from.read(&mut buffer)? {
            0 => return Ok(()),
            count => to.write_all(&buffer[..count])?,
        }
    }
}
