//! [`Busy`]: how much is under way, so that a guard that ends lets what is about to end come to its end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How often is looked.
const STEP: Duration = Duration::from_millis(2);

/// Counts connections and what outlives them.
#[derive(Clone, Default)]
pub(crate) struct Busy(Arc<AtomicUsize>);

/// One of them; it is over when this is dropped.
pub(crate) struct UnderWay(Arc<AtomicUsize>);

impl Busy {
    pub(crate) fn begin(&self) -> UnderWay {
        self.0.fetch_add(1, Ordering::Relaxed);
        UnderWay(self.0.clone())
    }

    /// Waits until nothing is under way, but no longer than so long. A client that has gone away, with the command that it was part of, is noticed by then, and what it was refused is told.
    pub(crate) fn settle(&self, patience: Duration) {
        let due = Instant::now() + patience;
        while self.0.load(Ordering::Relaxed) > 0 && Instant::now() < due {
            std::thread::sleep(STEP);
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
