//! Ways to cut bytes into chunks.

use crate::rng::Rng;

/// Chunk lengths that add up to `len`.
pub type Chunks = Vec<usize>;

/// One chunk.
pub fn whole(len: usize) -> Chunks {
    vec![len]
}

/// Chunks of `size`, the last one shorter.
pub fn every(len: usize, size: usize) -> Chunks {
    let mut chunks = vec![size; len / size];
    if !len.is_multiple_of(size) {
        chunks.push(len % size);
    }
    chunks
}

/// Two chunks.
pub fn two(len: usize, at: usize) -> Chunks {
    vec![at, len - at]
}

/// Chunks of 0 to `max` bytes.
pub fn random(rng: &mut Rng, len: usize, max: usize) -> Chunks {
    let mut chunks = Vec::new();
    let mut left = len;
    while left > 0 {
        let n = rng.below(max + 1).min(left);
        chunks.push(n);
        left -= n;
    }
    chunks
}

/// The chunkings that every law is tried with: whole, byte by byte (for up to 64 KiB), small and large random ones.
pub fn standard(rng: &mut Rng, len: usize) -> Vec<Chunks> {
    let mut all = vec![whole(len), two(len, rng.below(len + 1)), random(rng, len, 9), random(rng, len, 200)];
    if len <= 64 << 10 {
        all.push(every(len, 1));
    }
    all.push(random(rng, len, 5000));
    all.push(every(len, 64));
    all
}
