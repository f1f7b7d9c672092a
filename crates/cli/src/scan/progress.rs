//! [`Progress`]: a line on standard error for whoever waits.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::text;

/// How long a run may take before it shows a sign of life.
const PATIENCE: Duration = Duration::from_secs(1);

/// Counts files and bytes; shows them once the run takes longer than a second and someone watches.
pub(crate) struct Progress {
    watched: bool,
    begun: Instant,
    files: AtomicU64,
    bytes: AtomicU64,
    bar: OnceLock<ProgressBar>,
}

impl Progress {
    /// Counts from zero.
    pub(crate) fn new(watched: bool) -> Progress {
        Progress {
            watched,
            begun: Instant::now(),
            files: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            bar: OnceLock::new(),
        }
    }

    /// A file is done.
    pub(crate) fn file(&self) {
        self.files.fetch_add(1, Ordering::Relaxed);
        self.draw();
    }

    /// Bytes were examined.
    pub(crate) fn bytes(&self, n: usize) {
        self.bytes.fetch_add(n as u64, Ordering::Relaxed);
        self.draw();
    }

    /// Takes the line away.
    pub(crate) fn end(&self) {
        if let Some(bar) = self.bar.get() {
            bar.finish_and_clear();
        }
    }

    fn draw(&self) {
        if !self.watched || self.begun.elapsed() < PATIENCE {
            return;
        }
        let bar = self.bar.get_or_init(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(8));
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
                bar.set_style(style);
            }
            bar
        });
        let files = self.files.load(Ordering::Relaxed);
        let bytes = self.bytes.load(Ordering::Relaxed);
        bar.set_message(format!("{}, {} examined", text::count(files, "file", "files"), text::size(bytes)));
        bar.tick();
    }
}
