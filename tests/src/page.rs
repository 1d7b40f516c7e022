//! The page as a user has it: found by its test ids, clicked with a mouse, typed into, watched for errors.

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
use chromium::chromiumoxide::cdp::js_protocol::runtime::{
    ConsoleApiCalledType, EventConsoleApiCalled, EventExceptionThrown,
};
use chromium::chromiumoxide::layout::Point;
use chromium::chromiumoxide::page::ScreenshotParams;
use futures_util::StreamExt;
use futures_util::future::join;
use serde::de::DeserializeOwned;

use crate::wait::{PATIENCE, POLL_INTERVAL};

/// Runs before the page's own code, in every document. The page opens no dialog of the browser's: whoever does is a script
/// that came with data.
const REPORT_INTRUDERS: &str = "window.__csp = []; document.addEventListener('securitypolicyviolation', \
    event => window.__csp.push(`${event.effectiveDirective} ${event.blockedURI} ${event.sample}`)); \
    for (const name of ['alert', 'confirm', 'prompt', 'print', 'open']) \
    window[name] = (...said) => window.__csp.push(`${name}(${said})`);";

/// Runs before the page's own code as well, so that it hears of the mouse first: `__aim` is what a click is meant for.
const ASK_THE_AIM: &str = "for (const kind of ['pointerdown', 'mousedown', 'pointerup', 'mouseup', 'click']) \
    addEventListener(kind, event => window.__aim?.hear(event), {capture: true});";

/// Where to click: `Ok` with the middle of the first element of a selector, once it rests there in two frames and nothing
/// lies over it; `Err` with what stands against it. Then whatever the mouse does is let through to the page only if it
/// begins on that element, since the page may move once more before the mouse arrives.
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

/// Whether the mouse found it. A document without an aim is a new one: then the click has opened it.
const VERDICT: &str = "(aim => {
    delete window.__aim;
    return aim ? aim.verdict ?? {Err: 'the mouse found nothing'} : {Ok: null};
})(window.__aim)";

/// The screen that a page is looked at on.
#[derive(Clone, Debug)]
pub struct View {
    pub width: i64,
    pub height: i64,
    pub dark: bool,
    /// Pixels of the screen for one of the page's.
    pub scale: f64,
    /// What the browser says that its user reads.
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

/// Absolute elements lie where they are put, and boxes of texts are as wide as their lines: neither is looked at. Nothing
/// but text as it is, and the row of what can be done with a record, is to be pushed sideways either.
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
    /// Complaints with this text are what the test provokes.
    forgiven: Vec<&'static str>,
}

impl Page {
    pub(crate) async fn load(tab: chromiumoxide::Page, url: &str, view: View) -> Self {
        let complaints = Arc::default();
        listen(&tab, &complaints).await;
        let page = Self { tab, complaints, forgiven: Vec::new() };
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
            // Seldom, right after the browser's start, the driver misses the end of a load. The page knows better.
            let there = self.tab.evaluate_expression("`${document.readyState} ${location.href}`").await;
            let there = there.ok().and_then(|there| there.value().cloned()).unwrap_or_default();
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
        let result = self.tab.evaluate_expression(expression).await;
        let result = result.unwrap_or_else(|error| panic!("{expression}: {error}"));
        // JavaScript's null is no value here, and JSON's null everywhere else.
        let value = result.value().cloned().unwrap_or_default();
        serde_json::from_value(value).unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    /// Runs a script that somebody else wrote, for what it leaves behind.
    pub(crate) async fn run_script(&self, script: &str) {
        let run = self.tab.evaluate_expression(format!("{script};\ntrue")).await;
        run.unwrap_or_else(|error| panic!("the script beginning with {:.60}: {error}", script));
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

    /// What stands out of the box that it is in, where that was not meant: nothing clips it, and no margin pulls it out.
    pub async fn sticking_out(&self) -> Vec<String> {
        self.eval(STICKING_OUT).await
    }

    /// How many elements there are, seen or not.
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

    /// A real mouse on the middle of the element, once it rests and nothing lies over it.
    pub async fn click(&self, testid: &str) {
        self.click_at(&format!("[data-testid={testid:?}]")).await;
    }

    pub async fn click_at(&self, selector: &str) {
        let ready =
            format!("(e => e && !e.disabled && e.getClientRects().length)(document.querySelector({selector:?}))");
        self.until(&format!("{selector}, ready for a click"), &ready).await;
        // A tab in the background answers no mouse.
        self.tab.bring_to_front().await.expect("the tab is open");
        let deadline = Instant::now() + PATIENCE;
        // Again only while the page has heard nothing of it.
        while let Err(hindrance) = self.try_click(selector).await {
            assert!(Instant::now() < deadline, "{selector} cannot be clicked: {hindrance}");
        }
    }

    /// A mouse on the middle of the element, or what kept it from there.
    async fn try_click(&self, selector: &str) -> Result<(), String> {
        let (x, y): (f64, f64) = self.eval::<Result<_, String>>(&format!("{AIM}({selector:?})")).await?;
        let mouse = |kind: DispatchMouseEventType| {
            let event = DispatchMouseEventParams::builder().r#type(kind).x(x).y(y).button(MouseButton::Left);
            self.tab.execute(event.click_count(1).build().expect("a complete command"))
        };
        self.tab.move_mouse(Point { x, y }).await.expect("a mouse");
        // Both at once: nothing is drawn between them.
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

    /// A key with `Control`, `Shift` … held, to whatever has the focus.
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

    /// The window is put away: the browser stops drawing the page and tells it so.
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

    /// A picture for people to look at, in `target/screenshots/`.
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

    /// Collects what JavaScript no longer needs, so that it does not count as growth.
    pub async fn collect_garbage(&self) {
        let collect = chromiumoxide::cdp::js_protocol::heap_profiler::CollectGarbageParams::default();
        self.tab.execute(collect).await.expect("a garbage collection");
    }

    /// Expects complaints with this text, of a test that provokes them.
    pub fn forgive(&mut self, text: &'static str) {
        self.forgiven.push(text);
    }

    /// The end of every test with a page: no error on the console, no exception, nothing that the policy blocked.
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
