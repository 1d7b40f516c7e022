//! Java's trust stores and key stores, converted to properties that OpenSSL supports. The kind of a store is detected
//! from its content.

use std::io;
use std::path::Path;

use super::file;

/// Far more than a certificate store needs.
const MAX_STORE_BYTES: u64 = 16 * 1024 * 1024;

/// The kind of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Pem,
    Pkcs12,
    /// Java's own format, and its variant with stronger encryption.
    Jks,
}

/// The messages never contain a value. They are printed after the name of the property.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the file cannot be read: {0}")]
    Unreadable(io::Error),
    #[error("the file is larger than {MAX_STORE_BYTES} bytes")]
    TooLarge,
    #[error("the file is neither PEM nor PKCS#12")]
    Unknown,
    #[error("the file is {found}, but {property} says otherwise")]
    OtherKind { found: &'static str, property: &'static str },
    #[error(
        "the file is a Java key store (JKS), which only Java can read. Convert it: keytool -importkeystore -srckeystore OLD \
         -destkeystore NEW.p12 -deststoretype PKCS12, and name the new file"
    )]
    Jks,
    #[error("{0} is missing: a PKCS#12 store is encrypted with this password")]
    NoPassword(&'static str),
    #[error("the file cannot be opened with {property}: wrong password, or a damaged file ({reason})")]
    CannotOpen { property: &'static str, reason: String },
    #[error(
        "the file is encrypted with an algorithm that is no longer supported ({0}). Convert it with a current keytool: keytool \
         -importkeystore -srckeystore OLD.p12 -destkeystore NEW.p12 -deststoretype PKCS12, and name the new file"
    )]
    OldEncryption(String),
    #[error("the file does not contain a {0}")]
    Missing(&'static str),
    #[error("the value is not PEM: expected -----BEGIN …-----, then base64, then -----END …-----")]
    NotPem,
    #[error("this bridge was built without TLS (the cargo feature tls)")]
    NoTls,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Pem => "PEM",
            Self::Pkcs12 => "PKCS#12",
            Self::Jks => "a Java key store (JKS)",
        }
    }
}

/// Reads the store and detects its kind. `declared`: the name and value of the property with the store's type.
///
/// # Errors
/// If the file cannot be read, its kind is not supported, or differs from the declared one.
pub fn read(path: &str, declared: Option<(&'static str, &str)>) -> Result<(Kind, Vec<u8>), StoreError> {
    let content = file::read(Path::new(path), MAX_STORE_BYTES).map_err(StoreError::Unreadable)?;
    let content = content.ok_or(StoreError::TooLarge)?;
    let kind = kind_of(&content).ok_or(StoreError::Unknown)?;
    if kind == Kind::Jks {
        return Err(StoreError::Jks);
    }
    // Java also opens PKCS#12 with the declared type JKS, so only PEM must match.
    if let Some((property, declared)) = declared
        && declared.eq_ignore_ascii_case("PEM") != (kind == Kind::Pem)
    {
        return Err(StoreError::OtherKind { found: kind.name(), property });
    }
    Ok((kind, content))
}

fn kind_of(content: &[u8]) -> Option<Kind> {
    const JKS: [u8; 4] = [0xfe, 0xed, 0xfe, 0xed];
    const JCEKS: [u8; 4] = [0xce, 0xce, 0xce, 0xce];
    /// The first byte of every structure in DER.
    const SEQUENCE: u8 = 0x30;
    if content.starts_with(&JKS) || content.starts_with(&JCEKS) {
        return Some(Kind::Jks);
    }
    if content.windows(10).any(|window| window == b"-----BEGIN") {
        return Some(Kind::Pem);
    }
    content.starts_with(&[SEQUENCE]).then_some(Kind::Pkcs12)
}

/// Restores the line breaks of PEM that OpenSSL requires. In a properties file the lines may be joined by blanks, or
/// without any separator.
///
/// # Errors
/// If the text is not PEM.
pub fn normal_pem(text: &str) -> Result<String, StoreError> {
    const LINE_CHARS: usize = 64;
    let mut rest = text.trim();
    let mut pem = String::new();
    while !rest.is_empty() {
        let (label, after) =
            rest.strip_prefix("-----BEGIN ").and_then(|rest| rest.split_once("-----")).ok_or(StoreError::NotPem)?;
        let end = format!("-----END {label}-----");
        let (body, after) = after.split_once(&end).ok_or(StoreError::NotPem)?;
        let body: String = body.split_whitespace().collect();
        let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
        if body.is_empty() || !body.bytes().all(is_base64) {
            return Err(StoreError::NotPem);
        }
        pem.push_str(&format!("-----BEGIN {label}-----\n"));
        for line in body.as_bytes().chunks(LINE_CHARS) {
            pem.push_str(std::str::from_utf8(line).map_err(|_| StoreError::NotPem)?);
            pem.push('\n');
        }
        pem.push_str(&end);
        pem.push('\n');
        rest = after.trim_start();
    }
    if pem.is_empty() { Err(StoreError::NotPem) } else { Ok(pem) }
}

/// The certificates of a PKCS#12 trust store, as PEM.
///
/// # Errors
/// If the store cannot be opened or contains no certificate.
#[cfg(feature = "tls")]
pub fn certificates(store: &[u8], password: Option<&str>) -> Result<String, StoreError> {
    let opened = open(store, "ssl.truststore.password", password)?;
    let mut pem = Vec::new();
    for certificate in
        opened.cert.iter().chain(opened.ca.iter().flatten().map(|one| one.to_owned()).collect::<Vec<_>>().iter())
    {
        pem.extend(certificate.to_pem().map_err(|error| StoreError::OldEncryption(error.to_string()))?);
    }
    let pem = String::from_utf8(pem).map_err(|_| StoreError::Unknown)?;
    if pem.is_empty() { Err(StoreError::Missing("certificate")) } else { Ok(pem) }
}

/// Checks that the key store can be opened and contains a client certificate.
///
/// # Errors
/// If the store cannot be opened or does not contain a certificate with its private key.
#[cfg(feature = "tls")]
pub fn check_identity(store: &[u8], password: Option<&str>) -> Result<(), StoreError> {
    let opened = open(store, "ssl.keystore.password", password)?;
    match (opened.cert, opened.pkey) {
        (Some(_), Some(_)) => Ok(()),
        _ => Err(StoreError::Missing("certificate with its private key")),
    }
}

#[cfg(feature = "tls")]
fn open(
    store: &[u8],
    property: &'static str,
    password: Option<&str>,
) -> Result<openssl::pkcs12::ParsedPkcs12_2, StoreError> {
    let password = password.ok_or(StoreError::NoPassword(property))?;
    let store = openssl::pkcs12::Pkcs12::from_der(store).map_err(|_| StoreError::Unknown)?;
    store.parse2(password).map_err(|errors| {
        let reasons: Vec<&str> = errors.errors().iter().filter_map(|error| error.reason()).collect();
        if reasons.iter().any(|reason| reason.contains("unsupported")) {
            StoreError::OldEncryption(reasons.join(", "))
        } else {
            StoreError::CannotOpen { property, reason: reasons.join(", ") }
        }
    })
}

#[cfg(not(feature = "tls"))]
pub fn certificates(_store: &[u8], _password: Option<&str>) -> Result<String, StoreError> {
    Err(StoreError::NoTls)
}

#[cfg(not(feature = "tls"))]
pub fn check_identity(_store: &[u8], _password: Option<&str>) -> Result<(), StoreError> {
    Err(StoreError::NoTls)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kind_of_a_store_is_detected_from_its_content() {
        for (content, kind) in [
            (&b"-----BEGIN CERTIFICATE-----"[..], Some(Kind::Pem)),
            (b"Bag Attributes\n  friendlyName: ca\n-----BEGIN CERTIFICATE-----", Some(Kind::Pem)),
            (b"\x30\x82\x01\x02", Some(Kind::Pkcs12)),
            (b"\xfe\xed\xfe\xed\0\0\0\x02", Some(Kind::Jks)),
            (b"\xce\xce\xce\xce\0\0\0\x02", Some(Kind::Jks)),
            (b"certificate", None),
            (b"", None),
        ] {
            assert_eq!(kind_of(content), kind, "{content:?}");
        }
    }

    #[test]
    fn line_breaks_of_pem_are_restored() {
        let body = "A".repeat(70);
        let line = format!("-----BEGIN CERTIFICATE----- {} {} -----END CERTIFICATE-----", &body[..30], &body[30..]);
        let expected =
            format!("-----BEGIN CERTIFICATE-----\n{}\n{}\n-----END CERTIFICATE-----\n", &body[..64], &body[64..]);
        assert_eq!(normal_pem(&line).expect("PEM"), expected);
        assert_eq!(normal_pem(&expected.repeat(2)).expect("PEM"), expected.repeat(2));
        assert_eq!(
            normal_pem(&line.replace(' ', "").replace("BEGINCERT", "BEGIN CERT").replace("ENDCERT", "END CERT"))
                .expect("PEM"),
            expected
        );
        for wrong in
            ["", "x", "-----BEGIN X-----", "-----BEGIN X-----\n-----END X-----", "-----BEGIN X-----ü-----END X-----"]
        {
            assert!(matches!(normal_pem(wrong), Err(StoreError::NotPem)), "{wrong:?}");
        }
    }
}
