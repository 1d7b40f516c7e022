use super::*;

/// A value that no error may contain.
const CANARY: &str = "canary-3f9a1c";

fn read(text: &str) -> Result<ParsedFile, String> {
    let parsed = ParsedFile::of(text.as_bytes()).and_then(|parsed| values::check(&parsed).map(|()| parsed));
    parsed.map_err(|(line, reason)| format!("line {line}: {reason}"))
}

/// The librdkafka settings that result from the text.
fn settings(text: &str) -> Vec<(String, String)> {
    let parsed =
        ParsedFile::of(text.as_bytes()).unwrap_or_else(|(line, reason)| panic!("{text}\nline {line}: {reason}"));
    KafkaProperties::from(parsed).librdkafka.into_iter().collect()
}

fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}

const PLAIN: &str = "org.apache.kafka.common.security.plain.PlainLoginModule required";
const SCRAM: &str = "org.apache.kafka.common.security.scram.ScramLoginModule required";
const OAUTH: &str = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required";

#[test]
fn java_properties_are_translated_to_librdkafkas() {
    for (text, expected) in [
        (
            format!("security.protocol: SASL_SSL\nsasl.mechanism: PLAIN\nsasl.jaas.config: {PLAIN} \\\n  username=\"me\" \\\n  password=\"pw\";\n"),
            &[("sasl.mechanism", "PLAIN"), ("sasl.password", "pw"), ("sasl.username", "me"), ("security.protocol", "SASL_SSL")][..],
        ),
        (
            format!("security.protocol=SASL_PLAINTEXT\nsasl.mechanism=SCRAM-SHA-512\nsasl.jaas.config={SCRAM} username=me password=pw;\n"),
            &[
                ("sasl.mechanism", "SCRAM-SHA-512"),
                ("sasl.password", "pw"),
                ("sasl.username", "me"),
                ("security.protocol", "SASL_PLAINTEXT"),
            ],
        ),
        (
            format!(
                "security.protocol=SASL_SSL\nsasl.mechanism=OAUTHBEARER\n\
                 sasl.login.callback.handler.class=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler\n\
                 sasl.oauthbearer.token.endpoint.url=https://id.example/token\n\
                 sasl.jaas.config={OAUTH} clientId=\"id\" clientSecret=\"secret\" scope=\"kafka\" extension_pool=\"p\" \
                 extension_cluster=\"c\";\n"
            ),
            &[
                ("sasl.mechanism", "OAUTHBEARER"),
                ("sasl.oauthbearer.client.id", "id"),
                ("sasl.oauthbearer.client.secret", "secret"),
                ("sasl.oauthbearer.extensions", "pool=p,cluster=c"),
                ("sasl.oauthbearer.method", "oidc"),
                ("sasl.oauthbearer.scope", "kafka"),
                ("sasl.oauthbearer.token.endpoint.url", "https://id.example/token"),
                ("security.protocol", "SASL_SSL"),
            ],
        ),
        (
            "security.protocol=SSL\nssl.endpoint.identification.algorithm=\nclient.dns.lookup=default\n".to_owned(),
            &[
                ("client.dns.lookup", "use_all_dns_ips"),
                ("security.protocol", "SSL"),
                ("ssl.endpoint.identification.algorithm", "none"),
            ],
        ),
        (
            "fetch.max.wait.ms=7\nmax.request.size=2000\nsend.buffer.bytes=3000\nreceive.buffer.bytes=4000\n".to_owned(),
            &[
                ("fetch.wait.max.ms", "7"),
                ("message.max.bytes", "2000"),
                ("socket.receive.buffer.bytes", "4000"),
                ("socket.send.buffer.bytes", "3000"),
            ],
        ),
        (
            "acks=all\nenable.idempotence=true\nkey.serializer=a.B\nbuffer.memory=1\nmax.block.ms=1\ninterceptor.classes=a.B\n\
             schema.registry.url=x\nbasic.auth.user.info=a:b\nallow.auto.create.topics=false\nenable.auto.commit=false\n"
                .to_owned(),
            &[],
        ),
        // Without TLS Java does not open the stores.
        (
            "security.protocol=PLAINTEXT\nssl.truststore.location=/not/there\n".to_owned(),
            &[("security.protocol", "PLAINTEXT")],
        ),
    ] {
        assert_eq!(settings(&text), owned(expected), "{text}");
    }
}

#[test]
fn ignored_and_translated_properties_are_listed_by_name() {
    let parsed = read(&format!(
        "security.protocol=SASL_SSL\nsasl.mechanism=PLAIN\nsasl.jaas.config={PLAIN} username=me password={CANARY};\n\
         ssl.enabled.protocols=TLSv1.2\nvalue.serializer=a.B\n"
    ));
    let parsed = parsed.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(parsed.translated, ["sasl.jaas.config → sasl.username", "sasl.jaas.config → sasl.password"]);
    assert_eq!(parsed.ignored, ["value.serializer", "ssl.enabled.protocols"]);
}

#[test]
fn addresses_and_automatic_creation_and_commit_are_not_passed_to_librdkafka() {
    let parsed = read("bootstrap.servers=a:1, b:2\nallow.auto.create.topics=false\nenable.auto.commit=false\n");
    let properties = KafkaProperties::from(parsed.unwrap_or_else(|error| panic!("{error}")));
    assert_eq!(properties.bootstrap_servers(), Some("a:1,b:2"));
    assert!(!properties.may_auto_create() && properties.forbids_auto_commit() && properties.is_empty());
    assert!(!properties.for_demo().may_auto_create());
}

#[test]
fn error_names_the_line_and_the_property_and_what_to_write() {
    let jaas = |mechanism: &str, config: &str| {
        format!("security.protocol=SASL_SSL\nsasl.mechanism={mechanism}\nsasl.jaas.config={config}\n")
    };
    for (text, words) in [
        ("client.id".to_owned(), &["line 1", "client.id has no value"][..]),
        ("a=1\n=b".to_owned(), &["line 2", "no name"]),
        ("client.id=a\nclient.id=b".to_owned(), &["line 2", "client.id is set twice", "line 1"]),
        ("linger.ms=1\nqueue.buffering.max.ms=2".to_owned(), &["queue.buffering.max.ms", "linger.ms (line 1)"]),
        ("bootstrap.servers=a:1\nmetadata.broker.list=b:2".to_owned(), &["metadata.broker.list", "bootstrap.servers"]),
        (format!("bootstrap.servers={CANARY}"), &["bootstrap.servers", "host:port"]),
        (format!("acks={CANARY}"), &["acks", "all in-sync replicas"]),
        (format!("plugin.library.paths={CANARY}"), &["plugin.library.paths", "loads code"]),
        (format!("log_level={CANARY}"), &["log_level", "PONTE_LOG"]),
        (format!("test.mock.num.brokers={CANARY}"), &["test.mock.num.brokers", "--demo"]),
        (format!("delivery.timeout.ms=0\nclient.id={CANARY}"), &["delivery.timeout.ms", "outcome"]),
        (format!("ssl.trustore.location={CANARY}"), &["ssl.trustore.location", "did you mean ssl.truststore.location"]),
        (format!("producer.linger.ms={CANARY}"), &["unknown property producer.linger.ms"]),
        (format!("socket.timeout.ms={CANARY}"), &["socket.timeout.ms", "expected"]),
        ("socket.timeout.ms=1".to_owned(), &["socket.timeout.ms", "from 10 to 300000"]),
        (format!("security.protocol={CANARY}"), &["security.protocol", "SASL_SSL"]),
        (format!("allow.auto.create.topics={CANARY}"), &["allow.auto.create.topics", "true or false"]),
        (format!("check.crcs={CANARY}"), &["check.crcs", "true or false"]),
        (format!("config.providers={CANARY}"), &["config.providers", "write the values"]),
        (format!("config.providers.file.class={CANARY}"), &["config.providers.file.class"]),
        (format!("ssl.engine.factory.class={CANARY}"), &["ssl.engine.factory.class", "ssl.ca.location"]),
        (format!("sasl.login.callback.handler.class={CANARY}"), &["sasl.login.callback.handler.class"]),
        ("ssl.enabled.protocols=TLSv1".to_owned(), &["ssl.enabled.protocols", "TLSv1.2 and TLSv1.3"]),
        ("ssl.cipher.suites=TLS_AES_256_GCM_SHA384".to_owned(), &["ssl.cipher.suites", "OpenSSL's names"]),
        ("sasl.mechanism=PLAIN".to_owned(), &["line 1", "sasl.mechanism", "add security.protocol=SASL_SSL"]),
        (format!("sasl.password={CANARY}"), &["sasl.password", "add security.protocol=SASL_SSL"]),
        ("security.protocol=SSL\nsasl.mechanism=PLAIN".to_owned(), &["line 2", "security.protocol=SASL_SSL"]),
        ("ssl.ca.location=/ca.pem".to_owned(), &["ssl.ca.location", "add security.protocol=SSL"]),
        ("security.protocol=SASL_SSL".to_owned(), &["line 1", "add sasl.mechanism=", "SCRAM-SHA-512"]),
        (
            "security.protocol=SASL_SSL\nsasl.mechanism=PLAIN".to_owned(),
            &["line 2", "sasl.username", "sasl.jaas.config"],
        ),
        ("security.protocol=SASL_SSL\nsasl.mechanism=GSSAPI".to_owned(), &["sasl.mechanism", "Kerberos"]),
        (format!("security.protocol=SASL_SSL\nsasl.mechanism={CANARY}"), &["sasl.mechanism", "OAUTHBEARER"]),
        (jaas("PLAIN", CANARY), &["line 3", "sasl.jaas.config", "required"]),
        (jaas("PLAIN", &format!("{PLAIN} username=\"me\" password=\"{CANARY}\"")), &["semicolon"]),
        (jaas("PLAIN", &format!("{PLAIN} username=\"me\" pass=\"{CANARY}\";")), &["no option pass", "password"]),
        (jaas("SCRAM-SHA-256", &format!("{PLAIN} username=me password={CANARY};")), &["PlainLoginModule", "PLAIN"]),
        (jaas("GSSAPI", "com.sun.security.auth.module.Krb5LoginModule required;"), &["Kerberos"]),
        (jaas("PLAIN", &format!("com.example.{CANARY} required;")), &["PlainLoginModule", "ScramLoginModule"]),
        (
            format!("security.protocol=SASL_SSL\nsasl.jaas.config={SCRAM} username=me password={CANARY};"),
            &["line 2", "add sasl.mechanism=SCRAM-SHA-512"],
        ),
        (
            jaas("PLAIN", &format!("{PLAIN} username=me password={CANARY};\nsasl.username={CANARY}")),
            &["line 3", "sasl.jaas.config and sasl.username (line 4) are the same setting"],
        ),
        (
            format!("security.protocol=SSL\nssl.truststore.location=/not/there/{CANARY}"),
            &["ssl.truststore.location", "cannot be read"],
        ),
        (
            format!("security.protocol=SSL\nssl.truststore.password={CANARY}"),
            &["ssl.truststore.password", "ssl.truststore.location"],
        ),
        (
            format!("security.protocol=SSL\nssl.truststore.certificates={CANARY}"),
            &["ssl.truststore.certificates", "not PEM"],
        ),
        (format!("security.protocol=SSL\nssl.keystore.key={CANARY}"), &["ssl.keystore.key", "not PEM"]),
    ] {
        let Err(error) = read(&text) else { panic!("accepted:\n{text}") };
        assert!(words.iter().all(|word| error.contains(word)), "{words:?}\n{error}\n{text}");
        assert!(!error.contains(CANARY), "{error}");
    }
}

#[cfg(feature = "tls")]
mod stores {
    use std::path::Path;

    use openssl::asn1::Asn1Time;
    use openssl::ec::{EcGroup, EcKey};
    use openssl::hash::MessageDigest;
    use openssl::nid::Nid;
    use openssl::pkcs12::Pkcs12;
    use openssl::pkey::{PKey, Private};
    use openssl::x509::{X509, X509NameBuilder};

    use super::*;

    const PASSWORD: &str = "changeit";

    fn identity() -> (X509, PKey<Private>) {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("a curve");
        let key = PKey::from_ec_key(EcKey::generate(&group).expect("a key")).expect("a key");
        let mut name = X509NameBuilder::new().expect("a name");
        name.append_entry_by_text("CN", "localhost").expect("a name");
        let name = name.build();
        let mut builder = X509::builder().expect("a builder");
        builder.set_subject_name(&name).expect("a subject");
        builder.set_issuer_name(&name).expect("an issuer");
        builder.set_pubkey(&key).expect("a public key");
        builder.set_not_before(&Asn1Time::days_from_now(0).expect("a time")).expect("a beginning");
        builder.set_not_after(&Asn1Time::days_from_now(1).expect("a time")).expect("an end");
        builder.sign(&key, MessageDigest::sha256()).expect("a signature");
        (builder.build(), key)
    }

    fn write(directory: &Path, name: &str, content: &[u8]) -> String {
        let path = directory.join(name);
        std::fs::write(&path, content).expect("the file can be written");
        path.to_str().expect("a plain path").to_owned()
    }

    #[test]
    fn java_stores_are_converted_or_refused_with_the_reason() {
        let directory = std::env::temp_dir().join(format!("ponte-stores-{}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("a directory");
        let (certificate, key) = identity();
        let certificate_pem = String::from_utf8(certificate.to_pem().expect("PEM")).expect("PEM is text");
        let key_pem = String::from_utf8(key.private_key_to_pem_pkcs8().expect("PEM")).expect("PEM is text");
        let mut builder = Pkcs12::builder();
        builder.pkey(&key).cert(&certificate);
        let identity = builder.build2(PASSWORD).and_then(|store| store.to_der()).expect("PKCS#12");
        let identity = write(&directory, "identity.p12", &identity);
        let mut trusted = openssl::stack::Stack::new().expect("a list");
        trusted.push(certificate.clone()).expect("room for one");
        let mut builder = Pkcs12::builder();
        builder.ca(trusted);
        let trust = builder.build2(PASSWORD).and_then(|store| store.to_der()).expect("PKCS#12");
        let trust = write(&directory, "trust.p12", &trust);
        let both = write(&directory, "both.pem", format!("{key_pem}{certificate_pem}").as_bytes());
        let jks = write(&directory, "trust.jks", b"\xfe\xed\xfe\xed\0\0\0\x02");
        let nothing = write(&directory, "nothing", b"nothing");
        let ssl = |lines: &str| format!("security.protocol=SSL\n{lines}");
        let in_one_line = |pem: &str| pem.trim().replace('\n', " \\\n  ");

        for (lines, expected) in [
            (format!("ssl.truststore.location={both}\nssl.truststore.type=PEM"), vec![("ssl.ca.location", &both)]),
            (
                format!(
                    "ssl.truststore.location={trust}\nssl.truststore.password={PASSWORD}\nssl.truststore.type=PKCS12"
                ),
                vec![("ssl.ca.pem", &certificate_pem)],
            ),
            (
                format!("ssl.truststore.certificates={}", in_one_line(&certificate_pem)),
                vec![("ssl.ca.pem", &certificate_pem)],
            ),
            (
                format!("ssl.keystore.location={both}\nssl.keystore.type=PEM"),
                vec![("ssl.certificate.location", &both), ("ssl.key.location", &both)],
            ),
            (
                format!(
                    "ssl.keystore.certificate.chain={}\nssl.keystore.key={}\nssl.keystore.type=PEM",
                    in_one_line(&certificate_pem),
                    in_one_line(&key_pem)
                ),
                vec![("ssl.certificate.pem", &certificate_pem), ("ssl.key.pem", &key_pem)],
            ),
            (
                format!("ssl.keystore.location={identity}\nssl.keystore.password={PASSWORD}"),
                vec![("ssl.keystore.location", &identity), ("ssl.keystore.password", &PASSWORD.to_owned())],
            ),
        ] {
            let mut expected: Vec<(&str, &str)> =
                expected.into_iter().map(|(name, value)| (name, value.as_str())).collect();
            expected.insert(0, ("security.protocol", "SSL"));
            assert_eq!(settings(&ssl(&lines)), owned(&expected), "{lines}");
        }

        for (lines, words) in [
            (
                format!("ssl.truststore.location={trust}"),
                &["ssl.truststore.location", "ssl.truststore.password is missing"][..],
            ),
            (
                format!("ssl.truststore.location={trust}\nssl.truststore.password={CANARY}"),
                &["ssl.truststore.location", "ssl.truststore.password", "wrong password"],
            ),
            (
                format!("ssl.keystore.location={identity}\nssl.keystore.password={CANARY}"),
                &["ssl.keystore.location", "ssl.keystore.password", "wrong password"],
            ),
            (
                format!("ssl.keystore.location={trust}\nssl.keystore.password={PASSWORD}"),
                &["ssl.keystore.location", "private key"],
            ),
            (format!("ssl.truststore.location={jks}"), &["ssl.truststore.location", "JKS", "keytool -importkeystore"]),
            (format!("ssl.keystore.location={jks}\nssl.keystore.type=JKS"), &["ssl.keystore.location", "keytool"]),
            (format!("ssl.truststore.location={nothing}"), &["neither PEM nor PKCS#12"]),
            (format!("ssl.truststore.location={trust}\nssl.truststore.type=PEM"), &["PKCS#12", "ssl.truststore.type"]),
            (
                format!("ssl.keystore.location={both}\nssl.keystore.password={CANARY}"),
                &["ssl.keystore.password", "ssl.key.password"],
            ),
            (
                format!("ssl.ca.location={both}\nssl.truststore.location={trust}\nssl.truststore.password={PASSWORD}"),
                &["line 3", "ssl.truststore.location and ssl.ca.location (line 2)"],
            ),
        ] {
            let Err(error) = read(&ssl(&lines)) else { panic!("accepted:\n{lines}") };
            assert!(words.iter().all(|word| error.contains(word)), "{words:?}\n{error}");
            assert!(!error.contains(CANARY) && !error.contains(PASSWORD), "{error}");
        }
        let _ = std::fs::remove_dir_all(directory);
    }
}
