//! Start and stop: which files are created with which modes, what is refused with which error, and that a stop loses
//! nothing that was accepted.

use std::{
    fs,
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _},
        net::UnixStream,
    },
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http_body_util::BodyExt as _;
use kontraktor_proto::v1::{
    GetSnapshotRequest, GetStatusRequest, ProblemCode, Snapshot, WriteStatus, WriteVariablesRequest,
    WriteVariablesResponse, system_client::SystemClient, variables_client::VariablesClient,
};
use kontraktor_store_duckdb::{DATABASE_FILE, LOCK_FILE};
use nix::sys::signal::Signal;
use prost::Message as _;
use testkit::eventually_async;
use tokio_stream::StreamExt as _;
use tonic::{Request, codegen::http::uri::PathAndQuery, transport::Channel};
use tonic_health::{
    ServingStatus,
    pb::{HealthCheckRequest, health_client::HealthClient},
};
use tonic_prost::ProstCodec;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tower::ServiceExt as _;

use super::common::{Home, batch, environment, framed, post, put};

/// How long a slow reader reads nothing: longer than the daemon waits before it cuts connections on which nothing runs.
const SLOW_READER: Duration = Duration::from_millis(800);

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o777
}

#[tokio::test]
async fn without_arguments_it_serves_on_private_files_in_the_usual_places() {
    let home = Home::new();
    let runtime =
        home.dir.path().join("kontraktor-").display().to_string() + &nix::unistd::geteuid().to_string();
    let socket = Path::new(&runtime).join("kontraktord.sock");
    let daemon = home.builder().default_locations(&socket).start();
    assert_eq!(daemon.announcement(), format!("listening on unix://{}", socket.display()));
    let data = home.dir.path().join(".local/state/kontraktor");
    assert_eq!((mode(&socket), mode(socket.parent().unwrap())), (0o600, 0o700));
    assert_eq!(
        (mode(&data), mode(&data.join(DATABASE_FILE)), mode(&data.join(LOCK_FILE))),
        (0o700, 0o600, 0o600)
    );
    let status = daemon.system().get_status(GetStatusRequest {}).await.unwrap().into_inner();
    assert_eq!(status.data_dir, data.display().to_string());
    daemon.terminate().ok();
    assert!(!socket.exists(), "the socket is removed");
}

#[test]
fn a_second_daemon_on_the_same_data_names_the_first() {
    let home = Home::new();
    let daemon = home.start();
    let socket = home.dir.path().join("other/k.sock").display().to_string();
    let second = home.run(&["--socket", &socket]);
    assert_eq!(second.code, 3);
    assert_eq!(second.stdout, "");
    let report = second.report().replace(&daemon.pid().to_string(), "PID");
    insta::assert_snapshot!(report, @"error: the data directory HOME/data is in use by process PID; stop that daemon, or choose another --data-dir");
}

#[test]
fn a_second_daemon_on_the_same_socket_is_refused() {
    let home = Home::new();
    let daemon = home.start();
    let second = home.run(&["--data-dir", &home.dir.path().join("other").display().to_string()]);
    assert_eq!(second.code, 3);
    insta::assert_snapshot!(second.report(), @"
    error: another daemon is listening on HOME/run/k.sock
    hint: stop that daemon first, or choose another socket with `--socket`
    ");
    // The first one still has it.
    assert!(UnixStream::connect(daemon.socket()).is_ok());
}

#[test]
fn a_directory_that_others_can_enter_is_refused_for_the_socket() {
    let home = Home::new();
    let open = home.dir.path().join("open");
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o755)).unwrap();
    let refused = home.run(&["--socket", &open.join("k.sock").display().to_string()]);
    assert_eq!(refused.code, 2);
    insta::assert_snapshot!(refused.report(), @"error: the socket's directory HOME/open has mode 0755, which lets other users in; use a directory of its own and `chmod 700` it");
}

/// Other users may have put links into the directory before it was closed.
#[test]
fn a_lock_that_someone_planted_is_refused_and_what_it_leads_to_is_left_alone() {
    let home = Home::new();
    let victim = home.dir.path().join("victim");
    fs::write(&victim, "precious").unwrap();
    fs::create_dir(home.data()).unwrap();
    std::os::unix::fs::symlink(&victim, home.data().join(LOCK_FILE)).unwrap();
    fs::set_permissions(home.data(), fs::Permissions::from_mode(0o700)).unwrap();
    let refused = home.run(&[]);
    assert_eq!((refused.code, refused.stdout.as_str()), (2, ""));
    insta::assert_snapshot!(refused.report(), @"error: cannot use the data directory HOME/data: kontraktord.lock is a symbolic link. Remove it, or replace it with the file itself");
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
}

#[test]
fn a_default_socket_with_too_long_a_path_is_refused_with_the_remedy() {
    let home = Home::new();
    let runtime = format!("/{}", "x".repeat(100));
    let refused = home.tidy(
        home.builder()
            .env("KONTRAKTOR_SOCKET", "")
            .env("XDG_RUNTIME_DIR", &runtime)
            .command()
            .arg("--check-config"),
    );
    assert_eq!(refused.code, 2);
    insta::assert_snapshot!(refused.stderr.replace(&runtime, "/x"), @r"
    error: invalid value for `socket` from default: /x/kontraktor/kontraktord.sock is 129 bytes long; the system allows at most 107. Choose a shorter path with `--socket` or KONTRAKTOR_SOCKET
    hint: run `kontraktord --help` for the list of settings; nothing was changed
    ");
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let home = Home::new();
    let file = home.data().join(DATABASE_FILE);
    fs::create_dir(home.data()).unwrap();
    fs::set_permissions(home.data(), fs::Permissions::from_mode(0o700)).unwrap();
    let rubbish = b"this is no database".repeat(1_000);
    fs::write(&file, &rubbish).unwrap();
    let refused = home.run(&[]);
    assert_eq!((refused.code, refused.stdout.as_str()), (4, ""));
    insta::assert_snapshot!(refused.report(), @"
    error: cannot use HOME/data/kontraktor.duckdb as Kontraktor's database: it is not a DuckDB database; nothing was changed
    hint: restore it from a backup, or choose another data directory with `--data-dir`
    ");
    assert_eq!(fs::read(&file).unwrap(), rubbish);
    assert!(!home.socket().exists());
}

#[tokio::test]
async fn a_damaged_database_is_refused_and_left_alone() {
    let home = Home::new();
    let daemon = home.start();
    daemon.variables().write_variables(batch([put("k", "v")])).await.unwrap();
    daemon.terminate().ok();
    let file = home.data().join(DATABASE_FILE);
    let mut bytes = fs::read(&file).unwrap();
    for byte in &mut bytes[4_096..] {
        *byte ^= 0x5a;
    }
    fs::write(&file, &bytes).unwrap();
    let refused = home.run(&[]);
    assert_eq!(refused.code, 4, "{refused:?}");
    assert!(refused.report().starts_with("error: "), "{refused:?}");
    assert_eq!(fs::read(&file).unwrap(), bytes);
}

#[test]
fn a_database_of_a_newer_daemon_is_refused_and_left_alone() {
    let home = Home::new();
    assert_eq!(home.start().terminate().code, Some(0));
    let file = home.data().join(DATABASE_FILE);
    {
        let database = duckdb::Connection::open(&file).unwrap();
        database.execute_batch("INSERT INTO schema_version SELECT * REPLACE (99 AS version) FROM schema_version LIMIT 1; CHECKPOINT").unwrap();
    }
    let before = fs::read(&file).unwrap();
    let refused = home.run(&[]);
    assert_eq!((refused.code, refused.stdout.as_str()), (4, ""));
    insta::assert_snapshot!(refused.report(), @"error: HOME/data/kontraktor.duckdb has tables of version 99, and this kontraktord supports versions up to 5; nothing was changed. Start the newer kontraktord that wrote it");
    assert_eq!(fs::read(&file).unwrap(), before);
}

#[test]
fn check_config_prints_what_would_be_used_and_touches_nothing() {
    let home = Home::new();
    let file = home.dir.path().join("k.toml");
    fs::write(&file, "log = 'warn'\n").unwrap();
    let checked =
        home.run(&["--check-config", "--config", &file.display().to_string(), "--log-format", "json"]);
    assert_eq!((checked.code, checked.stderr.as_str()), (0, ""));
    insta::assert_snapshot!(checked.stdout, @r#"
    data-dir = "HOME/data"  # environment variable KONTRAKTOR_DATA_DIR
    socket = "HOME/run/k.sock"  # environment variable KONTRAKTOR_SOCKET
    log = "warn"  # HOME/k.toml
    log-format = "json"  # flag --log-format
    listen = []  # default
    connections.max = 8192  # default
    connections.max_per_address = 1024  # default
    connections.handshake_timeout = "10s"  # default
    connections.header_timeout = "20s"  # default
    connections.idle_timeout = "5m"  # default
    connections.stall_timeout = "1m"  # default
    cors-origins = []  # default
    public-url = "https://localhost:8743"  # default
    tokens.lifetime = "15m"  # default
    limits = { requests_per_second = 2000, burst = 20000, address_requests_per_second = 4000, address_burst = 40000, failure_cost = 400 }  # default
    "#);
    assert!(!home.data().exists());
}

#[test]
fn check_config_prints_where_vaults_are_and_no_credential() {
    let home = Home::new();
    let file = home.dir.path().join("k.toml");
    let check = |text: &str| {
        fs::write(&file, text).unwrap();
        home.run(&["--check-config", "--config", &file.display().to_string()])
    };
    let vault = "[[vault]]\nname = 'prod'\nkind = 'aws-sm'\n";
    let good = check(&format!("{vault}address = 'https://sm.example.com'\n"));
    assert_eq!((good.code, good.stderr.as_str()), (0, ""));
    assert!(good.stdout.ends_with("vault prod: aws-sm at https://sm.example.com\n"), "{}", good.stdout);
    for wrong in [
        "address = 'https://user:hunter2@sm.example.com'",
        "address = 'https://sm.example.com?token=hunter2'",
        "address = ['hunter2']",
        "timeout = 'hunter2'",
        "concurrency = 'hunter2'",
        "token = 'hunter2'",
        "token = 'hunter2",
    ] {
        let refused = check(&format!("{vault}{wrong}\n"));
        assert_eq!((refused.code, refused.stdout.as_str()), (2, ""));
        assert!(!refused.stderr.contains("hunter2"), "{}", refused.stderr);
    }
}

#[test]
fn wrong_configuration_ends_with_the_usage_code() {
    let home = Home::new();
    let file = home.dir.path().join("k.toml");
    fs::write(&file, "data-dir = '/d'\nlistens = '0.0.0.0'\n").unwrap();
    let refused = home.run(&["--check-config", "--config", &file.display().to_string()]);
    assert_eq!(refused.code, 2);
    insta::assert_snapshot!(refused.report(), @"
    error: HOME/k.toml: unknown setting `listens`; expected one of data-dir, socket, log, log-format, listen, cors-origins, tls, connections, public-url, tokens, limits, issuer, client-certificate, vault
    hint: run `kontraktord --help` for the list of settings; nothing was changed
    ");
    assert_eq!(home.run(&["--unknown"]).code, 2);
    assert_eq!(home.run(&["--check-config", "audit", "verify"]).code, 2);
    assert!(!home.data().exists());
}

#[test]
fn help_describes_everything() {
    let home = Home::new();
    let help = home.run(&["--help"]);
    assert_eq!(help.code, 0);
    let lines: Vec<_> = help.stdout.lines().map(str::trim_end).collect();
    insta::assert_snapshot!(lines.join("\n"), @"
    The Kontraktor daemon: owner of the store, the audit log and the API.

    Without arguments it serves on a unix socket that only its user can reach, and prints where.

    Usage: kontraktord [OPTIONS] [COMMAND]

    Commands:
      audit      Work with the log of everything that was written
      vault      Work with the vaults that secrets come from
      bootstrap  Make the first owner, who can grant roles from then on
      help       Print this message or the help of the given subcommand(s)

    Options:
          --data-dir <DIR>
              The directory of the database and the lock

              [env: KONTRAKTOR_DATA_DIR]
              [default: $XDG_STATE_HOME/kontraktor, else ~/.local/state/kontraktor]

          --socket <PATH>
              The unix socket to serve on, in a directory of mode 0700

              [env: KONTRAKTOR_SOCKET]
              [default: $XDG_RUNTIME_DIR/kontraktor/kontraktord.sock,
               else /tmp/kontraktor-UID/kontraktord.sock (TMPDIR instead of /tmp where it is set)]

          --config <FILE>
              The configuration file, which must exist when it is named

              [env: KONTRAKTOR_CONFIG]
              [default: $XDG_CONFIG_HOME/kontraktor/kontraktord.toml,
               else ~/.config/kontraktor/kontraktord.toml]

          --log <LEVEL>
              What to log to standard error: error, warn, info, debug, trace,
              or directives such as `info,kontraktor_api=debug`

              [env: KONTRAKTOR_LOG]
              [default: info]

          --log-format <FORMAT>
              How to log; auto is text on a terminal and json otherwise

              [env: KONTRAKTOR_LOG_FORMAT]
              [default: auto]

              Possible values:
              - auto: Text on a terminal, JSON otherwise
              - text: Text for people
              - json: One JSON object per line

          --listen <ADDR:PORT>
              An address and a port to serve on besides the socket (repeatable); port 0 is one that the
              system chooses

              Addresses that other machines can reach need TLS. The daemon's usual port is 8743.

              [env: KONTRAKTOR_LISTEN, separated by commas]

          --tls <MODE>
              Where the certificate of --listen comes from

              [env: KONTRAKTOR_TLS]
              [default: files where the configuration file has a table `[tls]`, else no TLS]

              Possible values:
              - self-signed: From an authority of the daemon's own, in DATA_DIR/tls
              - files:       From the files that the table `[tls]` names

          --tls-name <NAME>
              A name or an address that the certificate of `--tls self-signed` is for, besides those of
              this host (repeatable)

              [env: KONTRAKTOR_TLS_NAMES, separated by commas]

          --check-config
              Print each setting and its source, and exit

      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version

    Configuration, by precedence: flags, environment variables, the configuration file, defaults.
    The file is TOML, with the settings data-dir, socket, log, log-format, listen, public-url and
    cors-origins, and tables [tls], [connections], [tokens], [limits], [[issuer]],
    [[client-certificate]] and [[vault]].

    Signals: SIGTERM and SIGINT stop the daemon once running requests are answered, within 10 seconds;
    a second signal stops it at once. SIGHUP clears the caches of secrets and reads the configuration
    again: `log`, [tls], [limits], [[issuer]], [[client-certificate]] and [[vault]] change at once, the
    other settings with the next start. Changed files of [tls] are also noticed without a signal.

    Exit codes:
      0  success
      1  a failure while running
      2  the command line or the configuration is invalid; nothing was changed
      3  another process uses the data directory, the socket or a port
      4  the data cannot be used (damaged, missing, or of a newer version); nothing was changed
      5  `audit verify` found a damaged log, or another row than the expected one
      6  `vault check` found the vault unusable
    ");
}

/// Writes until a write is refused. Returns how many batches were acknowledged.
async fn write_until_refused(
    mut client: VariablesClient<Channel>,
    writer: usize,
    acknowledged: Arc<AtomicUsize>,
) -> usize {
    for number in 0.. {
        let request = batch([put(&format!("k{writer}_{number}"), "v")]);
        match client.write_variables(request).await {
            Ok(answer) => {
                assert_eq!(answer.into_inner().results[0].status(), WriteStatus::Written);
                acknowledged.fetch_add(1, Ordering::Relaxed);
            }
            Err(status) => {
                let code = kontraktor_proto::problem::from_status(&status).map(|problem| problem.code());
                // Either the daemon says so itself, or the connection is gone.
                assert!(matches!(code, None | Some(ProblemCode::ShuttingDown)), "{status:?}");
                return number;
            }
        }
    }
    unreachable!("the loop has no end")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_to_stop_loses_nothing_that_was_acknowledged() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let home = Home::new();
        let mut daemon = home.start();
        let mut first = daemon.variables();
        first.write_variables(batch([put("first", "v")])).await.unwrap();
        let written = Arc::<AtomicUsize>::default();
        let writers: Vec<_> = (0..16)
            .map(|writer| tokio::spawn(write_until_refused(daemon.variables(), writer, Arc::clone(&written))))
            .collect();
        eventually_async("the writers are at work", async || {
            (written.load(Ordering::Relaxed) >= 32).then_some(())
        })
        .await;
        daemon.signal(signal);
        let mut acknowledged = Vec::new();
        for writer in writers {
            acknowledged.push(writer.await.unwrap());
        }
        tokio::task::spawn_blocking(move || daemon.wait()).await.unwrap().ok();
        assert!(!home.socket().exists());

        let daemon = home.start();
        let request = GetSnapshotRequest { name: environment("demo", "dev"), ..Default::default() };
        let snapshot = daemon.environments().get_snapshot(request).await.unwrap().into_inner();
        for (writer, count) in acknowledged.into_iter().enumerate() {
            for number in 0..count {
                let key = format!("k{writer}_{number}");
                assert!(snapshot.variables.iter().any(|variable| variable.key == key), "{key} is lost");
            }
        }
    }
}

#[tokio::test]
async fn stopping_does_not_wait_for_those_who_watch_or_hold_a_connection() {
    let home = Home::new();
    let daemon = home.builder().env("KONTRAKTOR_LOG", "debug").start();
    let mut idle = daemon.system();
    idle.get_status(GetStatusRequest {}).await.unwrap();
    let mut watch = HealthClient::new(daemon.channel())
        .watch(HealthCheckRequest { service: String::new() })
        .await
        .unwrap()
        .into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().status, ServingStatus::Serving as i32);
    // One that never says a word, and a stream that its client keeps open, as graphical tools do.
    let silent = UnixStream::connect(daemon.socket()).unwrap();
    let mut reflection = ServerReflectionClient::new(daemon.channel());
    let open = reflection.server_reflection_info(tokio_stream::pending()).await.unwrap();
    let stopped = tokio::task::spawn_blocking(move || daemon.terminate());
    let rest: Vec<_> = watch.map_while(Result::ok).map(|answer| answer.status).collect().await;
    assert_eq!(rest, [ServingStatus::NotServing as i32]);
    let log = stopped.await.unwrap().ok();
    assert!(log.contains("nothing runs on the connections that are still open"), "{log}");
    assert!(!log.contains("\"WARN\""), "{log}");
    drop((silent, open));
}

/// The daemon hands an answer over to HTTP/2 at once, which sends it as fast as its client reads.
#[tokio::test]
async fn a_stop_waits_for_a_slow_reader_of_an_answer() {
    let home = Home::new();
    let mut daemon = home.start();
    // More than the windows of a connection and the buffers of a socket take.
    let (keys, value) = (256, "v".repeat(65_536));
    let items = (0..keys).map(|number| put(&format!("k{number}"), &value));
    daemon.variables().write_variables(batch(items)).await.unwrap();

    let request = GetSnapshotRequest { name: environment("demo", "dev"), ..Default::default() };
    let message = request.encode_to_vec();
    let body = framed(0, u32::try_from(message.len()).unwrap(), &message);
    let answer = daemon.channel().oneshot(post("/kontraktor.v1.Environments/GetSnapshot", &[], body)).await;
    let mut answer = answer.unwrap().into_body();
    let mut read = answer.frame().await.unwrap().unwrap().into_data().unwrap().to_vec();

    // These block the only thread of this test, so that nothing is read meanwhile.
    daemon.signal(Signal::SIGTERM);
    daemon.wait_for_log("stopping");
    std::thread::sleep(SLOW_READER);
    assert!(daemon.is_running(), "it waits for the reader");

    let rest = answer.collect().await.unwrap();
    assert_eq!(rest.trailers().unwrap()["grpc-status"], "0");
    read.extend(rest.to_bytes());
    let snapshot = Snapshot::decode(&read[5..]).unwrap();
    assert_eq!(snapshot.variables.len(), keys);
    // Connections on which nothing is left to do are cut, as this one.
    daemon.wait().ok();
}

#[tokio::test]
async fn a_second_signal_cuts_the_wait_for_a_running_call_short() {
    let home = Home::new();
    let mut daemon = home.builder().env("KONTRAKTOR_LOG", "kontraktord=debug").start();
    let channel = daemon.channel();
    // A write whose message never comes.
    let unfinished = tokio::spawn({
        let mut client = tonic::client::Grpc::new(channel.clone());
        async move {
            client.ready().await.unwrap();
            let path = PathAndQuery::from_static("/kontraktor.v1.Variables/WriteVariables");
            let codec = ProstCodec::<WriteVariablesRequest, WriteVariablesResponse>::default();
            client.client_streaming(Request::new(tokio_stream::pending()), path, codec).await
        }
    });
    // On the same connection, so the daemon has met the one before when it answers this one.
    tokio::task::yield_now().await;
    SystemClient::new(channel).get_status(GetStatusRequest {}).await.unwrap();

    // Two that arrive together, as from a terminal and a parent, are one request to stop. Both are pending when the
    // process continues.
    daemon.pause();
    daemon.signal(Signal::SIGTERM);
    daemon.signal(Signal::SIGINT);
    daemon.resume();
    daemon.wait_for_log("another signal ends the daemon at once");
    assert!(daemon.is_running(), "it waits for the call");
    daemon.signal(Signal::SIGTERM);
    let ended = daemon.wait();
    assert_eq!(ended.code, Some(1), "{}", ended.log);
    let report: Vec<_> = ended.log.lines().filter(|line| !line.starts_with('{')).collect();
    assert_eq!(report, ["error: a second signal, SIGTERM, ended the daemon before it stopped in order"]);
    assert!(unfinished.await.unwrap().is_err());
}

#[tokio::test]
async fn a_hang_up_does_not_end_it() {
    let home = Home::new();
    let daemon = home.start();
    daemon.signal(Signal::SIGHUP);
    // A process that does not catch SIGHUP would end before it responds.
    daemon.system().get_status(GetStatusRequest {}).await.unwrap();
    daemon.terminate().ok();
}

/// What a daemon holds in memory is in no core dump, and not for other processes of its user.
#[tokio::test]
async fn it_keeps_its_memory_to_itself() {
    let home = Home::new();
    let daemon = home.start();
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", daemon.pid())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    let figures: Vec<&str> = core.split_whitespace().skip(4).collect();
    assert_eq!(figures, ["0", "0", "bytes"], "{core}");
    // The system gives the files of such a process to root.
    use std::os::unix::fs::MetadataExt as _;
    assert_eq!(std::fs::metadata(format!("/proc/{}/mem", daemon.pid())).unwrap().uid(), 0);
    daemon.terminate().ok();
}

#[tokio::test]
async fn variables_survive_a_restart() {
    let home = Home::new();
    let daemon = home.start();
    let written = daemon.variables().write_variables(batch([put("k", "v")])).await.unwrap().into_inner();
    daemon.terminate().ok();
    let daemon = home.start();
    let request = GetSnapshotRequest { name: environment("demo", "dev"), ..Default::default() };
    let snapshot = daemon.environments().get_snapshot(request).await.unwrap().into_inner();
    assert_eq!(snapshot.revision, written.results[0].environment_revision);
    assert_eq!(snapshot.variables[0].key, "k");
}
