//! Reading and checking the log, in pages. The store may block, so it is read through `offload`.

use std::sync::Arc;

use kontraktor_model::{
    limits::{DEFAULT_AUDIT_PAGE_SIZE, MAX_PAGE_SIZE},
    names::{EnvPath, Key},
};

use kontraktor_access::{Action, Caller, Resource, Rights};

use super::{
    Page, PageRequest, Service,
    page::{Cut, Listing, bad_token, page_size, weigh_imports},
    visible::Visible,
};
use kontraktor_domain::{AuditEntry, AuditSubject, Head, Refusal};
use kontraktor_store::{AuditQuery, ChainReport, PointInTime, Store, StoreError, verify};

/// How many entries are read before it is known how large they are: a whole page of the default size, and 16 MiB at most.
const ROWS_AT_FIRST: usize = 128;

/// An entry of the log as people are shown it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedEntry {
    /// The entry.
    pub entry: AuditEntry,
    /// The readable name of the entry's actor: the one that is known now, not the one at the time of the entry. None: the
    /// actor has none.
    pub actor_display_name: Option<Arc<str>>,
}

impl Service {
    /// Returns entries of the log. `beyond` and `limit` of the query are set here, from the page.
    pub async fn audit(
        &self,
        caller: &Caller,
        mut query: AuditQuery,
        page: &PageRequest,
    ) -> Result<Page<NamedEntry>, Refusal> {
        let resource = query.project.as_ref().map_or(Resource::Log, Resource::Project);
        self.authorize(caller, Action::AuditRead, resource)?;
        let text = |part: Option<String>| part.unwrap_or_default();
        let listing = Listing::new(&[
            "audit",
            query.project.as_ref().map_or("", |name| name.as_str()),
            query.env.as_ref().map_or("", |name| name.as_str()),
            query.key.as_ref().map_or("", |key| key.as_str()),
            &text(query.since.map(|since| since.to_string())),
            &text(query.until.map(|until| until.to_string())),
            if query.oldest_first { "oldest first" } else { "newest first" },
        ]);
        query.beyond = row_of(listing.after(page.token.as_deref())?)?;
        let state = self.inner.state.load_full();
        query.within = Visible::new(Rights::new(caller, state.roles())).patterns().map(<[_]>::to_vec);
        let _turn = self.inner.turns.of(caller).await;
        let caller = caller.clone();
        let shown = move |entry: &AuditEntry| Visible::new(Rights::new(&caller, state.roles())).entry(entry);
        self.entries(query, listing, page, shown).await
    }

    /// Returns the history of an environment, or of one of its keys, newest first and up to `until`. A deleted environment
    /// still has its history; one that never existed is refused.
    pub async fn history(
        &self,
        caller: &Caller,
        path: &EnvPath,
        key: Option<&Key>,
        until: Option<PointInTime>,
        page: &PageRequest,
    ) -> Result<Page<NamedEntry>, Refusal> {
        let resource = key.map_or(Resource::Environment(path), |key| Resource::Key(path, key));
        self.authorize(caller, Action::HistoryRead, resource)?;
        let known = self.known(path)?;
        let _turn = self.inner.turns.of(caller).await;
        let key_text = key.map_or("", |key| key.as_str());
        let until_text = until.map(|until| format!("{until:?}")).unwrap_or_default();
        let listing =
            Listing::new(&["history", path.project.as_str(), path.env.as_str(), key_text, &until_text]);
        let mut beyond = row_of(listing.after(page.token.as_deref())?)?;
        // A further page starts where the previous one ended, which is before `until`.
        if let (Some(at), None) = (until, beyond) {
            match self.row_at(&known, "until", at).await? {
                Some(row) => beyond = Some(row + 1),
                None => return Ok(Page { items: Vec::new(), next: None }),
            }
        }
        let query = AuditQuery {
            project: Some(path.project.clone()),
            env: Some(path.env.clone()),
            key: key.cloned(),
            writes_only: true,
            beyond,
            ..AuditQuery::default()
        };
        // Who may read the environment may read its history.
        self.entries(query, listing, page, |_| true).await
    }

    /// Verifies the hash chain up to the newest row, which must be the head of the state in memory. `expect` is a further
    /// row that must exist with its hash.
    pub async fn verify(&self, caller: &Caller, expect: Option<Head>) -> Result<ChainReport, Refusal> {
        self.authorize(caller, Action::AuditVerify, Resource::Log)?;
        let head = self.inner.state.load().head();
        let expected: Vec<Head> = expect.into_iter().chain((head.seq > 0).then_some(head)).collect();
        self.blocking(&self.inner.walks, move |store| verify(store, &expected)).await
    }

    /// Reads the newest row from the store, to find out whether it can be read. Anybody may ask: nothing is returned.
    pub async fn probe(&self) -> Result<(), Refusal> {
        let newest = self.inner.state.load().head().seq;
        let rows =
            self.blocking(&self.inner.probes, move |store| store.rows_since(newest.saturating_sub(1), 1));
        rows.await.map(drop)
    }

    async fn entries(
        &self,
        mut query: AuditQuery,
        listing: Listing,
        page: &PageRequest,
        shown: impl Fn(&AuditEntry) -> bool + Send + 'static,
    ) -> Result<Page<NamedEntry>, Refusal> {
        let size = page_size(page.size, DEFAULT_AUDIT_PAGE_SIZE, MAX_PAGE_SIZE);
        let (cut, more) = self
            .blocking(&self.inner.pages, move |store| some_entries(store, &mut query, size, shown))
            .await?;
        let Page { items, next } = cut.page(more, &listing, |entry: &AuditEntry| entry.seq.to_string());
        // Loaded after the rows, so that it knows the names of their actors.
        let state = self.inner.state.load();
        let named = items.into_iter().map(|entry| NamedEntry {
            actor_display_name: state.display_names().get(&entry.written.actor).cloned(),
            entry,
        });
        Ok(Page { items: named.collect(), next })
    }
}

/// Reads one page of entries, and returns whether there are more. Their size is only known when they are read, so they are
/// read in portions.
fn some_entries(
    store: &dyn Store,
    query: &mut AuditQuery,
    size: usize,
    shown: impl Fn(&AuditEntry) -> bool,
) -> Result<(Cut<AuditEntry>, bool), StoreError> {
    let mut cut = Cut::new(size);
    let mut is_first = true;
    loop {
        // Where none of the first ones is shown, there may be many such.
        let at_most = match cut.last() {
            Some(_) => usize::MAX,
            None if is_first => ROWS_AT_FIRST,
            None => ROWS_AT_FIRST * 8,
        };
        query.limit = if is_first || cut.last().is_some() { cut.wanted().min(at_most) } else { at_most };
        is_first = false;
        let some = store.audit(query)?;
        let ended = some.len() < query.limit;
        let last = some.last().map(|entry| entry.seq);
        for entry in some.into_iter().filter(&shown) {
            let bytes = weigh(&entry);
            if !cut.push(entry, bytes) {
                return Ok((cut, true));
            }
        }
        if ended {
            return Ok((cut, false));
        }
        query.beyond = last;
    }
}

fn weigh(entry: &AuditEntry) -> usize {
    let text = |value: Option<&str>| value.map_or(0, str::len);
    let imports = match &entry.subject {
        AuditSubject::Environment(environment) => weigh_imports(&environment.imports),
        _ => 0,
    };
    text(entry.old_value()) + text(entry.new_value()) + text(entry.description()) + imports
}

fn row_of(last: Option<String>) -> Result<Option<u64>, Refusal> {
    last.map(|text| text.parse().map_err(|_| bad_token())).transpose()
}
