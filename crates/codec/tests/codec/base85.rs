//! base85 in both alphabets, and git's lines. The oracle is the definition, digit by digit.

use std::io::Read as _;
use std::ops::Range;

use exfilter_codec::base85::{Alphabet, Base85, GitLines};
use exfilter_codec::{Fault, Step};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::support::{Rng, cases, cut, lens};

const RFC1924: &[u8; 85] =
    b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~";
const Z85: &[u8; 85] =
    b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
const ASCII: &[u8; 85] =
    b"!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstu";
const ALPHABETS: [(Alphabet, &[u8; 85]); 3] =
    [(Alphabet::Rfc1924, RFC1924), (Alphabet::Z85, Z85), (Alphabet::Ascii, ASCII)];

/// Encodes `bytes`; a short last group as the first characters of one that is filled up with zeros.
pub(crate) fn encode(chars: &[u8; 85], bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for four in bytes.chunks(4) {
        let value = (0..4).fold(0, |value: usize, i| value * 256 + usize::from(*four.get(i).unwrap_or(&0)));
        let digits = [52_200_625, 614_125, 7225, 85, 1].map(|place| chars[value / place % 85]);
        out.extend(&digits[..four.len() + 1]);
    }
    out
}

/// What a group of two to five characters makes.
fn group(chars: &[u8; 85], group: &[u8]) -> Option<Vec<u8>> {
    let digit = |i| group.get(i).map_or(84, |c| chars.iter().position(|d| d == c).unwrap() as u128);
    let value = (0..5).fold(0, |value, i| value * 85 + digit(i));
    let made = value.to_be_bytes();
    (value < 1 << 32).then(|| made[12..][..group.len() - 1].to_vec())
}

/// What comes out, the bytes taken, and how it ended.
fn decode(alphabet: Alphabet, slices: &[&[u8]]) -> (Vec<u8>, usize, Result<(), Fault>) {
    let mut out = b"before".to_vec();
    let mut token = Base85::new(alphabet);
    let mut taken = 0;
    for slice in slices {
        let made = out.len() - 6;
        let step = token.decode(slice, &mut out);
        let (consumed, result) = match step {
            Step::More => {
                taken += slice.len();
                assert_eq!((out.len() - 6, token.pending()), (taken / 5 * 4, taken % 5));
                continue;
            }
            Step::Done { consumed } => (consumed, Ok(())),
            Step::Bad { consumed, fault } => (consumed, Err(fault)),
            Step::Full { .. } => panic!("full without a cap"),
        };
        taken += consumed;
        assert!(out.len() - 6 >= made);
        // Whoever ended stays ended.
        let len = out.len();
        let again = token.decode(b"00000", &mut out);
        assert!(matches!(again, Step::Done { consumed: 0 } | Step::Bad { consumed: 0, .. }));
        assert_eq!(token.finish(&mut out), result);
        assert_eq!((out.len(), token.pending()), (len, 0));
        return (out.split_off(6), taken, result);
    }
    let result = token.finish(&mut out);
    assert_eq!(token.finish(&mut out), result);
    (out.split_off(6), taken, result)
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn what_an_encoder_wrote(bytes in vec(any::<u8>(), 0..400), after in "[\"', \n]?", lens in lens()) {
        for (alphabet, chars) in ALPHABETS {
            let mut text = encode(chars, &bytes);
            let expected = (bytes.clone(), text.len(), Ok(()));
            // Ascii85 has quotes and commas.
            text.extend(after.bytes().filter(|byte| !alphabet.contains(*byte)));
            prop_assert_eq!(&decode(alphabet, &[&text]), &expected);
            prop_assert_eq!(&decode(alphabet, &cut(&text, &lens)), &expected);
        }
    }

    #[test]
    fn any_characters(seed: u64, len in 0..100usize, most in prop_oneof![Just(80usize), Just(85)], lens in lens()) {
        let mut rng = Rng(seed);
        for (alphabet, chars) in ALPHABETS {
            let text: Vec<u8> = (0..len).map(|_| chars[rng.below(most)]).collect();
            let (mut expected, mut taken, mut result) = (Vec::new(), 0, Ok(()));
            for five in text.chunks(5) {
                taken += five.len();
                result = match five.len() {
                    1 => Err(Fault::Truncated),
                    _ => group(chars, five).map(|made| expected.extend(made)).ok_or(Fault::Corrupt),
                };
                if result.is_err() {
                    break;
                }
            }
            let expected = (expected, taken, result);
            prop_assert_eq!(&decode(alphabet, &[&text]), &expected);
            prop_assert_eq!(&decode(alphabet, &cut(&text, &lens)), &expected);
            prop_assert_eq!(&decode(alphabet, &cut(&text, &[1])), &expected);
        }
    }

    #[test]
    fn any_bytes_are_survived(bytes in vec(any::<u8>(), 0..200), lens in lens()) {
        for (alphabet, _) in ALPHABETS {
            prop_assert_eq!(decode(alphabet, &[&bytes]), decode(alphabet, &cut(&bytes, &lens)));
        }
    }
}

#[test]
fn the_alphabets() {
    for (alphabet, chars) in ALPHABETS {
        assert!((0..=255).all(|byte| alphabet.contains(byte) == chars.contains(&byte)));
    }
}

/// From ZeroMQ's document and from Python's `base64.b85encode`.
#[test]
fn published_vectors() {
    for (alphabet, text, bytes) in [
        (Alphabet::Z85, "HelloWorld", &b"\x86\x4f\xd2\x6f\xb5\x59\xf7\x5b"[..]),
        (Alphabet::Rfc1924, "Xk~0{Z!92pZ*pv8", b"hello, world"),
        (Alphabet::Rfc1924, "VPa!sWd", b"abcde"),
        (Alphabet::Rfc1924, "0000000", b"\0\0\0\0\0"),
        (Alphabet::Rfc1924, "|NsC0", b"\xff\xff\xff\xff"),
    ] {
        assert_eq!(decode(alphabet, &[text.as_bytes()]), (bytes.to_vec(), text.len(), Ok(())));
    }
}

#[test]
fn a_group_that_makes_too_much() {
    for (text, taken, fault) in [
        (&b"VPa!s|NsC1VP"[..], 10, Fault::Corrupt),
        (b"VPa!s~~~~~", 10, Fault::Corrupt),
        (b"VPa!s~~", 7, Fault::Corrupt),
        (b"VPa!s~~ ", 7, Fault::Corrupt),
        (b"VPa!s~", 6, Fault::Truncated),
        (b"VPa!s0 ", 6, Fault::Truncated),
    ] {
        for slices in [cut(text, &[1]), vec![text]] {
            assert_eq!(decode(Alphabet::Rfc1924, &slices), (b"abcd".to_vec(), taken, Err(fault)));
        }
    }
}

type Pieces = Vec<(Range<u64>, Vec<u8>)>;

fn git(slices: &[&[u8]]) -> (Pieces, usize, Result<(), Fault>) {
    let mut out = Pieces::new();
    let mut sink = |from, bytes: &[u8]| out.push((from, bytes.to_vec()));
    let mut lines = GitLines::new();
    let mut taken = 0;
    for slice in slices {
        let (consumed, result) = match lines.decode(slice, &mut sink) {
            Step::More => {
                taken += slice.len();
                assert!(lines.pending() < 5);
                continue;
            }
            Step::Done { consumed } => (consumed, Ok(())),
            Step::Bad { consumed, fault } => (consumed, Err(fault)),
            Step::Full { .. } => panic!("full without a cap"),
        };
        let again = lines.decode(b"A00000\n", &mut sink);
        assert!(matches!(again, Step::Done { consumed: 0 } | Step::Bad { consumed: 0, .. }));
        assert_eq!((lines.finish(), lines.pending()), (result, 0));
        return (out, taken + consumed, result);
    }
    let result = lines.finish();
    assert_eq!(lines.finish(), result);
    (out, taken, result)
}

/// The lines for `bytes`, at most `width` of them a line.
fn git_lines(bytes: &[u8], width: usize, newline: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for line in bytes.chunks(width) {
        let letter = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"[line.len() - 1];
        let mut whole = line.to_vec();
        whole.resize(line.len().next_multiple_of(4), 0);
        out.push(letter);
        out.extend(encode(RFC1924, &whole));
        out.extend(newline.bytes());
    }
    out
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn lines(bytes in vec(any::<u8>(), 0..300), width in 1..=52usize, crlf: bool, empty: bool, lens in lens()) {
        let newline = if crlf { "\r\n" } else { "\n" };
        let mut text = git_lines(&bytes, width, newline);
        if empty {
            text.extend(newline.bytes());
        }
        let (pieces, taken, result) = git(&[&text]);
        prop_assert_eq!((taken, result), (text.len(), Ok(())));
        prop_assert_eq!(&pieces.iter().flat_map(|(_, bytes)| bytes.clone()).collect::<Vec<u8>>(), &bytes);
        let mut from = 0;
        for (range, bytes) in &pieces {
            let chars = &text[range.start as usize..range.end as usize];
            prop_assert_eq!(&group(RFC1924, chars).unwrap()[..bytes.len()], &bytes[..]);
            prop_assert!(range.start >= from);
            from = range.end;
        }
        prop_assert_eq!(git(&cut(&text, &lens)), (pieces, taken, result));
    }

    #[test]
    fn broken_lines(bytes in vec(any::<u8>(), 1..100), at: proptest::sample::Index, by: u8, lens in lens()) {
        let mut text = git_lines(&bytes, 52, "\n");
        *at.get_mut(&mut text) = by;
        prop_assert_eq!(git(&[&text]), git(&cut(&text, &lens)));
        let short = &text[..at.index(text.len())];
        prop_assert_eq!(git(&[short]), git(&cut(short, &lens)));
        prop_assert_eq!(git(&[&bytes]), git(&cut(&bytes, &lens)));
    }
}

#[test]
fn faults_of_lines() {
    for (text, taken, result) in [
        (&b"\n"[..], 1, Ok(())),
        (b"\r\n", 2, Ok(())),
        (b"\r", 1, Ok(())),
        (b"CVPazd", 6, Ok(())),
        (b"CVPazd\r\n\r\nA", 10, Ok(())),
        (b"\rA", 2, Err(Fault::Corrupt)),
        (b"CVPazd\rA", 8, Err(Fault::Corrupt)),
        (b"CVPazd0", 7, Err(Fault::Corrupt)),
        (b"CVPaz\n", 6, Err(Fault::Corrupt)),
        (b"C|NsC1\n", 6, Err(Fault::Corrupt)),
        (b"CVPazd\n+", 8, Err(Fault::Corrupt)),
        (b"CVPaz", 5, Err(Fault::Truncated)),
        (b"C", 1, Err(Fault::Truncated)),
        (b"EVPazd", 6, Err(Fault::Truncated)),
    ] {
        for slices in [cut(text, &[1]), vec![text]] {
            let (_, at, ended) = git(&slices);
            assert_eq!((at, ended), (taken, result), "{:?}", text.escape_ascii().to_string());
        }
    }
}

/// What `git diff --binary` writes with `core.compression=0` for a file of a zero byte and a line of text, five times.
#[test]
fn what_git_wrote() {
    let patch = concat!(
        "zcmV;w06_l$Z*FBEY-w&~Aa7<MbY*ySEFfWSWFT~CWgv55ZDk-~XJKh>J0NdvWgu*6\n",
        "zZe<{EW*~HBcyufvVQyp~bZBKDb75^|AYo@=X>L0pZ*FBEY-w&~Aa7<MbY*ySEFfWS\n",
        "zWFT~CWgv55ZDk-~XJKh>J0NdvWgu*6Ze<{EW*~HBcyufvVQyp~bZBKDb75^|AYo@=\n",
        "tX>L0pZ*FBEY-w&~Aa7<MbY*ySEFfWSWFT~CWgv55ZDk-~XJKh>J0NGXK^g!6\n",
        "\n",
    );
    let (pieces, taken, result) = git(&[patch.as_bytes(), b"literal 0\n"]);
    assert_eq!((taken, result), (patch.len(), Ok(())));
    let packed: Vec<u8> = pieces.into_iter().flat_map(|(_, bytes)| bytes).collect();
    let mut file = Vec::new();
    flate2::read::ZlibDecoder::new(&packed[..]).read_to_end(&mut file).unwrap();
    assert_eq!(file, ["\0", &"one line of text, and the same again; ".repeat(5)].concat().as_bytes());
}
