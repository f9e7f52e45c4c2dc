//! The watched environments, and the thread that sends changes to their watchers.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc::{self, Receiver, Sender},
    },
    thread,
};

use arc_swap::ArcSwap;
use kontraktor_domain::{Event, Refusal, State, find_environment};
use kontraktor_model::names::EnvPath;
use tokio::sync::broadcast;

use super::{
    EnvironmentChange, Watched,
    open_watches::OpenWatches,
    reset, stopping,
    touch::{Touch, TouchingRow, changes, touches},
};
use crate::Snapshot;

/// How many changes wait for a slow watcher. They are shared by all watchers of an environment.
const WAITING_CHANGES: usize = 256;

/// What one command did, and the state that it led to.
pub(crate) enum Step {
    /// The rows of one command.
    Command {
        /// Its rows, as they were committed.
        events: Vec<Event>,
        /// The state afterwards.
        state: State,
    },
    /// The state moved in a way that is not known row by row: another writer's commits.
    Jump(State),
}

/// The watched environments. The writer and every watcher share it.
pub(crate) struct Hub {
    topics: Arc<Mutex<Topics>>,
    /// How many environments are watched: the writer asks before it does anything for watchers.
    watched: Arc<AtomicUsize>,
    steps: Sender<Step>,
    open: OpenWatches,
}

#[derive(Default)]
struct Topics {
    is_closed: bool,
    by_watched: HashMap<Watched, Topic>,
    /// Which watched environments each environment is a part of.
    by_layer: HashMap<EnvPath, BTreeSet<Watched>>,
}

/// One watched environment.
struct Topic {
    changes: broadcast::Sender<Arc<EnvironmentChange>>,
    /// The version after the last step.
    version: String,
    /// The environment and what it imports.
    layers: Vec<EnvPath>,
}

/// Returns a watched environment as it is in a state.
pub(super) fn snapshot(state: &State, watched: &Watched) -> Result<Snapshot, Refusal> {
    let environment = find_environment(state, &watched.path)?;
    if watched.own_only {
        return Ok(Snapshot::own(Arc::clone(environment)));
    }
    Snapshot::effective(environment, |import| state.environment(import))
}

impl Hub {
    /// Starts the thread that sends changes. It ends with the hub.
    pub(crate) fn start() -> io::Result<Self> {
        let (steps, received) = mpsc::channel();
        let topics = Arc::<Mutex<Topics>>::default();
        let watched = Arc::<AtomicUsize>::default();
        let publisher = Publisher { topics: Arc::clone(&topics), watched: Arc::clone(&watched) };
        thread::Builder::new().name("watch".to_owned()).spawn(move || publisher.run(&received))?;
        Ok(Self { topics, watched, steps, open: OpenWatches::default() })
    }

    /// Whether anybody watches. The writer asks after it has published a state: a watcher that comes later sees that state.
    pub(crate) fn is_watched(&self) -> bool {
        self.watched.load(Ordering::SeqCst) > 0
    }

    /// How many watches each actor has open.
    pub(super) fn open_watches(&self) -> &OpenWatches {
        &self.open
    }

    /// Hands a step over. It does not wait.
    pub(crate) fn send(&self, step: Step) {
        // The thread lives as long as the hub, unless it panicked: then nobody hears, and the log says why.
        let _ = self.steps.send(step);
    }

    pub(super) fn subscribe(
        &self,
        watched: &Watched,
        state: &ArcSwap<State>,
    ) -> Result<broadcast::Receiver<Arc<EnvironmentChange>>, Refusal> {
        let mut topics = lock(&self.topics);
        if topics.is_closed {
            return Err(stopping());
        }
        if let Some(topic) = topics.by_watched.get(watched) {
            return Ok(topic.changes.subscribe());
        }
        // Before the state is loaded, so that the writer does not pass by in between.
        self.watched.fetch_add(1, Ordering::SeqCst);
        let found = snapshot(&state.load(), watched);
        let current = found.inspect_err(|_| {
            self.watched.fetch_sub(1, Ordering::SeqCst);
        })?;
        let (changes, receiver) = broadcast::channel(WAITING_CHANGES);
        let topic = Topic { changes, version: current.version(), layers: Vec::new() };
        topics.by_watched.insert(watched.clone(), topic);
        topics.set_layers(watched, current.paths());
        Ok(receiver)
    }

    /// Forgets a watched environment where the last watcher has gone.
    pub(super) fn release(&self, watched: &Watched) {
        let mut topics = lock(&self.topics);
        if topics.by_watched.get(watched).is_some_and(|topic| topic.changes.receiver_count() == 0) {
            topics.remove(watched);
            self.watched.fetch_sub(1, Ordering::SeqCst);
        }
    }

    pub(super) fn close(&self) {
        let mut topics = lock(&self.topics);
        *topics = Topics { is_closed: true, ..Topics::default() };
        self.watched.store(0, Ordering::SeqCst);
    }
}

impl Topics {
    fn set_layers(&mut self, watched: &Watched, layers: Vec<EnvPath>) {
        let Some(topic) = self.by_watched.get_mut(watched) else { return };
        if topic.layers == layers {
            return;
        }
        let old = std::mem::replace(&mut topic.layers, layers.clone());
        self.forget_layers(watched, &old);
        for layer in layers {
            self.by_layer.entry(layer).or_default().insert(watched.clone());
        }
    }

    fn forget_layers(&mut self, watched: &Watched, layers: &[EnvPath]) {
        for layer in layers {
            if let Some(all) = self.by_layer.get_mut(layer) {
                all.remove(watched);
                if all.is_empty() {
                    self.by_layer.remove(layer);
                }
            }
        }
    }

    fn remove(&mut self, watched: &Watched) {
        if let Some(topic) = self.by_watched.remove(watched) {
            self.forget_layers(watched, &topic.layers);
        }
    }
}

/// Sends changes, on a thread of its own.
struct Publisher {
    topics: Arc<Mutex<Topics>>,
    watched: Arc<AtomicUsize>,
}

impl Publisher {
    fn run(&self, steps: &Receiver<Step>) {
        while let Ok(step) = steps.recv() {
            let mut topics = lock(&self.topics);
            let gone = match step {
                Step::Command { events, state } => command(&mut topics, &events, &state),
                Step::Jump(state) => jump(&mut topics, &state),
            };
            for watched in gone {
                topics.remove(&watched);
                self.watched.fetch_sub(1, Ordering::SeqCst);
            }
        }
    }
}

/// Sends what one command changed. Returns the watched environments that are gone.
fn command(topics: &mut Topics, events: &[Event], state: &State) -> Vec<Watched> {
    let touched = touches(events.iter().filter_map(TouchingRow::of_event));
    // Lockfiles change versions, and no revision: they are no change to hear of, but the next one follows on their version.
    let locked = events.iter().filter_map(|event| match &event.body {
        kontraktor_domain::Body::Version(version) => Some(&version.path),
        _ => None,
    });
    let concerned: HashSet<Watched> = touched
        .iter()
        .map(|touch| &touch.origin)
        .chain(locked)
        .filter_map(|path| topics.by_layer.get(path))
        .flatten()
        .cloned()
        .collect();
    let mut gone = Vec::new();
    for watched in concerned {
        let Some(topic) = topics.by_watched.get_mut(&watched) else { continue };
        let after = snapshot(state, &watched).ok();
        let relevant: Vec<&Touch> =
            touched.iter().filter(|touch| topic.layers.contains(&touch.origin)).collect();
        for change in changes(&watched, &relevant, &topic.version, after.as_ref()) {
            // Nobody may be listening any more.
            let _ = topic.changes.send(Arc::new(change));
        }
        match after {
            Some(after) => {
                topic.version = after.version();
                topics.set_layers(&watched, after.paths());
            }
            None => gone.push(watched),
        }
    }
    gone
}

/// Tells those whose environment moved that changes are not known. Returns the watched environments that are gone.
fn jump(topics: &mut Topics, state: &State) -> Vec<Watched> {
    let mut gone = Vec::new();
    let mut moved = Vec::new();
    for (watched, topic) in &mut topics.by_watched {
        match snapshot(state, watched) {
            Ok(after) => {
                let version = after.version();
                if version != topic.version {
                    topic.version = version;
                    let _ = topic.changes.send(Arc::new(reset(&after, state.head().seq)));
                    moved.push((watched.clone(), after.paths()));
                }
            }
            Err(_) => {
                let change = EnvironmentChange {
                    version: None,
                    revision: state.tombstone(&watched.path).map_or(0, |gone| gone.revision),
                    origin: watched.path.clone(),
                    keys: Vec::new(),
                    written: None,
                    reset: true,
                    deleted: true,
                    seq: state.head().seq,
                };
                let _ = topic.changes.send(Arc::new(change));
                gone.push(watched.clone());
            }
        }
    }
    for (watched, layers) in moved {
        topics.set_layers(&watched, layers);
    }
    gone
}

fn lock(topics: &Mutex<Topics>) -> MutexGuard<'_, Topics> {
    topics.lock().unwrap_or_else(PoisonError::into_inner)
}
