//! Why a plugin could not be served. Each message is one line for the person who reads stderr.

use std::io;

use thiserror::Error;

/// Why a plugin could not be served.
#[derive(Debug, Error)]
pub enum ServeError {
    /// The cookie is missing or wrong: no host started the process.
    #[error(
        "this program is the Terraform provider {address}, which terraform and tofu start themselves; to debug it, start it \
         with --debug"
    )]
    StartedByHand {
        /// The provider's source address.
        address: String,
    },
    /// The host does not support protocol 6.
    #[error(
        "unsupported PLUGIN_PROTOCOL_VERSIONS \"{offered}\": this provider requires version 6; use Terraform 1.0, OpenTofu \
         1.6 or later"
    )]
    ProtocolVersion {
        /// The versions that the host supports.
        offered: String,
    },
    /// The host's certificate is invalid.
    #[error("invalid PLUGIN_CLIENT_CERT: {reason}; it must contain exactly one certificate in PEM")]
    ClientCertificate {
        /// What is wrong with it.
        reason: String,
    },
    /// The plugin's own certificate could not be created.
    #[error("cannot create a certificate for the connection with the host: {reason}")]
    OwnCertificate {
        /// What went wrong.
        reason: String,
    },
    /// A port variable is invalid.
    #[error(
        "invalid {name} {value}: expected a port number between 0 and 65535, with PLUGIN_MAX_PORT not below PLUGIN_MIN_PORT"
    )]
    Port {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: String,
    },
    /// The group for the socket does not exist, or cannot be set.
    #[error("invalid PLUGIN_UNIX_SOCKET_GROUP \"{group}\": {reason}")]
    Group {
        /// The variable's value.
        group: String,
        /// What went wrong.
        reason: String,
    },
    /// The socket could not be bound.
    #[error("cannot listen on {address}: {source}; {remedy}")]
    Bind {
        /// The path, or the range of ports.
        address: String,
        /// The system's error.
        source: io::Error,
        /// What to change.
        remedy: &'static str,
    },
    /// The runtime could not be created.
    #[error("cannot start: {source}")]
    Runtime {
        /// The system's error.
        source: io::Error,
    },
    /// The handshake could not be printed.
    #[error("cannot write the handshake to stdout: {source}")]
    Handshake {
        /// The system's error.
        source: io::Error,
    },
    /// The gRPC server failed.
    #[error("the connection with the host failed: {source}")]
    Serve {
        /// The server's error.
        source: tonic::transport::Error,
    },
}
