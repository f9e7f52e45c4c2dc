//! Renders the provider's pages in the registry's layout, from the schemas, the signatures and the examples.
//!
//! A page changes when a schema or an example does. This module writes no files.

mod functions;
mod guides;
mod imports;
mod index;
mod links;
mod page;
mod schema;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use self::page::{Page, example};
use terraform_provider_kontraktor::framework::{Provider as _, Schema};
use terraform_provider_kontraktor::{Kontraktor, Settings};

/// Why a page cannot be rendered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DocsError {
    /// Each page shows an example, and this one cannot be read.
    #[error("cannot read the example {}: {source}", path.display())]
    Example {
        /// The path of the example.
        path: PathBuf,
        /// The error of the file system.
        source: io::Error,
    },
    /// A guide needs a title and a first paragraph, because lists of guides show both.
    #[error("{} must begin with `# A title`, an empty line and a paragraph", path.display())]
    Guide {
        /// The path of the guide.
        path: PathBuf,
    },
}

/// Returns all pages by their path below `docs/`, with the examples from `examples`.
pub(crate) fn render(examples: &Path) -> Result<BTreeMap<String, String>, DocsError> {
    let provider = Kontraktor::new(Settings::default());
    let catalog = provider.catalog();
    let mut pages = BTreeMap::new();
    let guides = guides::render(examples)?;
    pages.insert("index.md".to_owned(), index::render(&provider.schema(), examples, &guides)?);
    for (name, schema) in catalog.resource_schemas() {
        let mut page = object(name, "Resource", schema);
        page.section(
            "## Example Usage",
            "terraform",
            &example(examples, &["resources", name, "resource.tf"])?,
        );
        page.push(&schema::render(schema));
        imports::write(&mut page, &example(examples, &["resources", name, "import.sh"])?);
        pages.insert(format!("resources/{}.md", short(name)), page.finish());
    }
    for (name, schema) in catalog.data_source_schemas() {
        let mut page = object(name, "Data Source", schema);
        let code = example(examples, &["data-sources", name, "data-source.tf"])?;
        page.section("## Example Usage", "terraform", &code);
        page.push(&schema::render(schema));
        pages.insert(format!("data-sources/{}.md", short(name)), page.finish());
    }
    for (name, schema) in catalog.ephemeral_schemas() {
        let mut page = object(name, "Ephemeral Resource", schema);
        let code = example(examples, &["ephemeral-resources", name, "ephemeral-resource.tf"])?;
        page.section("## Example Usage", "terraform", &code);
        page.push(&schema::render(schema));
        pages.insert(format!("ephemeral-resources/{}.md", short(name)), page.finish());
    }
    for (name, signature) in catalog.function_signatures() {
        let code = example(examples, &["functions", name, "function.tf"])?;
        pages.insert(format!("functions/{name}.md"), functions::render(name, &signature, &code));
    }
    for guide in guides {
        pages.insert(format!("guides/{}.md", guide.name), guide.text);
    }
    let names: Vec<String> = pages.keys().cloned().collect();
    for (name, text) in &mut pages {
        *text = links::link(name, text, &names);
    }
    Ok(pages)
}

/// Returns the beginning of a page about a resource, a data source or an ephemeral resource.
fn object(name: &str, kind: &str, schema: &Schema) -> Page {
    let mut page = Page::new(&format!("{name} {kind}"), schema.description);
    page.push(&format!("# {name} ({kind})\n\n{}\n", schema.description));
    page
}

/// Returns a type's name without the provider's prefix, which the registry leaves out of the page names.
fn short(name: &str) -> &str {
    name.trim_start_matches("kontraktor_")
}
