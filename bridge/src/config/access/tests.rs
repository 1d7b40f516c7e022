use std::path::Path;

use access::{MaskMethod, Policy, Principal};
use clap::CommandFactory;
use protocol::{Action, Object};

use super::super::file::table_command;
use super::super::schemas::SchemaKeys;
use super::super::{CommandLine, OptionsFile};
use super::*;

/// Writes a configuration file of this text, and the token file of each user, with a token that begins with the user's name.
fn folder(text: &str, users: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("ponte.toml"), text).expect("a file");
    for user in users {
        std::fs::write(folder.path().join(format!("{user}.token")), format!("{user}-0123456789abcdef\n"))
            .expect("a file");
    }
    folder
}

fn read_in(folder: &Path) -> Result<OptionsFile, String> {
    OptionsFile::read(&CommandLine::command(), &folder.join("ponte.toml")).map_err(|error| error.to_string())
}

fn read(text: &str) -> Result<OptionsFile, String> {
    read_in(folder(text, &[]).path())
}

fn loaded(text: &str, users: &[&str]) -> Result<Access, String> {
    let folder = folder(text, users);
    read_in(folder.path())?.load_access(None).map_err(|error| error.to_string())
}

const ANN: &str = "[users.ann]\ntoken-file = \"ann.token\"\nroles = [\"support\"]\n";

const SIGN_IN: &str = "[sign-in]\nissuer = \"https://login.example/realms/acme\"\nclient-id = \"ponte\"\nurl = \"https://ponte.example\"\n";

/// The error for this text contains each piece.
fn check_error(text: &str, expected: &[&str]) {
    let error = read(text).expect_err(text);
    for piece in expected {
        assert!(error.contains(piece), "{text}: {piece} in {error}");
    }
}

#[test]
fn users_rules_and_masks_are_read() {
    let text = format!(
        "{ANN}[[rules]]\nroles = [\"support\"]\ntopics = [\"orders-*\"]\nallow = [\"read\", \"write\"]\n\
         [[rules]]\nusers = \"access-token\"\ntopics = [\"*\", \"__*\"]\ngroups = [\"*\"]\nsubjects = [\"*\"]\nallow = \"all\"\nmetrics = true\n\
         [[masks]]\ntopics = [\"orders-*\"]\nfields = [\"value.email\"]\nmethod = \"hash\"\nexcept-users = [\"access-token\"]\n"
    );
    let access = loaded(&text, &["ann"]).expect("valid");
    let [ann] = access.users.as_slice() else { panic!("{access:?}") };
    assert!(ann.token.matches("ann-0123456789abcdef"));
    assert!(ann.principal.roles.contains("support"));
    let policy: Policy = access.policy();
    let cluster = ClusterName::default();
    let rights = policy.rights(&ann.principal, &cluster).expect("there are rules");
    for (action, topic, expected) in [
        (Action::Read, "orders-eu", true),
        (Action::Write, "orders-eu", true),
        (Action::Delete, "orders-eu", false),
        (Action::Read, "payments", false),
    ] {
        assert_eq!(rights.allows(action, &Object::Topic(topic)), expected, "{action} {topic}");
    }
    assert!(!policy.may_read_metrics(&ann.principal));
    let operator = Principal::with_access_token();
    let rights = policy.rights(&operator, &cluster).expect("there are rules");
    for action in Action::ALL {
        assert!(rights.allows(action, &Object::Topic("__consumer_offsets")), "{action}");
        assert!(rights.allows(action, &Object::Group("any group")), "{action}");
    }
    assert!(policy.may_read_metrics(&operator));
    assert_eq!(access.masks[0].method, MaskMethod::Hash);
    assert!(policy.masks(&ann.principal, &cluster, ["orders-eu"]).is_some());
    assert!(policy.masks(&operator, &cluster, ["orders-eu"]).is_none(), "excepted");
}

#[test]
fn invalid_user_is_reported_with_line_and_reason() {
    for (text, expected) in [
        ("users = 1\n", &["line 1", "[users.ann]"][..]),
        ("[users]\n", &["line 1", "users has no table"]),
        ("[users]\nann = 1\n", &["line 2", "[users.ann]"]),
        ("[users.\"a:b\"]\ntoken-file = \"a\"\n", &["line 1", "invalid user name \"a:b\"", "letters"]),
        ("[users.\"\"]\ntoken-file = \"a\"\n", &["line 1", "invalid user name"]),
        ("[users.anyone]\ntoken-file = \"a\"\n", &["line 1", "\"anyone\" is reserved"]),
        ("[users.access-token]\ntoken-file = \"a\"\n", &["line 1", "\"access-token\" is reserved", "--token-file"]),
        ("[users.ann]\nroles = [\"a\"]\n", &["line 1", "[users.ann] has no token-file"]),
        ("[users.ann]\ntoken-fil = \"a\"\n", &["line 2", "[users.ann]: unknown option", "did you mean token-file?"]),
        ("[users.ann]\ntoken = \"0123456789abcdef\"\n", &["line 2", "set token-file"]),
        ("[users.ann]\ntoken-file = \"a\"\nroles = [\"\"]\n", &["line 3", "invalid value \"\" for roles"]),
        ("[users.ann]\ntoken-file = \"a\"\nroles = [1]\n", &["line 3", "roles must be a list of strings"]),
        ("[users.ann]\ntoken-file = \"a\"\n[users.ann]\ntoken-file = \"b\"\n", &["line 3", "duplicate key"]),
        ("topic = \"a\"\n[user.ann]\ntoken-file = \"a\"\n", &["line 2", "unknown table \"user\"; did you mean users?"]),
        ("[[mask]]\ntopics = [\"a\"]\n", &["line 1", "unknown table \"mask\"; did you mean masks?", "sign-in"]),
    ] {
        check_error(text, expected);
        assert!(!read(text).expect_err(text).contains("0123456789abcdef"), "the error must not show the token");
    }
}

#[test]
fn invalid_rule_is_reported_with_line_and_reason() {
    for (rule, expected) in [
        ("", &["line 4", "[[rules]] allows nothing", "metrics = true"][..]),
        ("users = [\"ann\"]\n", &["line 4", "allows nothing"]),
        ("allow = [\"read\"]\n", &["line 5", "neither topics nor groups nor subjects"]),
        ("topics = [\"a\"]\n", &["line 5", "has topics, but no allow"]),
        ("groups = [\"a\"]\nmetrics = true\n", &["line 5", "has groups, but no allow"]),
        (
            "topics = [\"a\"]\nallow = [\"raed\"]\n",
            &["line 6", "\"raed\" for allow", "describe, read", "did you mean read?"],
        ),
        ("topics = [\"a b\"]\nallow = \"all\"\n", &["line 5", "\"a b\" for topics", "no topic has such a name"]),
        ("topics = [\"^orders\"]\nallow = \"all\"\n", &["line 5", "* for any characters"]),
        ("groups = [\"\"]\nallow = \"all\"\n", &["line 5", "no group has such a name"]),
        (
            "topics = [\"a\"]\nallow = \"all\"\nusers = [\"an\"]\n",
            &["line 7", "no user \"an\" in users; did you mean ann?"],
        ),
        (
            "topics = [\"a\"]\nallow = \"all\"\nusers = [\"oidc:\"]\n",
            &["line 7", "no user \"oidc:\"", "ann, access-token, anyone"],
        ),
        ("topics = [\"a\"]\nallow = \"all\"\nusers = [\"oidc:bob\"]\n", &["line 7", "\"oidc:bob\"", "[sign-in]"]),
        ("topics = [\"a\"]\nallow = \"all\"\nusers = []\n", &["line 7", "users is an empty list", "every user"]),
        (
            "topics = [\"a\"]\nallow = \"all\"\nroles = [\"suport\"]\n",
            &["line 7", "\"suport\"", "did you mean support?"],
        ),
        ("topics = [\"a\"]\nallow = \"all\"\nclusters = []\n", &["line 7", "clusters is an empty list"]),
        (
            "topics = [\"a\"]\nallow = \"all\"\nclusters = [\"prod\"]\n",
            &["line 7", "no cluster \"prod\"", "has: default"],
        ),
        (
            "topic = [\"a\"]\nallow = \"all\"\n",
            &["line 5", "unknown option \"topic\"; did you mean topics?", "metrics"],
        ),
        ("metrics = \"yes\"\n", &["line 5", "metrics must be true or false"]),
    ] {
        check_error(&format!("{ANN}[[rules]]\n{rule}"), expected);
    }
    check_error("[rules]\ntopics = [\"a\"]\n", &["line 1", "rules must be a list of tables", "[[rules]]"]);
    check_error("rules = [1]\n", &["line 1", "[[rules]]"]);
    check_error(
        "[clusters.prod]\ndemo = true\n[[rules]]\nclusters = [\"prd\"]\nmetrics = true\n",
        &["line 4", "no cluster \"prd\"; did you mean prod?; the configuration has: prod"],
    );
}

#[test]
fn invalid_mask_is_reported_with_line_and_reason() {
    for (mask, expected) in [
        ("fields = [\"value.email\"]\n", &["line 4", "[[masks]] has no topics"][..]),
        ("topics = [\"a\"]\n", &["line 4", "[[masks]] has no fields", "value.email"]),
        ("topics = []\nfields = [\"value.email\"]\n", &["line 5", "has no topics"]),
        (
            "topics = [\"a\"]\nfields = [\"value.a\"]\nmethod = \"hide\"\n",
            &["line 7", "\"hide\" for method: allowed values: replace, hash, remove"],
        ),
        (
            "topics = [\"a\"]\nfields = [\"value.a\"]\nexcept-users = [\"bob\"]\n",
            &["line 7", "no user \"bob\" in except-users"],
        ),
        (
            "topics = [\"a\"]\nfields = [\"value.a\"]\nexcept-roles = [\"privacy\"]\n",
            &["line 7", "\"privacy\" in except-roles"],
        ),
        ("topics = [\"a\"]\nfields = [\"value.a\"]\nclusters = [\"prod\"]\n", &["line 7", "no cluster \"prod\""]),
    ] {
        check_error(&format!("{ANN}[[masks]]\n{mask}"), expected);
    }
    let mask = "[[masks]]\ntopics = [\"a\"]\nfields = [\"value.a\"]\n";
    read(&mask.repeat(MaskProfile::MAX_MASKS)).expect("as many as possible");
    check_error(&mask.repeat(MaskProfile::MAX_MASKS + 1), &["line 193", "too many masks", "64"]);
}

#[test]
fn invalid_sign_in_is_reported_with_line_and_reason() {
    for (text, expected) in [
        ("sign-in = true\n", &["line 1", "[sign-in]"][..]),
        ("[sign-in]\n", &["line 1", "[sign-in] has no issuer"]),
        ("[sign-in]\nissuer = \"https://a.example\"\n", &["has no client-id"]),
        ("[sign-in]\nissuer = \"https://a.example\"\nclient-id = \"ponte\"\n", &["has no url"]),
        ("[sign-in]\nissuer = \"http://a.example\"\n", &["line 2", "\"http://a.example\" for issuer", "https"]),
        ("[sign-in]\nissuer = \"https://a.example?x=1\"\n", &["line 2", "issuer"]),
        ("[sign-in]\nurl = \"https://a.example/ponte\"\n", &["line 2", "base-path"]),
        ("[sign-in]\nurl = \"https://ann:secret@a.example\"\n", &["line 2", "for url"]),
        ("[sign-in]\nurl = \"a.example\"\n", &["line 2", "for url"]),
        ("[sign-in]\nlifetime-hours = 0\n", &["line 2", "0 is not in 1..=720"]),
        ("[sign-in]\nlifetime-hours = \"long\"\n", &["line 2", "whole number"]),
        ("[sign-in]\nclient-secret = \"a\"\n", &["line 2", "set client-secret-file"]),
    ] {
        check_error(text, expected);
    }
    check_error(&format!("{SIGN_IN}scopes = [\"email\"]\n"), &["line 5", "scopes must contain openid"]);
}

#[test]
fn sign_in_has_defaults_and_reads_its_secret() {
    let folder = folder(&format!("{SIGN_IN}client-secret-file = \"oidc.secret\"\n"), &[]);
    std::fs::write(folder.path().join("oidc.secret"), "canary\n").expect("a file");
    let file = read_in(folder.path()).expect("valid");
    let sign_in = file.load_sign_in().expect("readable").expect("it is configured");
    assert_eq!(sign_in.client_secret.as_ref().map(|secret| secret.0.as_str()), Some("canary"));
    assert!(!format!("{sign_in:?}").contains("canary"));
    assert_eq!(sign_in.scopes, ["openid", "profile", "email"]);
    assert_eq!((sign_in.name_claim.as_str(), sign_in.roles_claim.as_deref()), ("preferred_username", None));
    assert_eq!(sign_in.lifetime.as_secs(), 8 * 3600);
    assert_eq!(sign_in.host().as_deref(), Some("ponte.example"));
    std::fs::remove_file(folder.path().join("oidc.secret")).expect("it exists");
    let error = file.load_sign_in().expect_err("no file").to_string();
    assert!(error.contains("line 5") && error.contains("client-secret-file"), "{error}");
    let local = "[sign-in]\nissuer = \"http://127.0.0.1:8080\"\nclient-id = \"a\"\nurl = \"http://[::1]:3030/\"\n";
    let sign_in = read(local).expect("valid").load_sign_in().expect("no files").expect("it is configured");
    assert_eq!(sign_in.url, "http://[::1]:3030");
}

#[test]
fn roles_of_the_provider_are_known_only_to_the_provider() {
    let rule = "[[rules]]\nroles = [\"any of the provider\"]\nusers = [\"oidc:bob@example.com\"]\nmetrics = true\n";
    read(&format!("{SIGN_IN}roles-claim = \"realm_access.roles\"\n{rule}")).expect("valid");
    check_error(&format!("{SIGN_IN}{rule}"), &["\"any of the provider\"", "roles-claim"]);
}

#[test]
fn unusable_token_is_reported_with_user_and_line() {
    let two = format!("{ANN}[users.bob]\ntoken-file = \"bob.token\"\n");
    let error = loaded(&two, &["ann"]).expect_err("bob has no file");
    assert!(error.contains("line 5") && error.contains("[users.bob]") && error.contains("bob.token"), "{error}");
    let same = format!("{ANN}[users.bob]\ntoken-file = \"ann.token\"\n");
    let error = loaded(&same, &["ann"]).expect_err("the same token");
    assert!(error.contains("line 5") && error.contains("same token as the user ann"), "{error}");
    assert!(!error.contains("0123456789"), "{error}");
    let folder = folder(ANN, &["ann"]);
    let access_token = server::access_token::AccessToken::from("ann-0123456789abcdef");
    let error = read_in(folder.path()).expect("valid").load_access(Some(&access_token)).expect_err("the same token");
    assert!(error.to_string().contains("same token as --token"), "{error}");
    std::fs::write(folder.path().join("ann.token"), "short\n").expect("a file");
    let error = read_in(folder.path()).expect("valid").load_access(None).expect_err("too short").to_string();
    assert!(error.contains("at least 16") && !error.contains("short\n"), "{error}");
}

#[test]
fn changes_name_users_and_say_whether_rules_changed() {
    let rule = "[[rules]]\ntopics = [\"*\"]\nallow = [\"read\"]\n";
    let before = loaded(&format!("{ANN}{rule}"), &["ann"]).expect("valid");
    let changes = |text: &str, users: &[&str]| {
        let after = loaded(text, users).expect("valid");
        before.changes(&after).map(|changes| changes.to_string())
    };
    // The order of tables of different kinds has no meaning.
    assert_eq!(changes(&format!("# comment\n{rule}{ANN}"), &["ann"]), None);
    let bob = "[users.bob]\ntoken-file = \"bob.token\"\n";
    assert_eq!(changes(&format!("{ANN}{bob}{rule}"), &["ann", "bob"]).as_deref(), Some("users added: bob"));
    assert_eq!(
        changes(&format!("{bob}{rule}{rule}"), &["bob"]).as_deref(),
        Some("users added: bob; users removed: ann; rules or masks changed")
    );
    let other_role = ANN.replace("support", "audit");
    assert_eq!(changes(&format!("{other_role}{rule}"), &["ann"]).as_deref(), Some("users changed: ann"));
    let other_rule = rule.replace("read", "write");
    assert_eq!(changes(&format!("{ANN}{other_rule}"), &["ann"]).as_deref(), Some("rules or masks changed"));
}

#[test]
fn changed_sign_in_needs_a_restart() {
    let before = read(SIGN_IN).expect("valid");
    let after = read(&format!("{SIGN_IN}lifetime-hours = 2\n")).expect("valid");
    assert_eq!(before.changes(&after), ["sign-in.lifetime-hours"]);
    assert_eq!(before.changes(&read("").expect("valid")), ["sign-in"]);
    assert!(read(ANN).expect("valid").changes(&read("").expect("valid")).is_empty(), "users are replaced at once");
}

/// The examples are comments, so that the example file works without tokens.
#[test]
fn commented_tables_of_the_example_file_are_valid() {
    const EXAMPLE: &str = include_str!("../../../../docs/ponte.toml");
    let (_, tables) = EXAMPLE.split_once("# Users with tokens").expect("the comment above the tables");
    let uncommented = tables.lines().filter_map(|line| line.strip_prefix("# "));
    let tables: Vec<&str> = uncommented.filter(|line| line.starts_with('[') || line.contains(" = ")).collect();
    let file = read(&format!("[clusters.prod]\ndemo = true\n{}\n", tables.join("\n")));
    let access = file.unwrap_or_else(|error| panic!("{error}")).access;
    assert_eq!((access.users.len(), access.rules.len(), access.masks.len()), (1, 2, 1));
    assert!(access.sign_in.is_some());
}

#[test]
fn documentation_has_a_row_for_each_key() {
    const DOCUMENTATION: &str = include_str!("../../../../docs/configuration.md");
    for (section, command) in [
        ("## Users", table_command::<UserKeys>()),
        ("## Rules", table_command::<RuleKeys>()),
        ("## Masks", table_command::<MaskKeys>()),
        ("## Schemas", table_command::<SchemaKeys>()),
        ("## Sign-in", table_command::<SignInKeys>()),
    ] {
        let (_, text) = DOCUMENTATION.split_once(section).expect(section);
        let text = text.split("\n## ").next().unwrap_or_default();
        for name in command.get_arguments().filter_map(|argument| argument.get_long()) {
            let has_row = text
                .lines()
                .filter_map(|line| line.strip_prefix("| ")?.split(" | ").next())
                .any(|keys| keys.split(", ").any(|key| key == format!("`{name}`")));
            assert!(has_row, "{section} of docs/configuration.md has no row for {name}");
        }
    }
}
