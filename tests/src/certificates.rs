//! Certificates for TLS servers of the tests, and a certificate authority that signs them.

use std::path::PathBuf;

use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509NameBuilder};
use tempfile::TempDir;

const DAY_SECS: i64 = 24 * 60 * 60;
/// Valid from yesterday until tomorrow, in seconds from now.
pub const VALID: (i64, i64) = (-DAY_SECS, DAY_SECS);
/// Expired yesterday.
pub const EXPIRED: (i64, i64) = (-2 * DAY_SECS, -DAY_SECS);

/// A certificate for `localhost` and `127.0.0.1`, or an authority's own, with its key.
#[derive(Clone)]
pub struct Identity {
    pub key: PKey<Private>,
    pub certificate: X509,
}

impl Identity {
    pub fn self_signed(common_name: &str, valid: (i64, i64)) -> Self {
        Self::new(common_name, valid, None)
    }

    pub fn signed_by(issuer: &Self, common_name: &str) -> Self {
        Self::new(common_name, VALID, Some(issuer))
    }

    /// Without an issuer it is a self-signed certificate authority.
    fn new(common_name: &str, (from_secs, until_secs): (i64, i64), issuer: Option<&Self>) -> Self {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("a curve");
        let key = PKey::from_ec_key(EcKey::generate(&group).expect("a key")).expect("a key");
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
        let at = |secs: i64| Asn1Time::from_unix(i64::try_from(now).expect("a small number") + secs).expect("a time");
        let mut name = X509NameBuilder::new().expect("a name");
        name.append_entry_by_text("CN", common_name).expect("a name");
        let name = name.build();
        let mut builder = X509::builder().expect("a certificate");
        let mut serial = BigNum::new().expect("a number");
        serial.rand(64, MsbOption::MAYBE_ZERO, false).expect("a random number");
        builder.set_version(2).expect("version 3");
        builder.set_serial_number(&serial.to_asn1_integer().expect("a number")).expect("a number");
        builder.set_subject_name(&name).expect("a subject");
        let issuer_name = issuer.map_or(&*name, |issuer| issuer.certificate.subject_name());
        builder.set_issuer_name(issuer_name).expect("an issuer");
        builder.set_not_before(&at(from_secs)).expect("a time");
        builder.set_not_after(&at(until_secs)).expect("a time");
        builder.set_pubkey(&key).expect("a key");
        let mut constraints = BasicConstraints::new();
        if issuer.is_none() {
            constraints.ca();
        }
        builder.append_extension(constraints.build().expect("an extension")).expect("an extension");
        let hosts =
            SubjectAlternativeName::new().dns("localhost").ip("127.0.0.1").build(&builder.x509v3_context(None, None));
        builder.append_extension(hosts.expect("an extension")).expect("an extension");
        builder.sign(issuer.map_or(&key, |issuer| &issuer.key), MessageDigest::sha256()).expect("a signature");
        Self { certificate: builder.build(), key }
    }

    pub fn certificate_pem(&self) -> Vec<u8> {
        self.certificate.to_pem().expect("PEM")
    }

    pub fn key_pem(&self) -> Vec<u8> {
        self.key.private_key_to_pem_pkcs8().expect("PEM")
    }

    pub fn common_name(&self) -> String {
        common_name(&self.certificate)
    }
}

pub fn common_name(certificate: &X509) -> String {
    let name = certificate.subject_name().entries_by_nid(Nid::COMMONNAME).next().expect("a common name");
    name.data().to_string().expect("text")
}

/// A certificate and its key as files, which a test can replace.
pub struct CertificateFiles {
    folder: TempDir,
}

impl CertificateFiles {
    pub fn of(identity: &Identity) -> Self {
        let files = Self { folder: tempfile::tempdir().expect("a temporary folder") };
        files.replace(identity);
        files
    }

    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }

    pub fn key(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }

    /// Each file is renamed over the earlier one, as certificate tools do it.
    pub fn replace(&self, identity: &Identity) {
        self.write(&identity.certificate_pem(), &identity.key_pem());
    }

    pub fn write(&self, certificate: &[u8], key: &[u8]) {
        for (file, bytes) in [(self.certificate(), certificate), (self.key(), key)] {
            let new = file.with_extension("new");
            std::fs::write(&new, bytes).expect("a temporary folder takes files");
            std::fs::rename(&new, &file).expect("a temporary folder takes files");
        }
    }
}
