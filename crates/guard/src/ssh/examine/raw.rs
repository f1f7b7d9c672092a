//! [`Raw`]: what a client sends as one text.

use bytes::Bytes;

use super::{Examiner, HELD_MAX, Out};
use crate::ssh::watch::{Found, Refusal, Scene, Watch};

/// The longest end of a token that leaves at a pause though more of it may come: less than any secret has of characters that count.
const SHORT: usize = 8;

/// One text, of which nothing leaves that may be the beginning of something.
///
/// Programs wait for answers, so what is held must leave at some time though no more comes. At a pause the engine looks once more; what it still holds leaves if the text ends with [`SHORT`] characters
/// of a token at most, and after a long pause in any case, unless something stands in it as it is. The text goes on behind that: what is complete later is found, and refused, though its beginning has left.
pub(super) struct Raw {
    scene: Scene,
    found: Found,
    watch: Watch,
    is_interactive: bool,
    /// Characters of a token with which the text ends, also those that have left.
    run: usize,
    refused: bool,
}

impl Raw {
    pub(super) fn new(is_interactive: bool, scene: Scene, found: Found) -> Raw {
        let place = if is_interactive { "terminal" } else { "standard input" };
        let watch = Watch::new(&scene.shared, &scene.to, place);
        Raw { scene, found, watch, is_interactive, run: 0, refused: false }
    }

    fn take(&mut self, passed: Result<Bytes, Refusal>, out: &mut Out) {
        match passed {
            Ok(bytes) if self.watch.held().len() > HELD_MAX => {
                out.pass(bytes);
                self.refuse(
                    Refusal::plain("blocked by policy: more would have to be held back than is held"),
                    out,
                );
            }
            Ok(bytes) => out.pass(bytes),
            Err(refusal) => self.refuse(refusal, out),
        }
    }

    fn refuse(&mut self, refusal: Refusal, out: &mut Out) {
        self.refused = true;
        out.refuse(refusal);
    }
}

impl Examiner for Raw {
    fn client_says(&mut self, data: Bytes, out: &mut Out) {
        if self.refused {
            return;
        }
        let end = open_token(&data);
        self.run = if end == data.len() { self.run.saturating_add(end) } else { end };
        let passed = self.watch.push(&data, &self.scene.shared, &mut self.found);
        self.take(passed, out);
        // Whoever types sees what they type at once.
        if self.is_interactive && !self.refused && self.holds() && self.watch.held().len() <= 4 * SHORT {
            self.pause(false, out);
        }
    }

    fn end(&mut self, out: &mut Out) {
        if self.refused {
            return;
        }
        let passed = self.watch.finish(&self.scene.shared, &mut self.found);
        self.take(passed, out);
        out.up_end = !self.refused;
    }

    fn holds(&self) -> bool {
        !self.refused && !self.watch.held().is_empty()
    }

    fn pause(&mut self, is_long: bool, out: &mut Out) {
        let passed = self.watch.catch_up(&self.scene.shared, &mut self.found);
        self.take(passed, out);
        if self.refused || self.watch.held().is_empty() || !(is_long || self.run <= SHORT) {
            return;
        }
        let Scene { shared, to } = &self.scene;
        let passed = self.watch.let_go(shared, to, &mut self.found);
        self.take(passed, out);
    }

    fn found(&mut self) -> Found {
        self.watch.note(&self.scene.shared);
        std::mem::take(&mut self.found)
    }
}

/// How many characters of a token stand at the end.
fn open_token(bytes: &[u8]) -> usize {
    let is_token =
        |b: &&u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'+' | b'/' | b'=');
    bytes.iter().rev().take_while(is_token).count()
}
