//! The page of a user with access rights and masks: what is disabled and why, the user's menu, and how a signed-out user signs in.

use nix::sys::signal::Signal;
use tests::client::json_record;
use tests::configuration::{Configuration, OPERATOR, Users, operator, token_of};
use tests::page::View;
use tests::{Bridge, Browser, Page, unique};

use crate::page::listen;
use crate::page_states::photograph;

/// A user without roles, for whom each test has rules.
const ANN: Users<'_> = &[("ann", &[])];

/// The topics and the group of a test.
struct Names {
    /// Ann may read it.
    orders: String,
    /// Ann may only see that it exists.
    seen: String,
    hidden: String,
    group: String,
}

impl Names {
    fn new() -> Self {
        let [orders, seen, hidden, group] = ["orders", "seen", "hidden", "support"].map(unique);
        Self { orders, seen, hidden, group }
    }

    /// A rule for Ann.
    fn rule(&self, allow: &str) -> String {
        let Self { orders, seen, group, .. } = self;
        format!(
            "[[rules]]\nusers = [\"ann\"]\ntopics = [{orders:?}]\ngroups = [{group:?}]\nallow = [{allow}]\n\
             [[rules]]\nusers = [\"ann\"]\ntopics = [{seen:?}]\nallow = [\"describe\"]\n"
        )
    }

    /// The mask of e-mail addresses in the orders.
    fn mask(&self) -> String {
        let fields = "fields = [\"value.email\", \"headers.user\"]\nexcept-users = [\"access-token\"]";
        format!("[[masks]]\ntopics = [{:?}, \"others\"]\n{fields}\n", self.orders)
    }
}

/// A bridge whose page has the topic and the group of these names.
async fn bridge_for(configuration: &Configuration, names: &Names) -> Bridge {
    configuration.bridge_with_operator().demo().topic(&names.orders).option("--group", &names.group).await
}

/// The page after the user has entered the token.
async fn open_with(browser: &Browser, bridge: &Bridge, token: &str) -> Page {
    let page = browser.load(&bridge.url(), View::default()).await;
    enter(&page, token).await;
    page
}

async fn enter(page: &Page, token: &str) {
    page.wait_for("token").await;
    page.fill("token", token).await;
    page.click("token-give").await;
    page.wait("connection", "data-state", "open").await;
}

/// Waits until the control is disabled, with a reason that has this word.
async fn is_disabled(page: &Page, testid: &str, word: &str) {
    let control = format!("document.querySelector('[data-testid={testid:?}]')");
    let condition = format!("{control}?.matches(':disabled, a:not([href])') && {control}.title.includes({word:?})");
    page.until(&format!("{testid} is disabled because of {word:?}"), &condition).await;
}

async fn is_enabled(page: &Page, testid: &str) {
    page.until(&format!("{testid} is enabled"), &format!("document.querySelector('[data-testid={testid:?}]:enabled')"))
        .await;
}

#[tokio::test]
async fn what_the_user_may_not_do_is_disabled_with_the_reason() {
    let Some(browser) = Browser::start().await else { return };
    let names = Names::new();
    let configuration = Configuration::new(ANN, &names.rule("\"read\""));
    let bridge = bridge_for(&configuration, &names).await;
    let mut writer = operator(&bridge).await;
    for topic in [&names.orders, &names.seen, &names.hidden] {
        writer.write(vec![json_record(topic, r#"{"n": 1}"#)]).await;
    }

    let page = open_with(&browser, &bridge, &token_of("ann")).await;
    page.wait("user", "data-name", "ann").await;
    for control in ["send", "send-ten"] {
        is_disabled(&page, control, "(write)").await;
    }
    listen(&page).await;
    page.wait("feed", "data-received", "1").await;
    page.click("listen").await;
    page.wait("listen", "data-state", "idle").await;
    page.click("clear").await;
    page.fill("topic", &names.seen).await;
    is_disabled(&page, "listen", "(read)").await;
    page.wait("empty", "data-reason", "forbidden").await;
    assert!(page.text("empty").await.contains(&names.seen));
    photograph(&page, "rights-of-the-live-view").await;

    page.click("nav-topics").await;
    is_disabled(&page, "create-topic", "(create)").await;
    page.until("two topics", "document.querySelectorAll('[data-testid=topic-row]').length === 2").await;
    assert!(!page.whole_text().await.contains(&names.hidden));
    page.click_at(&format!("[data-testid=topic-row][data-name={:?}] a", names.orders)).await;
    page.wait_for("delete-topic").await;
    for control in ["delete-topic", "empty-topic"] {
        is_disabled(&page, control, "(delete)").await;
    }
    page.click("tab-partitions").await;
    is_disabled(&page, "add-partitions", "(alter)").await;
    photograph(&page, "rights-of-a-topic").await;
    page.click("nav-topics").await;
    page.click_at(&format!("[data-testid=topic-row][data-name={:?}] a", names.seen)).await;
    page.wait_for("watch-topic").await;
    is_disabled(&page, "watch-topic", "(read)").await;
    page.is_clean().await;
}

#[tokio::test]
async fn user_without_any_topic_sees_why_the_list_is_empty() {
    let Some(browser) = Browser::start().await else { return };
    let names = Names::new();
    let rule = "[[rules]]\nusers = [\"ann\"]\ntopics = [\"none-*\"]\nallow = [\"read\", \"create\"]\n";
    let configuration = Configuration::new(ANN, rule);
    let bridge = bridge_for(&configuration, &names).await;
    let page = open_with(&browser, &bridge, &token_of("ann")).await;
    page.click("nav-topics").await;
    page.wait("instead", "data-reason", "nothing").await;
    assert!(page.text("instead").await.contains("that you may see"));
    // Topics with some names can be created.
    page.click("create-topic").await;
    page.fill("create-name", &names.hidden).await;
    is_disabled(&page, "create-submit", "(create)").await;
    page.fill("create-name", "none-such").await;
    is_enabled(&page, "create-submit").await;
    page.press("Escape", &[]).await;

    // A link to a topic that may not be read.
    page.go(&format!("{}?topic={}&mode=watch&start=earliest", bridge.url(), names.orders)).await;
    page.wait("empty", "data-reason", "forbidden").await;
    photograph(&page, "listening-is-forbidden").await;
    page.is_clean().await;
}

#[tokio::test]
async fn record_with_masked_fields_is_marked_and_its_masks_are_not_sent_unless_the_user_confirms() {
    let Some(browser) = Browser::start().await else { return };
    let names = Names::new();
    let configuration = Configuration::new(ANN, &(names.rule("\"read\", \"write\"") + &names.mask()));
    let bridge = bridge_for(&configuration, &names).await;
    let mut writer = operator(&bridge).await;
    writer.write(vec![json_record(&names.orders, r#"{"email": "ann@example.com", "total": 12}"#)]).await;

    let page = open_with(&browser, &bridge, &token_of("ann")).await;
    listen(&page).await;
    page.wait("feed", "data-received", "1").await;
    assert!(!page.whole_text().await.contains("ann@example.com"));
    page.wait_for("masked").await;
    let (chip, title) = (page.text("masked").await, page.attribute("masked", "title").await.unwrap_or_default());
    assert!(chip.contains("Masked: headers.user, email"), "{chip}");
    assert!(title.contains("headers.user, value.email"), "{title}");

    page.click("record").await;
    page.wait_for("detail-masked").await;
    is_disabled(&page, "replay", "mask").await;
    photograph(&page, "record-with-masked-fields").await;
    // An edited record is sent only after each mask was changed.
    page.click("replay-edit").await;
    page.wait_for("masked-draft").await;
    assert!(page.text("masked-draft").await.contains("value.email"));
    page.until("the masked field", "document.querySelector('[data-testid=masked-field][data-path=email]')").await;
    is_disabled(&page, "send", "mask").await;
    photograph(&page, "draft-with-masked-fields").await;
    page.fill("compose-value", r#"{"email": "eva@example.com", "total": 12}"#).await;
    page.until("no mask", "!document.querySelector('[data-testid=masked-draft]')").await;
    is_enabled(&page, "send").await;
    page.fill("compose-value", r#"{"email": "***", "total": 12}"#).await;
    page.wait_for("masked-draft").await;
    page.click("masked-confirm").await;
    is_enabled(&page, "send").await;

    page.click("list-settings").await;
    page.wait_for("export-note").await;
    assert!(page.text("export-note").await.contains("value.email"));
    page.press("Escape", &[]).await;

    // Once the mask is removed, new records can be sent again, but the old one still has the mask.
    let mask = names.mask().replace(&format!("{:?}, ", names.orders), "");
    configuration.write(ANN, &(names.rule("\"read\", \"write\"") + &mask));
    bridge.signal(Signal::SIGHUP);
    page.until("no mask", "!document.querySelector('[data-testid=masked]')").await;
    page.wait("listen", "data-state", "listening").await;
    operator(&bridge).await.write(vec![json_record(&names.orders, r#"{"email": "bob@example.com"}"#)]).await;
    page.wait("feed", "data-received", "2").await;
    is_disabled(&page, "replay", "mask").await;
    page.press("ArrowDown", &[]).await;
    is_enabled(&page, "replay").await;
    assert_eq!(page.number_of("[data-testid=detail-masked]").await, 0);
    page.is_clean().await;
}

#[tokio::test]
async fn changed_rules_apply_to_the_open_page_without_a_reload() {
    let Some(browser) = Browser::start().await else { return };
    let names = Names::new();
    let configuration = Configuration::new(ANN, &names.rule("\"read\""));
    let bridge = bridge_for(&configuration, &names).await;
    let page = open_with(&browser, &bridge, &token_of("ann")).await;
    is_disabled(&page, "send", "(write)").await;
    listen(&page).await;
    page.fill("compose-value", "\"kept\"").await;
    // The banner would say that the bridge does not respond.
    page.prepare("").await;
    page.eval::<bool>(
        "(new MutationObserver(() => window.__banner ||= document.querySelector('[data-testid=banner]') !== null) \
         .observe(document, {subtree: true, childList: true}), true)",
    )
    .await;

    configuration.write(ANN, &names.rule("\"read\", \"write\""));
    bridge.signal(Signal::SIGHUP);
    page.wait_for("toast").await;
    assert!(page.text("toast").await.contains("Access rules were changed"));
    page.wait("listen", "data-state", "listening").await;
    is_enabled(&page, "send").await;
    page.click("send").await;
    page.wait("feed", "data-received", "1").await;
    assert!(page.text("feed").await.contains("kept"));
    assert!(!page.eval::<bool>("window.__banner ?? false").await, "there was a banner");

    // What is listened to may not be read any longer.
    configuration.write(ANN, &names.rule("\"write\""));
    bridge.signal(Signal::SIGHUP);
    page.wait("listen", "data-state", "idle").await;
    page.click("clear").await;
    page.wait("empty", "data-reason", "forbidden").await;
    is_enabled(&page, "send").await;
    page.is_clean().await;
}

#[tokio::test]
async fn user_of_a_token_can_use_another_one() {
    let Some(browser) = Browser::start().await else { return };
    let names = Names::new();
    let configuration = Configuration::new(ANN, &names.rule("\"read\""));
    let bridge = bridge_for(&configuration, &names).await;
    let page = open_with(&browser, &bridge, &token_of("ann")).await;
    page.fill("compose-value", "\"a draft\"").await;
    page.click("user-menu").await;
    page.wait_for("other-token").await;
    photograph(&page, "user-menu").await;
    page.click("other-token").await;
    enter(&page, OPERATOR).await;
    page.wait("user", "data-name", "access-token").await;
    assert_eq!(page.text("user-menu").await.trim(), "Access token");
    let value: String = page.eval("document.querySelector('[data-testid=compose-value]').value").await;
    assert_eq!(value, "\"a draft\"");
    is_enabled(&page, "send").await;
    page.is_clean().await;
}

#[tokio::test]
async fn user_without_any_right_is_told_so_and_can_leave() {
    let Some(browser) = Browser::start().await else { return };
    let names = Names::new();
    let configuration = Configuration::new(ANN, "");
    let bridge = bridge_for(&configuration, &names).await;
    let page = browser.load(&bridge.url(), View::default()).await;
    page.wait_for("token").await;
    page.fill("token", &token_of("ann")).await;
    page.click("token-give").await;
    page.wait_for("banner-reload").await;
    assert!(page.text("banner").await.contains("do not allow anything"));
    page.wait_for("other-token").await;
    photograph(&page, "user-without-rights").await;
    page.click("other-token").await;
    enter(&page, OPERATOR).await;
    page.is_clean().await;
}

/// A socket that the bridge closes at `hello`, because the user is signed out.
const SIGNED_OUT: &str = "window.WebSocket = class { \
     static OPEN = 1; readyState = 1; \
     constructor() { setTimeout(() => this.onopen?.()); } \
     send() { setTimeout(() => this.onclose?.(new CloseEvent('close', {code: 4509, reason: 'sign in'}))); } \
     close() {} };";

/// A bridge with sign-in that refuses every token.
const TOKEN_REFUSED: &str = "window.__tokens = []; window.WebSocket = class { \
     static OPEN = 1; readyState = 1; \
     constructor() { setTimeout(() => this.onopen?.()); } \
     send(text) { const {token} = JSON.parse(text); window.__tokens.push(token ?? null); \
       setTimeout(() => this.onclose?.(new CloseEvent('close', {code: token ? 4500 : 4509}))); } \
     close() {} };";

#[tokio::test]
async fn refused_token_does_not_hinder_the_sign_in() {
    let Some(browser) = Browser::start().await else { return };
    let bridge = Bridge::start().demo().topic(&unique("sign-in")).await;
    let page = browser.open(&bridge).await;
    page.eval::<bool>("(sessionStorage.setItem('ponte.token', 'an old token'), true)").await;
    page.prepare(TOKEN_REFUSED).await;
    page.reload().await;
    page.wait_for("sign-in").await;
    page.until("connected without the token", "window.__tokens.join() === 'an old token,'").await;
    page.click("use-token").await;
    page.wait_for("token").await;
    page.fill("token", "a wrong token").await;
    page.click("token-give").await;
    page.until("an error", "document.querySelector('[data-testid=banner]')?.innerText.includes('rejected')").await;
    page.wait_for("sign-in").await;
    let is_forgotten: bool = page.eval("!sessionStorage.getItem('ponte.token')").await;
    assert!(is_forgotten, "the sign-in would be ignored");
    page.is_clean().await;
}

#[tokio::test]
async fn signed_out_user_is_led_to_the_sign_in_and_back_to_the_view() {
    let Some(browser) = Browser::start().await else { return };
    let names = Names::new();
    let bridge = Bridge::start().demo().topic(&names.orders).option("--base-path", "/ponte").await;
    let page = browser.open_as(&bridge, View::default()).await;
    page.prepare(SIGNED_OUT).await;
    let query = format!("?topic={}&mode=watch&filter=a+b%26c", names.orders);
    page.go(&format!("{}{query}", bridge.url())).await;
    page.wait_for("sign-in").await;
    assert!(page.text("banner").await.contains("Sign in to use this bridge"));
    assert_eq!(page.attribute("banner", "data-level").await.as_deref(), Some("warning"));
    assert_eq!(page.number_of("[data-testid=token]").await, 0);
    let next = "new URL(document.querySelector('[data-testid=sign-in]').href)";
    let path: String = page.eval(&format!("{next}.pathname")).await;
    assert_eq!(path, "/ponte/auth/sign-in");
    let led_back: bool =
        page.eval(&format!("{next}.searchParams.get('next') === location.pathname + location.search")).await;
    assert!(led_back, "{}", page.eval::<String>(&format!("{next}.href")).await);
    photograph(&page, "signed-out-banner").await;

    // The link follows the view.
    page.click("nav-groups").await;
    page.until("the groups", &format!("{next}.searchParams.get('next').includes('groups')")).await;
    page.click("use-token").await;
    page.wait_for("token").await;
    page.wait_for("sign-in").await;
    photograph(&page, "signed-out-with-a-token").await;
    page.is_clean().await;
}
