//! [`Turns`]: parts of one object that are sent at the same time are examined one behind the other.
//!
//! Clients of S3 send ten parts of a large file at once. Each waits here until those before it have been examined; they leave and are answered at the same time all the same.

use std::time::Duration;

use exfilter::Authority;
use exfilter::inspector::Uploads;
use exfilter::wire::Part;
use tokio::sync::Notify;
use tokio::time::Instant;

/// How long a part waits for the first one of an object of which nothing is known: an upload that goes on after the guard has begun anew has none.
const FIRST: Duration = Duration::from_secs(5);

/// Who waits for a part to be over.
#[derive(Default)]
pub(crate) struct Turns(Notify);

impl Turns {
    /// Waits until the parts before this one are over, or for so long: then it is a gap. Until the turn is dropped the next one may wait.
    pub(crate) async fn wait(
        &self,
        uploads: &Uploads,
        to: &Authority,
        part: Option<&Part>,
        at_most: Duration,
    ) -> Turn<'_> {
        let begun = Instant::now();
        while let Some(part) = part {
            // Before the look, so that nothing is missed in between.
            let mut over = std::pin::pin!(self.0.notified());
            over.as_mut().enable();
            if !uploads.is_early(to, part) {
                break;
            }
            let limit = if uploads.knows(to, part) { at_most } else { at_most.min(FIRST) };
            let is_late = tokio::time::timeout_at(begun + limit, over).await.is_err();
            // The first one may have come in between.
            if is_late && (limit == at_most || !uploads.knows(to, part)) {
                break;
            }
        }
        Turn(part.map(|_| self))
    }
}

/// The turn of a part, until it is dropped.
pub(crate) struct Turn<'a>(Option<&'a Turns>);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let Some(turns) = self.0 {
            turns.0.notify_waiters();
        }
    }
}
