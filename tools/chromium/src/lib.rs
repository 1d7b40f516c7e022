//! Debian's Chromium, or whichever is installed, without a window and with a profile of its own, driven over its DevTools
//! protocol. Knows nothing of Ponte.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
pub use chromiumoxide;
use chromiumoxide::browser::BrowserConfig;
use chromiumoxide::cdp::browser_protocol::system_info::{GetProcessInfoParams, ProcessInfo};
use chromiumoxide::cdp::browser_protocol::target::CreateTargetParams;
use futures_util::StreamExt;
use tempfile::TempDir;
use tokio::task::JoinHandle;

/// What it is called, by whoever packaged it.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// What the first window shows, without tabs and an address bar: these are pages of the browser's own, and drawing them takes three
/// times as long as all the rest of its start.
const EMPTY_DOCUMENT: &str = "data:text/html,";

const STARTS_WITHIN: Duration = Duration::from_secs(20);
/// How long a killed browser may take to be gone.
const ENDS_WITHIN: Duration = Duration::from_secs(2);
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Ends with this value, and its profile with it.
pub struct Chromium {
    browser: chromiumoxide::Browser,
    /// Moves the DevTools protocol's messages.
    handler: JoinHandle<()>,
    /// Removed with the browser.
    profile: TempDir,
    /// The tab of the window that the browser starts with; none once it was handed out.
    first_tab: Mutex<Option<chromiumoxide::Page>>,
}

impl Chromium {
    /// Where it is installed, if it is.
    pub fn find() -> Option<PathBuf> {
        let path = std::env::var_os("PATH")?;
        let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
        NAMES.iter().find_map(|name| folders.iter().map(|folder| folder.join(name)).find(|file| file.is_file()))
    }

    /// # Errors
    /// When it does not start, with what it said.
    pub async fn launch(program: &Path) -> Result<Self> {
        let profile = tempfile::Builder::new().prefix("ponte-browser").tempdir().context("no temporary folder")?;
        let config = BrowserConfig::builder()
            .chrome_executable(program)
            .new_headless_mode()
            .no_sandbox()
            .user_data_dir(profile.path())
            // Each tab sets its own; this one would be forced upon all of them.
            .viewport(None)
            .args(["disable-gpu", "disable-quic", "no-first-run", "disable-component-update", "disable-sync"])
            .arg(format!("app={EMPTY_DOCUMENT}"))
            .build()
            .map_err(|missing| anyhow!(missing))?;
        let (browser, mut events) = chromiumoxide::Browser::launch(config).await.context("chromium does not start")?;
        let handler = tokio::spawn(async move { while events.next().await.is_some() {} });
        let mut chromium = Self { browser, handler, profile, first_tab: Mutex::default() };
        chromium.first_tab = Mutex::new(Some(chromium.tab_of_first_window().await?));
        Ok(chromium)
    }

    async fn tab_of_first_window(&self) -> Result<chromiumoxide::Page> {
        let deadline = Instant::now() + STARTS_WITHIN;
        loop {
            if let Some(tab) = self.browser.pages().await.context("the browser does not list its tabs")?.pop() {
                return Ok(tab);
            }
            ensure!(Instant::now() < deadline, "chromium opens no window");
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// A new tab with nothing in it yet.
    pub async fn blank_tab(&self) -> Result<chromiumoxide::Page> {
        let first = self.first_tab.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(tab) = first {
            return Ok(tab);
        }
        self.browser.new_page(CreateTargetParams::new("about:blank")).await.context("no new tab")
    }

    /// All of its processes: what each is for, and the CPU time it has used.
    pub async fn processes(&self) -> Result<Vec<ProcessInfo>> {
        let answer = self.browser.execute(GetProcessInfoParams::default()).await;
        Ok(answer.context("the browser does not say what its processes are")?.result.process_info)
    }

    /// The processes that hold tabs.
    pub async fn tab_processes(&self) -> Result<Vec<u32>> {
        let processes = self.processes().await?;
        let tabs = processes.into_iter().filter(|process| process.r#type == "renderer");
        tabs.map(|process| u32::try_from(process.id).context("a process id is positive")).collect()
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        self.handler.abort();
        let deadline = Instant::now() + ENDS_WITHIN;
        if let Some(child) = self.browser.get_mut_child() {
            let _ = child.inner.start_kill();
            while matches!(child.inner.try_wait(), Ok(None)) && Instant::now() < deadline {
                std::thread::sleep(POLL_INTERVAL);
            }
        }
        // Its helpers go after it, and write until then.
        while std::fs::remove_dir_all(self.profile.path()).is_err_and(|error| error.kind() != ErrorKind::NotFound)
            && Instant::now() < deadline
        {
            std::thread::sleep(POLL_INTERVAL);
        }
    }
}
