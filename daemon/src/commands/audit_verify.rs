//! `kontraktord audit verify`: verifies the log itself, or asks the daemon that has it open.

use std::{io::Write as _, path::Path, time::Duration};

use kontraktor_proto::{
    client::{Client, ClientError, ClientOptions},
    endpoint::Host,
    v1::{ProblemCode, VerifyAuditRequest},
};

use super::data;
use crate::{
    cli::{Expect, VerifyArgs},
    config::Config,
    exit::{Exit, Failure},
};
use kontraktor_domain::Head;
use kontraktor_store::StoreError;
use kontraktor_store_duckdb::DataDir;

/// A walk of a long log takes a while; the daemon answers other calls meanwhile.
const ANSWER_WITHIN: Duration = Duration::from_hours(1);

/// What a verification found, here or in the daemon.
struct Report {
    head: String,
    rows: u64,
    /// Where the chain breaks first, in a sentence.
    broken: Option<String>,
}

pub(super) fn run(config: &Config, arguments: &VerifyArgs) -> Result<(), Failure> {
    let expect = arguments.expect.as_ref();
    let report = match data::open_read_only(&config.data_dir.value) {
        Ok(store) => walk(&store, expect)?,
        Err(StoreError::Locked { .. }) => {
            let noted = DataDir::holder(&config.data_dir.value).and_then(|holder| holder.socket);
            let socket = noted.unwrap_or_else(|| config.socket.value.clone());
            super::runtime()?.block_on(ask(&socket, expect))?
        }
        Err(error) => return Err(error.into()),
    };
    print(&report)
        .map_err(|error| Failure::new(Exit::Failure, format!("cannot write to standard output: {error}")))?;
    match report.broken {
        None => Ok(()),
        Some(explanation) => Err(Failure::new(Exit::Broken, format!("the log is not intact: {explanation}"))
            .hint("keep the data directory as it is, and compare it with a backup")),
    }
}

fn print(report: &Report) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    let verdict = if report.broken.is_none() { "intact" } else { "intact up to here" };
    writeln!(out, "head {}\nrows {}\n{verdict}", report.head, report.rows)?;
    out.flush()
}

fn walk(store: &dyn kontraktor_store::Store, expect: Option<&Expect>) -> Result<Report, Failure> {
    let expected: Vec<Head> =
        expect.map(|expect| Head { seq: expect.sequence, hash: expect.hash }).into_iter().collect();
    let report = kontraktor_store::verify(store, &expected)?;
    Ok(Report {
        head: format!("{}:{}", report.head.seq, report.head.hash),
        rows: report.rows,
        broken: report.broken.map(|broken| broken.explanation),
    })
}

async fn ask(socket: &Path, expect: Option<&Expect>) -> Result<Report, Failure> {
    let mut options = ClientOptions::new(Host::Unix(socket.to_owned()), "kontraktord");
    options.timeout = ANSWER_WITHIN;
    let request = VerifyAuditRequest {
        expect_sequence: expect.map_or(0, |expect| expect.sequence),
        expect_hash: expect.map(|expect| expect.hash.to_string()).unwrap_or_default(),
    };
    let answer =
        Client::new(options).verify_audit(request).await.map_err(|error| unanswered(&error, socket))?;
    Ok(Report {
        head: format!("{}:{}", answer.head_sequence, answer.head_hash),
        rows: answer.row_count,
        broken: (!answer.intact).then_some(answer.explanation),
    })
}

fn unanswered(error: &ClientError, socket: &Path) -> Failure {
    match error {
        ClientError::NotReachable { reason, .. } => Failure::new(
            Exit::Failure,
            format!(
                "a daemon has the data directory open and cannot be reached at {}: {reason}",
                socket.display()
            ),
        )
        .hint("set its socket with `--socket`, or stop it and run this again"),
        error => {
            let is_damaged =
                error.problem().is_some_and(|problem| problem.code() == ProblemCode::StorageDamaged);
            let exit = if is_damaged { Exit::Data } else { Exit::Failure };
            let failure = Failure::new(exit, error);
            match error.remedy() {
                Some(remedy) => failure.hint(remedy),
                None => failure,
            }
        }
    }
}
