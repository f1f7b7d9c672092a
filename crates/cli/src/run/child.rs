//! The command: it gets the signals that come here, and its exit code is ours.

use std::ffi::OsString;
use std::io::{self, IsTerminal as _};
use std::process::ExitStatus;
use std::time::Duration;

use tokio::process::{Child, Command};

use crate::fault::Fault;

/// Which process gets the signals.
#[derive(Clone, Copy)]
pub(super) enum Depth {
    /// The one that was started.
    Child,
    /// The child of its child: bubblewrap passes nothing on, neither outside nor as the first process of its namespace.
    BehindBubblewrap,
}

/// What waits for a command.
pub(super) fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// Runs a command to its end, and gives its exit code.
///
/// # Errors
///
/// It cannot be started.
pub(super) fn run(command: std::process::Command, depth: Depth) -> io::Result<u8> {
    runtime()?.block_on(run_in(command, depth))
}

/// The same within a runtime.
pub(super) async fn run_in(command: std::process::Command, depth: Depth) -> io::Result<u8> {
    let signals = Signals::new()?;
    let child = Command::from(command).spawn()?;
    Ok(code(wait(child, signals, depth).await?))
}

/// What a standing guard is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// To end: SIGTERM, SIGINT, or a terminal that is gone.
    End,
    /// To read its settings anew: SIGHUP.
    Reload,
    /// Nothing: so much time has passed.
    Nothing,
}

/// How long nothing is asked for until that is told.
const QUIET: Duration = Duration::from_secs(60 * 60);

/// Signals to this process, which do not end it from here on.
pub(super) struct Asking {
    runtime: tokio::runtime::Runtime,
    #[cfg(unix)]
    signals: Signals,
    /// Whether a terminal started it: that it is gone is told by SIGHUP, too.
    #[cfg(unix)]
    has_terminal: bool,
}

impl Asking {
    /// Begins to wait for them.
    ///
    /// # Errors
    ///
    /// Signals cannot be waited for.
    pub(super) fn new() -> io::Result<Asking> {
        let runtime = runtime()?;
        #[cfg(unix)]
        let signals = {
            let _in = runtime.enter();
            Signals::new()?
        };
        Ok(Asking {
            runtime,
            #[cfg(unix)]
            signals,
            #[cfg(unix)]
            has_terminal: io::stdin().is_terminal(),
        })
    }

    /// Waits for the next.
    ///
    /// # Errors
    ///
    /// Signals cannot be waited for.
    #[cfg(unix)]
    pub(super) fn next(&mut self) -> io::Result<Asked> {
        use rustix::process::Signal;
        let Asking { runtime, signals, has_terminal } = self;
        runtime.block_on(async {
            loop {
                let Ok(signal) = tokio::time::timeout(QUIET, signals.next()).await else {
                    return Ok(Asked::Nothing);
                };
                match signal {
                    Signal::TERM | Signal::INT => return Ok(Asked::End),
                    Signal::HUP if *has_terminal && !io::stdin().is_terminal() => return Ok(Asked::End),
                    Signal::HUP => return Ok(Asked::Reload),
                    _ => {}
                }
            }
        })
    }

    /// Waits for the next.
    ///
    /// # Errors
    ///
    /// Signals cannot be waited for.
    #[cfg(not(unix))]
    pub(super) fn next(&mut self) -> io::Result<Asked> {
        let asked = async { tokio::time::timeout(QUIET, tokio::signal::ctrl_c()).await };
        self.runtime.block_on(asked).map_or(Ok(Asked::Nothing), |asked| asked.map(|()| Asked::End))
    }
}

/// A command that cannot be started.
pub(super) fn fault(command: &[OsString], error: &io::Error) -> Fault {
    let name = command.first().map(|program| crate::text::escape(program.as_encoded_bytes()));
    Fault::new(name.unwrap_or_default(), format!("cannot be run: {error}"), "check the command behind --")
}

#[cfg(unix)]
async fn wait(mut child: Child, mut signals: Signals, depth: Depth) -> io::Result<ExitStatus> {
    loop {
        tokio::select! {
            status = child.wait() => return status,
            signal = signals.next() => pass_on(&child, signal, depth),
        }
    }
}

#[cfg(not(unix))]
async fn wait(mut child: Child, _: Signals, _: Depth) -> io::Result<ExitStatus> {
    child.wait().await
}

#[cfg(unix)]
struct Signals([(rustix::process::Signal, tokio::signal::unix::Signal); 6]);

#[cfg(not(unix))]
struct Signals;

#[cfg(unix)]
impl Signals {
    /// From here on the usual signals do not end this process.
    fn new() -> io::Result<Signals> {
        use rustix::process::Signal;
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals([
            (Signal::TERM, signal(SignalKind::terminate())?),
            (Signal::HUP, signal(SignalKind::hangup())?),
            (Signal::INT, signal(SignalKind::interrupt())?),
            (Signal::QUIT, signal(SignalKind::quit())?),
            (Signal::USR1, signal(SignalKind::user_defined1())?),
            (Signal::USR2, signal(SignalKind::user_defined2())?),
        ]))
    }

    async fn next(&mut self) -> rustix::process::Signal {
        let [a, b, c, d, e, f] = &mut self.0;
        tokio::select! {
            _ = a.1.recv() => a.0,
            _ = b.1.recv() => b.0,
            _ = c.1.recv() => c.0,
            _ = d.1.recv() => d.0,
            _ = e.1.recv() => e.0,
            _ = f.1.recv() => f.0,
        }
    }
}

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Signals> {
        Ok(Signals)
    }
}

/// What a terminal sends, it sends to the command too.
#[cfg(unix)]
fn pass_on(child: &Child, signal: rustix::process::Signal, depth: Depth) {
    use rustix::process::{Pid, Signal};
    let typed = (signal == Signal::INT || signal == Signal::QUIT) && io::stdin().is_terminal();
    let own = child.id().and_then(|id| i32::try_from(id).ok());
    let id = match depth {
        Depth::Child => own,
        Depth::BehindBubblewrap => own.and_then(first_child).and_then(first_child).or(own),
    };
    if let Some(id) = id.and_then(Pid::from_raw).filter(|_| !typed) {
        // One that has ended meanwhile needs no signal.
        let _ = rustix::process::kill_process(id, signal);
    }
}

#[cfg(unix)]
fn first_child(id: i32) -> Option<i32> {
    let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).ok()?;
    children.split_whitespace().next()?.parse().ok()
}

fn code(status: ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return u8::try_from(128 + signal).unwrap_or(u8::MAX);
    }
    status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)
}
