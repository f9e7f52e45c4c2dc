//! Loads the current state from the newest row of each project, environment and key, not from the whole log.

use std::collections::{HashMap, VecDeque};

use duckdb::{Connection, params};
use jiff::Timestamp;
use kontraktor_model::names::EnvPath;
use uuid::Uuid;

use super::{
    StoreError,
    errors::unreadable,
    rows::{environment_paths, event, hash_of, head, in_transaction, select, select_instead, uuid},
};
use kontraktor_domain::{
    Authorship, BATCH_MEMORY, Body, EnvironmentParts, Event, Hash, Log, ProjectParts, Row, State, Variable,
    VariableParts, timestamp,
};

/// Rows of variables read at a time. The engine holds a whole result in memory, and a value may have 64 KiB: 64 MiB at most,
/// because two points in time may be read beside commits.
const VALUES_AT_ONCE: usize = 1_024;

/// Rows of batches read at a time, without their values.
const BATCH_ROWS_AT_ONCE: usize = 16_384;

/// Nothing instead of old values, for readers of the state afterwards.
const WITHOUT_OLD_VALUES: [(&str, &str); 1] = [("old_value", "NULL")];

/// Nothing instead of values, for readers of what was done.
const WITHOUT_VALUES: [(&str, &str); 2] = [("old_value", "NULL"), ("new_value", "NULL")];

type Paths = HashMap<Uuid, EnvPath>;

pub(super) fn load(connection: &Connection, now: Timestamp) -> Result<State, StoreError> {
    in_transaction(connection, || load_parts(connection, now))
}

fn load_parts(connection: &Connection, now: Timestamp) -> Result<State, StoreError> {
    let paths = environment_paths(connection)?;
    let mut state = State::default();
    projects(connection, &paths, &mut state)?;
    schemas(connection, &paths, &mut state)?;
    environments(connection, &paths, &mut state)?;
    variables(connection, &paths, &mut state)?;
    for event in versions(connection, &newest_versions("", ""), &paths)? {
        state.restore_version(&event);
    }
    access(connection, &paths, &mut state)?;
    for event in events(connection, &Log::ACTORS, &newest(&Log::ACTORS, "actor", "true"), &paths)? {
        state.restore_display_name(&event);
    }
    batches(connection, &paths, now, &mut state)?;
    state.restore_head(head(connection)?);
    Ok(state)
}

/// Restricts a table to the newest row of each group that satisfies a condition.
fn newest(log: &Log, group: &str, condition: &str) -> String {
    format!(
        "WHERE seq IN (SELECT max(seq) FROM {} WHERE {condition} GROUP BY {group}) ORDER BY seq",
        log.table
    )
}

fn events(connection: &Connection, log: &Log, rest: &str, paths: &Paths) -> Result<Vec<Event>, StoreError> {
    let mut events = Vec::new();
    select(connection, log, rest, [], |row| {
        events.push(event(&row, paths)?);
        Ok(())
    })?;
    Ok(events)
}

fn projects(connection: &Connection, paths: &Paths, state: &mut State) -> Result<(), StoreError> {
    let mut created: HashMap<String, Authorship> = HashMap::new();
    for event in events(
        connection,
        &Log::PROJECTS,
        &newest(&Log::PROJECTS, "project", "operation = 'created'"),
        paths,
    )? {
        if let Body::Project(project) = &event.body {
            created.insert(project.name.to_string(), event.authorship());
        }
    }
    let mut parts = Vec::new();
    for event in events(connection, &Log::PROJECTS, &newest(&Log::PROJECTS, "project", "true"), paths)? {
        let changed = event.authorship();
        if let Body::Project(newest) = event.body {
            let created = created
                .remove(newest.name.as_str())
                .ok_or_else(|| StoreError::Corrupt(format!("project {} was never created", newest.name)))?;
            parts.push(ProjectParts { newest, changed, created });
        }
    }
    state.restore_projects(parts);
    Ok(())
}

/// The schemas of existing projects; those of a deleted project were deleted before it.
fn schemas(connection: &Connection, paths: &Paths, state: &mut State) -> Result<(), StoreError> {
    for event in events(connection, &Log::SCHEMAS, &newest(&Log::SCHEMAS, "project, name", "true"), paths)? {
        if !state.restore_schema(&event) {
            return Err(StoreError::Corrupt(format!(
                "row {} is a schema of a project that does not exist",
                event.seq
            )));
        }
    }
    Ok(())
}

/// Role bindings, service accounts, and when these were used last. A token that was issued before the newest creation of its
/// account comes before that, and counts for nothing.
fn access(connection: &Connection, paths: &Paths, state: &mut State) -> Result<(), StoreError> {
    let bindings = newest(&Log::ROLE_BINDINGS, "role, subject, pattern", "true");
    let mut found = events(connection, &Log::ROLE_BINDINGS, &bindings, paths)?;
    let accounts = "WHERE seq IN (SELECT max(seq) FROM service_account_log GROUP BY name)
        OR seq IN (SELECT max(seq) FROM service_account_log WHERE operation = 'created' GROUP BY name)";
    found.extend(events(connection, &Log::SERVICE_ACCOUNTS, accounts, paths)?);
    let tokens = newest(&Log::ACCESSES, "actor", "operation = 'token_issued'");
    found.extend(events(connection, &Log::ACCESSES, &tokens, paths)?);
    found.sort_by_key(|event| event.seq);
    for event in &found {
        state.restore_access(event);
    }
    Ok(())
}

fn environments(connection: &Connection, paths: &Paths, state: &mut State) -> Result<(), StoreError> {
    let mut created: HashMap<Uuid, Authorship> = HashMap::new();
    let first = newest(&Log::ENVIRONMENTS, "env_id", "operation = 'created'");
    for event in events(connection, &Log::ENVIRONMENTS, &first, paths)? {
        if let Body::Environment(environment) = &event.body {
            created.insert(environment.id, event.authorship());
        }
    }
    let mut last = last_rows(connection, "true")?;
    for event in events(connection, &Log::ENVIRONMENTS, &newest(&Log::ENVIRONMENTS, "env_id", "true"), paths)?
    {
        let changed = event.authorship();
        let Body::Environment(newest) = event.body else { continue };
        let path = newest.path.clone();
        let (Some(created), Some(Last { revision, written, hash })) =
            (created.remove(&newest.id), last.remove(&newest.id))
        else {
            return Err(StoreError::Corrupt(format!("environment {path} was never created")));
        };
        if !state.restore_environment(EnvironmentParts {
            newest,
            changed,
            created,
            revision,
            written,
            last: hash,
        }) {
            return Err(StoreError::Corrupt(format!(
                "environment {path} belongs to a project that does not exist"
            )));
        }
    }
    Ok(())
}

/// An environment's newest row, about itself or about one of its variables.
pub(super) struct Last {
    pub(super) revision: u64,
    pub(super) written: Authorship,
    pub(super) hash: Hash,
}

/// Returns the newest row of each environment among those that satisfy a condition.
pub(super) fn last_rows(connection: &Connection, condition: &str) -> Result<HashMap<Uuid, Last>, StoreError> {
    let sql = format!(
        "SELECT CAST(env_id AS VARCHAR), revision, hash, seq, actor, via, epoch_us(ts)
        FROM (SELECT env_id, seq, revision, hash, actor, via, ts FROM environment_log UNION ALL
              SELECT env_id, seq, revision, hash, actor, via, ts FROM audit_variable_writes)
        WHERE seq IN (SELECT max(seq)
            FROM (SELECT env_id, max(seq) AS seq FROM environment_log WHERE {condition} GROUP BY env_id UNION ALL
                  SELECT env_id, max(seq) AS seq FROM audit_variable_writes WHERE {condition} GROUP BY env_id)
            GROUP BY env_id)"
    );
    let mut statement = connection.prepare(&sql).map_err(unreadable)?;
    let mut rows = statement.query([]).map_err(unreadable)?;
    let mut last = HashMap::new();
    while let Some(row) = rows.next().map_err(unreadable)? {
        let read = || Ok((uuid(row, 0)?, row.get(1)?, row.get::<_, Vec<u8>>(2)?, row.get(3)?));
        let (id, revision, hash, seq): (Uuid, u64, Vec<u8>, u64) = read().map_err(unreadable)?;
        let read = || Ok((row.get(4)?, row.get(5)?, row.get(6)?));
        let (actor, via, at_us): (String, String, i64) = read().map_err(unreadable)?;
        let at = timestamp(at_us).map_err(|error| StoreError::Corrupt(format!("row {seq}: {error}")))?;
        let written = Authorship { actor: actor.into(), via: via.into(), at };
        last.insert(id, Last { revision, written, hash: hash_of(seq, &hash)? });
    }
    Ok(last)
}

fn variables(connection: &Connection, paths: &Paths, state: &mut State) -> Result<(), StoreError> {
    written(connection, &newest_writes(connection)?, paths, |seq, parts| {
        let path = parts.path.clone();
        if state.restore_variable(parts) {
            Ok(())
        } else {
            Err(StoreError::Corrupt(format!("row {seq} belongs to environment {path}, which does not exist")))
        }
    })
}

/// Reads the variables of rows, given by ascending sequence numbers; rows of deletions are left out.
pub(super) fn written(
    connection: &Connection,
    rows: &[u64],
    paths: &Paths,
    mut each: impl FnMut(u64, VariableParts) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    for some in rows.chunks(VALUES_AT_ONCE) {
        let list = some.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
        let (Some(first), Some(last)) = (some.first(), some.last()) else { continue };
        // With the bounds, the engine skips the rest of the table.
        let rest = format!(
            "WHERE seq >= {first} AND seq <= {last} AND seq IN ({list}) AND new_value IS NOT NULL ORDER BY seq"
        );
        select_instead(connection, &Log::VARIABLES, &WITHOUT_OLD_VALUES, &rest, [], |row| {
            match variable(&row, paths)? {
                Some(parts) => each(row.seq, parts),
                None => Ok(()),
            }
        })?;
    }
    Ok(())
}

/// The sequence number of each key's newest row, in order.
fn newest_writes(connection: &Connection) -> Result<Vec<u64>, StoreError> {
    let sql = "SELECT max(seq) FROM audit_variable_writes GROUP BY env_id, key ORDER BY 1";
    let mut statement = connection.prepare(sql).map_err(unreadable)?;
    let rows = statement.query_map([], |row| row.get(0)).map_err(unreadable)?;
    rows.collect::<Result<_, _>>().map_err(unreadable)
}

fn variable(row: &Row<'_>, paths: &Paths) -> Result<Option<VariableParts>, StoreError> {
    let event = event(row, paths)?;
    let written = event.authorship();
    let Body::Variable(change) = event.body else { return Ok(None) };
    let Some(value) = change.new_value else { return Ok(None) };
    let variable = Variable {
        key: change.key,
        kind: change.kind,
        value,
        description: change.description,
        revision: change.revision,
        written,
        protected: change.protected,
    };
    Ok(Some(VariableParts { path: change.path, variable }))
}

/// Restricts the lockfile to the newest line of each key since its environment was last created, among the creations and
/// lines that satisfy the conditions; oldest first.
pub(super) fn newest_versions(creations: &str, lines: &str) -> String {
    format!(
        "WHERE seq IN (
            SELECT max(seq) FROM secret_version_log lines
            JOIN (SELECT env_id, max(seq) AS created FROM environment_log WHERE operation = 'created' {creations}
                GROUP BY env_id) creations USING (env_id)
            WHERE lines.seq > creations.created {lines}
            GROUP BY env_id, key)
        ORDER BY seq"
    )
}

/// Reads lines of the lockfile.
pub(super) fn versions(connection: &Connection, rest: &str, paths: &Paths) -> Result<Vec<Event>, StoreError> {
    events(connection, &Log::VERSIONS, rest, paths)
}

/// Restores the batches that are still remembered. Of variables it reads only what their results need.
fn batches(
    connection: &Connection,
    paths: &Paths,
    now: Timestamp,
    state: &mut State,
) -> Result<(), StoreError> {
    let Ok(since) = now.checked_sub(BATCH_MEMORY) else { return Ok(()) };
    let since = since.as_microsecond();
    let recent = "batch_id IS NOT NULL AND ts >= make_timestamp(CAST($1 AS BIGINT))";
    let sql = format!(
        "SELECT min(seq), max(seq) FROM (SELECT seq FROM audit_variable_writes WHERE {recent} UNION ALL
            SELECT seq FROM batch_log WHERE {recent})"
    );
    let range = connection.query_row(&sql, params![since], |row| Ok((row.get(0)?, row.get(1)?)));
    let (Some(first), Some(last)): (Option<u64>, Option<u64>) = range.map_err(unreadable)? else {
        return Ok(());
    };
    let rest = format!("WHERE {recent} AND seq >= $2 AND seq <= $3 ORDER BY seq");
    for start in (first..=last).step_by(BATCH_ROWS_AT_ONCE) {
        let window = params![since, start, start.saturating_add(BATCH_ROWS_AT_ONCE as u64 - 1)];
        let mut records = VecDeque::new();
        select(connection, &Log::BATCHES, &rest, window, |row| {
            records.push_back(event(&row, paths)?);
            Ok(())
        })?;
        select_instead(connection, &Log::VARIABLES, &WITHOUT_VALUES, &rest, window, |row| {
            let event = event(&row, paths)?;
            while let Some(record) = records.pop_front_if(|record| record.seq < event.seq) {
                state.restore_batch_event(&record);
            }
            state.restore_batch_event(&event);
            Ok(())
        })?;
        for record in records {
            state.restore_batch_event(&record);
        }
    }
    state.forget_batches(now);
    Ok(())
}
