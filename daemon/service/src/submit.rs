//! Writing: each command goes to the writer and waits for its outcome.

use std::sync::{Arc, PoisonError};

use kontraktor_access::{Authority, Caller};

use super::{Service, authorize::Authorized};
use kontraktor_domain::{
    AtVersion, Author, Batch, BatchOutcome, Code, Command, CreateEnvironment, CreateProject, CreateSchema,
    DeleteEnvironment, DeleteProject, DeleteSchema, Environment, Everything, Project, RecordAccesses,
    Refusal, Sight, UpdateEnvironment, UpdateProject, UpdateSchema, VariableSchema,
};

impl Service {
    /// Creates a project, or adopts an implicit one.
    pub async fn create_project(
        &self,
        caller: &Caller,
        command: CreateProject,
    ) -> Result<Arc<Project>, Refusal> {
        self.submit(caller, command).await
    }

    /// Changes a project; where a version is given, only at that one.
    pub async fn update_project(
        &self,
        caller: &Caller,
        command: impl Into<AtVersion<UpdateProject>>,
    ) -> Result<Arc<Project>, Refusal> {
        self.submit(caller, command.into()).await
    }

    /// Deletes a project; where a version is given, only at that one.
    pub async fn delete_project(
        &self,
        caller: &Caller,
        command: impl Into<AtVersion<DeleteProject>>,
    ) -> Result<(), Refusal> {
        self.submit(caller, command.into()).await
    }

    /// Creates an environment, or adopts an implicit one.
    pub async fn create_environment(
        &self,
        caller: &Caller,
        command: CreateEnvironment,
    ) -> Result<Arc<Environment>, Refusal> {
        self.submit(caller, command).await
    }

    /// Changes an environment; where a version is given, only at that one.
    pub async fn update_environment(
        &self,
        caller: &Caller,
        command: impl Into<AtVersion<UpdateEnvironment>>,
    ) -> Result<Arc<Environment>, Refusal> {
        self.submit(caller, command.into()).await
    }

    /// Deletes an environment; where a version is given, only at that one.
    pub async fn delete_environment(
        &self,
        caller: &Caller,
        command: impl Into<AtVersion<DeleteEnvironment>>,
    ) -> Result<(), Refusal> {
        self.submit(caller, command.into()).await
    }

    /// Attaches a schema to a project.
    pub async fn create_schema(
        &self,
        caller: &Caller,
        command: CreateSchema,
    ) -> Result<Arc<VariableSchema>, Refusal> {
        self.submit(caller, command).await
    }

    /// Changes a schema; where a version is given, only at that one.
    pub async fn update_schema(
        &self,
        caller: &Caller,
        command: impl Into<AtVersion<UpdateSchema>>,
    ) -> Result<Arc<VariableSchema>, Refusal> {
        self.submit(caller, command.into()).await
    }

    /// Deletes a schema; where a version is given, only at that one.
    pub async fn delete_schema(
        &self,
        caller: &Caller,
        command: impl Into<AtVersion<DeleteSchema>>,
    ) -> Result<(), Refusal> {
        self.submit(caller, command.into()).await
    }

    /// Writes a batch of variables. A refused item is a result, not an error.
    pub async fn write_variables(&self, caller: &Caller, batch: Batch) -> Result<BatchOutcome, Refusal> {
        let batch = self.authorized_batch(caller, batch)?;
        self.queue(caller, batch).await
    }

    /// Queues what a caller may write.
    pub(super) async fn submit<C: Authorized>(
        &self,
        caller: &Caller,
        command: C,
    ) -> Result<C::Outcome, Refusal> {
        command.authorize(self, caller)?;
        self.queue(caller, command).await
    }

    /// Queues the daemon's own record of accesses, which no caller asks for.
    pub(super) async fn append(&self, record: RecordAccesses) -> Result<(), Refusal> {
        self.enqueue(daemon(), Box::new(Everything), None, record).await
    }

    /// Queues the record of denials at the end of the service. Nobody waits for its answer.
    pub(super) fn queue_last(&self, denials: RecordAccesses) {
        let count = denials.accesses.len();
        let sender = self.inner.sender.read().unwrap_or_else(PoisonError::into_inner);
        let queued =
            sender.as_ref().map(|sender| sender.submit(daemon(), Box::new(Everything), None, denials));
        if !matches!(queued, Some(Ok(_))) {
            tracing::warn!(count, "denials could not be recorded");
        }
    }

    /// Queues a command that was authorized, and waits for its outcome.
    pub(super) async fn queue<C: Command>(&self, caller: &Caller, command: C) -> Result<C::Outcome, Refusal> {
        let (sight, share_of): (Box<dyn Sight>, _) = match caller.authority {
            Authority::Unrestricted => (Box::new(Everything), None),
            Authority::Roles => (Box::new(caller.clone()), Some(&caller.actor)),
        };
        self.enqueue(caller.author(), sight, share_of, command).await
    }

    async fn enqueue<C: Command>(
        &self,
        author: Author,
        sight: Box<dyn Sight>,
        share_of: Option<&Arc<str>>,
        command: C,
    ) -> Result<C::Outcome, Refusal> {
        let answer = {
            let sender = self.inner.sender.read().unwrap_or_else(PoisonError::into_inner);
            sender.as_ref().ok_or_else(shutting_down)?.submit(author, sight, share_of, command)?
        };
        // Without an answer the writer died over this command: the process ends, and its outcome is unknown.
        answer.await.unwrap_or_else(|_| {
            Err(Refusal::new(
                Code::Storage,
                "the writer stopped before it answered; whether the write was committed is unknown",
            )
            .remedy("start the daemon again, and read the current state before you repeat the write"))
        })
    }
}

/// The daemon as the author of a request; each row has an author of its own.
fn daemon() -> Author {
    Author::new("kontraktord", "kontraktord")
}

fn shutting_down() -> Refusal {
    Refusal::new(
        Code::ShuttingDown,
        "the daemon is shutting down and accepts no more writes; nothing was written",
    )
    .remedy("try again when the daemon is running again")
}
