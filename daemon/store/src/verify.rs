//! Verifies the hash chain of a store from the first row to the newest. It trusts nothing but the rows.

use kontraktor_domain::{Hash, Head, Row, RowBody};

use super::{Store, StoreError};

/// Rows read at a time. A row holds two values of 64 KiB at most, so a page stays below 32 MiB.
const PAGE: usize = 256;

/// The result of a verification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainReport {
    /// The newest row; if the chain is broken, the last intact one.
    pub head: Head,
    /// How many rows are intact.
    pub rows: u64,
    /// The first break of the chain.
    pub broken: Option<ChainBreak>,
}

impl ChainReport {
    /// Whether no row was altered and none is missing.
    pub fn is_intact(&self) -> bool {
        self.broken.is_none()
    }
}

/// A break of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainBreak {
    /// The row that is wrong or missing.
    pub seq: u64,
    /// What is wrong, in a sentence.
    pub explanation: String,
}

/// Verifies the chain. Each of `expected` is a row that the log must contain with its hash: without one, rows that are
/// missing at the very end go unnoticed.
pub fn verify(store: &dyn Store, expected: &[Head]) -> Result<ChainReport, StoreError> {
    let mut report = ChainReport { head: Head::default(), rows: 0, broken: None };
    let mut page = PAGE;
    loop {
        let rows = match store.rows_since(report.head.seq, page) {
            Ok(rows) => rows,
            // A row of the page cannot be read: single rows tell which.
            Err(StoreError::Corrupt(_)) if page > 1 => {
                page = 1;
                continue;
            }
            Err(StoreError::Corrupt(reason)) => {
                let seq = report.head.seq + 1;
                let explanation = format!("row {seq} cannot be read: {reason}");
                return Ok(ChainReport { broken: Some(ChainBreak { seq, explanation }), ..report });
            }
            Err(error) => return Err(error),
        };
        if rows.is_empty() {
            break;
        }
        for row in &rows {
            match check(row, report.head, expected) {
                Ok(hash) => {
                    report.head = Head { seq: row.seq, hash };
                    report.rows += 1;
                }
                Err(broken) => return Ok(ChainReport { broken: Some(broken), ..report }),
            }
        }
    }
    report.broken = expected.iter().find(|head| head.seq > report.head.seq).map(|head| ChainBreak {
        seq: report.head.seq + 1,
        explanation: format!("the log ends at row {}, but row {} was expected", report.head.seq, head.seq),
    });
    Ok(report)
}

fn check(row: &Row<'_>, before: Head, expected: &[Head]) -> Result<Hash, ChainBreak> {
    let next = before.seq + 1;
    let broken = |seq: u64, explanation: String| Err(ChainBreak { seq, explanation });
    if row.seq > next {
        return broken(next, format!("row {next} is missing: row {} follows row {}", row.seq, before.seq));
    }
    if row.seq < next {
        return broken(row.seq, format!("row {} exists more than once", row.seq));
    }
    let hash = row.hash_after(&before.hash);
    if row.hash.as_ref() != hash.as_bytes() {
        let explanation =
            format!("the hash of row {next} of {} does not match its content", row.body.log().table);
        return broken(next, explanation);
    }
    if let RowBody::Variable { id, .. } = &row.body
        && *id != hash.to_uuid()
    {
        return broken(next, format!("row {next} has the id {id}, but its hash gives {}", hash.to_uuid()));
    }
    match expected.iter().find(|head| head.seq == next) {
        Some(head) if head.hash != hash => {
            broken(next, format!("row {next} has the hash {hash}, but {} was expected", head.hash))
        }
        _ => Ok(hash),
    }
}
