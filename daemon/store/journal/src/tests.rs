use std::{fs, ops::Range, os::unix::fs::FileExt as _, path::Path};

use kontraktor_domain::{Event, State};
use kontraktor_store::{
    MemoryStore, Store as _,
    contract::{
        filled,
        world::{World, batch, put},
    },
};
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

const TABLES: u32 = 9;

/// A log with rows of every table.
fn events() -> Vec<Event> {
    let store = MemoryStore::new();
    filled(&store);
    store.changes_since(0, 10_000).unwrap()
}

fn rows(events: &[Event]) -> Rows {
    events.iter().map(|event| Row::from(event).into_owned()).collect()
}

/// Decides a batch that writes a value, and returns its rows.
fn written(world: &mut World, id: u128, value: &str) -> Rows {
    // Another value than the one before: the same would write nothing.
    let groups = vec![vec![put("demo/dev", "KEY", &format!("{id} {value}"))]];
    rows(&world.ask(&batch(id, groups)).unwrap().0)
}

fn open(dir: &Path, database: Head) -> Result<(Journal, Rows), StoreError> {
    Journal::open(dir, TABLES, database)
}

fn file(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{PREFIX}{number:08}"))
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn message(error: &StoreError, dir: &Path) -> String {
    error.to_string().replace(&*dir.to_string_lossy(), "DIR")
}

/// A journal with three entries, the last of several sectors, and all rows.
fn three(dir: &Path) -> (Journal, Vec<Rows>, World) {
    let mut world = World::new(State::default());
    let (mut journal, none) = open(dir, Head::default()).unwrap();
    assert_eq!(none, Rows::new());
    let commits = vec![
        written(&mut world, 1, "one"),
        written(&mut world, 2, "two"),
        written(&mut world, 3, &"three ".repeat(500)),
    ];
    for commit in &commits {
        journal.append(commit).unwrap();
    }
    (journal, commits, world)
}

fn last_entry(dir: &Path) -> Range<usize> {
    let content = segment::Segment::read(1, file(dir, 1), TABLES).unwrap();
    content.entries.last().unwrap().at..content.end
}

#[test]
fn rows_of_every_table_come_back() {
    let dir = TempDir::new().unwrap();
    let rows = rows(&events());
    let tables: std::collections::HashSet<_> = rows.iter().map(|row| row.body.log().table).collect();
    assert_eq!(tables.len(), kontraktor_domain::LOGS.len(), "{tables:?}");
    let (mut journal, _) = open(dir.path(), Head::default()).unwrap();
    for commit in rows.chunks(7) {
        journal.append(commit).unwrap();
    }
    let head = journal.head();
    drop(journal);
    assert_eq!(Journal::read(dir.path(), TABLES, Head::default()).unwrap(), rows);
    let (journal, found) = open(dir.path(), Head::default()).unwrap();
    assert_eq!((journal.head(), &found), (head, &rows));
    drop(journal);
    let database = head_of(&rows[9]).unwrap();
    let (journal, found) = open(dir.path(), database).unwrap();
    assert_eq!((journal.head(), found.as_slice()), (head, &rows[10..]));
}

#[test]
fn rows_from_before_a_column_lack_it() {
    for row in rows(&events()) {
        let mut bytes = Vec::new();
        row_codec::encode(&row, &mut bytes);
        assert_eq!(row_codec::decode(&bytes, 1, TABLES).unwrap(), [row]);
        assert!(row_codec::decode(&bytes[..bytes.len() - 1], 1, TABLES).is_err());
        assert!(row_codec::decode(&bytes, 2, TABLES).is_err());
    }
    // A project of the first tables: no deletion protection at its end.
    let project = rows(&events()).into_iter().find(|row| row.body.log().table == "project_log").unwrap();
    let mut bytes = Vec::new();
    row_codec::encode(&project, &mut bytes);
    bytes.pop();
    let found = row_codec::decode(&bytes, 1, 1).unwrap();
    assert_eq!(found, [project]);
}

#[test]
fn files_follow_each_other_and_are_released_in_order() {
    let dir = TempDir::new().unwrap();
    let mut world = World::new(State::default());
    let (mut journal, _) = open(dir.path(), Head::default()).unwrap();
    let mut all = Rows::new();
    let mut ends = Vec::new();
    for id in 1..40 {
        let commit = written(&mut world, id, &"v".repeat(60_000));
        journal.append(&commit).unwrap();
        all.extend(commit);
        ends.push(journal.head());
    }
    let files = names(dir.path());
    assert!(files.len() > 2, "{files:?}");
    let bytes: u64 = files.iter().map(|name| fs::metadata(dir.path().join(name)).unwrap().len()).sum();
    assert_eq!(journal.bytes(), bytes);
    drop(journal);
    let (mut journal, found) = open(dir.path(), Head::default()).unwrap();
    assert_eq!(found, all);

    assert_eq!(journal.release(0), Vec::<PathBuf>::new());
    let released = journal.release(ends[20].seq);
    assert!(!released.is_empty());
    remove(&released);
    drop(journal);
    let (mut journal, found) = open(dir.path(), ends[20]).unwrap();
    assert_eq!(found, all[usize::try_from(ends[20].seq).unwrap()..]);
    // The database was restored from a backup that is too old.
    drop(journal);
    let error = open(dir.path(), ends[0]).unwrap_err();
    let text = message(&error, dir.path());
    assert!(text.starts_with("cannot use the data directory DIR: the database ends with row "), "{text}");
    // A file that could not be removed is removed at the next start.
    fs::write(file(dir.path(), 1), "left").unwrap();
    journal = open(dir.path(), *ends.last().unwrap()).unwrap().0;
    assert!(!file(dir.path(), 1).exists());
    remove(&journal.release(u64::MAX));
    assert_eq!(names(dir.path()).len(), 1, "one is always there");
    journal.append(&written(&mut world, 50, "after")).unwrap();
}

#[test]
fn a_missing_file_in_the_middle_is_named() {
    let dir = TempDir::new().unwrap();
    let mut world = World::new(State::default());
    let (mut journal, _) = open(dir.path(), Head::default()).unwrap();
    for id in 1..40 {
        journal.append(&written(&mut world, id, &"v".repeat(60_000))).unwrap();
    }
    assert!(names(dir.path()).len() > 2);
    fs::remove_file(file(dir.path(), 2)).unwrap();
    let error = open(dir.path(), Head::default()).unwrap_err();
    insta::assert_snapshot!(message(&error, dir.path()), @"DIR/kontraktor.journal.00000003 is damaged: it does not continue kontraktor.journal.00000001, which ends with row 4; a file between them may be missing");
}

/// Right data, or a refusal that names the file. Never fewer rows than were synced.
#[test]
fn a_flipped_bit_anywhere_is_refused_or_harmless() {
    let dir = TempDir::new().unwrap();
    let (journal, commits, _) = three(dir.path());
    drop(journal);
    let all = commits.concat();
    let path = file(dir.path(), 1);
    let good = fs::read(&path).unwrap();
    let end = last_entry(dir.path()).end;
    let mut refused = 0;
    let (small, large) = (0..last_entry(dir.path()).start + 40, last_entry(dir.path()).start + 40..end + 600);
    for at in small.chain(large.step_by(5)).chain([good.len() - 1]) {
        let bit = 1 << (at % 8);
        let mut damaged = good.clone();
        damaged[at] ^= bit;
        fs::write(&path, &damaged).unwrap();
        // Opening syncs, which takes its time: now and then.
        let found = Journal::read(dir.path(), TABLES, Head::default());
        let found =
            if at % 16 == 0 { open(dir.path(), Head::default()).map(|(_, found)| found) } else { found };
        match found {
            Ok(found) => assert_eq!(found, all, "byte {at}"),
            Err(error) => {
                let text = error.to_string();
                assert!(text.contains("kontraktor.journal.00000001"), "byte {at}: {text}");
                assert_eq!(fs::read(&path).unwrap(), damaged, "byte {at}: nothing is changed");
                refused += 1;
            }
        }
    }
    assert!(refused > 1_000, "{refused} of {end}");
    for length in [0, 40, HEADER, end - 1, end, good.len() - 1] {
        fs::write(&path, &good[..length]).unwrap();
        let text = open(dir.path(), Head::default()).unwrap_err().to_string();
        assert!(text.contains("kontraktor.journal.00000001 is damaged: "), "{length} bytes: {text}");
    }
}

const HEADER: usize = segment::HEADER_BYTES;

#[test]
fn an_entry_that_lacks_sectors_was_interrupted() {
    let dir = TempDir::new().unwrap();
    let (journal, commits, _) = three(dir.path());
    drop(journal);
    let before = commits[..2].concat();
    let path = file(dir.path(), 1);
    let good = fs::read(&path).unwrap();
    let Range { start, end } = last_entry(dir.path());
    let sectors: Vec<_> = (start / 512..end.div_ceil(512))
        .map(|sector| (sector * 512).max(start)..((sector + 1) * 512).min(end))
        .collect();
    assert!(sectors.len() > 4);
    // Every set of missing sectors: one, the first ones, the last ones, every second one.
    let mut sets: Vec<Vec<usize>> = (0..sectors.len()).map(|one| vec![one]).collect();
    sets.extend((1..sectors.len()).map(|number| (0..number).collect()));
    sets.extend((1..=sectors.len()).map(|number| (sectors.len() - number..sectors.len()).collect()));
    sets.push((0..sectors.len()).step_by(2).collect());
    for set in sets {
        let mut torn = good.clone();
        for sector in &set {
            torn[sectors[*sector].clone()].fill(0);
        }
        fs::write(&path, &torn).unwrap();
        assert_eq!(Journal::read(dir.path(), TABLES, Head::default()).unwrap(), before, "{set:?}");
        assert_eq!(fs::read(&path).unwrap(), torn, "reading changes nothing");
        let (mut journal, found) = open(dir.path(), Head::default()).unwrap();
        assert_eq!(found, before, "{set:?}");
        journal.append(&commits[2]).unwrap();
        drop(journal);
        assert_eq!(open(dir.path(), Head::default()).unwrap().1, commits.concat(), "{set:?}");
    }
}

/// The same in the middle: entries behind it were synced after it, so it was whole.
#[test]
fn an_entry_that_lacks_sectors_before_others_is_damaged() {
    let dir = TempDir::new().unwrap();
    let (mut journal, _, mut world) = three(dir.path());
    let Range { start, end } = last_entry(dir.path());
    let later = written(&mut world, 4, "four");
    journal.append(&later).unwrap();
    drop(journal);
    let path = file(dir.path(), 1);
    let good = fs::read(&path).unwrap();
    for hole in [start..(start + 512) / 512 * 512, (start + 1024) / 512 * 512..end] {
        let mut damaged = good.clone();
        damaged[hole.clone()].fill(0);
        fs::write(&path, &damaged).unwrap();
        let text = message(&open(dir.path(), Head::default()).unwrap_err(), dir.path());
        assert_eq!(
            text,
            format!(
                "DIR/kontraktor.journal.00000001 is damaged: the entry at byte {start} is not what was written"
            ),
            "{hole:?}"
        );
    }
}

/// A value may hold any bytes, also those of a journal's entry.
#[test]
fn a_value_is_not_taken_for_an_entry() {
    let mut seed_of_another = Vec::new();
    let elsewhere = frame::encode(frame::Seed(1), 1, 1, |into| into.extend(b"row")).unwrap();
    seed_of_another.extend(elsewhere);
    assert_eq!(frame::decode(frame::Seed(2), &seed_of_another, 0), frame::Frame::Damaged);
    assert!(matches!(frame::decode(frame::Seed(1), &seed_of_another, 0), frame::Frame::Entry { .. }));
}

#[test]
fn a_journal_of_another_log_is_refused() {
    let dir = TempDir::new().unwrap();
    let (journal, commits, _) = three(dir.path());
    drop(journal);
    let head = head_of(commits[1].last().unwrap()).unwrap();
    let other = Head { hash: Hash::try_from([7; 32].as_slice()).unwrap(), ..head };
    let error = open(dir.path(), other).unwrap_err();
    insta::assert_snapshot!(message(&error, dir.path()), @"cannot use the data directory DIR: row 4 of the database and of the journal are different: the two are from different backups, or one was altered; restore both from the same backup");
    // Nothing is in the database that was not in the journal before.
    let ahead = Head { seq: journal_end(&commits) + 5, ..other };
    let error = open(dir.path(), ahead).unwrap_err();
    insta::assert_snapshot!(message(&error, dir.path()), @"cannot use the data directory DIR: the database ends with row 10, and the journal with row 5: the two are from different backups, or one was altered; restore both from the same backup");
}

fn journal_end(commits: &[Rows]) -> u64 {
    commits.concat().last().unwrap().seq
}

#[test]
fn a_journal_of_a_later_kontraktord_is_refused() {
    let dir = TempDir::new().unwrap();
    let (journal, _, mut world) = three(dir.path());
    drop(journal);
    let error = Journal::open(dir.path(), TABLES - 1, Head::default()).unwrap_err();
    assert!(matches!(error, StoreError::Newer { found: TABLES, .. }), "{error}");
    // Rows of later tables go into a file of their own.
    let (mut journal, rows) = Journal::open(dir.path(), TABLES + 1, Head::default()).unwrap();
    assert_eq!(rows.last().map(|row| row.seq), Some(world.state.head().seq));
    journal.append(&written(&mut world, 9, "late")).unwrap();
    assert_eq!(names(dir.path()).len(), 2);
}

#[test]
fn an_append_that_failed_is_written_again() {
    let dir = TempDir::new().unwrap();
    let (mut journal, _, mut world) = three(dir.path());
    let before = journal.head();
    let path = file(dir.path(), 1);
    journal.fail_appends(true).unwrap();
    let commit = written(&mut world, 4, "four");
    let error = journal.append(&commit).unwrap_err();
    assert!(matches!(error, StoreError::Failed(_)), "{error}");
    assert_eq!(journal.head(), before);
    assert!(journal.append(&commit).is_err(), "not before it is known what became of the last one");
    assert!(journal.recover().is_err());
    journal.fail_appends(false).unwrap();
    assert_eq!(journal.recover().unwrap(), head_of(commit.last().unwrap()).unwrap());
    let content = segment::Segment::read(1, path, TABLES).unwrap();
    assert_eq!(content.entries.len(), 4);
}

/// What a killed process wrote and did not sync is written again by the next, because the system may think that it is on disk.
#[test]
fn the_end_is_written_again() {
    let dir = TempDir::new().unwrap();
    drop(three(dir.path()));
    let entry = last_entry(dir.path());
    let written = fs::metadata(file(dir.path(), 1)).unwrap().modified().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(20));
    drop(open(dir.path(), Head::default()).unwrap());
    assert!(fs::metadata(file(dir.path(), 1)).unwrap().modified().unwrap() > written);
    assert_eq!(last_entry(dir.path()), entry);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// However long entries are, and wherever a crash cuts the last one by whole sectors.
    #[test]
    fn whole_entries_survive(lengths in prop::collection::vec(0_usize..6_000, 1..12), cut in 0_usize..20) {
        let dir = TempDir::new().unwrap();
        let mut world = World::new(State::default());
        let (mut journal, _) = open(dir.path(), Head::default()).unwrap();
        let mut commits = Vec::new();
        for (id, length) in (1..).zip(&lengths) {
            let commit = written(&mut world, id, &"v".repeat(*length));
            journal.append(&commit).unwrap();
            commits.push(commit);
        }
        let entry = last_entry(dir.path());
        let start = ((entry.start / 512 + cut) * 512).max(entry.start);
        if start < entry.end {
            let zeros = vec![0; entry.end - start];
            journal.file.write_all_at(&zeros, start as u64).unwrap();
            commits.pop();
        }
        drop(journal);
        prop_assert_eq!(open(dir.path(), Head::default()).unwrap().1, commits.concat());
    }
}
