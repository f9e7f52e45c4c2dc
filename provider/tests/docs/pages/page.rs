//! One page: the front matter that the registry reads, and Markdown.

use std::path::Path;

use super::DocsError;

/// A page in progress.
pub(super) struct Page(String);

impl Page {
    /// Starts a page. Lists and searches show the first line of the description.
    pub(super) fn new(title: &str, description: &str) -> Self {
        Self::start(title, "subcategory: \"\"\n", description)
    }

    /// Starts the provider's own page, which the registry does not file under a subcategory.
    pub(super) fn index(title: &str, description: &str) -> Self {
        Self::start(title, "", description)
    }

    fn start(title: &str, subcategory: &str, description: &str) -> Self {
        let summary = description.lines().next().unwrap_or_default();
        Self(format!("---\npage_title: \"{title}\"\n{subcategory}description: |-\n  {summary}\n---\n\n"))
    }

    /// Appends Markdown.
    pub(super) fn push(&mut self, text: &str) {
        self.0.push_str(text);
    }

    /// Appends a section with a code block.
    pub(super) fn section(&mut self, heading: &str, language: &str, code: &str) {
        self.push(&format!("\n{heading}\n"));
        self.code(language, code);
    }

    /// Appends a code block.
    pub(super) fn code(&mut self, language: &str, code: &str) {
        self.push(&format!("\n```{language}\n{}\n```\n", code.trim_end()));
    }

    /// Returns the text.
    pub(super) fn finish(self) -> String {
        self.0
    }
}

/// Reads an example.
pub(super) fn example(examples: &Path, parts: &[&str]) -> Result<String, DocsError> {
    let path = parts.iter().fold(examples.to_path_buf(), |path, part| path.join(part));
    std::fs::read_to_string(&path).map_err(|source| DocsError::Example { path, source })
}
