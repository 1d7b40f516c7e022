//! Debian's Chromium without a window, a fresh profile for each test, driven over its DevTools protocol.

use chromiumoxide::browser::BrowserConfig;
use chromiumoxide::cdp::browser_protocol::system_info::GetProcessInfoParams;
use chromiumoxide::cdp::browser_protocol::target::CreateTargetParams;
use futures_util::StreamExt;
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::Bridge;
use crate::page::{Page, View};
use crate::program::resident_bytes;
use crate::skip::{find_program, skip};

pub struct Browser {
    browser: chromiumoxide::Browser,
    /// Moves the DevTools protocol's messages.
    handler: JoinHandle<()>,
    /// Removed with the browser.
    _profile: TempDir,
}

impl Browser {
    /// `None`, and the skip, where Chromium is not installed.
    pub async fn start() -> Option<Self> {
        let Some(chromium) = find_program("chromium").or_else(|| find_program("google-chrome")) else {
            skip("chromium is not installed (apt-get install chromium, or cargo xtask setup)");
            return None;
        };
        let profile = tempfile::Builder::new().prefix("ponte-browser").tempdir().expect("a temporary folder");
        let config = BrowserConfig::builder()
            .chrome_executable(chromium)
            .new_headless_mode()
            .no_sandbox()
            .user_data_dir(profile.path())
            // The view sets its own; this one would be forced upon every page.
            .viewport(None)
            .args(["disable-gpu", "disable-quic", "no-first-run", "disable-component-update", "disable-sync"])
            .build()
            .expect("a complete configuration");
        let launched = chromiumoxide::Browser::launch(config).await;
        let (browser, mut events) = launched.unwrap_or_else(|error| panic!("chromium does not start: {error}"));
        let handler = tokio::spawn(async move { while events.next().await.is_some() {} });
        Some(Self { browser, handler, _profile: profile })
    }

    /// The bridge's page, ready to be used: mounted and connected.
    pub async fn open(&self, bridge: &Bridge) -> Page {
        self.open_as(bridge, View::default()).await
    }

    pub async fn open_as(&self, bridge: &Bridge, view: View) -> Page {
        let page = self.load(&bridge.url(), view).await;
        page.wait("connection", "data-state", "open").await;
        page
    }

    /// Any address, however it turns out.
    pub async fn load(&self, url: &str, view: View) -> Page {
        let blank = CreateTargetParams::new("about:blank");
        let tab = self.browser.new_page(blank).await.expect("a new tab");
        Page::load(tab, url, view).await
    }

    /// Resident memory of the processes that hold tabs: JavaScript, wasm, the document, everything.
    pub async fn tab_bytes(&self) -> u64 {
        let processes = self.browser.execute(GetProcessInfoParams::default()).await.expect("the browser's processes");
        let tabs = processes.result.process_info.iter().filter(|process| process.r#type == "renderer");
        tabs.map(|process| resident_bytes(u32::try_from(process.id).expect("a process id is positive"))).sum()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.handler.abort();
        // Before the profile's folder goes. The child is killed on drop; this does not wait for it.
        if let Some(child) = self.browser.get_mut_child() {
            let _ = child.inner.start_kill();
        }
    }
}
