//! What few lanes have: [`Late`], what is decided when it is over, and [`Beside`], what is looked for beside a lane's own scan.

use super::base58::Token;
use super::fragments::Pieces;
use super::joined::{Joined, Joints};
use super::scattered::Scattered;
use super::{Lane, base85};

/// What is looked for beside a lane's own scan: by the thorough profile from the first byte on, and pieces of secrets.
#[derive(Default)]
pub(super) struct Beside {
    pub(super) scattered: Option<Box<Scattered>>,
    pub(super) joined: Option<Box<Joined>>,
    pub(super) base85: Option<Box<base85::Texts>>,
    /// In a lane of joined text, where pieces meet.
    pub(super) joints: Option<Box<Joints>>,
    pub(super) pieces: Option<Box<Pieces>>,
}

impl Beside {
    pub(super) fn memory(&self) -> usize {
        size_of::<Beside>()
            + self.scattered.as_ref().map_or(0, |scattered| scattered.memory())
            + self.joined.as_ref().map_or(0, |joined| joined.memory())
            + self.base85.as_ref().map_or(0, |texts| texts.memory())
            + self.joints.as_ref().map_or(0, |joints| joints.memory())
            + self.pieces.as_ref().map_or(0, |pieces| pieces.memory())
    }
}

/// What is decided when it is over, and what few lanes have to remember.
#[derive(Default)]
pub(super) struct Late {
    /// A token of base58 that is not over.
    pub(super) token: Option<Token>,
    /// A run for which no lanes could be had, while it goes on: its lane offset and its outer one.
    pub(super) denied: Option<(u64, u64)>,
    /// A list of codes about which more bytes decide: its lane offset and its outer one.
    pub(super) codes: Option<(u64, u64)>,
    /// Where other lists may begin, behind what is known to belong to that one.
    pub(super) codes_behind: Vec<u64>,
    /// Whether one for which no lanes could be had was reported.
    pub(super) refused_codes: bool,
    /// Lists before this offset have been read.
    pub(super) codes_read: u64,
    /// Lists before this offset hold nothing, or are begun by a hit before it.
    pub(super) codes_seen: u64,
    /// Where the first mark of its part stood that tests follow.
    pub(super) tests: Option<u64>,
    /// Where the last pack ended.
    pub(super) packed: u64,
}

impl Late {
    pub(super) fn memory(&self) -> usize {
        size_of::<Late>() + self.codes_behind.capacity() * size_of::<u64>()
    }
}

impl Lane {
    pub(super) fn late(&self) -> &Late {
        const NONE: &Late = &Late {
            token: None,
            denied: None,
            codes: None,
            codes_behind: Vec::new(),
            refused_codes: false,
            codes_read: 0,
            codes_seen: 0,
            tests: None,
            packed: 0,
        };
        self.late.as_deref().unwrap_or(NONE)
    }

    pub(super) fn token(&self) -> Option<Token> {
        self.late().token
    }

    /// See [`Late::codes`].
    pub(super) fn waiting_codes(&self) -> Option<(u64, u64)> {
        self.late().codes
    }

    pub(super) fn denied(&self) -> Option<(u64, u64)> {
        self.late().denied
    }

    pub(super) fn scattered(&self) -> Option<&Scattered> {
        self.beside.as_ref()?.scattered.as_deref()
    }

    pub(super) fn joined(&self) -> Option<&Joined> {
        self.beside.as_ref()?.joined.as_deref()
    }

    pub(super) fn base85(&self) -> Option<&base85::Texts> {
        self.beside.as_ref()?.base85.as_deref()
    }

    pub(super) fn joints(&self) -> Option<&Joints> {
        self.beside.as_ref()?.joints.as_deref()
    }

    pub(super) fn joints_mut(&mut self) -> Option<&mut Joints> {
        self.beside.as_mut()?.joints.as_deref_mut()
    }

    /// Whether pieces meet before the byte at `at`, or what stands there may not belong to the text.
    pub(super) fn is_joint(&self, at: u64) -> bool {
        at == self.boundary
            || self.seams.as_ref().is_some_and(|seams| seams.all.0.contains(&at))
            || self.joints().is_some_and(|joints| joints.is_joint(at))
    }
}
