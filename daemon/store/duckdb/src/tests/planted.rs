//! Files that another user put into the data directory while it was open to others.

use std::{fmt::Write as _, os::unix::fs::symlink};

use super::*;

/// Every file that the daemon opens in the directory, or lets DuckDB open.
const NAMES: [&str; 8] = [
    "kontraktor.duckdb",
    "kontraktor.duckdb.wal",
    "kontraktor.duckdb.tmp",
    "kontraktor.journal.00000001",
    "kontraktor.new",
    "kontraktor.new.wal",
    "kontraktor.upgrading",
    "kontraktord.lock",
];

/// Plants `name` in a directory that others can enter, next to a database unless it is that, and returns what refuses it.
/// Nothing may be left of the victim's file but what was in it.
fn refusals(dir: &TempDir, name: &str, plant: impl Fn(&Path, &Path)) -> [String; 2] {
    let data = dir.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::write(data.join(DATABASE_FILE), "").unwrap();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o777)).unwrap();
    let victim = dir.path().join("victim");
    fs::write(&victim, "precious").unwrap();
    let planted = data.join(name);
    let _ = fs::remove_file(&planted);
    plant(&planted, &victim);
    let reading = DataDir::lock_for_reading(&data).expect_err("a directory that others can write to");
    // From here on the directory is closed.
    let errors = [refused(&data), DataDir::lock_for_reading(&data).expect_err("what others planted")];
    assert!(matches!(reading, StoreError::Directory { .. }), "{reading}");
    for error in &errors {
        assert!(matches!(error, StoreError::Directory { .. }), "{name}: {error}");
    }
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
    fs::remove_dir_all(&data).unwrap();
    errors.map(|error| message(&error, dir))
}

#[test]
fn a_file_that_was_planted_is_refused_by_name_and_nothing_is_written_through_it() {
    let dir = TempDir::new().unwrap();
    let mut messages = String::new();
    for name in NAMES {
        let linked = refusals(&dir, name, |planted, victim| symlink(victim, planted).unwrap());
        let hard = refusals(&dir, name, |planted, victim| fs::hard_link(victim, planted).unwrap());
        let writable = refusals(&dir, name, |planted, _| {
            fs::write(planted, "").unwrap();
            fs::set_permissions(planted, fs::Permissions::from_mode(0o660)).unwrap();
        });
        for message in [linked, hard, writable].concat() {
            assert!(
                message.starts_with(&format!("cannot use the data directory DIR/data: {name} ")),
                "{message}"
            );
            writeln!(messages, "{}", message.replace(name, "FILE")).unwrap();
        }
    }
    let mut messages: Vec<&str> = messages.lines().collect();
    messages.sort_unstable();
    messages.dedup();
    insta::assert_snapshot!(messages.join("\n"), @r"
    cannot use the data directory DIR/data: FILE has 2 names (hard links), so that a write to it would change another file. Replace it with a copy
    cannot use the data directory DIR/data: FILE has mode 0660, which lets other users change it. Check its content and run `chmod go-w` on it
    cannot use the data directory DIR/data: FILE is a symbolic link. Remove it, or replace it with the file itself
    ");
}

#[test]
fn a_file_of_another_user_is_refused() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("only root can give a file to another user: this is skipped");
        return;
    }
    let dir = TempDir::new().unwrap();
    for name in NAMES {
        let refusals = refusals(&dir, name, |planted, _| {
            fs::write(planted, "").unwrap();
            std::os::unix::fs::chown(planted, Some(1), None).unwrap();
        });
        for refusal in refusals {
            assert!(
                refusal.contains(&format!("{name} is owned by uid 1; expected uid 0 or root")),
                "{refusal}"
            );
        }
    }
}

#[test]
fn a_directory_that_others_can_write_to_is_not_read() {
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("data");
    drop(filled(&data));
    fs::set_permissions(&data, fs::Permissions::from_mode(0o777)).unwrap();
    let error = DataDir::lock_for_reading(&data).expect_err("others can plant files");
    insta::assert_snapshot!(message(&error, &dir), @"cannot use the data directory DIR/data: it has mode 0777, which lets other users change it. Check its content and run `chmod go-w` on it");
    fs::set_permissions(&data, fs::Permissions::from_mode(0o755)).unwrap();
    DataDir::lock_for_reading(&data).unwrap();
}
