//! What the fuzz targets share: choices and content made from fuzzer bytes, and the slicing oracle of decoders.
#![forbid(unsafe_code)]

use exfilter_codec::{Decoder, Step};
use exfilter_testing::{Rng, keys, wrap};

/// Reads choices from the front of the fuzzer's bytes; zeroes once they are used up.
pub struct Choices<'a>(pub &'a [u8]);

impl<'a> Choices<'a> {
    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                *first
            }
            None => 0,
        }
    }

    /// A number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        let wide = usize::from(self.byte()) << 8 | usize::from(self.byte());
        if n == 0 { 0 } else { wide % n }
    }

    /// Up to `n` raw bytes.
    pub fn take(&mut self, n: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(n.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// Chunk lengths that add up to `len`.
    pub fn chunks(&mut self, len: usize) -> Vec<usize> {
        let mut chunks = Vec::new();
        let mut left = len;
        while left > 0 {
            let most = [1, 7, 64, 300, 4096][usize::from(self.byte()) % 5];
            let n = (1 + self.below(most)).min(left);
            chunks.push(n);
            left -= n;
            if chunks.len() > 200 {
                chunks.push(left);
                break;
            }
        }
        chunks
    }

    /// Content: raw bytes, keys, enrolled values and wrappings of all of them.
    pub fn content(&mut self, secrets: &[Vec<u8>], depth: usize) -> Vec<u8> {
        let mut out = Vec::new();
        for _ in 0..1 + self.below(4) {
            let mut rng = Rng::new(u64::from(self.byte()));
            match self.byte() % 6 {
                0 | 1 => {
                    let n = self.below(200);
                    out.extend(self.take(n));
                }
                2 => out.extend(keys::github(&mut rng, "ghp_")),
                3 => out.extend(&secrets[self.below(secrets.len())]),
                4 => out.extend(wrap::text(&mut rng)),
                _ if depth > 0 => {
                    let inner = self.content(secrets, depth - 1);
                    let layer = wrap::LAYERS[self.below(wrap::LAYERS.len())];
                    let mut wrapped = wrap::wrap(&mut rng, layer, &inner);
                    // Broken containers are as interesting as whole ones.
                    if self.byte() % 4 == 0 {
                        let at = self.below(wrapped.len());
                        wrapped[at] ^= self.byte();
                    }
                    if self.byte() % 8 == 0 {
                        wrapped.truncate(self.below(wrapped.len()));
                    }
                    out.extend(wrapped);
                }
                _ => {}
            }
        }
        out
    }
}

/// Output kept per decoder: bombs are cut off here.
const OUTPUT: usize = 1 << 20;

/// Runs a decoder over `input` in slices of lengths that `slice` gives, with output calls capped by `cap`, and returns its output
/// and how it ended.
pub fn decode(
    decoder: &mut dyn Decoder,
    input: &[u8],
    mut slice: impl FnMut() -> usize,
    cap: usize,
) -> (Vec<u8>, String) {
    let mut out = Vec::new();
    let mut rest = input;
    while !rest.is_empty() {
        let (mut part, after) = rest.split_at(slice().clamp(1, rest.len()));
        rest = after;
        loop {
            let before = out.len();
            let step = decoder.decode(part, &mut out, cap);
            assert!(out.len() - before <= cap, "the cap holds");
            if out.len() > OUTPUT {
                out.truncate(OUTPUT);
                return (out, "cut off".into());
            }
            match step {
                Step::More => break,
                Step::Full { consumed } => part = &part[consumed..],
                Step::Done { .. } => return (out, "done".into()),
                Step::Bad { fault, .. } => return (out, format!("{fault:?}")),
            }
        }
    }
    loop {
        match decoder.finish(&mut out, cap) {
            Step::Full { .. } if out.len() <= OUTPUT => {}
            Step::Bad { fault, .. } => return (out, format!("at the end: {fault:?}")),
            _ => return (out, "done at the end".into()),
        }
    }
}
