//! A browser for one test, with a new profile.

use chromium::Chromium;

use crate::Bridge;
use crate::page::{Page, View};
use crate::program::resident_bytes;
use crate::skip::skip;

pub struct Browser(Chromium);

impl Browser {
    /// `None` after a skip.
    pub async fn start() -> Option<Self> {
        let Some(program) = Chromium::find() else {
            skip("chromium is not installed (apt-get install chromium, or cargo xtask setup)");
            return None;
        };
        Some(Self(Chromium::launch(&program).await.unwrap_or_else(|error| panic!("{error:#}"))))
    }

    /// Opens the bridge's page and waits until it is connected.
    pub async fn open(&self, bridge: &Bridge) -> Page {
        self.open_as(bridge, View::default()).await
    }

    pub async fn open_as(&self, bridge: &Bridge, view: View) -> Page {
        let page = self.load(&bridge.url(), view).await;
        page.wait("connection", "data-state", "open").await;
        page
    }

    /// Opens any address and waits for nothing.
    pub async fn load(&self, url: &str, view: View) -> Page {
        Page::load(self.0.blank_tab().await.expect("a new tab"), url, view).await
    }

    /// Resident memory of the renderer processes: JavaScript, wasm and the document.
    pub async fn tab_bytes(&self) -> u64 {
        self.0.tab_processes().await.expect("the browser's processes").into_iter().map(resident_bytes).sum()
    }
}
