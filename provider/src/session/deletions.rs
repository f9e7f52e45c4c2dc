//! Deletions that wait for each other: a project or environment can be deleted only after its contents.
//!
//! A host deletes objects that do not refer to each other in any order, and several at once. A container that is refused because
//! it is not empty waits while its contents are being deleted, and then tries again.

use std::{
    collections::HashMap,
    pin::pin,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kontraktor_model::names::{EnvPath, ProjectName};
use kontraktor_proto::v1::ProblemCode;
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

use super::{Session, SessionError};

/// How long a container waits for the first deletion of something in it.
const FIRST_DELETION_TIMEOUT: Duration = Duration::from_secs(1);

/// How long no deletion begins before a container tries again. A host deletes many objects in turn.
const QUIET_PERIOD: Duration = Duration::from_millis(50);

/// What cannot be deleted before something else.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Container {
    /// A project, before its environments, their variables, and its schemas.
    Project(ProjectName),
    /// An environment, before its variables.
    Environment(EnvPath),
    /// Any environment, before those that import it.
    Imported,
}

impl Container {
    /// Returns the containers of a variable.
    pub(crate) fn of_variable(env: &EnvPath) -> Vec<Self> {
        vec![Self::Environment(env.clone()), Self::Project(env.project.clone())]
    }

    /// Returns the containers of an environment.
    pub(crate) fn of_environment(env: &EnvPath) -> Vec<Self> {
        vec![Self::Project(env.project.clone()), Self::Imported]
    }
}

/// The deletions in one container.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    running: usize,
    ended: usize,
}

#[derive(Default)]
pub(super) struct Deletions {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    counts: HashMap<Container, Count>,
    /// The host wants to stop: nothing waits any more.
    stopping: bool,
}

impl Deletions {
    /// Every change is complete before the lock is released, so the state behind a poisoned lock is consistent.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, container: &Container) -> Count {
        self.lock().counts.get(container).copied().unwrap_or_default()
    }

    fn change(&self, container: &Container, change: impl FnOnce(&mut Count)) {
        change(self.lock().counts.entry(container.clone()).or_default());
        self.changed.notify_waiters();
    }

    /// Ends all waiting.
    pub(super) fn stop(&self) {
        self.lock().stopping = true;
        self.changed.notify_waiters();
    }

    /// Waits for deletions in the container. Returns whether any ended since `seen`, so that trying again may help.
    async fn wait(&self, container: &Container, seen: Count, deadline: Instant) -> bool {
        loop {
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            let Count { running, ended } = self.count(container);
            if self.lock().stopping {
                return false;
            }
            let progress = ended != seen.ended;
            let until = match (running, progress) {
                (0, true) => deadline.min(Instant::now() + QUIET_PERIOD),
                (0, false) => deadline.min(Instant::now() + FIRST_DELETION_TIMEOUT),
                _ => deadline,
            };
            tokio::select! {
                () = changed.as_mut() => {}
                () = sleep_until(until) => return running == 0 && progress && until < deadline,
            }
        }
    }
}

/// A deletion in progress. It ends when this is dropped.
pub(crate) struct Deletion<'a> {
    deletions: &'a Deletions,
    containers: Vec<Container>,
}

impl Drop for Deletion<'_> {
    fn drop(&mut self) {
        for container in &self.containers {
            self.deletions.change(container, |count| {
                count.running = count.running.saturating_sub(1);
                count.ended += 1;
            });
        }
    }
}

/// The deletion of a container, with what has ended in it before the current attempt.
pub(crate) struct ContainerDeletion<'a> {
    deletion: Deletion<'a>,
    own: Container,
    seen: Count,
    seen_imported: Count,
    deadline: Instant,
}

impl ContainerDeletion<'_> {
    /// Waits until another attempt may succeed. `false`: the refusal is final.
    pub(crate) async fn may_retry(&mut self, refusal: &SessionError) -> bool {
        let deletions = self.deletion.deletions;
        let retry = match refusal.problem().map(kontraktor_proto::v1::Problem::code) {
            Some(ProblemCode::NotEmpty) => deletions.wait(&self.own, self.seen, self.deadline).await,
            Some(ProblemCode::Imported) => {
                // Environments that wait for others are not what those wait for.
                let counted = self.deletion.containers.contains(&Container::Imported);
                let step = usize::from(counted);
                deletions.change(&Container::Imported, |count| count.running -= step.min(count.running));
                let retry = deletions.wait(&Container::Imported, self.seen_imported, self.deadline).await;
                deletions.change(&Container::Imported, |count| count.running += step);
                retry
            }
            _ => false,
        };
        self.seen = deletions.count(&self.own);
        self.seen_imported = deletions.count(&Container::Imported);
        retry
    }
}

impl Session {
    /// Begins the deletion of something in these containers.
    pub(crate) fn begin_deletion_in(&self, containers: Vec<Container>) -> Deletion<'_> {
        for container in &containers {
            self.deletions.change(container, |count| count.running += 1);
        }
        Deletion { deletions: &self.deletions, containers }
    }

    /// Begins the deletion of a container that is in other containers itself. It waits for its contents at most as long as a
    /// request may take.
    pub(crate) fn begin_container_deletion(
        &self,
        container: Container,
        within: Vec<Container>,
    ) -> ContainerDeletion<'_> {
        let timeout = self.client().map(|client| client.options().timeout).unwrap_or_default();
        ContainerDeletion {
            seen: self.deletions.count(&container),
            seen_imported: self.deletions.count(&Container::Imported),
            deletion: self.begin_deletion_in(within),
            own: container,
            deadline: Instant::now() + timeout,
        }
    }
}
