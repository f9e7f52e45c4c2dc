//! The provider's own page: how it finds and authenticates to the daemon, its arguments, and its guides.

use std::path::Path;

use terraform_provider_kontraktor::framework::Schema;

use super::{DocsError, guides::Guide, page, page::Page, schema};

const AUTHENTICATION: &str = "
## Authentication

The provider talks to the daemon `kontraktord`. On the machine of the daemon it uses the unix socket of the current user, and the \
daemon identifies the caller by the user of the process: no credentials are needed. Start the daemon with `kontraktord`.

A bearer token in `oauth_token` is sent with every request. Keep it out of configuration files: set the environment variable \
`KONTRAKTOR_TOKEN` instead.
";

const ENVIRONMENT: &str = "
## Environment Variables

Arguments in the provider block take precedence. An empty variable counts as unset.

| variable | argument | |
|---|---|---|
| `KONTRAKTOR_HOST` | `host` | The daemon's address |
| `KONTRAKTOR_TOKEN` | `oauth_token` | The bearer token |
| `KONTRAKTOR_TIMEOUT` | `timeout` | The maximum duration of one call |
| `XDG_RUNTIME_DIR` | | Where the default socket is: `$XDG_RUNTIME_DIR/kontraktor/kontraktord.sock` |
";

const CONFLICTS: &str = "
~> **Note:** With `on_conflict = \"overwrite\"`, applying a plan replaces what others wrote after the plan was made, without \
showing it. Set it for single resources and single applies.
";

/// Renders the page.
pub(super) fn render(schema: &Schema, examples: &Path, guides: &[Guide]) -> Result<String, DocsError> {
    let mut page = Page::index("Provider: Kontraktor", schema.description);
    page.push(&format!("# Kontraktor Provider\n\n{}\n", schema.description));
    page.section("## Example Usage", "terraform", &page::example(examples, &["provider", "provider.tf"])?);
    page.push(AUTHENTICATION);
    page.push(ENVIRONMENT);
    page.push(&schema::render(schema));
    page.push(CONFLICTS);
    page.push("\n## Guides\n\n");
    for guide in guides {
        page.push(&format!("- [{}](guides/{}.md)\n", guide.title, guide.name));
    }
    Ok(page.finish())
}
