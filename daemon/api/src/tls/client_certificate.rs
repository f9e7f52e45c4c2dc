//! What a client certificate says, once the handshake has verified it.

use rustls::pki_types::CertificateDer;
use x509_parser::{certificate::X509Certificate, extensions::GeneralName, prelude::FromDer as _};

use crate::listener::ClientCertificate;

/// Reads the parts by which rules recognize a client. None: it cannot be read, which a verified certificate can.
pub(crate) fn read(certificate: &CertificateDer<'_>) -> Option<ClientCertificate> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let subject = parsed.subject();
    let mut read = ClientCertificate {
        // One that has several names is known by none of them.
        common_name: one(subject.iter_common_name()).and_then(|name| text(name.as_str().ok()?)),
        organizational_units: subject
            .iter_organizational_unit()
            .filter_map(|unit| text(unit.as_str().ok()?))
            .collect(),
        not_after: parsed.validity().not_after.timestamp(),
        ..ClientCertificate::default()
    };
    let names =
        parsed.subject_alternative_name().ok()?.map(|extension| extension.value.general_names.as_slice());
    for name in names.unwrap_or_default() {
        match name {
            GeneralName::DNSName(name) => read.dns_names.extend(text(name)),
            GeneralName::URI(uri) => read.uris.extend(text(uri)),
            GeneralName::RFC822Name(address) => read.emails.extend(text(address)),
            _ => {}
        }
    }
    Some(read)
}

fn one<T>(mut items: impl Iterator<Item = T>) -> Option<T> {
    let first = items.next()?;
    items.next().is_none().then_some(first)
}

/// Returns a name as a text. One with control characters is no name: it could look like another one in a log.
fn text(name: &str) -> Option<String> {
    (!name.is_empty() && !name.chars().any(char::is_control)).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair, SanType};

    use super::*;

    fn issued(change: impl FnOnce(&mut CertificateParams)) -> ClientCertificate {
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name = rcgen::DistinguishedName::new();
        change(&mut parameters);
        let certificate = parameters.self_signed(&KeyPair::generate().unwrap()).unwrap();
        read(certificate.der()).unwrap()
    }

    #[test]
    fn every_name_that_a_rule_can_match_is_read() {
        let read = issued(|parameters| {
            parameters.distinguished_name.push(DnType::CommonName, "ci-runner");
            parameters.distinguished_name.push(DnType::OrganizationalUnitName, "platform");
            parameters.subject_alt_names = vec![
                SanType::DnsName("runner.example.com".try_into().unwrap()),
                SanType::URI("spiffe://example.com/ci".try_into().unwrap()),
                SanType::Rfc822Name("ci@example.com".try_into().unwrap()),
                SanType::IpAddress([127, 0, 0, 1].into()),
            ];
            parameters.not_after = rcgen::date_time_ymd(2030, 1, 1);
        });
        assert_eq!(
            read,
            ClientCertificate {
                common_name: Some("ci-runner".to_owned()),
                organizational_units: vec!["platform".to_owned()],
                dns_names: vec!["runner.example.com".to_owned()],
                uris: vec!["spiffe://example.com/ci".to_owned()],
                emails: vec!["ci@example.com".to_owned()],
                not_after: 1_893_456_000,
            }
        );
    }

    #[test]
    fn a_name_that_could_look_like_another_is_none() {
        assert_eq!(issued(|_| {}).common_name, None);
        for name in ["root\n", "root\0.example.com", ""] {
            let read = issued(|parameters| parameters.distinguished_name.push(DnType::CommonName, name));
            assert_eq!(read.common_name, None, "{name:?}");
        }
    }

    #[test]
    fn what_is_no_certificate_is_not_read() {
        assert_eq!(read(&CertificateDer::from(b"not a certificate".as_slice())), None);
    }
}
