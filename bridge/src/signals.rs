//! The signals that stop the program, and SIGHUP.

use tokio_util::sync::CancellationToken;

/// Cancels the token at the first SIGINT or SIGTERM; the second one exits at once.
pub fn on_signal() -> std::io::Result<CancellationToken> {
    let token = CancellationToken::new();
    let cancelled = token.clone();
    let mut signals = Signals::new()?;
    tokio::spawn(async move {
        signals.next().await;
        cancelled.cancel();
        signals.next().await;
        tracing::warn!("second signal: exiting at once");
        // 128 + SIGINT, as shells report it.
        std::process::exit(130);
    });
    Ok(token)
}

/// SIGHUP, which asks a daemon to read its files again. A program in a terminal gets it when the terminal is closed, and must end then: it is
/// not caught.
pub struct Hangups(#[cfg(unix)] Option<tokio::signal::unix::Signal>);

impl Hangups {
    #[cfg(unix)]
    pub fn new() -> std::io::Result<Self> {
        use std::io::IsTerminal as _;

        use tokio::signal::unix::{SignalKind, signal};

        let has_terminal = std::io::stdin().is_terminal() || std::io::stderr().is_terminal();
        Ok(Self(if has_terminal { None } else { Some(signal(SignalKind::hangup())?) }))
    }

    #[cfg(unix)]
    pub async fn next(&mut self) {
        let received = match &mut self.0 {
            Some(signal) => signal.recv().await,
            None => None,
        };
        if received.is_none() {
            std::future::pending::<()>().await;
        }
    }

    #[cfg(not(unix))]
    pub fn new() -> std::io::Result<Self> {
        Ok(Self())
    }

    #[cfg(not(unix))]
    pub async fn next(&mut self) {
        std::future::pending::<()>().await;
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        // If the handler cannot be installed, no signal is awaited.
        let _ = tokio::signal::ctrl_c().await;
    }
}
