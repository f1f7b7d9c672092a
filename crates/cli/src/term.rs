//! [`Term`]: the one place that writes to the terminal.
//!
//! Reports go to standard output, everything about the run itself to standard error. A reader that went away
//! (`exfilter scan . | head`) is no error: the rest is dropped quietly and the exit code stays what the scan found.

use std::fmt::Display;
use std::io::{self, BufWriter, IsTerminal, Write};

use crate::args::Color;

/// Standard output and standard error.
pub(crate) struct Term {
    out_is_terminal: bool,
    err_is_terminal: bool,
}

impl Term {
    /// Looks at what the two streams are.
    pub(crate) fn new() -> Term {
        Term { out_is_terminal: io::stdout().is_terminal(), err_is_terminal: io::stderr().is_terminal() }
    }

    /// Whether someone watches standard error.
    pub(crate) fn shows_progress(&self) -> bool {
        self.err_is_terminal
    }

    /// Whether a report on standard output is coloured.
    pub(crate) fn colours(&self, wish: Color) -> bool {
        match wish {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                let set = |name| std::env::var_os(name).is_some_and(|v| !v.is_empty());
                let dumb = std::env::var_os("TERM").is_some_and(|v| v == "dumb");
                self.out_is_terminal && !set("NO_COLOR") && !dumb
            }
        }
    }

    /// One line about the run on standard error. When even that is closed there is nobody left to tell.
    pub(crate) fn note(&self, line: &dyn Display) {
        let _ = writeln!(io::stderr().lock(), "exfilter: {line}");
    }

    /// One line on the terminal that this process has, wherever standard error leads; false if it has none. A command that runs on the same terminal cannot read what stands there.
    pub(crate) fn tell(&self, line: &dyn Display) -> bool {
        let terminal = || std::fs::OpenOptions::new().write(true).open("/dev/tty");
        cfg!(unix) && terminal().and_then(|mut tty| writeln!(tty, "exfilter: {line}")).is_ok()
    }

    /// Text on standard error, as it is.
    pub(crate) fn say(&self, text: &dyn Display) {
        let _ = write!(io::stderr().lock(), "{text}");
    }

    /// Lets `render` write a report to standard output.
    ///
    /// # Errors
    ///
    /// Those of the stream, but for a reader that went away.
    pub(crate) fn report(&self, render: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        let mut out = BufWriter::with_capacity(64 * 1024, io::stdout().lock());
        let written = render(&mut out).and_then(|()| out.flush());
        // Dropping a BufWriter flushes again; after an error its buffer has no reader.
        let _ = out.into_parts();
        match written {
            Err(gone) if gone.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }
}

/// Replaces the panic message by its place: a payload may quote the bytes that were scanned.
pub(crate) fn mute_panics() {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(|l| format!("{}:{}", l.file(), l.line())).unwrap_or_default();
        let _ = writeln!(
            io::stderr().lock(),
            "exfilter: internal fault at {place}; what was being examined is reported as not examined"
        );
    }));
}
