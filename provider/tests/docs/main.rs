//! The provider's documentation: renders the pages of `docs/` from the schemas and examples, and compares them with the
//! files. `UPDATE_DOCS=1 cargo test -p terraform-provider-kontraktor --test docs` rewrites the files.

mod pages;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn rendered() -> BTreeMap<String, String> {
    pages::render(&root().join("examples")).expect("every example exists")
}

/// Lists the files below a folder, by their path in it.
fn files(folder: &Path, within: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder.join(within)).expect("the folder exists") {
        let entry = entry.expect("a readable entry");
        let name = format!("{within}{}", entry.file_name().display());
        if entry.path().is_dir() {
            found.extend(files(folder, &format!("{name}/")));
        } else {
            found.push(name);
        }
    }
    found
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
    for name in files(&folder, "") {
        assert!(pages.contains_key(&name), "docs/{name} documents nothing that the provider has: delete it");
    }
}

#[test]
fn a_missing_example_is_an_error() {
    let empty = tempfile::tempdir().expect("a temporary directory");
    let error = pages::render(empty.path()).expect_err("there are no examples").to_string();
    assert!(error.contains("provider/provider.tf"), "{error}");
}

/// An example of something that no longer exists would be run by no test and shown on no page.
#[test]
fn every_example_is_on_a_page() {
    let examples = root().join("examples");
    let pages = rendered();
    for (folder, prefix) in [
        ("resources", "kontraktor_"),
        ("data-sources", "kontraktor_"),
        ("ephemeral-resources", "kontraktor_"),
        ("functions", ""),
    ] {
        for entry in fs::read_dir(examples.join(folder)).expect("the folder exists") {
            let name = entry.expect("a readable entry").file_name().display().to_string();
            let page = format!("{folder}/{}.md", name.trim_start_matches(prefix));
            assert!(pages.contains_key(&page), "examples/{folder}/{name} has no page {page}");
        }
    }
}

/// The registry truncates pages at 500 KB.
#[test]
fn pages_stay_within_the_registry_limit() {
    for (name, text) in rendered() {
        assert!(text.len() < 500_000, "{name}");
    }
}

/// The registry reads title and description from the front matter, and shows a page without one under its file name.
#[test]
fn pages_have_the_registrys_front_matter() {
    for (name, text) in rendered() {
        let front = text.strip_prefix("---\npage_title: \"").and_then(|rest| rest.split_once("\n---\n\n# "));
        let (front, _) = front.unwrap_or_else(|| panic!("{name}: {text}"));
        let subcategory = if name == "index.md" { "" } else { "subcategory: \"\"\n" };
        let (_, description) =
            front.split_once(&format!("\"\n{subcategory}description: |-\n  ")).expect("the entries");
        assert!(!description.is_empty() && !description.contains('\n'), "{name}: {description:?}");
    }
}

/// A page that names another object of the provider links to its page, and each link leads to a page.
#[test]
fn links_lead_to_pages() {
    let pages = rendered();
    for (name, text) in &pages {
        let folder = Path::new(name).parent().unwrap_or(Path::new(""));
        for link in text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link) {
            if link.starts_with('#') || link.contains("://") {
                continue;
            }
            let target = match link.strip_prefix("../") {
                Some(path) => PathBuf::from(path),
                None => folder.join(link),
            };
            assert!(pages.contains_key(&target.display().to_string()), "{name} links to {link}");
        }
    }
    assert!(pages["resources/variable.md"].contains("[`kontraktor_secret_reference`](secret_reference.md)"));
    assert!(pages["index.md"].contains("](guides/secrets.md)"));
}

/// Every attribute is described by at least a sentence.
#[test]
fn every_attribute_is_explained() {
    for (name, text) in rendered() {
        for line in text.lines().filter(|line| line.starts_with("- `")) {
            let explained = line.split_once(") ").is_some_and(|(_, rest)| rest.len() > 5);
            assert!(explained && line.ends_with('.'), "{name}: {line}");
        }
    }
}
