//! Azure Key Vault's secrets, with the directory and the managed identity that its clients sign in with: a double,
//! because no emulator can be had. What it does is from Microsoft's REST reference and from what the real service is
//! known to answer; that Microsoft's own client takes it for real is a test.
//!
//! It owns what each of the three services holds. It does not know who asks, or why.

mod bundles;
mod data_plane;
mod directory;
mod identity;
mod managed_identity;
mod refusal;
mod secrets;
mod tokens;

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

pub use secrets::{Draft, Secrets};

use super::{
    certificates::{Authority, Validity},
    server::{Listener, Server},
};
use data_plane::DataPlane;
use directory::Directory;
use identity::Identity;
use managed_identity::{APP_SERVICE, ManagedIdentity};
use tokens::Tokens;

/// How a vault starts.
#[derive(Debug, Clone)]
pub struct AzureOptions {
    /// Of the certificate that the vault shows; the directory's is always good.
    pub validity: Validity,
    /// Of new tokens. Clients get a new one 5 minutes before the end.
    pub token_lifetime: Duration,
    /// What the challenge says that tokens must be for. Another one makes the vault one of a sovereign cloud.
    pub resource: String,
}

impl Default for AzureOptions {
    fn default() -> Self {
        Self {
            validity: Validity::Current,
            token_lifetime: Duration::from_secs(3599),
            resource: "https://vault.azure.net".to_owned(),
        }
    }
}

/// A running vault, empty at first. Everything stops, and its files go, when it is dropped.
pub struct AzureKeyVault {
    vault: Server,
    directory: Server,
    managed_identity: Server,
    authority: Authority,
    identity: Identity,
    tokens: Arc<Tokens>,
    secrets: Secrets,
}

impl AzureKeyVault {
    /// With the usual options.
    pub fn start() -> Self {
        Self::start_with(AzureOptions::default())
    }

    /// With these options.
    ///
    /// # Panics
    /// When the system has no port, thread or temporary directory left.
    pub fn start_with(options: AzureOptions) -> Self {
        let AzureOptions { validity, token_lifetime, resource } = options;
        let authority = Authority::new();
        let identity = Identity::new();
        let tokens = Arc::new(Tokens::new(token_lifetime));
        let secrets = Secrets::default();
        fs::write(authority.directory().join("client-secret"), &identity.secret).expect("a file of our own");
        fs::write(authority.directory().join("federated-token"), &identity.assertion)
            .expect("a file of our own");

        let directory = Listener::bind(Some(authority.server(Validity::Current)));
        let vault = Listener::bind(Some(authority.server(validity)));
        let data_plane = DataPlane {
            url: vault.url(),
            authority: format!("{}/{}", directory.url(), identity.tenant),
            resource: resource.clone(),
            tokens: tokens.clone(),
            secrets: secrets.clone(),
        };
        let entra =
            Directory { url: directory.url(), resource, identity: identity.clone(), tokens: tokens.clone() };
        let machine = ManagedIdentity { identity: identity.clone(), tokens: tokens.clone() };
        Self {
            vault: vault.serve(data_plane),
            directory: directory.serve(entra),
            managed_identity: Listener::bind(None).serve(machine),
            authority,
            identity,
            tokens,
            secrets,
        }
    }

    /// The vault's URL.
    pub fn url(&self) -> &str {
        self.vault.url()
    }

    /// The directory's URL: what clients call the authority's host.
    pub fn authority_url(&self) -> &str {
        self.directory.url()
    }

    /// What stands for `http://169.254.169.254`. It serves as an HTTP proxy to that address, too.
    pub fn metadata_url(&self) -> &str {
        self.managed_identity.url()
    }

    /// `IDENTITY_ENDPOINT` and `IDENTITY_HEADER`, as App Service sets them for a program.
    pub fn app_service_environment(&self) -> [(&'static str, String); 2] {
        let endpoint = format!("{}{APP_SERVICE}", self.metadata_url());
        [("IDENTITY_ENDPOINT", endpoint), ("IDENTITY_HEADER", self.identity.header.clone())]
    }

    /// The file with the certificate that clients must trust, for vault and directory.
    pub fn ca_pem_path(&self) -> &Path {
        self.authority.pem_path()
    }

    /// The tenant's id.
    pub fn tenant_id(&self) -> &str {
        &self.identity.tenant
    }

    /// The application's id, which is the managed identity's as well.
    pub fn client_id(&self) -> &str {
        &self.identity.client
    }

    /// A file with the application's secret.
    pub fn client_secret_path(&self) -> PathBuf {
        self.authority.directory().join("client-secret")
    }

    /// A file with a token as a Kubernetes service account has it, which the directory takes as an assertion.
    pub fn federated_token_path(&self) -> PathBuf {
        self.authority.directory().join("federated-token")
    }

    /// What the vault holds.
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// The vault's own server, to break and to watch.
    pub fn vault(&self) -> &Server {
        &self.vault
    }

    /// The directory's server.
    pub fn directory(&self) -> &Server {
        &self.directory
    }

    /// The server of the managed identity.
    pub fn managed_identity(&self) -> &Server {
        &self.managed_identity
    }

    /// Makes every token that was issued so far worthless.
    pub fn revoke_tokens(&self) {
        self.tokens.revoke_all();
    }

    /// How long the tokens last that are issued from now on.
    pub fn set_token_lifetime(&self, lifetime: Duration) {
        self.tokens.set_lifetime(lifetime);
    }

    /// How often this secret was asked for with a token, in whichever version.
    pub fn fetches(&self, name: &str) -> usize {
        let path = format!("/secrets/{name}");
        self.vault.traffic().count(|seen| {
            seen.method == "GET"
                && seen.authorized
                && seen.path.strip_prefix(&path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }

    /// How often a token was asked for, from directory and managed identity together.
    pub fn token_requests(&self) -> usize {
        let posted = self.directory.traffic().count(|seen| seen.method == "POST");
        posted + self.managed_identity.traffic().count(|_| true)
    }
}

impl fmt::Debug for AzureKeyVault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AzureKeyVault").field("url", &self.url()).finish_non_exhaustive()
    }
}

/// Seconds of Unix time. Clients compare what they are told with their own clock, so a double needs the real one.
#[expect(clippy::disallowed_methods, reason = "real clients judge by the real time")]
fn now() -> i64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_secs()).ok())
        .unwrap_or_default()
}
