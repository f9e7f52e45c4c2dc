//! Reads environments as of a row of the past.
//!
//! The sequence numbers are found first, over narrow columns; the rows are then fetched in portions, because the engine
//! holds a whole result in memory.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use duckdb::{Connection, params};
use imbl::OrdMap;
use kontraktor_model::names::EnvPath;
use uuid::Uuid;

use super::{
    StoreError,
    errors::unreadable,
    load::{self, last_rows, newest_versions, written},
    rows::{event, in_transaction, of_all, select, text, uuid},
};
use kontraktor_domain::{
    Authorship, Body, Environment, EnvironmentEvent, EnvironmentOperation, Hash, Log, VariableParts, imports,
};
use kontraktor_store::{AsOf, PointInTime};

pub(super) fn row_at(
    connection: &Connection,
    environment: Uuid,
    at: PointInTime,
) -> Result<Option<u64>, StoreError> {
    match at {
        PointInTime::Time(time) => {
            let newest = |log: &Log| {
                format!(
                    "SELECT max(seq) AS seq FROM {} WHERE ts <= make_timestamp(CAST($1 AS BIGINT))",
                    log.table
                )
            };
            let sql = format!("SELECT max(seq) FROM ({})", of_all(newest));
            connection.query_row(&sql, params![time.as_microsecond()], |row| row.get(0)).map_err(unreadable)
        }
        // The rows of a batch have the same time: an id that is used again after it was forgotten is another batch.
        PointInTime::Revision(revision) => {
            let sql = "WITH log AS (
                    SELECT seq, env_id, revision, batch_id, ts FROM environment_log UNION ALL
                    SELECT seq, env_id, revision, batch_id, ts FROM audit_variable_writes),
                newest AS (
                    SELECT seq, batch_id, ts FROM log WHERE env_id = CAST($1 AS UUID) AND revision = $2
                    ORDER BY seq DESC LIMIT 1)
                SELECT max(seq) FROM (
                    SELECT seq FROM newest UNION ALL
                    SELECT log.seq FROM log JOIN newest USING (batch_id, ts))";
            connection
                .query_row(sql, params![environment.to_string(), revision], |row| row.get(0))
                .map_err(unreadable)
        }
    }
}

/// Returns the row before the first one of a later revision.
pub(super) fn locks_at(
    connection: &Connection,
    environment: Uuid,
    revision: u64,
) -> Result<Option<u64>, StoreError> {
    let sql = "SELECT min(seq) - 1 FROM (
            SELECT seq, env_id, revision FROM environment_log UNION ALL
            SELECT seq, env_id, revision FROM audit_variable_writes)
        WHERE env_id = CAST($1 AS UUID) AND revision > $2";
    connection
        .query_row(sql, params![environment.to_string(), revision], |row| row.get(0))
        .map_err(unreadable)
}

pub(super) fn as_of(
    connection: &Connection,
    environment: Uuid,
    seq: u64,
    locks: u64,
    imported: bool,
) -> Result<AsOf, StoreError> {
    // Rows are only ever added after `seq`; one transaction spares the engine a new one for each statement.
    in_transaction(connection, || read(connection, environment, seq, locks, imported))
}

fn read(connection: &Connection, id: Uuid, seq: u64, locks: u64, imported: bool) -> Result<AsOf, StoreError> {
    let found = newest_rows(connection, (!imported).then_some(id), seq)?;
    let Some(root) = found.iter().find(|row| row.id == id) else { return Ok(AsOf::NotYetCreated) };
    if root.deleted {
        return Ok(AsOf::Deleted { revision: root.revision });
    }
    let by_path: HashMap<&EnvPath, &Newest> = found.iter().map(|row| (&row.path, row)).collect();
    let mut wanted: Vec<&Newest> = vec![root];
    let mut seen: HashSet<&EnvPath> = HashSet::from([&root.path]);
    let mut open: Vec<&EnvPath> = if imported { root.imports.iter().collect() } else { Vec::new() };
    while let Some(path) = open.pop() {
        if seen.insert(path) {
            let row = by_path.get(path).filter(|row| !row.deleted).ok_or_else(|| {
                StoreError::Corrupt(format!(
                    "environment {path} was imported at row {seq}, and did not exist"
                ))
            })?;
            wanted.push(row);
            open.extend(row.imports.iter());
        }
    }
    let mut environments = environments(connection, &wanted, seq)?;
    variables(connection, seq, &mut environments)?;
    versions(connection, seq, locks, &mut environments)?;
    let mut all: HashMap<EnvPath, Arc<Environment>> = environments
        .into_values()
        .map(|environment| (environment.path.clone(), Arc::new(environment)))
        .collect();
    match all.remove(&root.path) {
        Some(environment) => Ok(AsOf::Found { environment, imported: all }),
        None => Err(StoreError::Corrupt(format!("the row of environment {} cannot be found", root.path))),
    }
}

/// An environment's newest row about itself, without what is read later.
struct Newest {
    seq: u64,
    id: Uuid,
    path: EnvPath,
    revision: u64,
    deleted: bool,
    imports: Arc<[EnvPath]>,
}

/// Returns that row of one environment, or of all: imports are only known once the rows are read.
fn newest_rows(connection: &Connection, only: Option<Uuid>, seq: u64) -> Result<Vec<Newest>, StoreError> {
    let condition = only.map_or_else(|| "true".to_owned(), |id| format!("env_id = '{id}'"));
    let sql = format!(
        "SELECT seq, CAST(env_id AS VARCHAR), project, env, revision, operation, imports FROM environment_log
        WHERE seq IN (SELECT max(seq) FROM environment_log WHERE seq <= $1 AND {condition} GROUP BY env_id)"
    );
    let mut statement = connection.prepare(&sql).map_err(unreadable)?;
    let mut rows = statement.query(params![seq]).map_err(unreadable)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(unreadable)? {
        let seq: u64 = row.get(0).map_err(unreadable)?;
        let corrupt = |reason: String| StoreError::Corrupt(format!("row {seq} of environment_log: {reason}"));
        let word = |column| text(row, column).map_err(unreadable);
        let imported: Option<String> = row.get(6).map_err(unreadable)?;
        found.push(Newest {
            seq,
            id: uuid(row, 1).map_err(unreadable)?,
            path: EnvPath::new(&word(2)?, &word(3)?).map_err(|error| corrupt(error.to_string()))?,
            revision: row.get(4).map_err(unreadable)?,
            deleted: word(5)? == EnvironmentOperation::Deleted.as_str(),
            imports: imported
                .map_or_else(|| Ok(Arc::default()), |names| imports(&names))
                .map_err(|error| corrupt(error.to_string()))?,
        });
    }
    Ok(found)
}

/// Reads the environments without their variables.
fn environments(
    connection: &Connection,
    wanted: &[&Newest],
    seq: u64,
) -> Result<HashMap<Uuid, Environment>, StoreError> {
    let paths: HashMap<Uuid, EnvPath> = wanted.iter().map(|row| (row.id, row.path.clone())).collect();
    let ids = quoted(paths.keys());
    let mut events: Vec<(EnvironmentEvent, Authorship)> = Vec::new();
    let mut created: HashMap<Uuid, Authorship> = HashMap::new();
    let seqs = wanted.iter().map(|row| row.seq.to_string()).collect::<Vec<_>>().join(", ");
    select(connection, &Log::ENVIRONMENTS, &format!("WHERE seq IN ({seqs})"), [], |row| {
        let event = event(&row, &paths)?;
        let written = event.authorship();
        if let Body::Environment(change) = event.body {
            events.push((change, written));
        }
        Ok(())
    })?;
    let creations = format!(
        "WHERE seq IN (SELECT max(seq) FROM environment_log
            WHERE operation = 'created' AND seq <= {seq} AND env_id IN ({ids}) GROUP BY env_id)"
    );
    select(connection, &Log::ENVIRONMENTS, &creations, [], |row| {
        let event = event(&row, &paths)?;
        if let Body::Environment(change) = &event.body {
            created.insert(change.id, event.authorship());
        }
        Ok(())
    })?;
    let mut last = last_rows(connection, &format!("seq <= {seq} AND env_id IN ({ids})"))?;
    events
        .into_iter()
        .map(|(change, changed)| {
            let (Some(created), Some(last)) = (created.remove(&change.id), last.remove(&change.id)) else {
                return Err(StoreError::Corrupt(format!("environment {} was never created", change.path)));
            };
            let environment = Environment {
                id: change.id,
                path: change.path,
                description: change.description,
                implicit: change.implicit,
                revision: last.revision,
                protected: change.protected,
                imports: change.imports,
                created,
                changed,
                written: last.written,
                variables: OrdMap::new(),
                last: last.hash,
                versions: OrdMap::new(),
                last_version: Hash::ZERO,
            };
            Ok((environment.id, environment))
        })
        .collect()
}

/// Reads the lockfiles as of a later row: the newest lines up to it.
fn versions(
    connection: &Connection,
    seq: u64,
    locks: u64,
    environments: &mut HashMap<Uuid, Environment>,
) -> Result<(), StoreError> {
    let paths = environments.values().map(|environment| (environment.id, environment.path.clone())).collect();
    let ids = quoted(environments.keys());
    let rest = newest_versions(
        &format!("AND seq <= {seq} AND env_id IN ({ids})"),
        &format!("AND lines.seq <= {locks} AND env_id IN ({ids})"),
    );
    for event in load::versions(connection, &rest, &paths)? {
        if let Body::Version(change) = &event.body
            && let Some(environment) = environments.get_mut(&change.environment)
        {
            environment.learn_version(&event, change);
        }
    }
    Ok(())
}

fn quoted<'a>(ids: impl Iterator<Item = &'a Uuid>) -> String {
    ids.map(|id| format!("'{id}'")).collect::<Vec<_>>().join(", ")
}

fn variables(
    connection: &Connection,
    seq: u64,
    environments: &mut HashMap<Uuid, Environment>,
) -> Result<(), StoreError> {
    let sql = format!(
        "SELECT max(seq) FROM audit_variable_writes WHERE seq <= $1 AND env_id IN ({}) GROUP BY env_id, key
        ORDER BY 1",
        quoted(environments.keys()),
    );
    let mut statement = connection.prepare(&sql).map_err(unreadable)?;
    let rows = statement.query_map(params![seq], |row| row.get(0)).map_err(unreadable)?;
    let seqs: Vec<u64> = rows.collect::<Result<_, _>>().map_err(unreadable)?;
    let paths = environments.values().map(|environment| (environment.id, environment.path.clone())).collect();
    let ids: HashMap<EnvPath, Uuid> =
        environments.values().map(|environment| (environment.path.clone(), environment.id)).collect();
    written(connection, &seqs, &paths, |_, VariableParts { path, variable }| {
        if let Some(environment) = ids.get(&path).and_then(|id| environments.get_mut(id)) {
            environment.variables.insert(variable.key.clone(), Arc::new(variable));
        }
        Ok(())
    })
}
