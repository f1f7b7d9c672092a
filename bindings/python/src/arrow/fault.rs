//! [`Fault`]: what is wrong with a producer's structures.

/// A fault, and in which column, by its place among those that are examined. Says nothing of what stands there.
#[derive(Clone, Copy)]
pub(super) struct Fault {
    pub(super) what: &'static str,
    pub(super) leaf: Option<usize>,
}

impl Fault {
    pub(super) fn new(what: &'static str) -> Fault {
        Fault { what, leaf: None }
    }

    pub(super) fn of(leaf: usize, what: &'static str) -> Fault {
        Fault { what, leaf: Some(leaf) }
    }
}
