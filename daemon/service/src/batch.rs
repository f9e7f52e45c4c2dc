//! What a caller may write of a batch: each environment is decided separately, so that an item that is denied does not
//! take those of others with it.

use std::collections::HashMap;

use kontraktor_access::{Action, Caller, Resource, authorize};
use kontraktor_domain::{Batch, Operate, PutContent, Refusal, State, WriteItem};
use kontraktor_model::{names::EnvPath, reference::Reference};

use super::Service;

impl Service {
    /// Returns a batch in which the items that the caller may not write are refused. Where they may write to none of its
    /// environments, the whole batch is refused. A name against the rules is left to the rules, which refuse its item.
    pub(super) fn authorized_batch(&self, caller: &Caller, mut batch: Batch) -> Result<Batch, Refusal> {
        let state = self.inner.state.load();
        let mut decided: HashMap<(String, String), Option<Refusal>> = HashMap::new();
        let mut last: Option<(&str, &str)> = None;
        for item in batch.groups.iter().flatten() {
            let names = (item.project.as_str(), item.env.as_str());
            if last.replace(names) == Some(names) {
                continue;
            }
            decided
                .entry((item.project.clone(), item.env.clone()))
                .or_insert_with(|| self.deny_writes(&state, caller, names.0, names.1));
        }
        if decided.values().all(Option::is_some) {
            // Any of them: which one is not worth an order.
            let first = batch.groups.iter().flatten().next();
            let first = first.and_then(|item| decided.remove(&(item.project.clone(), item.env.clone())));
            if let Some(Some(refusal)) = first {
                return Err(refusal);
            }
        }
        let all_allowed = decided.values().all(Option::is_none);
        for item in batch.groups.iter_mut().flatten() {
            let denied = if all_allowed {
                None
            } else {
                decided.get(&(item.project.clone(), item.env.clone())).cloned().flatten()
            };
            if let Some(refusal) = denied.or_else(|| self.deny_reference(&state, caller, item)) {
                item.operation = Err(Box::new(refusal));
            }
        }
        Ok(batch)
    }

    fn deny_writes(&self, state: &State, caller: &Caller, project: &str, env: &str) -> Option<Refusal> {
        let path = EnvPath::new(project, env).ok()?;
        let (action, resource) = (Action::VariableWrite, Resource::Environment(&path));
        let denied = authorize(caller, state.roles(), action, resource).err()?;
        self.count_denial(caller, action, resource);
        Some(Refusal::from(&denied))
    }

    /// Returns why an item may not write its reference.
    fn deny_reference(&self, state: &State, caller: &Caller, item: &WriteItem) -> Option<Refusal> {
        let Ok(Operate::Put(put)) = &item.operation else { return None };
        let PutContent::Reference(text) = &put.content else { return None };
        let reference: Reference = text.parse().ok()?;
        let path = EnvPath::new(&item.project, &item.env).ok()?;
        self.authorize_reference(state, caller, Action::VariableWrite, Some(&path), &reference).err()
    }
}
