//! Text codings (base32, base58, base85, Ascii85, lists of character codes): what comes out and where it ends does not depend on slices; what was
//! encoded comes back; a beginning decodes to a beginning; nothing panics on other bytes.
#![no_main]

use std::ops::Range;

use arbitrary::{Arbitrary, Result, Unstructured};
use exfilter_codec::ascii85::Ascii85;
use exfilter_codec::base85::{Base85, GitLines};
use exfilter_codec::charcodes::{self, Form, Parsed};
use exfilter_codec::{Fault, Step, ascii85, base32, base58, base85};
use exfilter_fuzz::slices::{Slices, cut};
use exfilter_fuzz::text;
use exfilter_testing::Rng;
use libfuzzer_sys::fuzz_target;

#[derive(Clone, Copy, Debug)]
enum Coding {
    Base32(base32::Alphabet, u8),
    Base58,
    Base85(base85::Alphabet),
    GitLines,
    Ascii85,
    Codes(Form),
}

#[derive(Debug)]
struct Text {
    coding: Coding,
    slices: Slices,
    seed: u16,
    keep: usize,
    any: Vec<u8>,
}

impl<'a> Arbitrary<'a> for Text {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Text> {
        let coding = match u.int_in_range(0..=8u8)? {
            0 => Coding::Base32(base32::Alphabet::Base32, u.int_in_range(0..=7)?),
            1 => Coding::Base32(base32::Alphabet::Base32Hex, u.int_in_range(0..=7)?),
            2 => Coding::Base58,
            3 => Coding::Base85(base85::Alphabet::Rfc1924),
            4 => Coding::Base85(base85::Alphabet::Z85),
            5 => Coding::GitLines,
            7 => Coding::Base85(base85::Alphabet::Ascii),
            6 => Coding::Ascii85,
            _ => Coding::Codes(Form::ALL[u.choose_index(Form::ALL.len())?]),
        };
        let (slices, seed, keep) = (Slices::arbitrary(u)?, u.arbitrary()?, u.arbitrary::<u16>()?);
        Ok(Text { coding, slices, seed, keep: keep.into(), any: u.bytes(u.len())?.to_vec() })
    }
}

/// What a run shows.
#[derive(Debug, Default)]
struct Run {
    made: Vec<u8>,
    /// Where the bytes come from, one range for those of a group; none from decoders whose characters can be counted.
    from: Vec<Range<u64>>,
    /// Where it ended.
    end: u64,
    result: Option<Fault>,
    /// How much was out before the end was said.
    before: usize,
}

impl Run {
    /// What must not depend on slices.
    fn shows(&self) -> (&[u8], &[Range<u64>], u64, Option<Fault>) {
        (&self.made, &self.from, self.end, self.result)
    }

    fn push(&mut self, from: Range<u64>, bytes: &[u8]) {
        assert!(from.start < from.end && self.from.last().is_none_or(|last| last.end <= from.start));
        assert!(!bytes.is_empty());
        self.made.extend(bytes);
        self.from.push(from);
    }

    /// Feeds `slices` until one of them ends it; whether the slices ended first.
    fn steps(&mut self, slices: &[&[u8]], mut decode: impl FnMut(&[u8], &mut Run) -> Step) -> bool {
        for slice in slices {
            match decode(slice, self) {
                Step::More => self.end += slice.len() as u64,
                Step::Done { consumed } => {
                    self.end += consumed as u64;
                    return false;
                }
                Step::Bad { consumed, fault } => {
                    self.end += consumed as u64;
                    self.result = Some(fault);
                    return false;
                }
                Step::Full { .. } => panic!("full without a cap"),
            }
            self.before = self.made.len();
        }
        true
    }
}

fn decode(coding: Coding, slices: &[&[u8]]) -> Run {
    let mut run = Run::default();
    match coding {
        Coding::Base32(alphabet, skip) => {
            let mut phase = base32::Phase::new(alphabet, skip);
            for slice in slices {
                let taken = phase.decode(slice, &mut run.made);
                run.end += taken as u64;
                let bits = 5 * (run.end as usize).saturating_sub(skip.into());
                assert_eq!((run.made.len(), phase.pending()), (bits / 8, (bits % 8).div_ceil(5)));
                if taken < slice.len() {
                    assert!(!alphabet.contains(slice[taken]));
                    break;
                }
            }
            run.before = run.made.len();
        }
        Coding::Base58 => run.result = base58::decode(&slices.concat(), &mut run.made).err(),
        Coding::Base85(alphabet) => {
            let mut token = Base85::new(alphabet);
            if run.steps(slices, |slice, run| token.decode(slice, &mut run.made)) {
                run.result = token.finish(&mut run.made).err();
            }
            assert_eq!(token.pending(), 0);
        }
        Coding::GitLines => {
            let mut lines = GitLines::new();
            if run.steps(slices, |slice, run| lines.decode(slice, &mut |from, bytes| run.push(from, bytes))) {
                run.result = lines.finish().err();
            }
            assert_eq!(lines.pending(), 0);
        }
        Coding::Ascii85 => {
            let mut text = Ascii85::new();
            if run.steps(slices, |slice, run| text.decode(slice, &mut |from, bytes| run.push(from, bytes))) {
                run.result = text.finish(&mut |from, bytes| run.push(from, bytes)).err();
            }
            assert_eq!(text.pending(), 0);
        }
        Coding::Codes(form) => codes(form, slices, &mut run),
    }
    assert!(run.from.last().is_none_or(|last| last.end <= run.end));
    run
}

/// Reads a list as it comes: what is known of its first code or gap does not change.
fn codes(form: Form, slices: &[&[u8]], run: &mut Run) {
    let (mut text, mut at, mut gap, mut escaped) = (Vec::new(), 0, false, form == Form::Css);
    for n in 0..=slices.len() {
        let eof = n == slices.len();
        text.extend_from_slice(slices.get(n).unwrap_or(&&[][..]));
        loop {
            let rest = &text[at..];
            if gap {
                match charcodes::gap(rest, eof) {
                    Parsed::Found(found) => {
                        escaped = rest[found.len - 1] == b'\\';
                        (at, gap) = (at + found.len, false);
                    }
                    Parsed::Open => break,
                    Parsed::Nothing => return,
                }
            } else {
                match charcodes::code(rest, escaped, eof) {
                    Parsed::Found(code) if code.forms.contains(form) => {
                        let bytes: Vec<u8> = charcodes::values(&rest[..code.len], form).collect();
                        run.push(at as u64..(at + code.len) as u64, &bytes);
                        (at, gap) = (at + code.len, true);
                        run.end = at as u64;
                    }
                    Parsed::Open => break,
                    Parsed::Found(_) | Parsed::Nothing => return,
                }
            }
            if !eof {
                run.before = run.made.len();
            }
        }
    }
}

/// Most bytes of `any` as characters that the coding is made of, so that runs are long.
fn characters(coding: Coding, any: &[u8]) -> Vec<u8> {
    let ascii85: Vec<u8> = (0..=255).filter(|b| ascii85::is_char(*b) || b" \n~>".contains(b)).collect();
    let chars: &[u8] = match coding {
        Coding::Base32(alphabet, _) => text::base32_chars(alphabet),
        Coding::Base58 => text::BASE58,
        Coding::Base85(alphabet) => text::base85_chars(alphabet),
        Coding::GitLines => b"ABCD0123\r\n\n",
        Coding::Ascii85 => &ascii85,
        Coding::Codes(_) => b"0123456789abcdefx,,,  \n:-\\chr()",
    };
    any.iter()
        .map(|byte| if *byte == 255 { *byte } else { chars[usize::from(*byte) % chars.len()] })
        .collect()
}

fuzz_target!(|input: Text| {
    let Text { coding, slices, seed, keep, any } = input;
    let mut rng = Rng::new(seed.into());
    let encoded = match coding {
        Coding::Base32(alphabet, skip) => {
            [&b"AAAAAAA"[..skip.into()], &text::base32(alphabet, &any)].concat()
        }
        Coding::Base58 => text::base58(&any[..any.len().min(180)]),
        Coding::Base85(alphabet) => text::base85(text::base85_chars(alphabet), &any),
        Coding::GitLines => text::git_lines(&mut rng, &any),
        Coding::Ascii85 => text::ascii85(&mut rng, &any),
        Coding::Codes(form) => text::charcodes(form, &any),
    };
    let mut broken = encoded.clone();
    if let Some(at) = keep.checked_rem(broken.len()) {
        broken[at] = seed as u8;
    }
    for (i, bytes) in [&encoded, &broken, &characters(coding, &any), &any].into_iter().enumerate() {
        let whole = decode(coding, &[bytes]);
        let sliced = decode(coding, &cut(bytes, &slices.of(bytes.len())));
        assert_eq!(sliced.shows(), whole.shows());
        if i == 0 && !(matches!(coding, Coding::Base58) && encoded.len() > base58::MAX_LEN) {
            let content = if matches!(coding, Coding::Base58) { &any[..any.len().min(180)] } else { &any };
            // Words have two bytes each.
            let filled = usize::from(matches!(coding, Coding::Codes(Form::Words)) && content.len() % 2 == 1);
            let content = [content, &[0][..filled]].concat();
            assert_eq!((&whole.made[..], whole.result), (&content[..], None));
            assert!(whole.end == bytes.len() as u64 || matches!(coding, Coding::Base58));
        }
        if !matches!(coding, Coding::Base58) {
            // Before it is said to be over, a beginning shows nothing that is not so.
            let short = decode(coding, &[&bytes[..keep % (bytes.len() + 1)]]);
            assert!(whole.made.starts_with(&short.made[..short.before]));
        }
    }
});
