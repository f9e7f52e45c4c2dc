//! `kontraktord audit verify`, without a daemon and with one.

use std::fs;

use kontraktor_proto::v1::GetStatusRequest;
use kontraktor_store_duckdb::DATABASE_FILE;
use testkit::Run;

use super::common::{Home, batch, delete, put};

/// A home with a log of a few rows, and its head as the daemon reported it.
async fn written() -> (Home, String) {
    let home = Home::new();
    let daemon = home.start();
    let mut client = daemon.variables();
    client.write_variables(batch([put("a", "1"), put("b", "2")])).await.unwrap();
    client.write_variables(batch([put("a", "3")])).await.unwrap();
    client.write_variables(batch([delete("b")])).await.unwrap();
    let status = daemon.system().get_status(GetStatusRequest {}).await.unwrap().into_inner();
    let head = format!("{}:{}", status.head_sequence, status.head_hash);
    daemon.terminate().ok();
    (home, head)
}

fn verify(home: &Home, arguments: &[&str]) -> Run {
    home.run(&[&["audit", "verify"], arguments].concat())
}

/// Another hash of the same row.
fn altered(head: &str) -> String {
    let last = if head.ends_with('0') { "1" } else { "0" };
    format!("{}{last}", &head[..head.len() - 1])
}

fn tamper(home: &Home, sql: &str) {
    let database = duckdb::Connection::open(home.data().join(DATABASE_FILE)).unwrap();
    assert!(database.execute(sql, []).unwrap() > 0, "nothing was changed by {sql}");
    database.execute_batch("CHECKPOINT").unwrap();
}

#[tokio::test]
async fn an_untouched_log_is_intact_and_its_head_is_printed() {
    let (home, head) = written().await;
    let offline = verify(&home, &[]);
    assert_eq!((offline.code, offline.stderr.as_str()), (0, ""));
    let rows = head.split(':').next().unwrap();
    assert_eq!(offline.stdout, format!("head {head}\nrows {rows}\nintact\n"));
    assert_eq!(verify(&home, &["--expect", &head]).code, 0);

    let _daemon = home.start();
    let online = verify(&home, &["--expect", &head]);
    assert_eq!((online.code, online.stdout), (0, offline.stdout));
}

#[tokio::test]
async fn the_daemon_is_found_by_its_data_alone() {
    let (home, head) = written().await;
    let _daemon = home.start();
    let mut command = home.builder().default_locations(home.socket()).args(["audit", "verify"]).command();
    let asked = home.tidy(command.arg("--data-dir").arg(home.data()));
    assert_eq!(asked.code, 0, "{asked:?}");
    assert!(asked.stdout.starts_with(&format!("head {head}\n")), "{asked:?}");
}

#[tokio::test]
async fn an_unmet_expectation_is_reported() {
    let (home, head) = written().await;
    let wrong = altered(&head);
    let beyond = format!("999:{}", "ab".repeat(32));
    let report = |ended: Run| {
        assert_eq!(ended.code, 5, "{ended:?}");
        ended
            .report()
            .replace(head.split_once(':').unwrap().1, "HEAD")
            .replace(wrong.split_once(':').unwrap().1, "EXPECTED")
    };
    let offline =
        [report(verify(&home, &["--expect", &wrong])), report(verify(&home, &["--expect", &beyond]))];
    insta::assert_snapshot!(offline.join("\n\n"), @"
    error: the log is not intact: row 6 has the hash HEAD, but EXPECTED was expected
    hint: keep the data directory as it is, and compare it with a backup

    error: the log is not intact: the log ends at row 6, but row 999 was expected
    hint: keep the data directory as it is, and compare it with a backup
    ");
    let _daemon = home.start();
    assert_eq!(report(verify(&home, &["--expect", &wrong])), offline[0]);
    assert_eq!(report(verify(&home, &["--expect", &beyond])), offline[1]);
}

#[tokio::test]
async fn an_altered_row_and_a_missing_row_are_found() {
    for (sql, expected) in [
        (
            "UPDATE audit_variable_writes SET new_value = 'forged' WHERE new_value = '3'",
            "does not match its content",
        ),
        (
            "UPDATE audit_variable_writes SET actor = 'unix:nobody' WHERE operation = 'deleted'",
            "does not match its content",
        ),
        ("DELETE FROM audit_variable_writes WHERE new_value = '3'", "is missing"),
        ("UPDATE project_log SET description = 'forged'", "does not match its content"),
    ] {
        let (home, _) = written().await;
        tamper(&home, sql);
        let found = verify(&home, &[]);
        assert_eq!(found.code, 5, "{sql}: {found:?}");
        assert!(found.report().contains(expected), "{sql}: {found:?}");
        assert!(found.report().contains("hint: "), "{found:?}");
    }
}

#[tokio::test]
async fn rows_missing_at_the_end_show_against_an_expectation() {
    let (home, head) = written().await;
    tamper(&home, "DELETE FROM audit_variable_writes WHERE operation = 'deleted'");
    assert_eq!(verify(&home, &["--expect", &head]).code, 0, "the journal has them still");
    let journals = fs::read_dir(home.data()).unwrap().map(|entry| entry.unwrap().path());
    for journal in journals.filter(|path| path.to_string_lossy().contains("kontraktor.journal.")) {
        fs::remove_file(journal).unwrap();
    }
    assert_eq!(verify(&home, &[]).code, 0, "nothing in the rest tells of it");
    assert_eq!(verify(&home, &["--expect", &head]).code, 5);
}

#[test]
fn without_data_there_is_nothing_to_verify() {
    let home = Home::new();
    let refused = verify(&home, &[]);
    assert_eq!((refused.code, refused.stdout.as_str()), (4, ""));
    insta::assert_snapshot!(refused.report(), @"error: the database HOME/data/kontraktor.duckdb does not exist");
    assert!(!home.data().exists(), "nothing is made");
}

#[tokio::test]
async fn after_a_crash_the_log_is_walked_with_what_was_not_yet_moved_into_the_file() {
    let (home, _) = written().await;
    let mut daemon = home.start();
    daemon.variables().write_variables(batch([put("late", "1")])).await.unwrap();
    let status = daemon.system().get_status(GetStatusRequest {}).await.unwrap().into_inner();
    daemon.kill();
    let found = verify(&home, &[]);
    assert_eq!(found.code, 0, "{found:?}");
    let head = format!("head {}:{}\n", status.head_sequence, status.head_hash);
    assert!(found.stdout.starts_with(&head), "{found:?}");
}

#[tokio::test]
async fn verifying_writes_nothing() {
    let (home, _) = written().await;
    let file = home.data().join(DATABASE_FILE);
    let before = (fs::read(&file).unwrap(), fs::metadata(&file).unwrap().modified().unwrap());
    assert_eq!(verify(&home, &[]).code, 0);
    assert_eq!((fs::read(&file).unwrap(), fs::metadata(&file).unwrap().modified().unwrap()), before);
}

#[test]
fn a_daemon_that_does_not_respond_is_reported() {
    let home = Home::new();
    let daemon = home.start();
    fs::remove_file(daemon.socket()).unwrap();
    let refused = verify(&home, &[]);
    assert_eq!(refused.code, 1);
    insta::assert_snapshot!(refused.report(), @"
    error: a daemon has the data directory open and cannot be reached at HOME/run/k.sock: the socket does not exist
    hint: set its socket with `--socket`, or stop it and run this again
    ");
}
