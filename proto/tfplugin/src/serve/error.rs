//! Why a plugin could not be served. Each message is one line for the person who reads stderr.

use std::io;

use thiserror::Error;

/// Why a plugin could not be served.
#[derive(Debug, Error)]
pub enum ServeError {
    /// The cookie is missing or wrong.
    #[error(
        "this program is the Terraform provider {address}: terraform and tofu start it themselves, it does nothing when \
         started by hand (for a debugger, start it with --debug)"
    )]
    StartedByHand {
        /// The provider's source address.
        address: String,
    },
    /// The host does not speak protocol 6.
    #[error(
        "PLUGIN_PROTOCOL_VERSIONS is \"{offered}\", this provider speaks only version 6: use Terraform 1.0, OpenTofu 1.6 or \
         later"
    )]
    ProtocolVersion {
        /// What the host offered.
        offered: String,
    },
    /// The host's certificate cannot be used.
    #[error("PLUGIN_CLIENT_CERT cannot be used: {reason}; it must hold the host's certificate, one, in PEM")]
    ClientCertificate {
        /// What is wrong with it.
        reason: String,
    },
    /// The plugin's own certificate could not be made.
    #[error("cannot make a certificate for the connection with the host: {reason}")]
    OwnCertificate {
        /// What went wrong.
        reason: String,
    },
    /// A port in the environment is none.
    #[error(
        "{name} is {value}, it must be a port number between 0 and 65535, and the highest not below the lowest"
    )]
    Port {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: String,
    },
    /// The group in the environment does not exist or cannot be given.
    #[error("PLUGIN_UNIX_SOCKET_GROUP: the socket cannot be given to the group \"{group}\": {reason}")]
    Group {
        /// The variable's value.
        group: String,
        /// What went wrong.
        reason: String,
    },
    /// Nothing could be bound.
    #[error("cannot listen on {place}: {source}; {remedy}")]
    Bind {
        /// The path or port.
        place: String,
        /// What the system said.
        source: io::Error,
        /// What to change.
        remedy: &'static str,
    },
    /// The runtime could not be made.
    #[error("cannot start: {source}")]
    Runtime {
        /// What the system said.
        source: io::Error,
    },
    /// The handshake could not be printed.
    #[error("cannot write the handshake to stdout: {source}")]
    Handshake {
        /// What the system said.
        source: io::Error,
    },
    /// The gRPC server failed.
    #[error("the connection with the host failed: {source}")]
    Serve {
        /// What the server said.
        source: tonic::transport::Error,
    },
}
