//! Writing: each request goes to the writer and waits for its answer.

use std::sync::{Arc, PoisonError};

use kontraktor_proto::names::{EnvPath, ProjectName};

use super::Service;
use crate::domain::{Batch, BatchOutcome, Caller, Code, Environment, Outcome, Project, Refusal, Request};

impl Service {
    /// Creates a project, or adopts an implicit one.
    pub async fn create_project(
        &self,
        caller: Caller,
        name: ProjectName,
        description: String,
    ) -> Result<Arc<Project>, Refusal> {
        self.submit(caller, Request::CreateProject { name, description }).await.and_then(project)
    }

    /// Sets a project's description; an implicit one becomes explicit.
    pub async fn update_project(
        &self,
        caller: Caller,
        name: ProjectName,
        description: String,
    ) -> Result<Arc<Project>, Refusal> {
        self.submit(caller, Request::UpdateProject { name, description }).await.and_then(project)
    }

    /// Deletes a project with its empty implicit environments.
    pub async fn delete_project(&self, caller: Caller, name: ProjectName) -> Result<(), Refusal> {
        self.submit(caller, Request::DeleteProject { name }).await.map(drop)
    }

    /// Creates an environment, or adopts an implicit one.
    pub async fn create_environment(
        &self,
        caller: Caller,
        path: EnvPath,
        description: String,
        create_missing: bool,
    ) -> Result<Arc<Environment>, Refusal> {
        let request = Request::CreateEnvironment { path, description, create_missing };
        self.submit(caller, request).await.and_then(environment)
    }

    /// Sets an environment's description; an implicit one becomes explicit.
    pub async fn update_environment(
        &self,
        caller: Caller,
        path: EnvPath,
        description: String,
    ) -> Result<Arc<Environment>, Refusal> {
        self.submit(caller, Request::UpdateEnvironment { path, description }).await.and_then(environment)
    }

    /// Deletes an environment without variables.
    pub async fn delete_environment(&self, caller: Caller, path: EnvPath) -> Result<(), Refusal> {
        self.submit(caller, Request::DeleteEnvironment { path }).await.map(drop)
    }

    /// Writes a batch of variables. A refused item is a result, not an error.
    pub async fn write_variables(&self, caller: Caller, batch: Batch) -> Result<BatchOutcome, Refusal> {
        match self.submit(caller, Request::WriteVariables(batch)).await? {
            Outcome::Batch(outcome) => Ok(outcome),
            other => Err(mixed_up(&other)),
        }
    }

    async fn submit(&self, caller: Caller, request: Request) -> Result<Outcome, Refusal> {
        let answer = {
            let sender = self.inner.sender.read().unwrap_or_else(PoisonError::into_inner);
            sender.as_ref().ok_or_else(shutting_down)?.submit(caller, request)?
        };
        // Without an answer the writer died over this request: the process ends, and so does what is known of it.
        answer.await.unwrap_or_else(|_| {
            Err(Refusal::new(
                Code::Storage,
                "the writer stopped before it answered: whether the write was kept is unknown",
            )
            .remedy("start the daemon again and read what stands"))
        })
    }
}

fn shutting_down() -> Refusal {
    Refusal::new(
        Code::ShuttingDown,
        "the daemon is going down and accepts no further write; nothing was written",
    )
    .remedy("try again when it is up")
}

fn project(outcome: Outcome) -> Result<Arc<Project>, Refusal> {
    match outcome {
        Outcome::Project(project) => Ok(project),
        other => Err(mixed_up(&other)),
    }
}

fn environment(outcome: Outcome) -> Result<Arc<Environment>, Refusal> {
    match outcome {
        Outcome::Environment(environment) => Ok(environment),
        other => Err(mixed_up(&other)),
    }
}

/// `decide` answers each kind of request with its own kind of outcome; the types can't say so.
fn mixed_up(outcome: &Outcome) -> Refusal {
    let kind = match outcome {
        Outcome::Project(_) => "a project",
        Outcome::Environment(_) => "an environment",
        Outcome::Deleted => "a deletion",
        Outcome::Batch(_) => "a batch",
    };
    Refusal::new(Code::Storage, format!("the writer answered with {kind}, which was not asked for"))
}
