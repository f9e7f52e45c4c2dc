//! Writing: each request is queued for the writer and waits for its answer.

use std::sync::{Arc, PoisonError};

use kontraktor_access::Caller;

use super::Service;
use kontraktor_domain::{
    Author, Batch, BatchOutcome, Code, Environment, Outcome, Project, Refusal, Request, Trail, VariableSchema,
};

impl Service {
    /// Creates, changes or adopts a project.
    pub async fn write_project(&self, caller: &Caller, request: Request) -> Result<Arc<Project>, Refusal> {
        match self.submit(caller, request).await? {
            Outcome::Project(project) => Ok(project),
            other => Err(mixed_up(&other)),
        }
    }

    /// Creates, changes or adopts an environment.
    pub async fn write_environment(
        &self,
        caller: &Caller,
        request: Request,
    ) -> Result<Arc<Environment>, Refusal> {
        match self.submit(caller, request).await? {
            Outcome::Environment(environment) => Ok(environment),
            other => Err(mixed_up(&other)),
        }
    }

    /// Attaches, changes or adopts a schema.
    pub async fn write_schema(
        &self,
        caller: &Caller,
        request: Request,
    ) -> Result<Arc<VariableSchema>, Refusal> {
        match self.submit(caller, request).await? {
            Outcome::Schema(schema) => Ok(schema),
            other => Err(mixed_up(&other)),
        }
    }

    /// Deletes what the request names.
    pub async fn delete(&self, caller: &Caller, request: Request) -> Result<(), Refusal> {
        match self.submit(caller, request).await? {
            Outcome::Deleted => Ok(()),
            other => Err(mixed_up(&other)),
        }
    }

    /// Writes a batch of variables. A refused item is a result, not an error.
    pub async fn write_variables(&self, caller: &Caller, batch: Batch) -> Result<BatchOutcome, Refusal> {
        match self.submit(caller, Request::WriteVariables(batch)).await? {
            Outcome::Batch(outcome) => Ok(outcome),
            other => Err(mixed_up(&other)),
        }
    }

    /// Queues what a caller may write.
    async fn submit(&self, caller: &Caller, request: Request) -> Result<Outcome, Refusal> {
        self.authorize_request(caller, &request)?;
        self.queue(caller.author(), request).await
    }

    /// Queues the daemon's own record of accesses, which no caller asks for.
    pub(super) async fn append(&self, request: Request) -> Result<Outcome, Refusal> {
        self.queue(daemon(), request).await
    }

    /// Queues the record of denials at the end of the service. Nobody waits for its answer.
    pub(super) fn queue_last(&self, denials: Trail) {
        let count = denials.accesses.len();
        let sender = self.inner.sender.read().unwrap_or_else(PoisonError::into_inner);
        let queued = sender.as_ref().map(|sender| sender.submit(daemon(), Request::Record(denials)));
        if !matches!(queued, Some(Ok(_))) {
            tracing::warn!(count, "denials could not be recorded");
        }
    }

    /// Queues a request that was authorized, and waits for its answer.
    pub(super) async fn queue(&self, author: Author, request: Request) -> Result<Outcome, Refusal> {
        let answer = {
            let sender = self.inner.sender.read().unwrap_or_else(PoisonError::into_inner);
            sender.as_ref().ok_or_else(shutting_down)?.submit(author, request)?
        };
        // Without an answer the writer died over this request: the process ends, and so does what is known of it.
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
    Author { actor: "kontraktord".into(), via: "kontraktord".into() }
}

fn shutting_down() -> Refusal {
    Refusal::new(
        Code::ShuttingDown,
        "the daemon is shutting down and accepts no more writes; nothing was written",
    )
    .remedy("try again when the daemon is running again")
}

/// `decide` answers each kind of request with its own kind of outcome; the types can't say so.
pub(super) fn mixed_up(outcome: &Outcome) -> Refusal {
    let kind = match outcome {
        Outcome::Project(_) => "a project",
        Outcome::Environment(_) => "an environment",
        Outcome::Deleted => "a deletion",
        Outcome::Schema(_) => "a schema",
        Outcome::Restored(_) => "an environment made again",
        Outcome::Batch(_) => "a batch",
        Outcome::Recorded => "a record of accesses",
    };
    Refusal::new(Code::Storage, format!("the writer answered with {kind}, which was not asked for"))
}
