use std::fs;

use super::*;

fn args(urls: &[&str], file: Option<&Path>) -> RegistryArgs {
    RegistryArgs {
        schema_registry: urls.iter().map(|url| RegistryUrl::parse(url).expect("a URL")).collect(),
        schema_registry_config: file.map(Path::to_owned),
    }
}

fn urls(args: &RegistryArgs) -> Option<Vec<String>> {
    let settings = args.settings().unwrap_or_else(|error| panic!("{error}"));
    settings.map(|settings| settings.urls.iter().map(ToString::to_string).collect())
}

#[test]
fn option_takes_precedence_over_the_url_in_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("registry.properties");
    fs::write(&file, "schema.registry.url=http://in-file\nbasic.auth.user.info=anna:geheim\n").expect("a file");
    assert_eq!(urls(&args(&["http://option"], Some(&file))), Some(vec!["http://option".to_owned()]));
    assert_eq!(urls(&args(&[], Some(&file))), Some(vec!["http://in-file".to_owned()]));
    assert_eq!(urls(&args(&["http://a", "http://b"], None)).map(|urls| urls.len()), Some(2));
    assert_eq!(urls(&args(&[], None)), None);
}

#[test]
fn file_without_a_registry_and_unreadable_files_are_errors() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("registry.properties");
    fs::write(&file, "basic.auth.user.info=anna:geheim\n").expect("a file");
    let error = args(&[], Some(&file)).settings().expect_err("no URL").to_string();
    assert!(error.contains("registry.properties: no schema registry is named") && !error.contains("geheim"), "{error}");

    let missing = folder.path().join("missing.properties");
    let error = args(&["http://a"], Some(&missing)).settings().expect_err("no file").to_string();
    assert!(error.contains("cannot read") && error.contains("missing.properties"), "{error}");

    fs::write(&file, vec![b'#'; 70_000]).expect("a file");
    let error = args(&["http://a"], Some(&file)).settings().expect_err("too large").to_string();
    assert!(error.contains("larger than 65536 bytes"), "{error}");
}

#[cfg(feature = "tls")]
#[test]
fn unreadable_certificate_is_reported_with_both_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("registry.properties");
    let ca = folder.path().join("ca.pem");
    fs::write(&file, format!("ssl.ca.location={}\n", ca.display())).expect("a file");
    let error = args(&["https://a"], Some(&file)).settings().expect_err("no certificate").to_string();
    assert!(error.contains("registry.properties: ") && error.contains("ca.pem"), "{error}");
}

#[test]
fn decoded_bytes_have_a_range() {
    for (text, expected) in
        [("65536", Some(65_536)), ("67108864", Some(67_108_864)), ("65535", None), ("67108865", None), ("8M", None)]
    {
        assert_eq!(parse_decoded_bytes(text).ok(), expected, "{text}");
    }
}
