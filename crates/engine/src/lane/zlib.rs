//! zlib's streams in the middle of content: documents in PDF, pictures in PNG, formats with a header of their own.
//!
//! Two bytes are a weak mark. The automaton tells of them where something stands near that is no text, and a stream begins where its first block makes sense. Few chance ones do, and noise ends
//! soon.

use exfilter_automaton::{Hit, What};
use exfilter_codec::zlib as codec;

use super::container::ZLIB;
use super::{Lane, look, sealed};
use crate::confirm::View;

/// Whether a chunk of a picture in PNG begins before `at`, which cut it in pieces. Those of further pictures (`fdAT`) have a number first.
pub(super) fn is_picture(view: View<'_>, at: u64) -> bool {
    let name = |before: u64| at.checked_sub(before).and_then(|chunk| view.get(chunk, chunk + 4));
    name(4) == Some(b"IDAT") || name(8) == Some(b"fdAT")
}

/// Whether content is a document in PDF or a picture in PNG, in which zlib's streams stand anywhere.
pub(super) fn is_document(content: &[u8]) -> bool {
    content.starts_with(b"%PDF-") || content.starts_with(b"\x89PNG")
}

/// What base64 of those begins with.
const DOCUMENTS: [&[u8]; 2] = [b"JVBER", b"iVBOR"];

/// Whether the base64 `chars` begin such a one.
pub(super) fn begins_document(chars: &[u8]) -> bool {
    DOCUMENTS.iter().any(|document| chars.starts_with(document))
}

/// Whether they may do so with what follows them.
pub(super) fn may_begin_document(chars: &[u8]) -> bool {
    DOCUMENTS.iter().any(|document| document.starts_with(chars))
}

impl Lane {
    /// Whether zlib's header counts at `at`. In what a run stands for, behind its beginning, it does not where looks at runs do not see it: those are shorter, and begin with no
    /// document.
    fn has_zlib(&self, at: u64) -> bool {
        !self.kind.is_digits() || at == 0 || at >= look::QUICK as u64 || self.is_document
    }

    /// Whether zlib's header may stand at index `from` or later.
    pub(super) fn may_have_zlib(&self, view: View<'_>, from: usize) -> bool {
        let mut places = memchr::memchr_iter(codec::CMF, &view.bytes[from..]).map(|at| from + at);
        places.any(|at| codec::starts(&view.bytes[at..]) && self.has_zlib(view.base + at as u64))
    }

    /// Removes from the hits from `first` on what begins no container in what a run stands for: zlib's headers that do not count, and other formats behind the beginning.
    pub(super) fn leave_odd(&mut self, hits: &mut Vec<Hit>, first: usize, view: View<'_>) {
        if view.base == 0 && self.decided == 0 {
            self.is_document = is_document(view.bytes);
        }
        let mut kept = first;
        for n in first..hits.len() {
            let at = view.base + hits[n].at as u64;
            let counts = match hits[n].what {
                What::Literal(ZLIB) => self.has_zlib(at),
                What::Literal(id) => at == 0 || sealed::format(id).is_none(),
                _ => true,
            };
            if counts {
                hits[kept] = hits[n];
                kept += 1;
            }
        }
        hits.truncate(kept);
    }
}
