//! Ascii85 with marks, white space and short forms. The oracle encodes by the definition, see `base85.rs`.

use std::ops::Range;

use exfilter_codec::ascii85::{Ascii85, is_char};
use exfilter_codec::{Fault, Step};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::base85::encode;
use crate::support::{Rng, cases, cut, lens};

type Pieces = Vec<(Range<u64>, Vec<u8>)>;

fn decode(slices: &[&[u8]]) -> (Pieces, usize, Result<(), Fault>) {
    let mut out = Pieces::new();
    let mut sink = |from, bytes: &[u8]| out.push((from, bytes.to_vec()));
    let mut text = Ascii85::new();
    let mut taken = 0;
    for slice in slices {
        let (consumed, result) = match text.decode(slice, &mut sink) {
            Step::More => {
                taken += slice.len();
                assert!(text.pending() <= taken as u64);
                continue;
            }
            Step::Done { consumed } => (consumed, Ok(())),
            Step::Bad { consumed, fault } => (consumed, Err(fault)),
            Step::Full { .. } => panic!("full without a cap"),
        };
        let again = text.decode(b"!!!!!", &mut sink);
        assert!(matches!(again, Step::Done { consumed: 0 } | Step::Bad { consumed: 0, .. }));
        assert_eq!((text.finish(&mut sink), text.pending()), (result, 0));
        return (out, taken + consumed, result);
    }
    let result = text.finish(&mut sink);
    assert_eq!(text.finish(&mut sink), result);
    (out, taken, result)
}

fn bytes(pieces: &Pieces) -> Vec<u8> {
    pieces.iter().flat_map(|(_, bytes)| bytes.clone()).collect()
}

fn chars() -> [u8; 85] {
    std::array::from_fn(|i| b'!' + i as u8)
}

/// Encodes with short forms, and white space wherever the generator likes.
fn spell(rng: &mut Rng, content: &[u8]) -> Vec<u8> {
    let blanks = [0, 3, 10][rng.below(3)];
    let short = rng.below(2) == 0;
    let mut out = Vec::new();
    for four in content.chunks(4) {
        let group = match four {
            [0, 0, 0, 0] => b"z".to_vec(),
            b"    " if short => b"y".to_vec(),
            _ => encode(&chars(), four),
        };
        for char in group {
            while blanks > 0 && rng.below(blanks) == 0 {
                out.push(b" \t\r\n\x0b\x0c\0"[rng.below(7)]);
            }
            out.push(char);
        }
    }
    out
}

/// Bytes with groups that have short forms.
fn content() -> impl Strategy<Value = Vec<u8>> {
    vec(prop_oneof![vec(any::<u8>(), 4), Just(vec![0; 4]), Just(vec![b' '; 4]), vec(any::<u8>(), 1)], 0..60)
        .prop_map(|groups| groups.concat())
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn what_an_encoder_wrote(seed: u64, content in content(), begin: bool, end in 0..4usize, lens in lens()) {
        let body = spell(&mut Rng(seed), &content);
        // A text of one `<` and marks would begin with a mark.
        let (before, after) = (if begin { "<~" } else { "" }, ["", "~>", "~", "|"][end]);
        let text = [before.as_bytes(), &body, after.as_bytes()].concat();
        let taken = text.len() - after.matches('|').count();
        let (pieces, at, result) = decode(&[&text]);
        prop_assert_eq!((bytes(&pieces), at, result), (content, taken, Ok(())));
        let mut from = before.len() as u64;
        for (range, made) in &pieces {
            prop_assert!(range.start >= from);
            from = range.end;
            // A piece is what stands there, no more, and decodes alone.
            let piece = &text[range.start as usize..range.end as usize];
            prop_assert!(is_char(piece[0]) && is_char(piece[piece.len() - 1]));
            prop_assert_eq!(bytes(&decode(&[piece]).0), &made[..]);
        }
        let followed = [&text[..], b"| rest"].concat();
        let text = if end == 0 { text } else { followed };
        prop_assert_eq!(decode(&cut(&text, &lens)), (pieces, taken, Ok(())));
    }

    #[test]
    fn noise(seed: u64, len in 0..200usize, lens in lens()) {
        let mut rng = Rng(seed);
        let most = [19, 23][rng.below(2)];
        let text: Vec<u8> = (0..len).map(|_| b"!!!!!!<5AQqsuzy~>> \n\0v\xff"[rng.below(most)]).collect();
        let whole = decode(&[&text]);
        prop_assert_eq!(&decode(&cut(&text, &lens)), &whole);
        prop_assert_eq!(&decode(&cut(&text, &[1])), &whole);
    }

    #[test]
    fn any_bytes_are_survived(bytes in vec(any::<u8>(), 0..200), lens in lens()) {
        prop_assert_eq!(decode(&[&bytes]), decode(&cut(&bytes, &lens)));
    }
}

#[test]
fn the_characters() {
    for byte in 0..=255u8 {
        let taken = decode(&[&[byte, byte]]).1 > 0;
        assert_eq!(taken, is_char(byte) || byte == b'~' || b" \t\r\n\x0b\x0c\0".contains(&byte), "{byte}");
    }
}

/// From Python's `base64.a85encode`.
#[test]
fn published_vectors() {
    for (text, made) in [
        ("BOu!rD_*#TDfTZ)", &b"hello, world"[..]),
        ("<~@:E_WAH~>", b"abcde"),
        ("<~AU%g$Cij6/z+<VdL@UX=h3&L~>", b"exfilter\0\0\0\0    base85"),
        ("AU%g$Cij6/zy@UX=h3&L", b"exfilter\0\0\0\0    base85"),
        ("z!!", b"\0\0\0\0\0"),
        ("s8W-!", b"\xff\xff\xff\xff"),
        ("<~~>", b""),
        ("", b""),
    ] {
        let (pieces, taken, result) = decode(&[text.as_bytes()]);
        assert_eq!((bytes(&pieces), taken, result), (made.to_vec(), text.len(), Ok(())), "{text}");
    }
}

#[test]
fn marks_and_faults() {
    for (text, made, taken, result) in [
        // A mark only at the beginning; elsewhere `<` is a character.
        (&b" \n<~@:E_W~>"[..], &b"abcd"[..], 11, Ok(())),
        (b"@:E_W<~", b"abcd", 7, Err(Fault::Truncated)),
        (b"<\n~>", b"", 3, Err(Fault::Truncated)),
        (b"<", b"", 1, Err(Fault::Truncated)),
        (b"<~>", b"", 3, Err(Fault::Truncated)),
        (b"@:E_W~ >", b"abcd", 6, Ok(())),
        (b"@:E_W~>>", b"abcd", 7, Ok(())),
        (b"@:E_W!~>", b"abcd", 7, Err(Fault::Truncated)),
        (b"@:E_W! | ", b"abcd", 7, Err(Fault::Truncated)),
        (b"@:E_Wuuu|", b"abcd", 8, Err(Fault::Corrupt)),
        (b"@:E_Wuu", b"abcd", 7, Err(Fault::Corrupt)),
        (b"@:E_Wuu~>", b"abcd", 8, Err(Fault::Corrupt)),
        (b"@:E_W!!z", b"abcd", 8, Err(Fault::Corrupt)),
        (b"@:E_W!!y", b"abcd", 8, Err(Fault::Corrupt)),
        (b"@:E_W{", b"abcd", 5, Ok(())),
        (b"@:E_W@/\xff", b"abcda", 7, Ok(())),
    ] {
        for slices in [cut(text, &[1]), vec![text]] {
            let (pieces, at, ended) = decode(&slices);
            let text = text.escape_ascii().to_string();
            assert_eq!((bytes(&pieces), at, ended), (made.to_vec(), taken, result), "{text}");
        }
    }
}

#[test]
fn what_is_pending() {
    let mut text = Ascii85::new();
    let mut sink = |_: Range<u64>, _: &[u8]| {};
    for (piece, pending) in
        [(&b"\n "[..], 0), (b"@:", 2), (b" \n", 4), (b"E_", 6), (b"W", 0), (b"  ", 0), (b"z", 0)]
    {
        assert_eq!(text.decode(piece, &mut sink), Step::More);
        assert_eq!(text.pending(), pending);
    }
}
