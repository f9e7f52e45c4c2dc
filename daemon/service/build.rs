//! Tells the linker where the shared libduckdb lies at run time, so that day-to-day builds start without
//! LD_LIBRARY_PATH. A `bundled` build has DuckDB inside and needs nothing.

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
