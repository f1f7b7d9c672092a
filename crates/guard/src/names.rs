//! [`Names`]: what names have shown together. Each is sent to resolvers, so what is spread over many of them has left.

use std::collections::VecDeque;

use exfilter::{Engine, Flow, Reference, Verdict};
use zeroize::Zeroizing;

/// The most names of which it is known that they were looked at.
const RECENT: usize = 256;

/// The most bytes of labels that are kept to be looked at with the next ones. No value that is looked for is longer, as a rule.
const KEPT: usize = 4 << 10;

/// The labels that clients choose of the names that passed, one behind the other.
#[derive(Default)]
pub(crate) struct Names {
    recent: VecDeque<String>,
    /// All labels of a name; and its longest alone, for pieces may be numbered.
    texts: [Zeroizing<Vec<u8>>; 2],
}

/// A secret stands in names together; with the number of the refusal, if that counts.
pub(crate) struct Shown(pub(crate) Option<Reference>);

impl Names {
    /// Whether `name` was looked at.
    pub(crate) fn knows(&self, name: &str) -> bool {
        self.recent.iter().any(|recent| recent == name)
    }

    /// Looks at a further name behind those before it; `own` are those of its labels that a client chooses. One that is refused is forgotten: it did not leave.
    pub(crate) fn look(&mut self, engine: &Engine, flow: &Flow, name: &str, own: &str) -> Result<(), Shown> {
        let longest = own.split('.').max_by_key(|label| label.len()).unwrap_or_default();
        let pieces = [own.replace('.', ""), longest.to_owned()];
        let texts = [0, 1].map(|n| {
            let old = &self.texts[n];
            let new = pieces[n].as_bytes();
            let kept = old.len().min(KEPT.saturating_sub(new.len()));
            let mut text = Zeroizing::new(Vec::with_capacity(KEPT));
            text.extend_from_slice(&old[old.len() - kept..]);
            text.extend_from_slice(new);
            text
        });
        for text in &texts {
            let mut stream = engine.stream(flow.clone());
            let pushed = stream.push(text);
            if let (_, Verdict::Block(block)) | (Verdict::Block(block), _) = (pushed, stream.finish()) {
                return Err(Shown(block.counts().then(|| block.reference())));
            }
        }
        self.texts = texts;
        if self.recent.len() >= RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(name.to_owned());
        Ok(())
    }
}
