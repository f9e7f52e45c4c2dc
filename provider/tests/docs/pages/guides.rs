//! Guides: each complete configuration among the examples that has a README.md becomes a guide, with all of its files.

use std::fs;
use std::io;
use std::path::Path;

use super::DocsError;
use super::page::Page;

/// A guide.
pub(super) struct Guide {
    pub(super) name: String,
    pub(super) title: String,
    pub(super) text: String,
}

/// Renders the guides, sorted by name.
pub(super) fn render(examples: &Path) -> Result<Vec<Guide>, DocsError> {
    let mut guides = Vec::new();
    for name in names(examples)? {
        let folder = examples.join(&name);
        let readme = folder.join("README.md");
        let text = match fs::read_to_string(&readme) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(source) => return Err(DocsError::Example { path: readme, source }),
        };
        guides.push(guide(name, &readme, &text, &files(&folder)?)?);
    }
    Ok(guides)
}

fn guide(name: String, readme: &Path, text: &str, files: &[(String, String)]) -> Result<Guide, DocsError> {
    let malformed = || DocsError::Guide { path: readme.to_path_buf() };
    let (title, rest) = text.split_once("\n\n").ok_or_else(malformed)?;
    let title = title.strip_prefix("# ").ok_or_else(malformed)?;
    let paragraph = rest.split("\n\n").next().unwrap_or_default().trim();
    if paragraph.is_empty() || paragraph.starts_with('#') {
        return Err(malformed());
    }
    let mut page = Page::new(title, &paragraph.replace('\n', " "));
    page.push(text.trim_end());
    page.push("\n");
    for (name, code) in files {
        let language = match name.rsplit_once('.') {
            Some((_, "tf")) => "terraform",
            Some((_, "sh")) => "shell",
            _ => "text",
        };
        page.section(&format!("## `{name}`"), language, code);
    }
    Ok(Guide { name, title: title.to_owned(), text: page.finish() })
}

/// Returns the configuration's own files, sorted by name.
fn files(folder: &Path) -> Result<Vec<(String, String)>, DocsError> {
    let mut files = Vec::new();
    for name in names(folder)? {
        let path = folder.join(&name);
        let generated = name.contains("tfstate") || name.starts_with(".terraform");
        if name == "README.md" || generated || path.is_dir() {
            continue;
        }
        let text = fs::read_to_string(&path).map_err(|source| DocsError::Example { path, source })?;
        files.push((name, text));
    }
    Ok(files)
}

fn names(folder: &Path) -> Result<Vec<String>, DocsError> {
    let failed = |source| DocsError::Example { path: folder.to_path_buf(), source };
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        names.push(entry.map_err(failed)?.file_name().display().to_string());
    }
    names.sort();
    Ok(names)
}
