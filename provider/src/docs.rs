//! The provider's pages in the registry's layout, rendered from the schemas and the examples.
//!
//! Nothing here is written by hand twice: a page changes when a schema or an example does. How the files get onto the
//! disk is the test's matter (`tests/docs.rs`).

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use crate::framework::{Attribute, Mode, Provider as _, Schema};
use crate::provider::{Kontraktor, Settings};

/// A page cannot be rendered.
#[derive(Debug, thiserror::Error)]
pub enum DocsError {
    /// Each page shows an example, so an example that is missing is a page that is missing.
    #[error("the example {} cannot be read: {source}", path.display())]
    Example {
        /// Where it should be.
        path: PathBuf,
        /// Why it cannot be read.
        source: io::Error,
    },
}

/// All pages by their path below `docs/`, with the examples from `examples`.
pub fn pages(examples: &Path) -> Result<BTreeMap<String, String>, DocsError> {
    let provider = Kontraktor::new(Settings::default());
    let catalog = provider.catalog();
    let mut pages = BTreeMap::new();
    pages.insert("index.md".to_owned(), index(&provider.schema(), examples)?);
    for (name, schema) in catalog.resource_schemas() {
        let page = Page { name, kind: "Resource", folder: "resources", file: "resource.tf", schema };
        let mut text = page.render(examples)?;
        let import = example(examples, &format!("resources/{name}/import.sh"))?;
        write_block(&mut text, "## Import", "shell", &import);
        pages.insert(page.path(), text);
    }
    for (name, schema) in catalog.data_source_schemas() {
        let page = Page { name, kind: "Data Source", folder: "data-sources", file: "data-source.tf", schema };
        pages.insert(page.path(), page.render(examples)?);
    }
    Ok(pages)
}

fn example(examples: &Path, file: &str) -> Result<String, DocsError> {
    let path = examples.join(file);
    std::fs::read_to_string(&path).map_err(|source| DocsError::Example { path, source })
}

fn front_matter(title: &str, schema: &Schema) -> String {
    let summary = schema.description.lines().next().unwrap_or_default();
    format!("---\npage_title: \"{title}\"\ndescription: |-\n  {summary}\n---\n\n")
}

fn write_block(text: &mut String, heading: &str, language: &str, code: &str) {
    text.push_str(&format!("\n{heading}\n\n```{language}\n{}\n```\n", code.trim_end()));
}

fn index(schema: &Schema, examples: &Path) -> Result<String, DocsError> {
    let mut text = front_matter("Provider: Kontraktor", schema);
    text.push_str(&format!("# Kontraktor Provider\n\n{}\n", schema.description));
    write_block(&mut text, "## Example Usage", "terraform", &example(examples, "provider/provider.tf")?);
    write_attributes(&mut text, schema);
    Ok(text)
}

/// What one page is about.
struct Page<'a> {
    name: &'a str,
    kind: &'a str,
    folder: &'a str,
    file: &'a str,
    schema: &'a Schema,
}

impl Page<'_> {
    fn path(&self) -> String {
        let short = self.name.trim_start_matches("kontraktor_");
        format!("{}/{short}.md", self.folder)
    }

    fn render(&self, examples: &Path) -> Result<String, DocsError> {
        let Self { name, kind, folder, file, schema } = self;
        let mut text = front_matter(&format!("{name} {kind}"), schema);
        text.push_str(&format!("# {name} ({kind})\n\n{}\n", schema.description));
        let example = example(examples, &format!("{folder}/{name}/{file}"))?;
        write_block(&mut text, "## Example Usage", "terraform", &example);
        write_attributes(&mut text, schema);
        Ok(text)
    }
}

fn write_attributes(text: &mut String, schema: &Schema) {
    text.push_str("\n## Schema\n");
    write_groups(text, "###", &schema.attributes);
    if schema.blocks.is_empty() {
        return;
    }
    text.push_str("\n### Blocks\n\n");
    for block in &schema.blocks {
        text.push_str(&format!(
            "- `{name}` (block, at most once) {description} See [below](#block-{name}).\n",
            name = block.name,
            description = block.description
        ));
    }
    for block in &schema.blocks {
        text.push_str(&format!("\n### Block `{}`\n", block.name));
        write_groups(text, "####", &block.attributes);
    }
}

fn write_groups(text: &mut String, level: &str, attributes: &[Attribute]) {
    for heading in ["Required", "Optional", "Read-Only"] {
        let mut attributes =
            attributes.iter().filter(|attribute| group(attribute.mode) == heading).peekable();
        if attributes.peek().is_none() {
            continue;
        }
        text.push_str(&format!("\n{level} {heading}\n\n"));
        for attribute in attributes {
            write_attribute(text, attribute);
        }
    }
}

fn group(mode: Mode) -> &'static str {
    match mode {
        Mode::Required => "Required",
        Mode::Optional | Mode::OptionalComputed => "Optional",
        Mode::Computed => "Read-Only",
    }
}

fn write_attribute(text: &mut String, attribute: &Attribute) {
    let mut kind = attribute.ty.to_string();
    if attribute.sensitive {
        kind.push_str(", sensitive");
    }
    text.push_str(&format!("- `{}` ({kind}) {}", attribute.name, attribute.description));
    if let Some(default) = attribute.default.as_ref().and_then(|default| default.as_str()) {
        text.push_str(&format!(" Default: `\"{default}\"`."));
    }
    text.push('\n');
}
