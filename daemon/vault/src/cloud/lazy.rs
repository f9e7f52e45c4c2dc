//! A connection that is made when it is first needed, so that the daemon starts while a vault is down, and made again after
//! it was forgotten, so that credentials are read again from their source.

use std::sync::Arc;

use tokio::sync::Mutex;

/// A connection that is made when it is first needed.
pub(crate) struct Lazy<T>(Mutex<Option<Arc<T>>>);

impl<T> Lazy<T> {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// Returns the connection. Callers wait while it is being made; after a failure, the next call tries again.
    pub(crate) async fn get<E, F>(&self, make: impl FnOnce() -> F) -> Result<Arc<T>, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        let mut slot = self.0.lock().await;
        if let Some(connection) = &*slot {
            return Ok(connection.clone());
        }
        let connection = Arc::new(make().await?);
        *slot = Some(connection.clone());
        Ok(connection)
    }

    /// Forgets this connection, unless a newer one has replaced it.
    pub(crate) async fn forget(&self, old: &Arc<T>) {
        let mut slot = self.0.lock().await;
        if slot.as_ref().is_some_and(|current| Arc::ptr_eq(current, old)) {
            *slot = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    #[tokio::test]
    async fn one_value_is_created_until_it_is_forgotten() {
        let lazy = Lazy::new();
        assert_eq!(lazy.get(async || Err::<u8, _>("down")).await, Err("down"));
        let first = lazy.get(async || Ok::<_, Infallible>(1)).await.unwrap();
        assert_eq!(*lazy.get(async || Ok::<_, Infallible>(2)).await.unwrap(), 1);
        lazy.forget(&first).await;
        let third = lazy.get(async || Ok::<_, Infallible>(3)).await.unwrap();
        // Somebody who still had the first one does not take the third one away.
        lazy.forget(&first).await;
        assert!(Arc::ptr_eq(&third, &lazy.get(async || Ok::<_, Infallible>(4)).await.unwrap()));
    }
}
