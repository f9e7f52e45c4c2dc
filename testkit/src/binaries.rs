//! Where the programs under test are.

use std::path::{Path, PathBuf};

/// Returns the repository's root.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the repository")
}

/// Returns the path of one of the workspace's programs: in the folder named by `KONTRAKTOR_TEST_BIN_DIR`, else beside the
/// running test (`target/debug` for `target/debug/deps/main-…`).
///
/// # Panics
/// When it does not exist: `cargo build --workspace --bins` builds it, and `make test` does so first.
pub fn binary(name: &str) -> PathBuf {
    let folder = std::env::var_os("KONTRAKTOR_TEST_BIN_DIR").map_or_else(
        || {
            let me = std::env::current_exe().expect("a running program has a path");
            let folder = me.parent().expect("an executable lies in a folder");
            if folder.ends_with("deps") { folder.join("..") } else { folder.to_path_buf() }
        },
        PathBuf::from,
    );
    let path = folder.join(name);
    assert!(path.exists(), "{} is missing: run `cargo build --workspace --bins` first", path.display());
    path.canonicalize().expect("an existing file has a canonical path")
}
