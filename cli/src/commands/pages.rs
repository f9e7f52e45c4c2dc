//! Lists that arrive in pages, fetched to the end or to a limit.

use std::future::Future;

use kontraktor_proto::client::ClientError;

/// Returns at most `limit` items, and whether there are more. `fetch` receives a page token and the number of items still
/// wanted, and returns a page and the next token, which is empty for the last page.
pub(super) async fn collect<T, F>(
    limit: usize,
    mut fetch: impl FnMut(String, usize) -> F,
) -> Result<(Vec<T>, bool), ClientError>
where
    F: Future<Output = Result<(Vec<T>, String), ClientError>>,
{
    let mut items = Vec::new();
    let mut token = String::new();
    loop {
        let (page, next) = fetch(token, limit - items.len()).await?;
        items.extend(page);
        let more = !next.is_empty();
        if items.len() >= limit || !more {
            let cut = items.len() > limit;
            items.truncate(limit);
            return Ok((items, more || cut));
        }
        token = next;
    }
}
