//! The page as a user operates it: elements are found by their test ids, clicked with a mouse and typed into. Errors on the
//! console fail the test.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chromium::chromiumoxide;
use chromium::chromiumoxide::cdp::browser_protocol::browser::{
    Bounds, GetWindowForTargetParams, SetWindowBoundsParams, WindowState,
};
use chromium::chromiumoxide::cdp::browser_protocol::emulation::{
    MediaFeature, SetDeviceMetricsOverrideParams, SetEmulatedMediaParams, SetUserAgentOverrideParams,
};
use chromium::chromiumoxide::cdp::browser_protocol::input::{
    DispatchKeyEventParams, DispatchKeyEventType, DispatchMouseEventParams, DispatchMouseEventType, InsertTextParams,
    MouseButton,
};
use chromium::chromiumoxide::cdp::browser_protocol::log;
use chromium::chromiumoxide::cdp::browser_protocol::page::CaptureScreenshotFormat;
use chromium::chromiumoxide::cdp::browser_protocol::security::SetIgnoreCertificateErrorsParams;
use chromium::chromiumoxide::cdp::js_protocol::runtime::{
    ConsoleApiCalledType, EventConsoleApiCalled, EventExceptionThrown,
};
use chromium::chromiumoxide::layout::Point;
use chromium::chromiumoxide::page::ScreenshotParams;
use futures_util::StreamExt;
use futures_util::future::join;
use serde::de::DeserializeOwned;

use crate::wait::{PATIENCE, POLL_INTERVAL};

/// Runs before the page's own code in every document, and reports violations of the content security policy and dialogs. The page
/// opens no browser dialogs, so a dialog comes from a script in the data.
const REPORT_INTRUDERS: &str = "window.__csp = []; document.addEventListener('securitypolicyviolation', \
    event => window.__csp.push(`${event.effectiveDirective} ${event.blockedURI} ${event.sample}`)); \
    for (const name of ['alert', 'confirm', 'prompt', 'print', 'open']) \
    window[name] = (...said) => window.__csp.push(`${name}(${said})`);";

/// Runs before the page's own code, so that `__aim`, the target of a click, sees mouse events first.
const ASK_THE_AIM: &str = "for (const kind of ['pointerdown', 'mousedown', 'pointerup', 'mouseup', 'click']) \
    addEventListener(kind, event => window.__aim?.hear(event), {capture: true});";

/// Finds where to click: `Ok` with the centre of the first element of a selector, if the element has not moved for two frames and
/// is not covered; otherwise `Err` with the reason. Since the page may still move before the mouse arrives, mouse events that
/// begin on another element are then kept from the page.
const AIM: &str = "(async selector => {
    const frame = () => new Promise(requestAnimationFrame);
    const find = () => document.querySelector(selector);
    const look = () => {
        const element = find();
        if (!element || element.disabled) return {};
        const box = [...element.getClientRects()].find(box => box.width * box.height > 1);
        return {element, box, place: box && [box.x, box.y, box.width, box.height].join()};
    };
    const name = element => element ? element.cloneNode(false).outerHTML : 'nothing';
    await frame();
    const before = look();
    await frame();
    const {element, box, place} = look();
    if (!box) return {Err: 'it is not there, or disabled'};
    if (element !== before.element || place !== before.place) return {Err: `it moves: ${before.place}, then ${place}`};
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    const hit = document.elementFromPoint(x, y);
    if (!element.contains(hit)) {
        element.scrollIntoView({block: 'center', inline: 'center', behavior: 'instant'});
        return {Err: `${name(hit)} lies over it at ${x}, ${y}`};
    }
    window.__aim = {
        verdict: null,
        hear(event) {
            if (!event.isTrusted) return;
            this.verdict ??= find()?.contains(event.target) ? {Ok: null} : {Err: `${name(event.target)} moved there`};
            if ('Ok' in this.verdict) return;
            event.preventDefault();
            event.stopImmediatePropagation();
        },
    };
    return {Ok: [x, y]};
})";

/// Whether the click reached its target. A document without `__aim` is a new one, which the click has opened.
const VERDICT: &str = "(aim => {
    delete window.__aim;
    return aim ? aim.verdict ?? {Err: 'the mouse found nothing'} : {Ok: null};
})(window.__aim)";

/// The screen and the user preferences of a page.
#[derive(Clone, Debug)]
pub struct View {
    pub width: i64,
    pub height: i64,
    pub dark: bool,
    /// Device pixels for one CSS pixel.
    pub scale: f64,
    /// The preferred language of the user.
    pub language: &'static str,
}

impl Default for View {
    fn default() -> Self {
        Self { width: 1280, height: 800, dark: false, scale: 1.0, language: "en" }
    }
}

impl View {
    /// A telephone.
    pub fn narrow() -> Self {
        Self { width: 390, height: 844, ..Self::default() }
    }

    pub fn dark(self) -> Self {
        Self { dark: true, ..self }
    }

    pub fn scaled(self, scale: f64) -> Self {
        Self { scale, ..self }
    }

    pub fn italian(self) -> Self {
        Self { language: "it", ..self }
    }
}

/// Lists elements that are wider than their container. Absolutely positioned elements and inline boxes are left out. Only `pre`,
/// `textarea` and the row of a record's actions may scroll sideways.
const STICKING_OUT: &str = "[...document.body.querySelectorAll('*')].flatMap(element => { \
     const box = element.parentElement, [own, outer] = [element, box].map(one => getComputedStyle(one)); \
     if (!element.checkVisibility() || element.closest('svg svg, svg *')) return []; \
     const moves = ['auto', 'scroll'].includes(own.overflowX) && !element.matches('textarea, pre, .detail-actions'); \
     const wider = moves ? element.scrollWidth - element.clientWidth : 0; \
     const is_loose = outer.display.startsWith('inline') && outer.display !== 'inline-flex' || \
       [outer.display, own.display].includes('contents') || ['absolute', 'fixed'].includes(own.position) || \
       outer.overflowX !== 'visible'; \
     const [it, around] = [element, box].map(one => one.getBoundingClientRect()); \
     const [left, right] = [own.marginLeft, own.marginRight].map(margin => Math.min(0, parseFloat(margin) || 0)); \
     const beside = Math.max(it.right + right - around.right, around.left - it.left + left); \
     const out = Math.max(wider, is_loose ? 0 : beside); \
     return it.width && out > 1 ? [`${out} px: ${element.outerHTML.slice(0, 160)}`] : [] })";

pub struct Page {
    tab: chromiumoxide::Page,
    complaints: Arc<Mutex<Vec<String>>>,
    /// Errors that contain one of these texts are expected by the test.
    forgiven: Vec<&'static str>,
}

impl Page {
    pub(crate) async fn load(tab: chromiumoxide::Page, url: &str, view: View) -> Self {
        let complaints = Arc::default();
        listen(&tab, &complaints).await;
        let page = Self { tab, complaints, forgiven: Vec::new() };
        // The certificates of servers in the tests are their own.
        page.tab.execute(SetIgnoreCertificateErrorsParams::new(true)).await.expect("certificates are not checked");
        for script in [REPORT_INTRUDERS, ASK_THE_AIM] {
            page.prepare(script).await;
        }
        page.show_on(&view).await;
        page.go(url).await;
        page
    }

    /// Another address in the same tab.
    pub async fn go(&self, url: &str) {
        if let Err(error) = self.tab.goto(url).await {
            // Right after the browser's start the driver sometimes misses the end of a load. The document itself knows whether it
            // is complete.
            let there: String = self.eval("`${document.readyState} ${location.href}`").await;
            assert_eq!(there, format!("complete {url}"), "{url}: {error}");
        }
    }

    /// Another screen for the same page.
    pub async fn show_on(&self, view: &View) {
        let View { width, height, dark, scale, language } = *view;
        let metrics = SetDeviceMetricsOverrideParams::new(width, height, scale, width < 600);
        self.tab.execute(metrics).await.expect("a screen");
        let scheme = MediaFeature::new("prefers-color-scheme", if dark { "dark" } else { "light" });
        // Screenshots must not depend on when they are taken.
        let motion = MediaFeature::new("prefers-reduced-motion", "reduce");
        let media = SetEmulatedMediaParams::builder().features([scheme, motion]).build();
        self.tab.execute(media).await.expect("a colour scheme");
        let agent = self.tab.user_agent().await.expect("the browser's name");
        let locale = SetUserAgentOverrideParams::builder().user_agent(agent).accept_language(language).build();
        self.tab.execute(locale.expect("a complete command")).await.expect("a language");
    }

    /// Runs before the page's own scripts from the next load on.
    pub async fn prepare(&self, script: &str) {
        self.tab.evaluate_on_new_document(script).await.expect("an init script");
    }

    pub async fn reload(&self) {
        self.tab.reload().await.expect("the page loads again");
    }

    // Looking

    pub async fn eval<T: DeserializeOwned>(&self, expression: &str) -> T {
        let value = chromium::evaluate(&self.tab, expression).await;
        let value = value.unwrap_or_else(|error| panic!("{expression}: {error}"));
        serde_json::from_value(value).unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    /// Runs a script of a third party, without using its result.
    pub(crate) async fn run_script(&self, script: &str) {
        let run = chromium::evaluate(&self.tab, format!("{script};\ntrue")).await;
        run.unwrap_or_else(|error| panic!("the script beginning with {script:.60}: {error}"));
    }

    pub async fn attribute(&self, testid: &str, name: &str) -> Option<String> {
        self.eval(&format!("{}?.getAttribute('{name}') ?? null", element(testid))).await
    }

    /// An attribute that counts something; 0 where there is none.
    pub async fn count(&self, testid: &str, name: &str) -> u64 {
        self.attribute(testid, name).await.and_then(|value| value.parse().ok()).unwrap_or(0)
    }

    pub async fn text(&self, testid: &str) -> String {
        self.eval(&format!("{}?.innerText ?? ''", element(testid))).await
    }

    pub async fn whole_text(&self) -> String {
        self.eval("document.body.innerText").await
    }

    /// Elements that are wider than their container although nothing clips them and no margin moves them.
    pub async fn sticking_out(&self) -> Vec<String> {
        self.eval(STICKING_OUT).await
    }

    /// How many elements match the selector, visible or not.
    pub async fn number_of(&self, selector: &str) -> u64 {
        self.eval(&format!("document.querySelectorAll({selector:?}).length")).await
    }

    /// Waits until the attribute has this value.
    pub async fn wait(&self, testid: &str, name: &str, value: &str) {
        let what = format!("{testid} with {name}={value:?}");
        let condition = format!("{}?.getAttribute('{name}') === {value:?}", element(testid));
        self.until(&what, &condition).await;
    }

    pub async fn wait_for(&self, testid: &str) {
        self.until(testid, &visible(testid)).await;
    }

    /// Waits until the JavaScript expression is true.
    pub async fn until(&self, what: &str, condition: &str) {
        self.until_within(PATIENCE, what, condition).await;
    }

    pub async fn until_within(&self, limit: Duration, what: &str, condition: &str) {
        let deadline = Instant::now() + limit;
        while !self.eval::<bool>(&format!("Boolean({condition})")).await {
            if Instant::now() > deadline {
                let picture = self.screenshot("FAILED").await;
                let text = self.whole_text().await;
                panic!("waited {limit:?} for {what}; the page, {}, says:\n{text}", picture.display());
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    // Doing

    /// Clicks the centre of the element with the mouse, once it has not moved and is not covered.
    pub async fn click(&self, testid: &str) {
        self.click_at(&format!("[data-testid={testid:?}]")).await;
    }

    pub async fn click_at(&self, selector: &str) {
        let ready =
            format!("(e => e && !e.disabled && e.getClientRects().length)(document.querySelector({selector:?}))");
        self.until(&format!("{selector}, ready for a click"), &ready).await;
        // A background tab does not process mouse events.
        self.tab.bring_to_front().await.expect("the tab is open");
        let deadline = Instant::now() + PATIENCE;
        // A click is repeated only if the page has not received it.
        while let Err(hindrance) = self.try_click(selector).await {
            assert!(Instant::now() < deadline, "{selector} cannot be clicked: {hindrance}");
        }
    }

    /// Clicks the centre of the element, or returns why that was not possible.
    async fn try_click(&self, selector: &str) -> Result<(), String> {
        let (x, y): (f64, f64) = self.eval::<Result<_, String>>(&format!("{AIM}({selector:?})")).await?;
        let mouse = |kind: DispatchMouseEventType| {
            let event = DispatchMouseEventParams::builder().r#type(kind).x(x).y(y).button(MouseButton::Left);
            self.tab.execute(event.click_count(1).build().expect("a complete command"))
        };
        self.tab.move_mouse(Point { x, y }).await.expect("a mouse");
        // Both events are sent together, so that no frame is drawn between them.
        let (pressed, released) =
            join(mouse(DispatchMouseEventType::MousePressed), mouse(DispatchMouseEventType::MouseReleased)).await;
        pressed.and(released).expect("a mouse");
        self.eval(VERDICT).await
    }

    /// Replaces what the field holds, as if it were pasted.
    pub async fn fill(&self, testid: &str, text: &str) {
        self.until(&format!("{testid}, ready for typing"), &format!("(e => e && !e.disabled)({})", element(testid)))
            .await;
        self.eval::<bool>(&format!("(e => {{ e.focus(); e.select(); return true }})({})", element(testid))).await;
        if text.is_empty() {
            self.press("Delete", &[]).await;
        } else {
            self.tab.execute(InsertTextParams::new(text)).await.expect("typing");
        }
    }

    /// Chooses in a list, or fills a field, whichever it is.
    pub async fn choose(&self, testid: &str, value: &str) {
        self.wait_for(testid).await;
        let is_list: bool = self.eval(&format!("{}.tagName === 'SELECT'", element(testid))).await;
        if is_list {
            let choose = format!(
                "(e => {{ e.value = {value:?}; e.dispatchEvent(new Event('input', {{bubbles: true}})); \
                 e.dispatchEvent(new Event('change', {{bubbles: true}})); return e.value === {value:?} }})({})",
                element(testid)
            );
            assert!(self.eval::<bool>(&choose).await, "{testid} offers no {value:?}");
        } else {
            self.fill(testid, value).await;
        }
    }

    /// Presses a key with `Control`, `Shift` … held, in the focused element.
    pub async fn press(&self, key: &str, held: &[&str]) {
        // Bits of the DevTools protocol's `modifiers`.
        let modifiers = held.iter().fold(0, |bits, &held| {
            bits | match held {
                "Alt" => 1,
                "Control" => 2,
                "Meta" => 4,
                "Shift" => 8,
                other => panic!("no modifier: {other}"),
            }
        });
        let definition = chromiumoxide::keys::get_key_definition(key).unwrap_or_else(|| panic!("no key: {key}"));
        let mut event = DispatchKeyEventParams::builder()
            .key(definition.key)
            .code(definition.code)
            .windows_virtual_key_code(definition.key_code)
            .modifiers(modifiers);
        let printed = definition.text.or((definition.key.len() == 1).then_some(definition.key));
        if let Some(text) = printed.filter(|_| modifiers & !8 == 0) {
            event = event.text(text);
        }
        for kind in [DispatchKeyEventType::KeyDown, DispatchKeyEventType::KeyUp] {
            let event = event.clone().r#type(kind).build().expect("a complete command");
            self.tab.execute(event).await.expect("a key press");
        }
    }

    /// Pastes the clipboard's text into a field, which stays as it is. Returns the text.
    pub async fn pasted_into(&self, testid: &str) -> String {
        let note = "addEventListener('paste', event => { event.preventDefault(); \
             window.__pasted = event.clipboardData.getData('text/plain'); }, {once: true, capture: true})";
        self.eval::<bool>(&format!("(delete window.__pasted, {note}, {}.focus(), true)", element(testid))).await;
        let paste =
            DispatchKeyEventParams::builder().r#type(DispatchKeyEventType::RawKeyDown).key("v").command("paste");
        self.tab.execute(paste.build().expect("a complete command")).await.expect("a key press");
        self.until("the pasted text", "window.__pasted !== undefined").await;
        self.eval("window.__pasted").await
    }

    /// Minimizes the window: the browser stops drawing the page, and `visibilitychange` is fired.
    pub async fn hide(&self) {
        self.set_window(WindowState::Minimized).await;
    }

    pub async fn show(&self) {
        self.set_window(WindowState::Normal).await;
        self.tab.bring_to_front().await.expect("the tab is open");
    }

    async fn set_window(&self, state: WindowState) {
        let window = self.tab.execute(GetWindowForTargetParams::default()).await.expect("the tab's window");
        let bounds = Bounds::builder().window_state(state).build();
        let set = SetWindowBoundsParams::new(window.result.window_id, bounds);
        self.tab.execute(set).await.expect("a window that is put away or brought back");
    }

    // Keeping

    /// Saves a screenshot in `target/screenshots/`.
    pub async fn screenshot(&self, name: &str) -> PathBuf {
        let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/screenshots"));
        std::fs::create_dir_all(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let file = match name {
            "FAILED" => {
                let test = std::thread::current().name().unwrap_or("a test").replace("::", "-");
                folder.join(format!("FAILED-{test}.png"))
            }
            name => folder.join(format!("{name}.png")),
        };
        let params = ScreenshotParams::builder().format(CaptureScreenshotFormat::Png).build();
        self.tab.save_screenshot(params, &file).await.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        file
    }

    /// Runs a garbage collection, so that garbage does not count as growth.
    pub async fn collect_garbage(&self) {
        let collect = chromiumoxide::cdp::js_protocol::heap_profiler::CollectGarbageParams::default();
        self.tab.execute(collect).await.expect("a garbage collection");
    }

    /// Call before the bridge ends: waits until the page has loaded all of its code, and expects errors about its socket.
    pub async fn expect_lost_bridge(&mut self) {
        self.until("all parts of the code", "document.documentElement.dataset.parts === 'loaded'").await;
        self.expect_refused_socket();
    }

    /// Expects Chromium's errors about a socket that cannot be opened, and about the request by which the page finds out why. The page
    /// can prevent neither.
    pub fn expect_refused_socket(&mut self) {
        self.forgive("/ws");
    }

    /// Expects errors with this text.
    pub fn forgive(&mut self, text: &'static str) {
        self.forgiven.push(text);
    }

    /// Fails if there was an unexpected error on the console, an exception, or a violation of the content security policy. Every
    /// test with a page ends with it.
    pub async fn is_clean(&self) {
        let blocked: Vec<String> = self.eval("window.__csp ?? []").await;
        assert!(blocked.is_empty(), "blocked by the Content-Security-Policy, or a dialog: {blocked:#?}");
        let complaints = self.complaints.lock().expect("no holder panics").clone();
        let unexpected: Vec<_> =
            complaints.iter().filter(|text| !self.forgiven.iter().any(|forgiven| text.contains(forgiven))).collect();
        assert!(unexpected.is_empty(), "the console says: {unexpected:#?}");
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let complaints = self.complaints.lock().map(|complaints| complaints.join("\n")).unwrap_or_default();
            eprintln!("--- the page's console\n{complaints}\n---");
        }
    }
}

fn element(testid: &str) -> String {
    format!("document.querySelector('[data-testid={testid:?}]')")
}

fn visible(testid: &str) -> String {
    format!("{}?.getClientRects().length", element(testid))
}

/// Collects what the console, the browser's own log and uncaught exceptions say.
async fn listen(tab: &chromiumoxide::Page, complaints: &Arc<Mutex<Vec<String>>>) {
    tab.enable_runtime().await.expect("runtime events");
    tab.enable_log().await.expect("log events");
    let keep = |complaints: &Arc<Mutex<Vec<String>>>, text: String| {
        complaints.lock().expect("no holder panics").push(text);
    };

    let mut exceptions = tab.event_listener::<EventExceptionThrown>().await.expect("exception events");
    let kept = complaints.clone();
    tokio::spawn(async move {
        while let Some(event) = exceptions.next().await {
            let details = &event.exception_details;
            let said = details.exception.as_ref().and_then(|thrown| thrown.description.clone());
            keep(&kept, format!("exception: {} {}", details.text, said.unwrap_or_default()));
        }
    });

    let mut console = tab.event_listener::<EventConsoleApiCalled>().await.expect("console events");
    let kept = complaints.clone();
    tokio::spawn(async move {
        while let Some(event) = console.next().await {
            if matches!(event.r#type, ConsoleApiCalledType::Error | ConsoleApiCalledType::Assert) {
                let said = event.args.iter().map(|arg| match (&arg.value, &arg.description) {
                    (Some(value), _) => value.to_string(),
                    (None, description) => description.clone().unwrap_or_default(),
                });
                keep(&kept, format!("console: {}", said.collect::<Vec<_>>().join(" ")));
            }
        }
    });

    let mut entries = tab.event_listener::<log::EventEntryAdded>().await.expect("log events");
    let kept = complaints.clone();
    tokio::spawn(async move {
        while let Some(event) = entries.next().await {
            let entry = &event.entry;
            if entry.level == log::LogEntryLevel::Error || entry.source == log::LogEntrySource::Security {
                keep(&kept, format!("{:?}: {} {}", entry.source, entry.text, entry.url.clone().unwrap_or_default()));
            }
        }
    });
}
