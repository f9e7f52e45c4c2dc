//! One page: its front matter, which the registry reads, and Markdown.

use std::path::Path;

use super::DocsError;

/// A page that is being written.
pub(super) struct Page(String);

impl Page {
    /// A page with this title. The description's first line is what lists and searches show.
    pub(super) fn new(title: &str, description: &str) -> Self {
        let summary = description.lines().next().unwrap_or_default();
        Self(format!(
            "---\npage_title: \"{title}\"\nsubcategory: \"\"\ndescription: |-\n  {summary}\n---\n\n"
        ))
    }

    /// Appends Markdown.
    pub(super) fn push(&mut self, text: &str) {
        self.0.push_str(text);
    }

    /// Appends a section that is a block of code.
    pub(super) fn section(&mut self, heading: &str, language: &str, code: &str) {
        self.push(&format!("\n{heading}\n"));
        self.code(language, code);
    }

    /// Appends a block of code.
    pub(super) fn code(&mut self, language: &str, code: &str) {
        self.push(&format!("\n```{language}\n{}\n```\n", code.trim_end()));
    }

    /// The whole text.
    pub(super) fn finish(self) -> String {
        self.0
    }
}

/// The text of an example.
pub(super) fn example(examples: &Path, parts: &[&str]) -> Result<String, DocsError> {
    let path = parts.iter().fold(examples.to_path_buf(), |path, part| path.join(part));
    std::fs::read_to_string(&path).map_err(|source| DocsError::Example { path, source })
}
