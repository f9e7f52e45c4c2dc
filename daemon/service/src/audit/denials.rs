//! Denials and refused tokens. Nobody waits for the rows of calls that hand out no secret: equal ones within a window are one row with a
//! count. Denied accesses to secrets are written before they are answered. How many rows of both sorts a window can have is bounded
//! for each actor, so that denials fill neither memory nor disk.

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use kontraktor_access::{Action, Caller, Resource};
use kontraktor_domain::{Access, AccessOperation, Author, Code, RecordAccesses};

use super::names::Names;
use crate::{Inner, Service};

/// How long denials are collected before they are written.
const WINDOW: Duration = Duration::from_secs(10);

/// Rows that one actor can cause in a window. Further denials are counted in one row for each action, which leaves out on
/// what and from where.
const ROWS_OF_ACTOR: usize = 16;

#[derive(Default)]
pub(super) struct Denials(Mutex<Window>);

#[derive(Default)]
struct Window {
    /// Their authors are without names.
    rows: HashMap<(Author, Access), u64>,
    names: Names,
    /// How many rows each actor has.
    actors: HashMap<Arc<str>, usize>,
    /// A task waits for the end of the window.
    is_open: bool,
}

impl Window {
    /// Takes one of the actor's rows, where there are some left.
    fn take_row(&mut self, actor: &Arc<str>) -> bool {
        let rows = self.actors.entry(Arc::clone(actor)).or_default();
        let is_left = *rows < ROWS_OF_ACTOR;
        *rows += usize::from(is_left);
        is_left
    }

    fn add(&mut self, author: Author, access: Access, count: u64) {
        let row = (self.names.take_from(author), access);
        if let Some(known) = self.rows.get_mut(&row) {
            *known += count;
            return;
        }
        if self.take_row(&row.0.actor) {
            self.rows.insert(row, count);
            return;
        }
        let (author, access) = row;
        let author = Author { via: Arc::default(), ..author };
        let access = Access {
            project: None,
            environment: None,
            key: None,
            reference: None,
            version: None,
            peer: None,
            ..access
        };
        *self.rows.entry((author, access)).or_default() += count;
    }
}

impl Denials {
    fn lock(&self) -> MutexGuard<'_, Window> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns what was collected, and closes the window.
    fn take(&self) -> RecordAccesses {
        let Window { rows, names, .. } = mem::take(&mut *self.lock());
        let rows = rows.into_iter().map(|((author, access), count)| (names.give_to(author), access, count));
        RecordAccesses { accesses: rows.collect(), versions: Vec::new() }
    }
}

impl Service {
    /// Counts a denial, to be written when the window ends.
    pub(crate) fn count_denial(&self, caller: &Caller, action: Action, resource: Resource<'_>) {
        let word: &str = action.into();
        let mut access = denial(word.into(), caller.peer.clone());
        match resource {
            Resource::Project(name) => access.project = Some(name.clone()),
            Resource::Environment(path) => access.environment = Some(path.clone()),
            Resource::Key(path, key) => {
                access.environment = Some(path.clone());
                access.key = Some(key.clone());
            }
            Resource::Reference(reference) => access.reference = Some(reference.to_string().into()),
            Resource::Schema(project, _) => access.project = Some(project.clone()),
            Resource::Role(grant) => access.project = grant.pattern.project().cloned(),
            Resource::Daemon
            | Resource::Vault(_)
            | Resource::Hold(_)
            | Resource::Log
            | Resource::ServiceAccount(_) => {}
        }
        self.count(caller.author(), access);
    }

    /// Counts a row that nobody waits for, to be written when the window ends.
    pub(crate) fn count(&self, author: Author, access: Access) {
        let mut window = self.inner.audit.denials.lock();
        window.add(author, access, 1);
        self.open(&mut window);
    }

    /// Returns which of these accesses are written at once: all but the denials beyond those that their actor may cause in a window,
    /// which are counted.
    pub(super) fn without_excess(&self, accesses: Vec<(Author, Access)>) -> Vec<(Author, Access)> {
        if accesses.iter().all(|(_, access)| access.operation != AccessOperation::Denied) {
            return accesses;
        }
        let mut window = self.inner.audit.denials.lock();
        self.open(&mut window);
        let mut at_once = Vec::with_capacity(accesses.len());
        for (author, access) in accesses {
            if access.operation != AccessOperation::Denied || window.take_row(&author.actor) {
                at_once.push((author, access));
            } else {
                window.add(author, access, 1);
            }
        }
        at_once
    }

    /// Lets a window end in time.
    fn open(&self, window: &mut Window) {
        // Without a runtime, a later denial or the end of the service finds them.
        if !window.is_open
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            window.is_open = true;
            // The service may end meanwhile: a drain writes what is here.
            runtime.spawn(end_of_window(Arc::downgrade(&self.inner)));
        }
    }

    /// Returns the denials that are still to be written, for a service that ends.
    pub(crate) fn take_denials(&self) -> Option<RecordAccesses> {
        Some(self.inner.audit.denials.take()).filter(|record| !record.accesses.is_empty())
    }
}

/// Writes the denials of a window when it is over. Where that fails they are counted in the next one.
async fn end_of_window(service: Weak<Inner>) {
    loop {
        tokio::time::sleep(WINDOW).await;
        let Some(inner) = service.upgrade() else { return };
        let service = Service { inner };
        let Some(record) = service.take_denials() else { return };
        let Err(refusal) = service.append(record.clone()).await else { return };
        tracing::warn!(error = refusal.message, "denials could not be recorded yet");
        if refusal.code == Code::ShuttingDown {
            return;
        }
        let mut window = service.inner.audit.denials.lock();
        for (author, access, count) in record.accesses {
            window.add(author, access, count);
        }
        if mem::replace(&mut window.is_open, true) {
            return;
        }
    }
}

fn denial(action: Arc<str>, peer: Option<Arc<str>>) -> Access {
    Access {
        operation: AccessOperation::Denied,
        action: Some(action),
        project: None,
        environment: None,
        key: None,
        reference: None,
        version: None,
        peer,
        problem: Some(Code::Denied),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(actor: &str, path: &str) -> (Author, Access) {
        let author = Author::new(actor, "test");
        let access = denial("snapshot.read".into(), Some("pid:7".into()));
        (author, Access { environment: Some(path.parse().unwrap()), ..access })
    }

    #[test]
    fn equal_denials_are_one_row_and_an_actor_has_few_of_them() {
        let denials = Denials::default();
        for number in 0..100_000 {
            let (author, access) = from("unix:eve", &format!("p{}/dev", number % 5_000));
            denials.lock().add(author, access, 1);
        }
        let (author, access) = from("unix:bob", "p/dev");
        denials.lock().add(author, access, 1);
        let record = denials.take();
        assert_eq!(record.accesses.len(), ROWS_OF_ACTOR + 2);
        assert_eq!(record.accesses.iter().map(|(_, _, count)| count).sum::<u64>(), 100_001);
        assert!(denials.take().accesses.is_empty());
    }

    #[test]
    fn another_name_makes_no_other_row() {
        let denials = Denials::default();
        for number in 0..100 {
            let (author, access) = from("idp:eve", &format!("p{number}/dev"));
            let author = Author { display_name: Some(format!("Eve {number}").into()), ..author };
            denials.lock().add(author.clone(), access.clone(), 1);
            denials.lock().add(Author { display_name: None, ..author }, access, 1);
        }
        let record = denials.take();
        assert_eq!(record.accesses.len(), ROWS_OF_ACTOR + 1);
        let names: Vec<_> =
            record.accesses.iter().map(|(author, ..)| author.display_name.as_deref()).collect();
        assert_eq!(names, [Some("Eve 99"); ROWS_OF_ACTOR + 1]);
        assert_eq!(record.accesses.iter().map(|(_, _, count)| count).sum::<u64>(), 200);
    }

    #[test]
    fn rows_that_are_written_at_once_are_among_those_that_an_actor_may_have() {
        let denials = Denials::default();
        let eve = Arc::from("unix:eve");
        let at_once = (0..100).filter(|_| denials.lock().take_row(&eve)).count();
        assert_eq!(at_once, ROWS_OF_ACTOR);
        for number in 0..100 {
            let (author, access) = from("unix:eve", &format!("p{number}/dev"));
            denials.lock().add(author, access, 1);
        }
        let record = denials.take();
        assert_eq!(record.accesses.len(), 1);
        assert_eq!(record.accesses[0].2, 100);
        assert!(denials.lock().take_row(&eve), "a new window has begun");
    }
}
