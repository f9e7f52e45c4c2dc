//! The methods by which the daemon signs in, as they are configured.

use std::path::PathBuf;

/// How the daemon signs in. Mounts are below `auth/`.
#[derive(Debug)]
pub(super) enum Method {
    Token(TokenSource),
    AppRole { mount: String, role_id: RoleId, secret_id_file: Option<PathBuf> },
    Kubernetes { mount: String, role: String, jwt_file: PathBuf },
    Cert { mount: String, role: Option<String> },
}

#[derive(Debug)]
pub(super) enum TokenSource {
    File(PathBuf),
    Variable(String),
}

#[derive(Debug)]
pub(super) enum RoleId {
    Known(String),
    File(PathBuf),
}

impl Method {
    /// Describes the method and its mount for people.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Token(_) => "token".to_owned(),
            Self::AppRole { mount, .. } => format!("approle at auth/{mount}"),
            Self::Kubernetes { mount, .. } => format!("kubernetes at auth/{mount}"),
            Self::Cert { mount, .. } => format!("cert at auth/{mount}"),
        }
    }

    /// Returns whether signing in issues tokens, so that a new one is always available.
    pub(super) fn issues_tokens(&self) -> bool {
        !matches!(self, Self::Token(_))
    }
}
