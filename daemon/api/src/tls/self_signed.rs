//! Certificates of the daemon's own authority, for those who have none: the authority is created once, its certificate for
//! this host is renewed as needed, and clients trust the authority.

mod names;
mod storage;

use std::path::{Path, PathBuf};

use jiff::{Timestamp, ToSpan as _, tz::TimeZone};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::pki_types::CertificateDer;
use x509_parser::{certificate::X509Certificate, prelude::FromDer as _};

pub(super) use self::names::Names;
pub use self::names::is_host_name;
use self::storage::{read_key, write};
use super::{TlsError, certificate::Validity, files};

/// How long the authority is valid, in years: clients have to be given a new one.
const AUTHORITY_YEARS: i64 = 10;

/// How long a certificate is valid, and when it is renewed before its end, in days.
const SERVER_DAYS: i64 = 90;
const RENEWED_DAYS_BEFORE: i64 = 30;

const DAY_SECONDS: i64 = 24 * 60 * 60;

/// The daemon's own authority, ready to sign.
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
}

impl Authority {
    /// Returns the path of the authority's certificate, which clients have to trust.
    pub(super) fn certificate_in(directory: &Path) -> PathBuf {
        directory.join("ca.pem")
    }

    /// Returns the paths of the server's certificate and its key.
    pub(super) fn server_in(directory: &Path) -> (PathBuf, PathBuf) {
        (directory.join("server.pem"), directory.join("server.key"))
    }

    fn open_or_create(directory: &Path, now: Timestamp) -> Result<Self, TlsError> {
        let (certificate, key) = (Self::certificate_in(directory), directory.join("ca.key"));
        match (certificate.exists(), key.exists()) {
            (false, false) => Self::create(directory, &certificate, &key, now)?,
            (true, true) => {}
            (has_certificate, _) => {
                let missing = if has_certificate { &key } else { &certificate };
                let problem = format!(
                    "does not exist any more; restore it, or remove {} to create a new authority, which all clients have to trust \
                     again",
                    directory.display()
                );
                return Err(TlsError::unusable(missing, problem));
            }
        }
        Self::open(&certificate, &key, now)
    }

    fn open(certificate: &Path, key: &Path, now: Timestamp) -> Result<Self, TlsError> {
        let damaged = |path: &Path| {
            TlsError::unusable(
                path,
                "is damaged; restore it, or remove its directory to create a new authority",
            )
        };
        let der = files::certificates(certificate)?.swap_remove(0);
        let validity = Validity::of(&der).ok_or_else(|| damaged(certificate))?;
        if validity.not_after < now.as_second() {
            let problem =
                "has expired; remove its directory to create a new authority, and give it to the clients";
            return Err(TlsError::unusable(certificate, problem));
        }
        let key = KeyPair::from_pem(&read_key(key)?).map_err(|_| damaged(key))?;
        let issuer = Issuer::from_ca_cert_der(&der, key).map_err(|_| damaged(certificate))?;
        Ok(Self { issuer, certificate: der })
    }

    fn create(directory: &Path, certificate: &Path, key_path: &Path, now: Timestamp) -> Result<(), TlsError> {
        storage::create_directory(directory)?;
        let failed = |error: rcgen::Error| TlsError::not_created(certificate, error);
        let key = KeyPair::generate().map_err(failed)?;
        let mut parameters = CertificateParams::default();
        // Unlike any other: a client that knows the authority of another data directory finds this one unknown.
        let name = format!("Kontraktor authority {}", uuid::Uuid::new_v4());
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        valid(&mut parameters, now, AUTHORITY_YEARS * 365);
        let issued = parameters.self_signed(&key).map_err(failed)?;
        // The key first: a certificate without its key would look like one whose key was lost.
        write(key_path, key.serialize_pem().as_bytes())?;
        write(certificate, issued.pem().as_bytes())
    }

    fn issue(&self, directory: &Path, names: &Names, now: Timestamp) -> Result<(), TlsError> {
        let (certificate, key_path) = Self::server_in(directory);
        let failed = |error: rcgen::Error| TlsError::not_created(&certificate, error);
        let key = KeyPair::generate().map_err(failed)?;
        let mut parameters = CertificateParams::new(names.texts()).map_err(failed)?;
        parameters.distinguished_name.push(DnType::CommonName, "kontraktord");
        parameters.use_authority_key_identifier_extension = true;
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        valid(&mut parameters, now, SERVER_DAYS);
        let issued = parameters.signed_by(&key, &self.issuer).map_err(failed)?;
        write(&key_path, key.serialize_pem().as_bytes())?;
        write(&certificate, issued.pem().as_bytes())
    }

    /// Returns whether the server's certificate is this authority's, is for all the names, and is not to be renewed yet.
    fn has_issued(&self, directory: &Path, names: &Names, now: Timestamp) -> bool {
        let (certificate, key) = Self::server_in(directory);
        let Ok(chain) = files::certificates(&certificate) else { return false };
        let (Ok((_, issued)), Ok((_, authority))) =
            (X509Certificate::from_der(&chain[0]), X509Certificate::from_der(&self.certificate))
        else {
            return false;
        };
        let left = issued.validity().not_after.timestamp() - now.as_second();
        key.exists()
            && issued.issuer() == authority.subject()
            && left > RENEWED_DAYS_BEFORE * DAY_SECONDS
            && names.are_all_in(&issued)
    }
}

/// Makes sure that the directory has an authority, and a certificate of it for these names that is valid for a while. Returns
/// whether it issued one.
pub(super) fn ensure(directory: &Path, names: &Names, now: Timestamp) -> Result<bool, TlsError> {
    let authority = Authority::open_or_create(directory, now)?;
    if authority.has_issued(directory, names, now) {
        return Ok(false);
    }
    authority.issue(directory, names, now)?;
    tracing::info!(names = %names.texts().join(", "), days = SERVER_DAYS, "issued a server certificate");
    Ok(true)
}

/// Makes a certificate valid from the day before, for clocks that are late, and for so many days.
fn valid(parameters: &mut CertificateParams, now: Timestamp, days: i64) {
    let today = now.to_zoned(TimeZone::UTC).date();
    let day = |offset: i64| {
        let date = today.saturating_add(offset.days());
        date_time_ymd(date.year().into(), date.month().cast_unsigned(), date.day().cast_unsigned())
    };
    parameters.not_before = day(-1);
    parameters.not_after = day(days);
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    fn names(texts: &[&str]) -> Names {
        Names::of(texts.iter().map(|text| (*text).to_owned()))
    }

    fn at(date: &str) -> Timestamp {
        format!("{date}T12:00:00Z").parse().unwrap()
    }

    fn read(directory: &Path) -> (String, String) {
        let text = |name: &str| fs::read_to_string(directory.join(name)).unwrap();
        (text("ca.pem"), text("server.pem"))
    }

    #[test]
    fn the_authority_is_created_once_and_its_certificate_renewed_before_it_ends() {
        let temp = tempfile::tempdir().unwrap();
        let directory = temp.path().join("data/tls");
        let host = names(&["localhost", "127.0.0.1"]);
        assert!(ensure(&directory, &host, at("2026-01-01")).unwrap());
        let (authority, first) = read(&directory);
        for (date, is_issued) in
            [("2026-01-02", false), ("2026-03-01", false), ("2026-03-03", true), ("2026-03-04", false)]
        {
            assert_eq!(ensure(&directory, &host, at(date)).unwrap(), is_issued, "{date}");
        }
        let (same, second) = read(&directory);
        assert_eq!(authority, same);
        assert_ne!(first, second);
        // Also after it has ended.
        assert!(ensure(&directory, &host, at("2027-01-01")).unwrap());
    }

    #[test]
    fn another_name_needs_another_certificate() {
        let temp = tempfile::tempdir().unwrap();
        let now = at("2026-01-01");
        assert!(ensure(temp.path(), &names(&["localhost"]), now).unwrap());
        assert!(ensure(temp.path(), &names(&["localhost", "k.example.com"]), now).unwrap());
        assert!(
            ensure(temp.path(), &names(&["localhost", "10.1.2.3", "k.example.com", "fd00::1"]), now).unwrap()
        );
        assert!(!ensure(temp.path(), &names(&["k.example.com", "fd00:0::1"]), now).unwrap());
    }

    #[test]
    fn every_file_is_its_owners_alone() {
        let temp = tempfile::tempdir().unwrap();
        let directory = temp.path().join("tls");
        ensure(&directory, &names(&["localhost"]), at("2026-01-01")).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&directory), 0o700);
        for entry in fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            assert_eq!(mode(&path), 0o600, "{}", path.display());
        }
    }

    #[test]
    fn an_authority_that_is_incomplete_damaged_or_expired_is_not_replaced() {
        let temp = tempfile::tempdir().unwrap();
        let host = names(&["localhost"]);
        let refused = |date: &str| {
            let error = ensure(temp.path(), &host, at(date)).unwrap_err().to_string();
            error.replace(&temp.path().display().to_string(), "DIR")
        };
        ensure(temp.path(), &host, at("2026-01-01")).unwrap();
        insta::assert_snapshot!(refused("2036-01-01"), @"DIR/ca.pem has expired; remove its directory to create a new authority, and give it to the clients");
        let key = fs::read(temp.path().join("ca.key")).unwrap();
        fs::write(
            temp.path().join("ca.key"),
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        )
        .unwrap();
        insta::assert_snapshot!(refused("2026-01-01"), @"DIR/ca.key is damaged; restore it, or remove its directory to create a new authority");
        fs::remove_file(temp.path().join("ca.key")).unwrap();
        insta::assert_snapshot!(refused("2026-01-01"), @"DIR/ca.key does not exist any more; restore it, or remove DIR to create a new authority, which all clients have to trust again");
        fs::write(temp.path().join("ca.key"), key).unwrap();
        fs::set_permissions(temp.path().join("ca.key"), fs::Permissions::from_mode(0o600)).unwrap();
        assert!(!ensure(temp.path(), &host, at("2026-01-01")).unwrap());
    }
}
