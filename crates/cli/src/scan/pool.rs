//! Runs the steps of a walk: on this thread when there is little to do, else one file per task on a pool.

use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::sync_channel;

use rayon::iter::{ParallelBridge, ParallelIterator};

use super::walk::{Step, Walk};
use crate::fault::Fault;

/// Steps that may wait for the pool. The walk is far ahead of the scan; this bounds how far.
const AHEAD: usize = 1024;

/// Steps looked at before a pool is made.
const FEW: usize = 32;

/// Bytes under which those are scanned faster than threads are made.
const LITTLE: u64 = 1 << 20;

/// Whether others could help with a step.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Threads {
    /// Nothing else is carried out at the same time.
    Idle,
    /// Other steps are, or there may be one thread only.
    Busy,
}

/// Gives every step of `walk` to `work`. Returns whether the walk itself came to its end.
///
/// # Errors
///
/// When the system gives no threads.
pub(crate) fn run(
    mut walk: Walk,
    jobs: Option<NonZeroUsize>,
    work: &(dyn Fn(Step, Threads) + Sync),
) -> Result<bool, Fault> {
    if jobs.is_some_and(|n| n.get() == 1) {
        return Ok(walk_on(walk, &mut |step| {
            work(step, Threads::Busy);
            true
        }));
    }
    let mut first = Vec::new();
    let mut ended = false;
    while first.len() < FEW {
        match walk.next() {
            Some(step) => first.push(step),
            None => {
                ended = true;
                break;
            }
        }
    }
    if ended && (first.len() <= 1 || size(&first) <= LITTLE) {
        first.into_iter().for_each(|step| work(step, Threads::Idle));
        return Ok(true);
    }
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(jobs.map_or(0, NonZeroUsize::get))
        .thread_name(|n| format!("scan-{n}"))
        .build()
        .map_err(|error| {
            Fault::new(
                "--jobs",
                format!("the scan's threads could not be started: {error}"),
                "give a lower number",
            )
        })?;
    let (sender, receiver) = sync_channel(AHEAD);
    let whole = std::thread::scope(|scope| {
        let walker = scope.spawn(move || {
            let mut send = |step| sender.send(step).is_ok();
            first.into_iter().all(&mut send) && walk_on(walk, &mut send)
        });
        pool.install(|| receiver.into_iter().par_bridge().for_each(|step| work(step, Threads::Busy)));
        walker.join().unwrap_or(false)
    });
    Ok(whole)
}

/// Walks to the end; a panic in the walk ends it early, and that is told.
fn walk_on(walk: Walk, take: &mut dyn FnMut(Step) -> bool) -> bool {
    let mut walk = walk;
    loop {
        match catch_unwind(AssertUnwindSafe(|| walk.next())) {
            Ok(Some(step)) => {
                if !take(step) {
                    return false;
                }
            }
            Ok(None) => return true,
            Err(_) => return false,
        }
    }
}

/// Bytes that the files among `steps` have. Standard input may have any number.
fn size(steps: &[Step]) -> u64 {
    steps
        .iter()
        .map(|step| match step {
            Step::File { path, .. } => path.metadata().map_or(0, |meta| meta.len()),
            _ => 0,
        })
        .sum()
}
