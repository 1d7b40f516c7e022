//! A page in a real browser: one window with one tab, controlled from a blocking thread.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use chromium::Chromium;
use chromium::chromiumoxide::Page;
use chromium::chromiumoxide::cdp::browser_protocol::browser::{
    Bounds, GetWindowForTargetParams, SetWindowBoundsParams, WindowState,
};
use chromium::chromiumoxide::cdp::browser_protocol::emulation::{
    SetCpuThrottlingRateParams, SetDeviceMetricsOverrideParams,
};
use chromium::chromiumoxide::cdp::js_protocol::heap_profiler::CollectGarbageParams;
use serde::de::DeserializeOwned;
use tokio::runtime::Runtime;

use crate::process::resident_bytes;

const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// How long a page may take for any action.
const PATIENCE: Duration = Duration::from_secs(60);

/// A laptop's screen.
const SCREEN: (i64, i64) = (1280, 800);

/// The browser ends when this is dropped.
pub struct Window {
    // Dropped before the runtime, on which the browser ends.
    tab: Page,
    chromium: Chromium,
    runtime: Runtime,
}

impl Window {
    /// Opens a window of a new browser with an empty cache.
    pub fn open() -> Result<Self> {
        let program = Chromium::find().context("chromium is not installed; cargo xtask setup")?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let (chromium, tab) = runtime.block_on(async {
            let chromium = Chromium::launch(&program).await?;
            let tab = chromium.blank_tab().await?;
            tab.execute(SetDeviceMetricsOverrideParams::new(SCREEN.0, SCREEN.1, 1.0, false)).await?;
            anyhow::Ok((chromium, tab))
        })?;
        Ok(Self { tab, chromium, runtime })
    }

    /// From now on every task takes this many times longer.
    pub fn slow_down(&self, times: f64) -> Result<()> {
        self.runtime.block_on(self.tab.execute(SetCpuThrottlingRateParams::new(times)))?;
        Ok(())
    }

    /// Runs before a page's own scripts, in every page from now on.
    pub fn prepare(&self, script: &str) -> Result<()> {
        self.runtime.block_on(self.tab.evaluate_on_new_document(script))?;
        Ok(())
    }

    pub fn go(&self, url: &str) -> Result<()> {
        self.runtime.block_on(self.tab.goto(url)).with_context(|| url.to_owned())?;
        Ok(())
    }

    pub fn ask<T: DeserializeOwned>(&self, expression: &str) -> Result<T> {
        let value = self.runtime.block_on(chromium::evaluate(&self.tab, expression));
        serde_json::from_value(value.with_context(|| expression.to_owned())?).with_context(|| expression.to_owned())
    }

    /// Waits until the expression is true.
    pub fn until(&self, what: &str, condition: &str) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !self.ask::<bool>(&format!("Boolean({condition})"))? {
            if Instant::now() > deadline {
                let text: String = self.ask("document.body.innerText.slice(0, 400)")?;
                bail!("waited for {what}; the page says: {text}");
            }
            std::thread::sleep(POLL_INTERVAL);
        }
        Ok(())
    }

    /// Minimizes the window: the browser stops drawing the page, and `visibilitychange` is fired.
    pub fn hide(&self) -> Result<()> {
        self.set_state(WindowState::Minimized)
    }

    pub fn show(&self) -> Result<()> {
        self.set_state(WindowState::Normal)?;
        self.runtime.block_on(self.tab.bring_to_front()).context("cannot show the tab")?;
        Ok(())
    }

    fn set_state(&self, state: WindowState) -> Result<()> {
        self.runtime.block_on(async {
            let window = self.tab.execute(GetWindowForTargetParams::default()).await?;
            let bounds = Bounds::builder().window_state(state).build();
            self.tab.execute(SetWindowBoundsParams::new(window.result.window_id, bounds)).await
        })?;
        Ok(())
    }

    /// CPU time of all of the browser's processes until now.
    pub fn cpu_seconds(&self) -> Result<f64> {
        let processes = self.runtime.block_on(self.chromium.processes())?;
        Ok(processes.iter().map(|process| process.cpu_time).sum())
    }

    /// Resident memory of the renderer processes after a garbage collection.
    pub fn tab_bytes(&self) -> Result<u64> {
        let tabs = self.runtime.block_on(async {
            self.tab.execute(CollectGarbageParams::default()).await?;
            self.chromium.tab_processes().await
        })?;
        tabs.into_iter().map(resident_bytes).sum()
    }
}
