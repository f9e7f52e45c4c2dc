//! A file of the database that rots. Whatever byte is wrong: either everything that is read is right, or the daemon reports
//! which file is damaged and what to do, with the exit code for that.

use std::{
    fs,
    os::unix::{fs::PermissionsExt as _, net::UnixStream},
    path::Path,
};

use kontraktor_proto::{
    problem::from_status,
    v1::{AuditEntry, GetSnapshotRequest, GetStatusRequest, ListHistoryRequest, ProblemCode, Snapshot},
};
use kontraktor_store_duckdb::DATABASE_FILE;
use testkit::{Daemon, Ended, Run, eventually};
use tonic::Status;

use super::common::{Home, batch, environment, put};

/// DuckDB's three headers, each with a checksum.
const HEADER_BYTES: usize = 4_096;
/// Its blocks after them, each with a checksum.
const BLOCK_BYTES: usize = 256 * 1024;

/// A value that does not compress well.
fn noise(seed: u64) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let words = (0..3_000).map(|_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        format!("{:016x}", state ^ (state >> 29))
    });
    words.collect()
}

async fn snapshot(daemon: &Daemon) -> Result<Snapshot, Status> {
    let request = GetSnapshotRequest { name: environment("demo", "dev"), ..Default::default() };
    let mut client = daemon.environments().max_decoding_message_size(64 * 1024 * 1024);
    client.get_snapshot(request).await.map(tonic::Response::into_inner)
}

async fn history(daemon: &Daemon) -> Result<Vec<AuditEntry>, Status> {
    let mut entries = Vec::new();
    let mut page_token = String::new();
    loop {
        let request =
            ListHistoryRequest { environment: environment("demo", "dev"), page_token, ..Default::default() };
        let mut client = daemon.audit().max_decoding_message_size(64 * 1024 * 1024);
        let page = client.list_history(request).await?.into_inner();
        entries.extend(page.entries);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(entries);
        }
    }
}

/// What an intact log says.
struct Truth {
    head: String,
    snapshot: Snapshot,
    history: Vec<AuditEntry>,
}

/// Current values in some blocks of the file, and earlier ones, which only the history needs, in others.
async fn written(home: &Home) -> Truth {
    let (daemon, truth) = writing(home).await;
    daemon.terminate().ok();
    truth
}

/// The same, and the daemon still runs.
async fn writing(home: &Home) -> (Daemon, Truth) {
    let daemon = home.start();
    for round in 0..2 {
        let items = (0..24).map(|key| put(&format!("k{key}"), &noise(round * 100 + key)));
        daemon.variables().write_variables(batch(items)).await.unwrap();
    }
    let status = daemon.system().get_status(GetStatusRequest {}).await.unwrap().into_inner();
    let head = format!("{}:{}", status.head_sequence, status.head_hash);
    let (snapshot, history) = (snapshot(&daemon).await.unwrap(), history(&daemon).await.unwrap());
    (daemon, Truth { head, snapshot, history })
}

#[track_caller]
fn assert_reported(code: Option<i32>, report: &str, what: &str) {
    assert_eq!(code, Some(4), "{what}: {report}");
    let names_it = report.contains(DATABASE_FILE) || report.contains("kontraktor.journal.");
    assert!(names_it && report.contains("\nhint: "), "{what}: {report}");
}

fn verify(home: &Home, head: &str, what: &str) {
    let Run { code, stdout, stderr, .. } = home.run(&["audit", "verify"]);
    if code == 0 {
        assert!(stdout.starts_with(&format!("head {head}\n")), "{what}: {stdout}");
    } else {
        assert_reported(Some(code), &stderr, what);
    }
}

fn or_damaged<T: PartialEq>(read: Result<T, Status>, expected: &T, what: &str) {
    match read {
        Ok(read) => assert!(read == *expected, "{what}: other data"),
        Err(status) => {
            let problem = from_status(&status).unwrap_or_else(|| panic!("{what}: {status:?}"));
            assert_eq!(problem.code(), ProblemCode::StorageDamaged, "{what}: {problem}");
            assert!(
                problem.message.contains(DATABASE_FILE) && !problem.remedy.is_empty(),
                "{what}: {problem}"
            );
        }
    }
}

/// Everything that can be asked of a damaged database, without a daemon and with one. Returns whether a daemon started.
async fn examine(home: &Home, truth: &Truth, what: &str) -> bool {
    // What the daemon before may have left belongs to another file.
    let _ = fs::remove_file(home.data().join(DATABASE_FILE).with_extension("duckdb.wal"));
    verify(home, &truth.head, what);
    let mut daemon = home.builder().spawn();
    eventually("the daemon listens or ends", || {
        !daemon.is_running() || UnixStream::connect(home.socket()).is_ok()
    });
    if !daemon.is_running() {
        let Ended { code, log } = daemon.wait();
        assert_reported(code, &log, what);
        return false;
    }
    or_damaged(snapshot(&daemon).await, &truth.snapshot, what);
    or_damaged(history(&daemon).await, &truth.history, what);
    verify(home, &truth.head, what);
    let Ended { code, log } = daemon.terminate();
    assert!(matches!(code, Some(0 | 4)), "{what}: {log}");
    true
}

fn with_byte_flipped(file: &Path, bytes: &[u8], at: usize) {
    let mut damaged = bytes.to_vec();
    damaged[at] ^= 0x10;
    fs::write(file, damaged).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_byte_anywhere_gives_the_right_data_or_a_report() {
    let home = Home::new();
    let truth = written(&home).await;
    let file = home.data().join(DATABASE_FILE);
    let good = fs::read(&file).unwrap();
    let headers = (0..3).flat_map(|header| [0, 8, 12, 20, 40, 64].map(|at| header * HEADER_BYTES + at));
    let blocks = (3 * HEADER_BYTES..good.len()).step_by(BLOCK_BYTES);
    let blocks = blocks.map(|block| block + BLOCK_BYTES / 4);
    let mut served = Vec::new();
    let mut refused = 0;
    for at in headers.chain(blocks).filter(|at| *at < good.len()) {
        with_byte_flipped(&file, &good, at);
        if examine(&home, &truth, &format!("byte {at} of {}", good.len())).await {
            served.push(at);
        } else {
            refused += 1;
        }
    }
    // Damage is found at the start in some blocks and only while serving in others.
    assert!(refused > 0 && !served.is_empty(), "{refused} refused, {served:?} served");
    for length in [good.len() / 2, good.len() - 10, 3 * HEADER_BYTES] {
        fs::write(&file, &good[..length]).unwrap();
        examine(&home, &truth, &format!("{length} of {} bytes", good.len())).await;
    }
}

/// What a killed daemon leaves: rows in the database, in DuckDB's write-ahead log, and in the journal only. The journal has every row
/// that DuckDB's log has, so damage of that log shows nowhere.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_byte_in_what_a_crash_leaves_gives_the_right_data_or_a_report() {
    let home = Home::new();
    let (daemon, _) = writing(&home).await;
    // Reading the history moved the rows so far; these are in the journal alone.
    let items = (0..24).map(|key| put(&format!("k{key}"), &format!("late {key}")));
    daemon.variables().write_variables(batch(items)).await.unwrap();
    let status = daemon.system().get_status(GetStatusRequest {}).await.unwrap().into_inner();
    let head = format!("{}:{}", status.head_sequence, status.head_hash);
    let (snapshot, history) = (snapshot(&daemon).await.unwrap(), history(&daemon).await.unwrap());
    let truth = Truth { head, snapshot, history };
    let mut daemon = daemon;
    daemon.kill();

    let mut left: Vec<_> = fs::read_dir(home.data()).unwrap().map(|entry| entry.unwrap().path()).collect();
    left.retain(|path| path.is_file());
    let good: Vec<_> = left.iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect();
    let restore = || {
        for entry in fs::read_dir(home.data()).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_file() {
                fs::remove_file(entry).unwrap();
            }
        }
        for (path, bytes) in &good {
            fs::write(path, bytes).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
        }
    };
    let (mut refused, mut served) = (0, 0);
    for (path, bytes) in &good {
        let name = path.file_name().unwrap().to_string_lossy();
        let is_journal = name.contains(".journal.");
        if !is_journal && !name.ends_with(".wal") {
            continue;
        }
        // The journal's file is longer than what is in it.
        let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        for place in 0..12 {
            restore();
            let at = (end - 1) * place / 11;
            with_byte_flipped(path, bytes, at);
            if examine_left(&home, &truth, &format!("byte {at} of {name}"), is_journal).await {
                served += 1;
            } else {
                refused += 1;
            }
        }
    }
    assert!(refused >= 10, "{refused} refused, {served} served");
}

/// As [`examine`], with the write-ahead logs as they are. `may_refuse`: otherwise the daemon must serve the right data.
async fn examine_left(home: &Home, truth: &Truth, what: &str, may_refuse: bool) -> bool {
    let mut daemon = home.builder().spawn();
    eventually("the daemon listens or ends", || {
        !daemon.is_running() || UnixStream::connect(home.socket()).is_ok()
    });
    if !daemon.is_running() {
        let Ended { code, log } = daemon.wait();
        assert_reported(code, &log, what);
        assert!(may_refuse, "{what}: {log}");
        return false;
    }
    assert!(snapshot(&daemon).await.unwrap() == truth.snapshot, "{what}: other data");
    assert!(history(&daemon).await.unwrap() == truth.history, "{what}: another history");
    daemon.terminate().ok();
    verify(home, &truth.head, what);
    true
}
