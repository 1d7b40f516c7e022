//! A browser of the test's own, with a fresh profile.

use chromium::Chromium;

use crate::Bridge;
use crate::page::{Page, View};
use crate::program::resident_bytes;
use crate::skip::skip;

pub struct Browser(Chromium);

impl Browser {
    /// `None`, and the skip, where Chromium is not installed.
    pub async fn start() -> Option<Self> {
        let Some(program) = Chromium::find() else {
            skip("chromium is not installed (apt-get install chromium, or cargo xtask setup)");
            return None;
        };
        Some(Self(Chromium::launch(&program).await.unwrap_or_else(|error| panic!("{error:#}"))))
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
        Page::load(self.0.blank_tab().await.expect("a new tab"), url, view).await
    }

    /// Resident memory of the processes that hold tabs: JavaScript, wasm, the document, everything.
    pub async fn tab_bytes(&self) -> u64 {
        self.0.tab_processes().await.expect("the browser's processes").into_iter().map(resident_bytes).sum()
    }
}
