//! Reading and checking the log. These reads go to the store, on threads that may block.

use std::sync::Arc;

use kontraktor_proto::{
    limits::{DEFAULT_AUDIT_PAGE_SIZE, MAX_PAGE_SIZE},
    names::{EnvPath, Key},
};
use tokio::sync::Semaphore;

use super::{
    Page, PageRequest, Service,
    page::{Listing, bad_token, page_size},
};
use crate::{
    domain::{AuditEntry, Code, Head, Refusal, find_environment},
    store::{AuditQuery, ChainReport, Store, StoreError, verify},
};

impl Service {
    /// Entries of the log. `beyond` and `limit` of the query are set here, from the page.
    pub async fn audit(
        &self,
        mut query: AuditQuery,
        page: &PageRequest,
    ) -> Result<Page<AuditEntry>, Refusal> {
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
        query.beyond = row_of(listing.after(&page.token)?)?;
        self.entries(query, listing, page).await
    }

    /// What happened to one environment, or to one key of it, newest first. An environment that was deleted still has
    /// its history; one that never was is refused.
    pub async fn history(
        &self,
        path: &EnvPath,
        key: Option<&Key>,
        page: &PageRequest,
    ) -> Result<Page<AuditEntry>, Refusal> {
        let state = self.state();
        if state.tombstone(path).is_none() {
            find_environment(&state, path)?;
        }
        let key_text = key.map_or("", |key| key.as_str());
        let listing = Listing::new(&["history", path.project.as_str(), path.env.as_str(), key_text]);
        let query = AuditQuery {
            project: Some(path.project.clone()),
            env: Some(path.env.clone()),
            key: key.cloned(),
            beyond: row_of(listing.after(&page.token)?)?,
            ..AuditQuery::default()
        };
        self.entries(query, listing, page).await
    }

    /// Walks the hash chain up to the newest row, which must be the one that stands in memory. `expect` is a further
    /// row that must be there with its hash.
    pub async fn verify(&self, expect: Option<Head>) -> Result<ChainReport, Refusal> {
        let head = self.inner.state.load().head();
        let expected: Vec<Head> = expect.into_iter().chain((head.seq > 0).then_some(head)).collect();
        self.blocking(&self.inner.walks, move |store| verify(store, &expected)).await
    }

    async fn entries(
        &self,
        mut query: AuditQuery,
        listing: Listing,
        page: &PageRequest,
    ) -> Result<Page<AuditEntry>, Refusal> {
        let size = page_size(page.size, DEFAULT_AUDIT_PAGE_SIZE, MAX_PAGE_SIZE);
        query.limit = size + 1;
        let mut items = self.blocking(&self.inner.pages, move |store| store.audit(&query)).await?;
        let more = items.len() > size;
        items.truncate(size);
        let next = match items.last() {
            Some(last) if more => listing.token(&last.seq.to_string()),
            _ => String::new(),
        };
        Ok(Page { items, next })
    }

    async fn blocking<T: Send + 'static>(
        &self,
        turns: &Arc<Semaphore>,
        work: impl FnOnce(&dyn Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Refusal> {
        let broken_off = || Refusal::new(Code::Storage, "reading the log was broken off");
        let turn = Arc::clone(turns).acquire_owned().await.map_err(|_| broken_off())?;
        let store = Arc::clone(&self.inner.store);
        match tokio::task::spawn_blocking(move || {
            // Kept until the engine is done, also where the caller gives up meanwhile.
            let _turn = turn;
            work(&*store)
        })
        .await
        {
            Ok(result) => result.map_err(|error| unreadable(&error)),
            Err(_) => Err(broken_off()),
        }
    }
}

fn row_of(last: Option<String>) -> Result<Option<u64>, Refusal> {
    last.map(|text| text.parse().map_err(|_| bad_token())).transpose()
}

fn unreadable(error: &StoreError) -> Refusal {
    tracing::error!(%error, "the log cannot be read");
    Refusal::new(Code::Storage, format!("the log cannot be read: {error}"))
}
