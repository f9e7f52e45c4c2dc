//! A request's events while they are being put together, over a state that already has them.

use std::{collections::HashMap, sync::Arc};

use jiff::Timestamp;
use kontraktor_model::names::{EnvPath, ProjectName};
use uuid::Uuid;

use super::{
    super::{
        ActorEvent, Author, BatchMark, Body, EnvironmentEvent, EnvironmentOperation, EnvironmentSettings,
        Event, Hash, ProjectEvent, ProjectOperation, Row, Sight, State, hash::FieldHasher,
    },
    Decision,
};

/// The events of one command, and the state with them applied.
pub struct Draft<'a> {
    author: &'a Author,
    sight: &'a dyn Sight,
    at: Timestamp,
    state: State,
    events: Vec<Event>,
    batch: Option<(Uuid, Hash)>,
    revisions: HashMap<EnvPath, u64>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(state: &State, author: &'a Author, sight: &'a dyn Sight, now: Timestamp) -> Self {
        Self {
            author,
            sight,
            at: Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now),
            state: state.clone(),
            events: Vec::new(),
            batch: None,
            revisions: HashMap::new(),
        }
    }

    pub(super) fn state(&self) -> &State {
        &self.state
    }

    pub(super) fn now(&self) -> Timestamp {
        self.at
    }

    /// Returns whether the author may read an environment.
    pub(super) fn reads(&self, path: &EnvPath) -> bool {
        self.sight.reads(&self.state, path)
    }

    /// From here on events belong to this batch.
    pub(super) fn within_batch(&mut self, id: Uuid, digest: Hash) {
        self.batch = Some((id, digest));
    }

    /// The revision that this request gives the environment: the same for all it changes there.
    pub(super) fn revision(&mut self, path: &EnvPath) -> u64 {
        if let Some(revision) = self.revisions.get(path) {
            return *revision;
        }
        let before = match (self.state.environment(path), self.state.tombstone(path)) {
            (Some(environment), _) => environment.revision,
            (None, Some(tombstone)) => tombstone.revision,
            (None, None) => 0,
        };
        self.revisions.insert(path.clone(), before + 1);
        before + 1
    }

    pub(super) fn create_project(
        &mut self,
        name: &ProjectName,
        description: &str,
        implicit: bool,
        protected: bool,
    ) {
        self.record(
            None,
            Body::Project(ProjectEvent {
                name: name.clone(),
                operation: ProjectOperation::Created,
                description: description.into(),
                implicit,
                protected,
            }),
        );
    }

    pub(super) fn create_environment(
        &mut self,
        path: &EnvPath,
        settings: &EnvironmentSettings,
        implicit: bool,
    ) {
        let id = match self.state.tombstone(path) {
            Some(tombstone) => tombstone.id,
            None => self.fresh_id(path),
        };
        let revision = self.revision(path);
        self.record(
            None,
            Body::Environment(EnvironmentEvent {
                id,
                path: path.clone(),
                operation: EnvironmentOperation::Created,
                revision,
                description: settings.description.as_str().into(),
                implicit,
                protected: settings.protected,
                imports: settings.imports.clone().into(),
            }),
        );
    }

    /// Follows from the whole log so far and the moment, so that it is nobody else's and needs no random numbers here.
    fn fresh_id(&self, path: &EnvPath) -> Uuid {
        let head = self.state.head();
        FieldHasher::new("kontraktor environment id 1")
            .bytes(head.hash.as_bytes())
            .number(head.seq)
            .signed(self.at.as_microsecond())
            .text(path.project.as_str())
            .text(path.env.as_str())
            .finish()
            .to_uuid()
    }

    /// Adds a event and applies it. `item` is the place in the batch of the item that it comes from.
    pub(super) fn record(&mut self, item: Option<u32>, body: Body) {
        self.append(self.author, item, body);
    }

    /// The same for what somebody else did than the one who makes the request.
    pub(super) fn record_of(&mut self, author: &Author, body: Body) {
        self.append(author, None, body);
    }

    /// Where the author has another readable name than the log knows, that comes first. It is no result of a batch, and has
    /// no mark of one.
    fn append(&mut self, author: &Author, item: Option<u32>, body: Body) {
        if let Some(name) = &author.display_name
            && self.state.display_names().accepts(&author.actor, name)
        {
            self.push(author, None, Body::Actor(ActorEvent { display_name: Arc::clone(name) }));
        }
        let batch = self.batch.map(|(id, digest)| BatchMark { id, digest, item });
        self.push(author, batch, body);
    }

    fn push(&mut self, author: &Author, batch: Option<BatchMark>, body: Body) {
        let head = self.state.head();
        let mut event = Event {
            seq: head.seq + 1,
            at: self.at,
            actor: Arc::clone(&author.actor),
            via: Arc::clone(&author.via),
            batch,
            body,
            hash: Hash::ZERO,
        };
        event.hash = Row::from(&event).hash_after(&head.hash);
        self.state.apply(&event);
        self.events.push(event);
    }

    pub(super) fn finish<O>(self, outcome: O) -> Decision<O> {
        Decision { events: self.events, outcome, state: self.state }
    }
}
