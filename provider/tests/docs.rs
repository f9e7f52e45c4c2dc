//! The pages in `docs/` are what the schemas and examples say. `UPDATE_DOCS=1 cargo test --test docs` rewrites them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use terraform_provider_kontraktor::docs;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn rendered() -> BTreeMap<String, String> {
    docs::pages(&root().join("examples")).expect("every example is there")
}

#[test]
fn pages_are_current() {
    let folder = root().join("docs");
    let update = std::env::var_os("UPDATE_DOCS").is_some();
    let pages = rendered();
    let mut stale = Vec::new();
    for (name, text) in &pages {
        let path = folder.join(name);
        if fs::read_to_string(&path).is_ok_and(|found| found == *text) {
            continue;
        }
        if update {
            fs::create_dir_all(path.parent().expect("a page lies in a folder"))
                .expect("docs/ can be written");
            fs::write(&path, text).expect("docs/ can be written");
        } else {
            stale.push(name);
        }
    }
    assert!(
        stale.is_empty(),
        "run UPDATE_DOCS=1 cargo test -p terraform-provider-kontraktor --test docs: {stale:?}"
    );

    for kind in ["resources", "data-sources"] {
        for entry in fs::read_dir(folder.join(kind)).expect("the folder is there") {
            let name = format!("{kind}/{}", entry.expect("a readable entry").file_name().display());
            assert!(pages.contains_key(&name), "{name} documents nothing that is offered: delete it");
        }
    }
}

#[test]
fn a_missing_example_is_an_error() {
    let empty = tempfile::tempdir().expect("a temporary directory");
    let error = docs::pages(empty.path()).expect_err("there are no examples").to_string();
    assert!(error.contains("provider/provider.tf"), "{error}");
}

/// The registry cuts pages at 500 KB.
#[test]
fn pages_stay_within_the_registry_limit() {
    for (name, text) in rendered() {
        assert!(text.len() < 500_000, "{name}");
    }
}
