//! Sign-in with OpenID Connect at a certified provider: what a browser does, and what its cookie is worth.

use hyper::StatusCode;
use protocol::CloseCode;
use serde_json::{Value, json};
use tests::configuration::{Configuration, token_of};
use tests::http::Response;
use tests::http_browser::HttpBrowser;
use tests::kafka::unused_address;
use tests::oidc_provider::{OidcProvider, SECRET};
use tests::socket::{Handshake, Heard, Socket};
use tests::{Bridge, eventually};
use url::Url;

/// Where users reach the page, as behind a proxy with TLS.
const PAGE: &str = "https://ponte.test";
const CALLBACK: &str = "https://ponte.test/auth/callback";

/// The cookie of a session under this address.
const SESSION: &str = "__Host-ponte-session";

/// A provider, a bridge that signs users in there, and its configuration.
struct Setup {
    provider: OidcProvider,
    bridge: Bridge,
    _configuration: Configuration,
}

async fn provider() -> Option<OidcProvider> {
    OidcProvider::start_for_sign_in("ponte", CALLBACK).await
}

/// A bridge whose role `support` may read `orders-*`, and whose user `monitoring` has a token.
async fn bridge(issuer: &str) -> (Bridge, Configuration) {
    let text = format!(
        "[users.monitoring]\ntoken-file = \"monitoring.token\"\n\
         [[rules]]\nroles = [\"support\"]\ntopics = [\"orders-*\"]\nallow = [\"read\"]\n\
         [[rules]]\nusers = [\"monitoring\"]\ntopics = [\"*\"]\nallow = \"all\"\nmetrics = true\n\
         [sign-in]\nissuer = \"{issuer}\"\nclient-id = \"ponte\"\nclient-secret-file = \"secret\"\nurl = \"{PAGE}\"\n\
         scopes = [\"openid\", \"email\", \"groups\"]\nname-claim = \"email\"\nroles-claim = \"groups\"\n"
    );
    let token = token_of("monitoring");
    let files = [("ponte.toml", text.as_str()), ("secret", SECRET), ("monitoring.token", &token)];
    let configuration = Configuration::of_files(&files);
    let bridge = configuration.bridge().demo().await;
    (bridge, configuration)
}

/// `None` after a skip.
async fn setup() -> Option<Setup> {
    let provider = provider().await?;
    provider.user(&ann()).await;
    let (bridge, configuration) = bridge(provider.issuer()).await;
    Some(Setup { provider, bridge, _configuration: configuration })
}

fn ann() -> Value {
    json!({"sub": "user-1", "email": "ann@example.com", "email_verified": true, "groups": ["support", "staff"]})
}

impl Setup {
    fn browser(&self) -> HttpBrowser {
        HttpBrowser::new(PAGE, &self.bridge.address)
    }

    fn handshake(&self, cookie: &str) -> Handshake {
        self.bridge.handshake().host("ponte.test").origin(PAGE).header("cookie", cookie)
    }

    /// A socket of the browser after its `hello`.
    async fn hello(&self, browser: &HttpBrowser, token: Option<&str>) -> Socket {
        let mut socket = self.handshake(&browser.cookie("/ws")).open().await;
        let hello = json!({"type": "hello", "protocol": "ponte.v1", "client": "test/1", "token": token});
        socket.text(&hello.to_string()).await;
        socket
    }

    /// The socket of an admitted browser, and its `welcome`.
    async fn welcome(&self, browser: &HttpBrowser, token: Option<&str>) -> (Socket, Value) {
        let mut socket = self.hello(browser, token).await;
        match socket.next().await {
            Heard::Text(text) => (socket, serde_json::from_str(&text).expect("a message")),
            other => panic!("{other:?}"),
        }
    }
}

/// Follows the redirects from `auth/sign-in` to the address of the page, or to an answer that is no redirect.
async fn sign_in(browser: &mut HttpBrowser, next: &str) -> (Url, Option<Response>) {
    let mut start = browser.url("/auth/sign-in");
    start.query_pairs_mut().append_pair("next", next);
    browser.follow(start, |url| url.as_str().starts_with(PAGE) && !url.path().starts_with("/auth/")).await
}

async fn signed_in(browser: &mut HttpBrowser) {
    let (url, refused) = sign_in(browser, "/").await;
    assert!(refused.is_none(), "{url}: {}", refused.expect("an answer").text());
}

/// Follows the redirects up to the bridge's callback, without asking for it.
async fn at_callback(browser: &mut HttpBrowser) -> Url {
    let start = browser.url("/auth/sign-in");
    let (url, answer) = browser.follow(start, |url| url.as_str().starts_with(CALLBACK)).await;
    assert!(answer.is_none(), "{url}: {}", answer.expect("an answer").text());
    url
}

/// The page of a failed sign-in, and no cookie.
fn assert_refused(answer: &Response, status: StatusCode, text: &str) {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert!(answer.text().contains(text), "{text}: {}", answer.text());
    assert!(answer.text().contains("href=\"/auth/sign-in?next="), "{}", answer.text());
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(answer.header("content-security-policy").contains("default-src 'none'"));
    assert!(!answer.header("set-cookie").contains("session"), "{:?}", answer.headers);
}

#[tokio::test]
async fn user_signs_in_and_the_roles_of_the_provider_decide_what_is_allowed() {
    let Some(setup) = setup().await else { return };
    let mut browser = setup.browser();
    let reason = setup.hello(&browser, None).await.expect_close(CloseCode::SignedOut).await;
    assert_eq!(reason, "sign in at auth/sign-in");
    assert_eq!(browser.get(&browser.url("/api/cluster")).await.status, StatusCode::UNAUTHORIZED);

    let (url, _) = sign_in(&mut browser, "/?topic=orders-eu&from=-1h#/topics").await;
    assert_eq!(url.as_str(), "https://ponte.test/?topic=orders-eu&from=-1h#/topics");
    let (mut socket, welcome) = setup.welcome(&browser, None).await;
    assert_eq!(welcome["user"], json!({"name": "oidc:ann@example.com", "signed_in": true}), "{welcome}");
    assert_eq!(welcome["rights"][0]["topics"], json!(["orders-*"]), "{welcome}");
    socket.text(r#"{"type":"create_topic","id":1,"name":"orders-new"}"#).await;
    let refused = socket.hears("error").await;
    assert!(refused.to_string().contains("forbidden"), "{refused}");

    assert_eq!(browser.get(&browser.url("/api/cluster")).await.status, StatusCode::OK);
    assert_eq!(browser.get(&browser.url("/metrics")).await.status, StatusCode::FORBIDDEN);
    assert!(setup.bridge.stderr.text().contains("audit: signed in"), "{}", setup.bridge.stderr.text());
    assert!(!setup.bridge.output().contains(SECRET), "the client's secret is shown");
}

#[tokio::test]
async fn token_is_accepted_beside_sign_in_and_has_precedence() {
    let Some(setup) = setup().await else { return };
    let mut browser = setup.browser();
    let (_, welcome) = setup.welcome(&browser, Some(&token_of("monitoring"))).await;
    assert_eq!(welcome["user"], json!({"name": "monitoring"}), "{welcome}");
    signed_in(&mut browser).await;
    let (mut with_token, welcome) = setup.welcome(&browser, Some(&token_of("monitoring"))).await;
    assert_eq!(welcome["user"], json!({"name": "monitoring"}), "{welcome}");
    setup.hello(&browser, Some("wrong-token-0123456789")).await.expect_close(CloseCode::TokenRefused).await;
    // The socket belongs to the token, not to the sign-in.
    browser.post("/auth/sign-out", PAGE).await;
    with_token.text(r#"{"type":"cluster","id":1}"#).await;
    with_token.hears("cluster_result").await;
}

#[tokio::test]
async fn sign_out_closes_the_users_sockets_and_the_old_cookie_is_worthless() {
    let Some(setup) = setup().await else { return };
    let (mut browser, mut other) = (setup.browser(), setup.browser());
    signed_in(&mut browser).await;
    signed_in(&mut other).await;
    let (mut socket, _) = setup.welcome(&browser, None).await;
    let (mut of_other, _) = setup.welcome(&other, None).await;
    let before = browser.clone();

    let foreign = browser.post("/auth/sign-out", "https://evil.example").await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);
    let by_get = browser.get(&browser.url("/auth/sign-out")).await;
    assert_eq!((by_get.status, by_get.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, "POST"));

    let answer = browser.post("/auth/sign-out", PAGE).await;
    assert_eq!(answer.status, StatusCode::OK);
    let location: Url = answer.json::<Value>()["location"].as_str().expect("an address").parse().expect("absolute");
    assert!(location.as_str().starts_with(&format!("{}/session/end?", setup.provider.issuer())), "{location}");
    let query: Vec<(String, String)> = location.query_pairs().into_owned().collect();
    assert!(query.contains(&("post_logout_redirect_uri".to_owned(), format!("{PAGE}/"))), "{location}");
    assert!(query.iter().any(|(name, _)| name == "id_token_hint"), "{location}");
    // The provider accepts the address: it asks the user whether to sign out there too.
    assert_eq!(browser.get(&location).await.status, StatusCode::OK);

    assert_eq!(socket.expect_close(CloseCode::SignedOut).await, "signed out");
    setup.hello(&before, None).await.expect_close(CloseCode::SignedOut).await;
    let cookies = browser.cookie("/");
    assert!(!cookies.contains("ponte-session"), "the cookie is deleted: {cookies}");
    of_other.text(r#"{"type":"cluster","id":1}"#).await;
    of_other.hears("cluster_result").await;
    let again = browser.post("/auth/sign-out", PAGE).await;
    assert_eq!(again.json::<Value>(), json!({"location": "/"}), "nobody is signed in");
}

#[tokio::test]
async fn callback_of_another_browser_or_used_a_second_time_is_refused() {
    let Some(setup) = setup().await else { return };
    let (mut browser, mut victim) = (setup.browser(), setup.browser());
    let callback = at_callback(&mut browser).await;
    // Cross-site request forgery: a link with the attacker's code.
    let text = "This sign-in is not valid";
    assert_refused(&victim.get(&callback).await, StatusCode::BAD_REQUEST, text);
    at_callback(&mut victim).await;
    assert_refused(&victim.get(&callback).await, StatusCode::BAD_REQUEST, text);
    for query in ["", "code=x", "code=x&state=x", "state=&error=access_denied"] {
        let mut invented = callback.clone();
        invented.set_query(Some(query));
        assert_refused(&browser.get(&invented).await, StatusCode::BAD_REQUEST, text);
    }

    let completed = browser.get(&callback).await;
    assert_eq!((completed.status, completed.header("location")), (StatusCode::SEE_OTHER, "/"));
    let cookie = completed.header("set-cookie");
    assert!(cookie.starts_with(&format!("{SESSION}=")), "{cookie}");
    assert!(cookie.ends_with("; Path=/; Max-Age=28800; HttpOnly; SameSite=Lax; Secure"), "{cookie}");
    assert_refused(&browser.get(&callback).await, StatusCode::BAD_REQUEST, text);
    assert!(setup.bridge.stderr.text().contains("a sign-in failed"), "{}", setup.bridge.stderr.text());
}

#[tokio::test]
async fn callback_with_a_wrong_code_or_of_another_issuer_is_refused() {
    let Some(setup) = setup().await else { return };
    for (name, value, text) in
        [("code", "invented", "did not confirm"), ("iss", "https://evil.example", "of another provider")]
    {
        let mut browser = setup.browser();
        let mut callback = at_callback(&mut browser).await;
        let query: Vec<(String, String)> = callback.query_pairs().into_owned().collect();
        let changed = query.iter().map(|(n, v)| (n.as_str(), if n == name { value } else { v.as_str() }));
        callback.query_pairs_mut().clear().extend_pairs(changed);
        assert_refused(&browser.get(&callback).await, StatusCode::BAD_GATEWAY, text);
    }
}

#[tokio::test]
async fn second_sign_in_gets_a_new_cookie_and_next_leads_to_no_other_site() {
    let Some(setup) = setup().await else { return };
    let mut browser = setup.browser();
    signed_in(&mut browser).await;
    let (first, before) = (browser.cookie("/"), browser.clone());
    let (mut socket, _) = setup.welcome(&browser, None).await;
    for foreign in ["https://evil.example/", "//evil.example/", "/\\evil.example", "/auth/sign-in"] {
        let (url, _) = sign_in(&mut browser, foreign).await;
        assert_eq!(url.as_str(), "https://ponte.test/", "{foreign}");
    }
    assert_ne!(first, browser.cookie("/"));
    setup.hello(&before, None).await.expect_close(CloseCode::SignedOut).await;
    // The same user goes on with the socket that is open.
    socket.text(r#"{"type":"cluster","id":1}"#).await;
    socket.hears("cluster_result").await;
    browser.post("/auth/sign-out", PAGE).await;
    socket.expect_close(CloseCode::SignedOut).await;
}

#[tokio::test]
async fn user_who_declines_or_has_no_usable_name_gets_the_reason() {
    let Some(setup) = setup().await else { return };
    for (claims, text) in [
        (json!({"sub": "user-2", "groups": []}), "there is no claim “email”"),
        (
            json!({"sub": "user-3", "email": "eve@example.com", "email_verified": false}),
            "not verified your e-mail address",
        ),
        (json!({"sub": "user-4", "email": "eve@example.com"}), "email_verified"),
        (
            json!({"sub": "user-5", "email": "eve@example.com", "email_verified": true, "groups": {"support": true}}),
            "the claim “groups”",
        ),
    ] {
        setup.provider.user(&claims).await;
        let (_, answer) = sign_in(&mut setup.browser(), "/?a=b").await;
        let answer = answer.expect("an error page");
        assert_refused(&answer, StatusCode::FORBIDDEN, text);
        assert!(answer.text().contains("next=%2F%3Fa%3Db"), "{}", answer.text());
    }
    setup.provider.decline().await;
    let (_, answer) = sign_in(&mut setup.browser(), "/").await;
    let text = "access_denied (the user &lt;b&gt;declined&lt;/b&gt;)";
    assert_refused(&answer.expect("an error page"), StatusCode::FORBIDDEN, text);
    let metrics = setup.bridge.get("/metrics").await;
    assert_eq!(metrics.status, StatusCode::UNAUTHORIZED);
    let metrics =
        tests::http::Request::get("/metrics").header("authorization", &format!("Bearer {}", token_of("monitoring")));
    let metrics = metrics.send(&setup.bridge.address).await;
    for line in ["ponte_sign_ins_total{outcome=\"claims\"} 4", "ponte_sign_ins_total{outcome=\"refused\"} 1"] {
        assert!(metrics.text().contains(line), "{line}:\n{}", metrics.text());
    }
}

#[tokio::test]
async fn replaced_key_of_the_provider_is_fetched() {
    let Some(setup) = setup().await else { return };
    signed_in(&mut setup.browser()).await;
    setup.provider.replace_key().await;
    let mut browser = setup.browser();
    signed_in(&mut browser).await;
    setup.welcome(&browser, None).await;
}

#[tokio::test]
async fn bridge_serves_while_the_provider_is_down() {
    let issuer = format!("http://{}", unused_address());
    let (bridge, _configuration) = bridge(&issuer).await;
    let mut browser = HttpBrowser::new(PAGE, &bridge.address);
    let (_, answer) = sign_in(&mut browser, "/").await;
    let answer = answer.expect("an error page");
    assert_refused(&answer, StatusCode::BAD_GATEWAY, "cannot reach the OpenID Connect provider");
    assert!(!answer.text().contains(&issuer), "the address is only in the log: {}", answer.text());
    eventually("the reason in the log", || async { bridge.stderr.text().contains(&issuer).then_some(()) }).await;
    assert_eq!(bridge.get("/healthz").await.status, StatusCode::OK);
    let cluster = tests::http::Request::get("/api/cluster")
        .header("authorization", &format!("Bearer {}", token_of("monitoring")));
    assert_eq!(cluster.send(&bridge.address).await.status, StatusCode::OK);
}
