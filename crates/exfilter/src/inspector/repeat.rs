//! [`Repeat`]: requests like one that was found clean, of which the bodies alone are new.

use exfilter_engine::Scanner;

use super::prefixes::SHORTEST;

/// Examines the bodies of requests that differ in nothing else from one that was found clean, but for how long their bodies say they are. Made by [`Inspector::into_repeat`](super::Inspector::into_repeat).
///
/// A client sends most of its requests with one head, and what a head says is decided by it alone. Whoever holds the head of that request, and the [`Inspection`](super::Inspection) that it was inspected by, and finds both
/// of another request to be the same, byte by byte, needs nothing of that but its body; what was put into the first head in the places of placeholders ([`Substitutes::exchange`](crate::substitute::Substitutes::exchange)) is put into this one. Only a length of the body in digits (`content-length`, nine of them at most) may be another one.
///
/// # Resource usage
///
/// [`Stream::memory`](crate::Stream::memory) of a stream in which nothing is. It keeps nothing of a body.
#[derive(Debug)]
pub struct Repeat {
    scanner: Scanner,
}

impl Repeat {
    pub(super) fn new(scanner: Scanner) -> Repeat {
        Repeat { scanner }
    }

    /// Whether a whole body without trailers is clean: nothing is found in it, not even a piece of a secret, and all of it was examined. Where it is not, nothing is said of it: the request is then inspected as any other, and so is one with a body that is longer than those asked for here, which may
    /// be compared with what the session has sent before.
    pub fn is_clean(&mut self, body: &[u8]) -> bool {
        (body.len() as u64) < SHORTEST && self.scanner.is_spotless(body)
    }
}
