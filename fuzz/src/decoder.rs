//! The oracle of decoders: any slicing and any cap give the same output, the same end and the same latency.

use arbitrary::{Arbitrary, Result, Unstructured};
use exfilter_codec::{Decoder, Member, Step};

use crate::damage::damage;
use crate::slices::{Slices, cut};

/// What a decoder is given.
#[derive(Debug)]
pub struct DecoderInput {
    /// The encoded bytes.
    pub bytes: Vec<u8>,
    /// What they decode to, if they are well formed.
    pub content: Option<Vec<u8>>,
    slices: Slices,
    cap: usize,
    /// How much of it a beginning has.
    pub keep: usize,
}

impl DecoderInput {
    /// Raw bytes behind `magic`, or what `encode` made of some content from a seed.
    pub fn new(
        u: &mut Unstructured<'_>,
        magic: &[u8],
        encode: fn(&mut exfilter_testing::Rng, &[u8]) -> Vec<u8>,
    ) -> Result<DecoderInput> {
        let slices = Slices::arbitrary(u)?;
        let cap = *u.choose(&[1, 2, 7, 64, 1000, 40_000])?;
        let keep = u.arbitrary::<u16>()?.into();
        if u.ratio(1, 3)? {
            let mut bytes = if u.arbitrary()? { magic.to_vec() } else { Vec::new() };
            bytes.extend(u.bytes(u.len())?);
            return Ok(DecoderInput { bytes, content: None, slices, cap, keep });
        }
        let mut rng = exfilter_testing::Rng::new(u.arbitrary::<u8>()?.into());
        // Windows are passed over where that does not take thousands of steps.
        let long = if cap < 1000 { 1 } else { 120 };
        let mut content = Vec::new();
        for _ in 0..u.int_in_range(0..=4u8)? {
            let n = u.int_in_range(0..=400usize)?;
            match u.int_in_range(0..=3u8)? {
                0 => content.extend(u.bytes(n.min(u.len()))?),
                1 => content.extend(rng.bytes(n)),
                2 => content.extend(exfilter_testing::wrap::text(&mut rng)),
                _ => content.extend(std::iter::repeat_n(u.arbitrary::<u8>()?, n * long)),
            }
        }
        let mut bytes = encode(&mut rng, &content);
        let broken = damage(u, &mut bytes)? | damage(u, &mut bytes)?;
        Ok(DecoderInput { bytes, content: (!broken).then_some(content), slices, cap, keep })
    }

    /// Runs `decoder` over the bytes whole, in slices, cut short, and again after `reset`.
    ///
    /// # Panics
    ///
    /// If one says other than another.
    pub fn check<D: Decoder>(&self, mut new: impl FnMut() -> D, reset: impl Fn(&mut D)) {
        let whole = self.check_slices(&mut new, reset);
        let short =
            Trace::of(&mut new(), &[&self.bytes[..self.keep % (self.bytes.len() + 1)]], usize::MAX >> 1);
        assert!(whole.out.starts_with(&short.out), "a beginning decodes to a beginning");

        if let Some(content) = &self.content {
            assert!(whole.out == *content, "{} bytes, not {}", whole.out.len(), content.len());
            assert!(matches!(whole.end, Step::Done { .. }), "well formed: {:?}", whole.end);
        }
    }

    /// Runs `decoder` over the bytes whole and in slices, and again after `reset`.
    ///
    /// # Panics
    ///
    /// If one says other than another.
    pub fn check_blind<D: Decoder>(&self, mut new: impl FnMut() -> D, reset: impl Fn(&mut D)) {
        self.check_slices(&mut new, reset);
    }

    fn check_slices<D: Decoder>(&self, new: &mut impl FnMut() -> D, reset: impl Fn(&mut D)) -> Trace {
        let mut decoder = new();
        let whole = Trace::of(&mut decoder, &[&self.bytes], usize::MAX >> 1);
        let sliced = cut(&self.bytes, &self.slices.of(self.bytes.len()));
        let parts = Trace::of(&mut new(), &sliced, self.cap);
        whole.compare(&parts);

        reset(&mut decoder);
        let again = Trace::of(&mut decoder, &sliced, self.cap);
        assert!(parts == again, "a decoder that was reset is a new one: {parts:?} and {again:?}");
        whole
    }
}

/// Output kept per decoder: bombs are cut off here.
const OUTPUT: usize = 1 << 20;

/// What a decoder did.
#[derive(PartialEq)]
struct Trace {
    out: Vec<u8>,
    /// The last step, its input counted from the beginning. `More` if the output was cut off.
    end: Step,
    /// Where further members began.
    members: Vec<u64>,
    /// Parts of the output with their names.
    parts: Vec<Member>,
    established: bool,
    /// `unreleased` where a slice had been consumed and nothing waited.
    unreleased: Vec<(usize, u64)>,
}

impl Trace {
    fn of(decoder: &mut impl Decoder, slices: &[&[u8]], cap: usize) -> Trace {
        let mut trace = Trace {
            out: Vec::new(),
            end: Step::More,
            members: Vec::new(),
            parts: Vec::new(),
            established: false,
            unreleased: Vec::new(),
        };
        let mut at = 0;
        'slices: for slice in slices.iter().map(Some).chain([None]) {
            let mut rest = slice.copied().unwrap_or_default();
            loop {
                let room = cap.min(OUTPUT + 1);
                let before = trace.out.len();
                let step = match slice {
                    Some(_) => decoder.decode(rest, &mut trace.out, room),
                    None => decoder.finish(&mut trace.out, room),
                };
                let made = trace.out.len() - before;
                assert!(made <= room, "the cap holds");
                assert!(decoder.unreleased() <= decoder.block_max() || matches!(step, Step::Full { .. }));
                trace.members.append(decoder.member_starts());
                if let Some(parts) = decoder.members() {
                    trace.parts.append(parts);
                }
                trace.established |= decoder.is_established();
                if trace.out.len() > OUTPUT {
                    trace.out.truncate(OUTPUT);
                    break 'slices;
                }
                match step {
                    Step::More => {
                        at += rest.len();
                        trace.unreleased.push((at, decoder.unreleased()));
                        break;
                    }
                    Step::Full { consumed } => {
                        assert!(made == room, "full means full");
                        at += consumed;
                        rest = &rest[consumed..];
                    }
                    Step::Done { consumed } => {
                        assert!(consumed <= rest.len());
                        trace.end = Step::Done { consumed: at + consumed };
                        break 'slices;
                    }
                    Step::Bad { consumed, fault } => {
                        assert!(consumed <= rest.len());
                        trace.end = Step::Bad { consumed: at + consumed, fault };
                        break 'slices;
                    }
                }
            }
        }
        trace
    }

    fn compare(&self, other: &Trace) {
        assert!(self.out == other.out && self.end == other.end, "{self:?} and {other:?}");
        if self.end == Step::More {
            return;
        }
        assert!(self.members == other.members, "members: {self:?} and {other:?}");
        assert!(self.parts == other.parts, "parts: {self:?} and {other:?}");
        assert!(self.established == other.established, "established: {self:?} and {other:?}");
        for (at, unreleased) in &self.unreleased {
            let same = other.unreleased.iter().filter(|o| o.0 == *at).all(|o| o.1 == *unreleased);
            assert!(same, "unreleased at {at}: {self:?} and {other:?}");
        }
    }
}

/// Says how much, not what.
impl std::fmt::Debug for Trace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Trace { out, end, members, established, .. } = self;
        write!(f, "({} bytes, {end:?}, members at {members:?}, established: {established})", out.len())
    }
}
