//! The provider's own page: how it finds and authenticates to the daemon, its arguments, and its guides.

use std::path::Path;

use terraform_provider_kontraktor::framework::Schema;

use super::{DocsError, guides::Guide, page, page::Page, schema};

const AUTHENTICATION: &str = "
## Authentication

The provider talks to the daemon `kontraktord`. On the machine of the daemon it uses the unix socket of the current user, and the \
daemon identifies the caller by the user of the process: no credentials are needed. Start the daemon with `kontraktord`.

A daemon on the network is reached with `host = \"https://NAME:PORT\"`. Its certificate must be signed by an authority that the \
system trusts, or that `ca_certificate` names. The provider says who it is in one of three ways:

- **A service account**, for pipelines: `client_id` and `client_secret`, which `ktr service-account create` prints. The provider \
exchanges them for access tokens of a few minutes, and renews these while an apply runs.
- **An access token** of the daemon or of another issuer that the daemon trusts, such as the OpenID Connect token of a CI job: \
`oauth_token`. It is not renewed.
- **A client certificate**: `client_certificate` and `client_key`, where the daemon's configuration has rules for it. With a token \
besides, the token decides.

Keep secrets out of configuration files: set `KONTRAKTOR_CLIENT_SECRET`, `KONTRAKTOR_TOKEN` or `KONTRAKTOR_CLIENT_KEY` instead. \
A token or a client ID in the provider block replaces both in the environment; two sources of tokens in the same place are an \
error. There are no proxies, and redirects are not followed.

```terraform
provider \"kontraktor\" {
  host           = \"https://config.example.com:8743\"
  ca_certificate = \"${path.root}/ca.pem\"
  client_id      = var.client_id # the secret is in KONTRAKTOR_CLIENT_SECRET
}
```
";

const ENVIRONMENT: &str = "
## Environment Variables

Arguments in the provider block take precedence. An empty variable counts as unset.

| variable | argument | |
|---|---|---|
| `KONTRAKTOR_HOST` | `host` | The daemon's address |
| `KONTRAKTOR_CA_CERTIFICATE` | `ca_certificate` | The authorities that may have signed the daemon's certificate |
| `KONTRAKTOR_CLIENT_CERTIFICATE` | `client_certificate` | The client certificate |
| `KONTRAKTOR_CLIENT_KEY` | `client_key` | Its private key |
| `KONTRAKTOR_TOKEN` | `oauth_token` | The access token |
| `KONTRAKTOR_CLIENT_ID` | `client_id` | The client ID of a service account |
| `KONTRAKTOR_CLIENT_SECRET` | `client_secret` | Its secret |
| `KONTRAKTOR_TOKEN_URL` | `token_url` | The token endpoint |
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
