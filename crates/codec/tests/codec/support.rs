//! Running decoders, and data to run them on.

use exfilter_codec::{Decoder, Fault, Part, Segmenter, Step};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// `cases` cases, the same in every build; in the long run `EXFILTER_CASES`, others each time.
pub(crate) fn cases(cases: u32) -> ProptestConfig {
    match std::env::var("EXFILTER_CASES").ok().and_then(|n| n.parse().ok()) {
        Some(many) => ProptestConfig { cases: many, max_global_rejects: many, ..ProptestConfig::default() },
        None => ProptestConfig { cases, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() },
    }
}

/// All of `len` places in a long run, else one of three, and all of the first and the last hundred. Of bits each of a byte has its turn.
pub(crate) fn places(len: usize) -> impl Iterator<Item = usize> {
    let all = std::env::var_os("EXFILTER_CASES").is_some();
    (0..len).filter(move |at| all || at % 3 == 0 || *at < 100 || at + 100 >= len)
}

/// How a decoder ended, slicing aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The input ended at a whole member.
    Whole,
    /// Something else began at this offset.
    At(u64),
    /// A fault after this many bytes.
    Bad(u64, Fault),
}

/// All a run shows.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) out: Vec<u8>,
    pub(crate) end: End,
    pub(crate) starts: Vec<u64>,
    pub(crate) established: bool,
    /// `(input consumed, output, unreleased)` after every drained step.
    pub(crate) trace: Vec<(u64, u64, u64)>,
}

impl Run {
    /// The run without what only some slicings have.
    pub(crate) fn result(&self) -> (&[u8], End, &[u64], bool) {
        (&self.out, self.end, &self.starts, self.established)
    }

    /// What a finer slicing shows at the offsets of this one.
    pub(crate) fn assert_trace_within(&self, finer: &Run) {
        for at in &self.trace {
            let same = finer.trace.binary_search_by_key(&at.0, |at| at.0).map(|index| finer.trace[index]);
            assert_eq!(same, Ok(*at), "the finer slicing shows something else");
        }
    }
}

/// Feeds `slices`, at most `cap` bytes of output a call, and ends the input.
pub(crate) fn run<'a>(
    decoder: &mut dyn Decoder,
    slices: impl IntoIterator<Item = &'a [u8]>,
    cap: usize,
) -> Run {
    let mut run =
        Run { out: Vec::new(), end: End::Whole, starts: Vec::new(), established: false, trace: Vec::new() };
    let mut offset = 0;
    let mut ended = false;
    for slice in slices.into_iter().filter(|slice| !slice.is_empty()) {
        let mut rest = slice;
        loop {
            let before = run.out.len();
            let step = decoder.decode(rest, &mut run.out, cap);
            assert!(run.out.len() - before <= cap, "more than the cap");
            let consumed = match step {
                Step::More => rest.len(),
                Step::Full { consumed } | Step::Done { consumed } | Step::Bad { consumed, .. } => consumed,
            };
            offset += consumed as u64;
            rest = &rest[consumed..];
            match step {
                Step::More => run.trace.push((offset, run.out.len() as u64, decoder.unreleased())),
                Step::Full { .. } => {
                    assert_eq!(run.out.len() - before, cap, "full, but below the cap");
                    continue;
                }
                Step::Done { .. } => (run.end, ended) = (End::At(offset), true),
                Step::Bad { fault, .. } => (run.end, ended) = (End::Bad(offset, fault), true),
            }
            break;
        }
        if ended {
            // Whoever ended stays ended.
            let made = run.out.len();
            let again = decoder.decode(b"more", &mut run.out, cap);
            match run.end {
                End::Bad(_, fault) => assert_eq!(again, Step::Bad { consumed: 0, fault }),
                _ => assert_eq!(again, Step::Done { consumed: 0 }),
            }
            assert_eq!(run.out.len(), made);
            break;
        }
    }
    while !ended {
        let before = run.out.len();
        let step = decoder.finish(&mut run.out, cap);
        assert!(run.out.len() - before <= cap, "more than the cap");
        ended = true;
        match step {
            Step::More => panic!("more after the end"),
            Step::Full { consumed: 0 } => ended = false,
            Step::Done { consumed: 0 } => run.end = End::Whole,
            Step::Bad { consumed: 0, fault } => run.end = End::Bad(offset, fault),
            _ => panic!("consumed without input"),
        }
    }
    run.starts.append(decoder.member_starts());
    run.established = decoder.is_established();
    run
}

pub(crate) fn whole(decoder: &mut dyn Decoder, input: &[u8]) -> Run {
    run(decoder, [input], usize::MAX)
}

pub(crate) fn bytewise(decoder: &mut dyn Decoder, input: &[u8]) -> Run {
    run(decoder, input.chunks(1), usize::MAX)
}

/// Decodes `packed` whole, byte by byte, and in slices under a cap; all must show the same. Returns the finest run.
pub(crate) fn blind<D: Decoder>(new: impl Fn() -> D, packed: &[u8], lens: &[usize], cap: usize) -> Run {
    let finest = bytewise(&mut new(), packed);
    for (slices, cap) in
        [(vec![packed], usize::MAX), (cut(packed, lens), usize::MAX), (cut(packed, lens), cap)]
    {
        let sliced = run(&mut new(), slices, cap);
        let (a, b) = (sliced.result(), finest.result());
        assert_eq!((a.0.len(), a.1, a.2, a.3), (b.0.len(), b.1, b.2, b.3), "cut after {lens:?}, cap {cap}");
        assert!(a.0 == b.0, "other bytes: cut after {lens:?}, cap {cap}");
        sliced.assert_trace_within(&finest);
    }
    finest
}

/// What every decoder must do with every beginning of `packed`, which decodes to `content`: it is cut short, and what comes out
/// is what a longer beginning shows too.
pub(crate) fn every_truncation<D: Decoder>(new: impl Fn() -> D, packed: &[u8], content: &[u8]) {
    let finest = bytewise(&mut new(), packed);
    assert!(finest.out == content);
    for len in places(packed.len()) {
        let run = whole(&mut new(), &packed[..len]);
        assert_eq!(run.end, End::Bad(len as u64, Fault::Truncated), "cut at {len}");
        let made = len.checked_sub(1).map_or(0, |last| finest.trace[last].1 as usize);
        assert!(run.out == content[..made], "cut at {len}");
    }
}

/// What every decoder must do when a bit of `packed` is flipped: not depend on slices, and not say that other content is whole.
/// `matters` tells bits whose change must be noticed.
pub(crate) fn every_flipped_bit<D: Decoder>(
    new: impl Fn() -> D,
    packed: &[u8],
    content: &[u8],
    matters: impl Fn(usize) -> bool,
) {
    let mut broken = packed.to_vec();
    for bit in places(packed.len() * 8) {
        broken[bit / 8] ^= 1 << (bit % 8);
        let run = blind(&new, &broken, &[7, 64, 1], 13);
        let whole = matches!(run.end, End::Whole | End::At(_));
        assert!(!whole || run.out == content || !matters(bit), "bit {bit} goes unnoticed");
        broken[bit / 8] ^= 1 << (bit % 8);
    }
}

/// A decoder that was reset must be a new one, whatever it has seen.
pub(crate) fn resets<D: Decoder>(new: impl Fn() -> D, reset: impl Fn(&mut D), packed: &[u8]) {
    let fresh = whole(&mut new(), packed);
    let mut decoder = new();
    for len in [0, 3, 11, packed.len() / 2, packed.len() - 3, packed.len()] {
        whole(&mut decoder, &packed[..len]);
        reset(&mut decoder);
        assert!(whole(&mut decoder, packed) == fresh, "after {len} bytes");
        reset(&mut decoder);
    }
}

pub(crate) fn assert_can_be_sent<T: Send + Sync + std::panic::UnwindSafe>() {}

/// Cuts `input` after each of `lens` bytes in turn, over and over.
pub(crate) fn cut<'a>(input: &'a [u8], lens: &[usize]) -> Vec<&'a [u8]> {
    let mut rest = input;
    let mut slices = Vec::new();
    let mut lens = lens.iter().cycle();
    while !rest.is_empty() {
        let (slice, tail) = rest.split_at(rest.len().min(*lens.next().unwrap_or(&1)));
        slices.push(slice);
        rest = tail;
    }
    slices
}

/// What a segmenter reports; an error ends it.
pub(crate) fn segment<'a>(
    segmenter: &mut dyn Segmenter,
    slices: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<Part>, Result<(), (u64, Fault)>) {
    let mut parts = Vec::new();
    for slice in slices {
        if let Err(error) = segmenter.feed(slice, &mut |part| parts.push(part)) {
            let seen = parts.len();
            assert_eq!(segmenter.feed(&[0; 2000], &mut |part| parts.push(part)), Ok(()));
            assert_eq!(segmenter.finish(&mut |part| parts.push(part)), Ok(()));
            assert_eq!(parts.len(), seen, "parts after an error");
            return (parts, Err(error));
        }
    }
    let result = segmenter.finish(&mut |part| parts.push(part));
    (parts, result)
}

/// A small generator, for data that need not shrink.
pub(crate) struct Rng(pub(crate) u64);

impl Rng {
    pub(crate) fn next(&mut self) -> u64 {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    pub(crate) fn noise(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next() as u8).collect()
    }

    /// Words that repeat, as text does.
    pub(crate) fn text(&mut self, len: usize) -> Vec<u8> {
        const WORDS: [&str; 12] = [
            "let",
            "mut",
            "stream",
            "(",
            ");\n",
            "    ",
            "while",
            "offset",
            "decoder",
            "=",
            "0x3fa9",
            "\"value\": ",
        ];
        let mut out = Vec::new();
        while out.len() < len {
            match self.below(8) {
                0 => out.extend_from_slice(&self.noise(3)),
                _ => out.extend_from_slice(WORDS[self.below(WORDS.len())].as_bytes()),
            }
        }
        out.truncate(len);
        out
    }
}

/// Content of several textures.
pub(crate) fn content(max: usize) -> impl Strategy<Value = Vec<u8>> {
    (any::<u64>(), 0..=max, 0..4u8).prop_map(|(seed, len, kind)| {
        let mut rng = Rng(seed);
        match kind {
            0 => rng.noise(len),
            1 => vec![rng.next() as u8; len],
            _ => rng.text(len),
        }
    })
}

/// Slice lengths, most of them short.
pub(crate) fn lens() -> impl Strategy<Value = Vec<usize>> {
    proptest::collection::vec(prop_oneof![1..=4usize, 1..=64usize, 1..=5000usize], 1..8)
}

/// Output caps, most of them tight.
pub(crate) fn cap() -> impl Strategy<Value = usize> {
    prop_oneof![1..=8usize, 1..=1000usize, Just(64 * 1024), Just(usize::MAX)]
}
