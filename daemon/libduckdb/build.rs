//! The build script of each package that links DuckDB into programs: tells the linker where the shared libduckdb lies at run
//! time (rpath), so that day-to-day builds start without LD_LIBRARY_PATH. A `bundled` build has DuckDB inside and needs
//! nothing.
//!
//! Three packages name this one file (`build` in their Cargo.toml), because cargo applies `rustc-link-arg` only to the
//! programs of the package whose script prints it: the daemon and its tests, the service's tests and benchmark, the store's
//! tests. Metadata of `links` would still need a script in each. `rustflags` in .cargo/config.toml know no path relative to
//! the checkout, apply to the provider and `ktr` too, and are ignored where RUSTFLAGS is set.

use std::{env, fs};

fn main() {
    println!("cargo:rerun-if-env-changed=DUCKDB_LIB_DIR");
    if env::var_os("CARGO_FEATURE_BUNDLED").is_some() {
        return;
    }
    let Some(dir) = env::var_os("DUCKDB_LIB_DIR") else {
        println!(
            "cargo:warning=DUCKDB_LIB_DIR is not set: run `make libduckdb`, or build with --features bundled"
        );
        return;
    };
    match fs::canonicalize(&dir) {
        Ok(dir) => println!("cargo:rustc-link-arg=-Wl,-rpath,{}", dir.display()),
        Err(error) => println!(
            "cargo:warning=DUCKDB_LIB_DIR={} cannot be read ({error}): run `make libduckdb`, or build with --features bundled",
            dir.display()
        ),
    }
}
