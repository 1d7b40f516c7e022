//! The configuration file: `bridge config print` and `bridge config check`, and mistakes in the file and the environment.

use tests::{Bridge, Program};

use crate::config::file;

const TOKEN: &str = "canary-5b20c1fe-token";

/// Runs the program to its end: exit code, standard output and standard error.
async fn run(args: &[&str], env: &[(&str, &str)]) -> (i32, String, String) {
    let mut program = Program::bridge_with(args, env);
    let code = program.exit_code().await;
    let (out, err) = program.all_output().await;
    (code, out, err)
}

#[tokio::test]
async fn printed_configuration_names_the_origin_of_each_value_and_can_be_used() {
    let properties = file("client.id=canary-6d01\n");
    let properties = properties.path().to_str().expect("a plain path");
    let written = file(&format!(
        "topic = \"orders\"\nkafka-config = {properties:?}\nallowed-hosts = [\"a.example\", \"b.example\"]\n"
    ));
    let path = written.path().to_str().expect("a plain path");
    let env = [("PONTE_GROUP", "their-group"), ("PONTE_TOKEN", TOKEN)];
    let args = ["config", "print", "--config", path, "--read-only", "--bootstrap-servers", "kafka.example:9092"];
    let (code, printed, said) = run(&args, &env).await;
    assert_eq!(code, 0, "{said}");
    for line in [
        &format!("topic = \"orders\"  # {path}, line 1"),
        &format!("kafka-config = {properties:?}  # {path}, line 2"),
        &format!("allowed-hosts = [\"a.example\", \"b.example\"]  # {path}, line 3"),
        "group = \"their-group\"  # environment variable PONTE_GROUP",
        "read-only = true  # command line",
        "bootstrap-servers = \"kafka.example:9092\"  # command line",
        "max-sockets = 256  # default",
        "demo = false  # default",
        "# token: set by PONTE_TOKEN",
        "# token-file: not set",
    ] {
        assert!(printed.lines().any(|printed| printed == line), "{line}\nis not in\n{printed}");
    }
    assert!(!printed.contains("canary") && !said.contains("canary"), "{printed}{said}");

    // The printed file has the same effect as its parts had together.
    let saved = file(&printed);
    let saved = saved.path().to_str().expect("a plain path");
    let (code, again, said) = run(&["config", "print", "--config", saved], &[]).await;
    assert_eq!(code, 0, "{said}");
    let values = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines.map(|line| line.split("  # ").next().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(values(&printed), values(&again));
}

#[tokio::test]
async fn printed_clusters_can_be_used() {
    let written = file(
        "[clusters.prod]\nbootstrap-servers = \"kafka.example:9092\"\ncolour = \"red\"\nread-only = true\n\
                        [clusters.\"play.ground\"]\ndemo = true\n",
    );
    let (code, printed, said) =
        run(&["config", "print", "--config", written.path().to_str().expect("a path")], &[]).await;
    assert_eq!(code, 0, "{said}");
    let saved = file(&printed);
    let saved = saved.path().to_str().expect("a plain path");
    let (code, checked, said) = run(&["config", "check", "--config", saved], &[]).await;
    assert_eq!(code, 0, "{said}\n{printed}");
    assert!(checked.contains(saved) && checked.contains("2 clusters (prod, play.ground)"), "{checked}");
}

#[tokio::test]
async fn check_reads_every_file_that_serving_needs() {
    let token = file("too-short\n");
    let properties = file("no.such.property=1\n");
    let certificates = file("security.protocol=SSL\nssl.ca.location=/not/there.pem\n");
    let path = |file: &tempfile::NamedTempFile| file.path().to_str().expect("a plain path").to_owned();
    for (content, words) in [
        (format!("token-file = {:?}\n", path(&token)), &["--token-file", "at least 16"][..]),
        ("token-file = \"/not/there\"\n".to_owned(), &["--token-file", "/not/there"]),
        (format!("kafka-config = {:?}\n", path(&properties)), &["line 1", "no.such.property"]),
        (format!("kafka-config = {:?}\n", path(&certificates)), &["--kafka-config", "ssl.ca.location failed"]),
        (
            format!("[clusters.a]\ndemo = true\n[clusters.b]\nkafka-config = {:?}\n", path(&properties)),
            &["line 1", "no.such.property"],
        ),
        ("listen = \"0.0.0.0:3030\"\n".to_owned(), &["0.0.0.0:3030", "token", "[users]"]),
        (
            "listen = \"0.0.0.0:3030\"\n[[rules]]\ntopics = [\"*\"]\nallow = [\"read\"]\n".to_owned(),
            &["0.0.0.0:3030", "token"],
        ),
        (format!("[users.ann]\ntoken-file = {:?}\n", path(&token)), &["line 2", "[users.ann]", "at least 16"]),
        ("[users.ann]\ntoken-file = \"/not/there\"\n".to_owned(), &["line 2", "[users.ann]", "/not/there"]),
        (
            "[sign-in]\nissuer = \"https://a.example\"\nclient-id = \"a\"\nurl = \"https://b.example\"\nca-file = \"/not/there\"\n"
                .to_owned(),
            &["line 5", "[sign-in]", "/not/there"],
        ),
    ] {
        let configuration = file(&content);
        let (code, out, said) = run(&["config", "check", "--config", &path(&configuration)], &[]).await;
        assert_eq!((code, out.as_str()), (2, ""), "{content}: {said}");
        assert!(words.iter().all(|word| said.contains(word)), "{content}: {said}");
    }
    let configuration = file("max-sockets = 9\n");
    let (code, out, said) = run(&["config", "check", "--config", &path(&configuration)], &[]).await;
    assert_eq!(code, 0, "{said}");
    assert!(out.contains("1 cluster (default)") && out.contains(" 1 of them set"), "{out}");
}

#[tokio::test]
async fn invalid_value_in_the_file_is_reported_with_file_line_and_allowed_values() {
    for (content, words) in [
        ("\nstart = \"soon\"\n", &["line 2", "start", "soon", "earliest"][..]),
        ("topic = \"a b\"\n", &["line 1", "topic", "a b", "letters"]),
        ("[clusters.prod]\ndemo = true\ncolour = \"purple\"\n", &["line 3", "purple", "grey, blue, green, amber, red"]),
        (
            "[[rules]]\ntopics = [\"*\"]\nallow = [\"raed\"]\n",
            &["line 3", "raed", "describe, read", "did you mean read?"],
        ),
    ] {
        let configuration = file(content);
        let path = configuration.path().to_str().expect("a plain path");
        for command in [&[][..], &["config", "check"], &["consume"]] {
            let (code, out, said) = run(&[command, &["--config", path]].concat(), &[]).await;
            assert_eq!((code, out.as_str()), (2, ""), "{command:?}: {said}");
            assert!(said.contains(path) && words.iter().all(|word| said.contains(word)), "{command:?}: {said}");
        }
    }
}

#[tokio::test]
async fn mistyped_environment_variable_is_an_error_of_check_and_a_warning_at_the_start() {
    let mistyped = [("PONTE_TOPC", "orders"), ("PONTE_SERVICE_HOST", "10.0.0.1")];
    let (code, out, said) = run(&["config", "check"], &mistyped).await;
    assert_eq!((code, out.as_str()), (2, ""), "{said}");
    assert!(said.contains("PONTE_TOPC: no option has") && said.contains("did you mean PONTE_TOPIC?"), "{said}");
    assert!(!said.contains("PONTE_SERVICE_HOST"), "{said}");
    let bridge = Bridge::start().demo().env("PONTE_TOPC", "orders").await;
    let line = bridge.logged("PONTE_TOPC").await;
    assert!(line.contains("WARN") && line.contains("did you mean PONTE_TOPIC?"), "{line}");
}

#[tokio::test]
async fn invalid_environment_variable_is_named() {
    for (name, value) in [("PONTE_START", "soon"), ("PONTE_LISTEN", "nowhere"), ("PONTE_DEMO", "perhaps")] {
        let (code, _, said) = run(&[], &[(name, value)]).await;
        assert_eq!(code, 2, "{said}");
        assert!(said.contains(&format!("{name}: invalid value \"{value}\"")), "{said}");
    }
    // A command checks only the variables that it reads.
    let (code, _, said) = run(&["config", "check"], &[("PONTE_COUNT", "many")]).await;
    assert_eq!(code, 0, "{said}");
}

#[tokio::test]
async fn example_configuration_is_accepted_by_check() {
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/ponte.toml");
    let (code, out, said) = run(&["config", "check", "--config", example], &[]).await;
    assert_eq!(code, 0, "{said}");
    assert!(out.contains("3 clusters (prod, dev, playground)"), "{out}");
}

#[tokio::test]
async fn printed_users_rules_masks_and_sign_in_can_be_used() {
    let token = file(&format!("{TOKEN}\n"));
    let token = token.path().to_str().expect("a plain path");
    let secret = file("canary-client-secret\n");
    let secret = secret.path().to_str().expect("a plain path");
    let written = file(&format!(
        "[clusters.prod]\ndemo = true\n\
         [users.\"ann.b\"]\ntoken-file = {token:?}\nroles = [\"support\"]\n\
         [[rules]]\nroles = [\"support\"]\nclusters = [\"prod\"]\ntopics = [\"orders-*\"]\nallow = \"all\"\n\
         [[rules]]\nusers = [\"oidc:bob@example.com\"]\nmetrics = true\n\
         [[masks]]\ntopics = [\"orders-*\"]\nfields = [\"value.email\"]\nexcept-users = []\n\
         [sign-in]\nissuer = \"https://login.example/realms/acme\"\nclient-id = \"ponte\"\nclient-secret-file = {secret:?}\n\
         url = \"https://ponte.example\"\nlifetime-hours = 4\n"
    ));
    let path = written.path().to_str().expect("a plain path");
    let (code, printed, said) = run(&["config", "print", "--config", path], &[]).await;
    assert_eq!(code, 0, "{said}");
    for line in [
        "[users.\"ann.b\"]",
        &format!("token-file = {token:?}  # {path}, line 4"),
        &format!("roles = [\"support\"]  # {path}, line 5"),
        "[[rules]]",
        &format!("allow = [\"all\"]  # {path}, line 10"),
        &format!("metrics = true  # {path}, line 13"),
        "[[masks]]",
        &format!("except-users = []  # {path}, line 17"),
        "[sign-in]",
        &format!("lifetime-hours = 4  # {path}, line 23"),
    ] {
        assert!(printed.lines().any(|printed| printed == line), "{line}\nis not in\n{printed}");
    }
    let saved = file(&printed);
    let saved = saved.path().to_str().expect("a plain path");
    let (code, checked, said) = run(&["config", "check", "--config", saved], &[]).await;
    assert_eq!(code, 0, "{said}\n{printed}");
    let summary = "1 cluster (prod), 1 user, 2 rules, 1 mask, sign-in at https://login.example/realms/acme";
    assert!(checked.contains(summary), "{checked}");
    for output in [printed, checked, said] {
        assert!(!output.contains("canary"), "{output}");
    }
}
