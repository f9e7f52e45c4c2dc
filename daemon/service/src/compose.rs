//! Composition: an environment's own variables over those that it imports. It works on environments of one point in time, and
//! does not know where they come from.

use std::{collections::HashSet, ops::Bound, sync::Arc};

use kontraktor_model::names::{EnvPath, Key};

use kontraktor_domain::{Code, Environment, FieldHasher, Refusal, Variable};

/// Separates the versions of composed environments from every other hash.
const VERSION_PURPOSE: &str = "kontraktor composed version 1";

/// An environment at one point in time, with or without what it imports. Nothing is copied or merged before it is needed.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    environment: Arc<Environment>,
    /// What it imports, directly and through others, in the order of precedence.
    imported: Vec<Arc<Environment>>,
}

/// A variable as a reader sees it, and the environment that it comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Entry<'a> {
    /// The variable.
    pub variable: &'a Variable,
    /// The environment that owns it, as of the snapshot.
    pub origin: &'a Environment,
}

impl Snapshot {
    /// Returns a snapshot of the environment's own variables.
    pub(super) fn own(environment: Arc<Environment>) -> Self {
        Self { environment, imported: Vec::new() }
    }

    /// Returns a snapshot of the environment, then its imports from the last to the first, each followed by its own imports
    /// in the same way. An environment that occurs twice counts where it occurs first. `find` finds the environments of that
    /// point in time.
    pub(super) fn effective<'a>(
        environment: &'a Arc<Environment>,
        find: impl Fn(&EnvPath) -> Option<&'a Arc<Environment>>,
    ) -> Result<Self, Refusal> {
        let mut imported = Vec::new();
        let mut visited = HashSet::from([&environment.path]);
        // The last one is next.
        let mut open: Vec<_> = environment.imports.iter().map(|import| (environment, import)).collect();
        while let Some((importer, path)) = open.pop() {
            if visited.insert(path) {
                let next = find(path).ok_or_else(|| missing(importer, path))?;
                imported.push(Arc::clone(next));
                open.extend(next.imports.iter().map(|import| (next, import)));
            }
        }
        Ok(Self { environment: Arc::clone(environment), imported })
    }

    /// The environment itself.
    pub fn environment(&self) -> &Arc<Environment> {
        &self.environment
    }

    /// Returns the environment, and then what it imports.
    fn layers(&self) -> impl Iterator<Item = &Arc<Environment>> {
        std::iter::once(&self.environment).chain(&self.imported)
    }

    /// Returns the names of the environment and of what it imports.
    pub(super) fn paths(&self) -> Vec<EnvPath> {
        self.layers().map(|layer| layer.path.clone()).collect()
    }

    /// Returns the version, which is opaque to clients. Equal versions mean equal content, imports included: a version covers
    /// the newest row about each of the environments, and each of these rows covers those before it.
    pub fn version(&self) -> String {
        if self.imported.is_empty() {
            return self.environment.version();
        }
        let rows = self.layers().fold(FieldHasher::new(VERSION_PURPOSE), |hasher, layer| {
            hasher
                .text(layer.path.project.as_str())
                .text(layer.path.env.as_str())
                .bytes(layer.fingerprint().as_bytes())
        });
        let hash = hex::encode(&rows.finish().as_bytes()[..12]);
        format!("{}-{hash}", self.environment.revision)
    }

    /// Returns the entry of a key: its own, or that of the first import that has it.
    pub fn get<'a>(&'a self, key: &Key) -> Option<Entry<'a>> {
        self.layers().find_map(|origin| origin.variables.get(key).map(|variable| Entry { variable, origin }))
    }

    /// Returns the number of variables, keys that occur in several environments counted each time.
    pub fn size(&self) -> usize {
        self.layers().map(|layer| layer.variables.len()).sum()
    }

    /// Returns the variables whose keys start with `prefix`, by key.
    pub fn variables<'a>(&'a self, prefix: &str) -> Vec<Entry<'a>> {
        // The keys lie in the nodes of the maps; those inside the variables would each be a step into memory.
        let mut entries: Vec<(&str, Entry<'a>)> =
            Vec::with_capacity(if prefix.is_empty() { self.size() } else { 0 });
        for origin in self.layers() {
            let entry =
                |(key, variable): (&'a Key, &'a Arc<Variable>)| (key.as_str(), Entry { variable, origin });
            if prefix.is_empty() {
                entries.extend(origin.variables.iter().map(entry));
            } else {
                let from = (Bound::Included(prefix), Bound::Unbounded);
                let range = origin.variables.range::<_, str>(from).map(entry);
                entries.extend(range.take_while(|(key, _)| key.starts_with(prefix)));
            }
        }
        if !self.imported.is_empty() {
            // The sort finds the runs that are in order already and merges them; it leaves those of one key in the
            // order of their layers.
            entries.sort_by_key(|(key, _)| *key);
            entries.dedup_by(|(later, _), (first, _)| later == first);
        }
        entries.into_iter().map(|(_, entry)| entry).collect()
    }
}

fn missing(importer: &Environment, import: &EnvPath) -> Refusal {
    Refusal::new(
        Code::Storage,
        format!(
            "environment \"{}\" imports \"{import}\", which is missing: the log is damaged",
            importer.path
        ),
    )
    .remedy("run `kontraktord audit verify`, and restore a backup")
}
