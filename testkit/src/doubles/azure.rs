//! Azure Key Vault's secrets, with the directory and the managed identity that its clients sign in with: a double,
//! because there is no emulator. It follows Microsoft's REST reference and the known responses of the real service; a test
//! shows that Microsoft's own client accepts it.
//!
//! It owns the content of the three services. It does not know who asks, or why.

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

/// The options of a new vault.
#[derive(Debug, Clone)]
pub struct AzureOptions {
    /// Whether the vault's certificate is valid; the directory's always is.
    pub validity: Validity,
    /// The lifetime of new tokens. Clients request a new one 5 minutes before the end.
    pub token_lifetime: Duration,
    /// The resource for which the challenge demands tokens. Sovereign clouds have another one.
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

/// A running vault, empty at first. It stops, and its files are removed, when it is dropped.
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
    /// Starts a vault with the default options.
    pub fn start() -> Self {
        Self::start_with(AzureOptions::default())
    }

    /// Starts a vault with these options.
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

    /// Returns the vault's URL.
    pub fn url(&self) -> &str {
        self.vault.url()
    }

    /// Returns the directory's URL, which clients call the authority host.
    pub fn authority_url(&self) -> &str {
        self.directory.url()
    }

    /// Returns the URL to use in place of `http://169.254.169.254`. It is also an HTTP proxy to that address.
    pub fn metadata_url(&self) -> &str {
        self.managed_identity.url()
    }

    /// Returns `IDENTITY_ENDPOINT` and `IDENTITY_HEADER`, as App Service sets them for a program.
    pub fn app_service_environment(&self) -> [(&'static str, String); 2] {
        let endpoint = format!("{}{APP_SERVICE}", self.metadata_url());
        [("IDENTITY_ENDPOINT", endpoint), ("IDENTITY_HEADER", self.identity.header.clone())]
    }

    /// Returns the file with the certificate that clients must trust, for vault and directory.
    pub fn ca_pem_path(&self) -> &Path {
        self.authority.pem_path()
    }

    /// Returns the tenant's id.
    pub fn tenant_id(&self) -> &str {
        &self.identity.tenant
    }

    /// Returns the application's id, which is also the managed identity's.
    pub fn client_id(&self) -> &str {
        &self.identity.client
    }

    /// Returns a file with the application's secret.
    pub fn client_secret_path(&self) -> PathBuf {
        self.authority.directory().join("client-secret")
    }

    /// Returns a file with a Kubernetes service account's token, which the directory accepts as an assertion.
    pub fn federated_token_path(&self) -> PathBuf {
        self.authority.directory().join("federated-token")
    }

    /// Returns the vault's secrets.
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// Returns the vault's own server, to break and to watch.
    pub fn vault(&self) -> &Server {
        &self.vault
    }

    /// Returns the directory's server.
    pub fn directory(&self) -> &Server {
        &self.directory
    }

    /// Returns the server of the managed identity.
    pub fn managed_identity(&self) -> &Server {
        &self.managed_identity
    }

    /// Revokes every token that was issued so far.
    pub fn revoke_tokens(&self) {
        self.tokens.revoke_all();
    }

    /// Sets the lifetime of tokens that are issued from now on.
    pub fn set_token_lifetime(&self, lifetime: Duration) {
        self.tokens.set_lifetime(lifetime);
    }

    /// Counts the requests with a token for any version of this secret.
    pub fn fetches(&self, name: &str) -> usize {
        let path = format!("/secrets/{name}");
        self.vault.traffic().count(|seen| {
            seen.method == "GET"
                && seen.authorized
                && seen.path.strip_prefix(&path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }

    /// Counts the requests for a token, to the directory and the managed identity together.
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

/// Returns seconds of Unix time. Clients compare them with their own clock, so a double needs the real one.
#[expect(clippy::disallowed_methods, reason = "real clients judge by the real time")]
fn now() -> i64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_secs()).ok())
        .unwrap_or_default()
}
