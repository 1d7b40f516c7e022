//! Chromium, or another installed build of it, headless and with its own profile, controlled over the DevTools
//! protocol. This crate is independent of Ponte.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
pub use chromiumoxide;
use chromiumoxide::browser::BrowserConfig;
use chromiumoxide::cdp::browser_protocol::system_info::{GetProcessInfoParams, ProcessInfo};
use chromiumoxide::cdp::browser_protocol::target::CreateTargetParams;
use chromiumoxide::cdp::js_protocol::runtime::EvaluateParams;
use chromiumoxide::error::CdpError;
use futures_util::StreamExt;
use tempfile::TempDir;
use tokio::task::JoinHandle;

/// The names of the executable, which depend on the distribution.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// The document of the first window, without tabs and address bar: those are browser pages, and drawing them takes
/// three times as long as the rest of the start.
const EMPTY_DOCUMENT: &str = "data:text/html,";

const STARTS_WITHIN: Duration = Duration::from_secs(20);
/// How long a killed browser may take to exit.
const ENDS_WITHIN: Duration = Duration::from_secs(2);
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Returns the value of a JavaScript expression in the tab's current document, after a promise has been resolved.
///
/// # Errors
///
/// Fails if the expression throws, its value is not JSON, or the document is replaced meanwhile.
// The driver's own function names the document by the last id that it has been told. Shortly after a load that can be the
// id of the previous document, and the browser answers "Cannot find context with specified id".
pub async fn evaluate(tab: &chromiumoxide::Page, expression: impl Into<String>) -> Result<serde_json::Value, CdpError> {
    let command = EvaluateParams::builder().expression(expression).await_promise(true).return_by_value(true);
    let answer = tab.execute(command.build().map_err(CdpError::msg)?).await?.result;
    if let Some(exception) = answer.exception_details {
        return Err(CdpError::JavascriptException(Box::new(exception)));
    }
    // JavaScript's `null` and `undefined` are no value in the protocol.
    Ok(answer.result.value.unwrap_or_default())
}

/// A running browser. Dropping it ends the browser and removes its profile.
pub struct Chromium {
    browser: chromiumoxide::Browser,
    /// Processes the messages of the DevTools protocol.
    handler: JoinHandle<()>,
    profile: TempDir,
    /// The tab of the first window; `None` after it was used.
    first_tab: Mutex<Option<chromiumoxide::Page>>,
}

impl Chromium {
    /// Finds the installed executable.
    pub fn find() -> Option<PathBuf> {
        let path = std::env::var_os("PATH")?;
        let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
        NAMES.iter().find_map(|name| folders.iter().map(|folder| folder.join(name)).find(|file| file.is_file()))
    }

    /// # Errors
    /// When the browser does not start; the error has its output.
    pub async fn launch(program: &Path) -> Result<Self> {
        let profile =
            tempfile::Builder::new().prefix("ponte-browser").tempdir().context("cannot create a temporary folder")?;
        let config = BrowserConfig::builder()
            .chrome_executable(program)
            .new_headless_mode()
            .no_sandbox()
            .user_data_dir(profile.path())
            // Each tab sets its own viewport; this one would apply to all of them.
            .viewport(None)
            .args(["disable-gpu", "disable-quic", "no-first-run", "disable-component-update", "disable-sync"])
            // Names of this machine that are not localhost: to browsers, they are another machine.
            .arg("host-resolver-rules=MAP *.test 127.0.0.1")
            .arg(format!("app={EMPTY_DOCUMENT}"))
            .build()
            .map_err(|missing| anyhow!(missing))?;
        let (browser, mut events) = chromiumoxide::Browser::launch(config).await.context("cannot start Chromium")?;
        let handler = tokio::spawn(async move { while events.next().await.is_some() {} });
        let mut chromium = Self { browser, handler, profile, first_tab: Mutex::default() };
        chromium.first_tab = Mutex::new(Some(chromium.tab_of_first_window().await?));
        Ok(chromium)
    }

    async fn tab_of_first_window(&self) -> Result<chromiumoxide::Page> {
        let deadline = Instant::now() + STARTS_WITHIN;
        loop {
            if let Some(tab) = self.browser.pages().await.context("cannot list the browser's tabs")?.pop() {
                return Ok(tab);
            }
            ensure!(Instant::now() < deadline, "Chromium opened no window in time");
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// A new, empty tab.
    pub async fn blank_tab(&self) -> Result<chromiumoxide::Page> {
        let first = self.first_tab.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(tab) = first {
            return Ok(tab);
        }
        self.browser.new_page(CreateTargetParams::new("about:blank")).await.context("cannot open a tab")
    }

    /// All browser processes, with their type and the CPU time that they have used.
    pub async fn processes(&self) -> Result<Vec<ProcessInfo>> {
        let answer = self.browser.execute(GetProcessInfoParams::default()).await;
        Ok(answer.context("cannot list the browser's processes")?.result.process_info)
    }

    /// The processes of the tabs.
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
        // The browser's helper processes end later, and may still write to the profile.
        while std::fs::remove_dir_all(self.profile.path()).is_err_and(|error| error.kind() != ErrorKind::NotFound)
            && Instant::now() < deadline
        {
            std::thread::sleep(POLL_INTERVAL);
        }
    }
}
