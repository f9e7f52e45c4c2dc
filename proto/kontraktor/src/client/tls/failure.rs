//! Why a handshake failed, in words, and what to do about it.

use jiff::Timestamp;
use rustls::{AlertDescription as Alert, CertificateError, Error, pki_types::UnixTime};

use super::Tls;
use crate::endpoint::{CA_CERTIFICATE_VARIABLE, CLIENT_CERTIFICATE_VARIABLE, CLIENT_KEY_VARIABLE};

/// How many names of a certificate an error repeats.
const MAX_NAMES: usize = 8;

/// Returns the reason and the remedy, both without capital and full stop. `name` is the one that the server was asked for.
pub(in super::super) fn handshake_failure(error: &Error, tls: &Tls, name: &str) -> (String, String) {
    match error {
        Error::InvalidCertificate(error) => certificate_failure(error, tls, name),
        Error::AlertReceived(alert) => alert_failure(*alert, tls, name),
        Error::InvalidMessage(_) => (
            "the server does not speak TLS".to_owned(),
            "check the port in host, and that kontraktord listens there with TLS".to_owned(),
        ),
        Error::NoApplicationProtocol => no_http2(),
        Error::PeerIncompatible(_) => no_common_version(),
        error => (
            format!("the TLS handshake failed: {error}"),
            "check that kontraktord, and nothing else, listens at host".to_owned(),
        ),
    }
}

fn certificate_failure(error: &CertificateError, tls: &Tls, name: &str) -> (String, String) {
    match error {
        // An authority that was created again has the same name and another key.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            ("its certificate is signed by an unknown authority".to_owned(), trust_authority(tls))
        }
        CertificateError::NotValidForName => (
            format!("its certificate is not for {name}"),
            "set host to a name in the certificate, or start the daemon with `kontraktord --tls-name NAME`"
                .to_owned(),
        ),
        CertificateError::NotValidForNameContext { presented, .. } => (
            format!("its certificate is for {}, and not for {name}", names(presented)),
            "set host to a name in the certificate, or start the daemon with `kontraktord --tls-name NAME`"
                .to_owned(),
        ),
        CertificateError::Expired => ("its certificate has expired".to_owned(), renew()),
        CertificateError::ExpiredContext { not_after, .. } => {
            (format!("its certificate expired {}", at(*not_after)), renew())
        }
        CertificateError::NotValidYet => {
            ("its certificate is not valid yet".to_owned(), "check this machine's clock".to_owned())
        }
        CertificateError::NotValidYetContext { not_before, .. } => (
            format!("its certificate is valid only from {}", at(*not_before).trim_start_matches("on ")),
            "check this machine's clock".to_owned(),
        ),
        CertificateError::Revoked => {
            ("its certificate was revoked".to_owned(), "give the daemon a new certificate".to_owned())
        }
        error => (format!("its certificate is invalid: {error}"), trust_authority(tls)),
    }
}

fn alert_failure(alert: Alert, tls: &Tls, name: &str) -> (String, String) {
    let set_identity = || {
        format!(
            "set client_certificate and client_key, or {CLIENT_CERTIFICATE_VARIABLE} and {CLIENT_KEY_VARIABLE}"
        )
    };
    let replace_identity = || {
        "use a client certificate that is current and signed by an authority that the daemon trusts (`client_ca` \
         in its configuration)"
            .to_owned()
    };
    match alert {
        Alert::CertificateRequired => ("it requires a client certificate".to_owned(), set_identity()),
        // What servers of TLS 1.2 send when a certificate is missing.
        Alert::HandshakeFailure | Alert::BadCertificate | Alert::NoCertificate if !tls.has_identity() => (
            "it refused the TLS handshake, perhaps because it requires a client certificate".to_owned(),
            set_identity(),
        ),
        Alert::UnknownCA => {
            ("it does not trust the authority of the client certificate".to_owned(), replace_identity())
        }
        Alert::CertificateExpired => ("the client certificate has expired".to_owned(), replace_identity()),
        Alert::CertificateRevoked => ("the client certificate was revoked".to_owned(), replace_identity()),
        Alert::BadCertificate
        | Alert::CertificateUnknown
        | Alert::UnsupportedCertificate
        | Alert::AccessDenied
        | Alert::DecryptError => ("it rejected the client certificate".to_owned(), replace_identity()),
        Alert::UnrecognisedName => (
            format!("it has no certificate for {name}"),
            "set host to a name in its certificate, or start the daemon with `kontraktord --tls-name NAME`"
                .to_owned(),
        ),
        Alert::NoApplicationProtocol => no_http2(),
        Alert::ProtocolVersion => no_common_version(),
        alert => (
            format!("it refused the TLS handshake ({alert:?})"),
            "check the daemon's log, and that kontraktord, and nothing else, listens at host".to_owned(),
        ),
    }
}

fn trust_authority(tls: &Tls) -> String {
    let self_signed = "a daemon that was started with `--tls self-signed` prints where it is, by default DATA_DIR/tls/ca.pem";
    if tls.has_authorities() {
        format!(
            "set ca_certificate or {CA_CERTIFICATE_VARIABLE} to the certificate of the authority that signed the \
             daemon's; {self_signed}"
        )
    } else {
        format!(
            "set ca_certificate or {CA_CERTIFICATE_VARIABLE} to the authority's certificate; {self_signed}"
        )
    }
}

fn renew() -> String {
    "renew the daemon's certificate, and check this machine's clock".to_owned()
}

fn no_http2() -> (String, String) {
    (
        "the server does not speak HTTP/2, which gRPC requires".to_owned(),
        "check host and port; a load balancer before the daemon must pass HTTP/2 or TCP on".to_owned(),
    )
}

fn no_common_version() -> (String, String) {
    (
        "it supports no version of TLS that this client does".to_owned(),
        "enable TLS 1.2 or 1.3 on the server".to_owned(),
    )
}

/// Returns the names as rustls reports them (`DnsName("a")`, `IpAddress(127.0.0.1)`), without what is around them. They
/// come from the server: no more of them is repeated than fits into a message.
fn names(presented: &[String]) -> String {
    let bare = |name: &String| {
        let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(name);
        inner.trim_matches('"').chars().filter(|c| !c.is_control()).take(253).collect::<String>()
    };
    if presented.is_empty() {
        return "no name".to_owned();
    }
    let mut names = presented.iter().take(MAX_NAMES).map(bare).collect::<Vec<_>>().join(", ");
    if presented.len() > MAX_NAMES {
        names.push_str(", …");
    }
    names
}

fn at(time: UnixTime) -> String {
    let time = i64::try_from(time.as_secs()).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    time.map_or_else(|| "at an unknown time".to_owned(), |time| format!("on {time}"))
}
