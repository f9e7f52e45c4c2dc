//! Accesses and denials on their way into the log. Those that come while others are being written travel together, and
//! equal ones are one row with a count: a secret that many read at once costs one row for all of them.

mod denials;
mod names;

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use kontraktor_model::names::{EnvPath, Key};
use tokio::sync::oneshot;

use self::{denials::Denials, names::Names};
use super::Service;
use kontraktor_domain::{Access, Author, Code, RecordAccesses, Refusal, ReportedVersion};

type Written = Result<(), Arc<Refusal>>;

/// What waits to be written.
#[derive(Default)]
pub(super) struct AuditBatcher {
    waiting: Mutex<Waiting>,
    denials: Denials,
}

#[derive(Default)]
struct Waiting {
    /// Their authors are without names.
    accesses: HashMap<(Author, Access), u64>,
    names: Names,
    versions: HashMap<(EnvPath, Key), ReportedVersion>,
    answers: Vec<oneshot::Sender<Written>>,
    /// A task is writing, and takes what is here when it is done.
    writing: bool,
}

impl AuditBatcher {
    /// The maps are only changed by whole inserts, so a panic elsewhere leaves them sound.
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns everything that waits, and those who wait for it. None: nothing does, and from now on nobody is writing.
    fn take(&self) -> Option<(RecordAccesses, Vec<oneshot::Sender<Written>>)> {
        let mut waiting = self.lock();
        if waiting.answers.is_empty() {
            waiting.writing = false;
            return None;
        }
        let accesses = mem::take(&mut waiting.accesses);
        let names = mem::take(&mut waiting.names);
        let versions = mem::take(&mut waiting.versions);
        let record = RecordAccesses {
            accesses: accesses
                .into_iter()
                .map(|((author, access), count)| (names.give_to(author), access, count))
                .collect(),
            versions: versions.into_values().collect(),
        };
        Some((record, mem::take(&mut waiting.answers)))
    }
}

impl Service {
    /// Records accesses. When it returns, they are on disk, or counted where their actor is denied too much; where it fails, nothing
    /// may be handed out.
    pub(super) async fn record_accesses(
        &self,
        accesses: Vec<(Author, Access)>,
        versions: Vec<ReportedVersion>,
    ) -> Result<(), Refusal> {
        let accesses = self.without_excess(accesses);
        if accesses.is_empty() && versions.is_empty() {
            return Ok(());
        }
        let (answer, answered) = oneshot::channel();
        let lead = {
            let mut waiting = self.inner.audit.lock();
            for (author, access) in accesses {
                let author = waiting.names.take_from(author);
                *waiting.accesses.entry((author, access)).or_default() += 1;
            }
            for version in versions {
                waiting.versions.insert((version.environment.clone(), version.key.clone()), version);
            }
            waiting.answers.push(answer);
            !mem::replace(&mut waiting.writing, true)
        };
        if lead {
            // A task of its own: the one who came first may go away, and others wait for the same.
            let service = self.clone();
            tokio::spawn(async move { service.write_accesses().await });
        }
        match answered.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(refusal)) => Err(unaudited(&refusal)),
            Err(_) => Err(unaudited(&Refusal::new(Code::Storage, "recording it was aborted"))),
        }
    }

    async fn write_accesses(&self) {
        while let Some((record, answers)) = self.inner.audit.take() {
            let written = self.append(record).await.map_err(Arc::new);
            for answer in answers {
                // Who asked may have gone; the access is in the log all the same.
                let _ = answer.send(written.clone());
            }
        }
    }
}

fn unaudited(refusal: &Refusal) -> Refusal {
    let message =
        format!("the access cannot be recorded in the audit log, so it is refused: {}", refusal.message);
    Refusal { message, ..refusal.clone() }
}
