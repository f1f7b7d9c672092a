//! Vector tiers: the only place with `unsafe`.
//!
//! A tier supplies [`Vector::classify`] and [`Vector::beginnings`]; the algorithm in [`crate::candidates`] is generic over them and instantiated
//! once per tier. [`Tier::detect`] chooses at run time.

mod portable;
#[cfg(target_arch = "x86_64")]
mod x86_64;

use crate::buckets::Buckets;
use crate::candidates::{RUN_MIN, Workspace, run_mask};
use crate::scan::{Hit, Job, Masks};

/// A way to classify 64 bytes.
pub(crate) trait Vector: Copy {
    /// The class masks of a block; bit `i` belongs to byte `i`.
    fn classify(self, block: &[u8; 64]) -> Masks;

    /// Where runs of [`Automaton::GATE`](crate::Automaton::GATE) token characters and of [`RUN_MIN`] base64 characters begin or go on in a block; of each class the
    /// masks of the block and of the next one.
    #[inline(always)]
    fn runs(self, token: [u64; 2], base64: [u64; 2]) -> (u64, u64) {
        (run_mask(token, crate::Automaton::GATE), run_mask(base64, RUN_MIN))
    }

    /// The positions of the first 64 bytes whose three bytes may begin a gated literal, and those that may begin a loose one; may say yes too
    /// often. `window` has 66 bytes at least.
    fn beginnings(self, window: &[u8], buckets: &Buckets) -> (u64, u64);
}

/// The tiers this build knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tier {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
}

impl Tier {
    /// The best tier of this machine.
    pub(crate) fn detect() -> Tier {
        #[cfg(target_arch = "x86_64")]
        if x86_64::available() {
            return Tier::Avx2;
        }
        Tier::Portable
    }

    /// Every tier that runs on this machine, for tests.
    #[cfg(test)]
    pub(crate) fn all() -> Vec<Tier> {
        let mut tiers = vec![Tier::Portable];
        if Tier::detect() != Tier::Portable {
            tiers.push(Tier::detect());
        }
        tiers
    }

    /// Runs the masked part of a scan.
    pub(crate) fn run(self, job: &Job<'_>, work: &mut Workspace, hits: &mut Vec<Hit>) {
        match self {
            Tier::Portable => crate::candidates::masked(portable::Portable, job, work, hits),
            #[cfg(target_arch = "x86_64")]
            Tier::Avx2 => x86_64::masked(job, work, hits),
        }
    }

    /// The end of the base64 run that contains `from`.
    pub(crate) fn run_end(self, hay: &[u8], from: usize) -> usize {
        match self {
            Tier::Portable => crate::scan::run_end(portable::Portable, hay, from),
            #[cfg(target_arch = "x86_64")]
            Tier::Avx2 => x86_64::run_end(hay, from),
        }
    }
}
