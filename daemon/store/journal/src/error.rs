//! The journal's errors are those of the store that it belongs to.

use std::{
    io::{self, ErrorKind},
    path::Path,
};

use kontraktor_hardening::file::OpenError;
use kontraktor_store::StoreError;

pub(crate) fn damaged(path: &Path, reason: String) -> StoreError {
    StoreError::Damaged { path: path.to_owned(), reason }
}

pub(crate) fn io_error<'a>(what: &'static str, path: &'a Path) -> impl Fn(io::Error) -> StoreError + 'a {
    move |source| StoreError::Io { what, path: path.to_owned(), source }
}

pub(crate) fn open_error<'a>(what: &'static str, path: &'a Path) -> impl Fn(OpenError) -> StoreError + 'a {
    move |error| match error {
        OpenError::Io(source) => StoreError::Io { what, path: path.to_owned(), source },
        OpenError::Untrusted(untrusted) => {
            let name = path.file_name().unwrap_or_default().display();
            let dir = path.parent().unwrap_or(path).to_owned();
            StoreError::Directory { dir, reason: format!("{name} {untrusted}") }
        }
    }
}

/// An error that the store survives: a full disk, or another failure of one write.
pub(crate) fn write_error(what: &str, path: &Path, error: io::Error) -> StoreError {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => StoreError::Full(error.to_string()),
        _ => StoreError::Failed(format!("{what} {}: {error}", path.display())),
    }
}
