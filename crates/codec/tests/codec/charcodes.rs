//! Lists of character codes, as programs and tools write them.

use std::ops::Range;

use exfilter_codec::charcodes::{Form, List, MAX_LEN, Parsed};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::support::{Rng, cases, cut, lens};

type Codes = Vec<(Range<u64>, u8)>;

/// The codes, and where the last one ends; whether the list was over before its text was.
fn read(form: Form, slices: &[&[u8]]) -> (Codes, u64, bool) {
    let mut out = Codes::new();
    let mut list = List::new(form);
    let mut over = None;
    for slice in slices {
        let parsed = list.parse(slice, &mut |from, byte| out.push((from, byte)));
        assert!(list.pending() <= MAX_LEN);
        match (over, parsed) {
            (None, Parsed::End { at }) => over = Some((at, out.len())),
            (None, Parsed::Incomplete) => {}
            // Whoever is over stays over.
            (Some((end, len)), parsed) => assert_eq!((Parsed::End { at: end }, len), (parsed, out.len())),
        }
    }
    let end = list.finish(&mut |from, byte| out.push((from, byte)));
    assert_eq!(list.parse(b", 1,", &mut |_, _| panic!("after the end")), Parsed::End { at: end });
    assert_eq!((list.pending(), out.last().map_or(0, |(from, _)| from.end)), (0, end));
    assert!(over.is_none_or(|over| over == (end, out.len())));
    (out, end, over.is_some())
}

fn bytes(codes: &Codes) -> Vec<u8> {
    codes.iter().map(|(_, byte)| *byte).collect()
}

/// Writes `content` as a list in some style of `form`, and where the codes stand.
fn spell(rng: &mut Rng, form: Form, content: &[u8]) -> (Vec<u8>, Codes) {
    let style = rng.below(8);
    let between = match form {
        Form::Numbers => [",", " ", ", ", ",\n\t", " , ", "\r\n"][rng.below(6)],
        Form::Pairs => [":", "-", " ", ",", ":\n    ", "  "][rng.below(6)],
    };
    let (mut text, mut codes) = (Vec::new(), Codes::new());
    for (i, byte) in content.iter().enumerate() {
        if i > 0 {
            text.extend(between.bytes());
            // Blanks more or less make no difference.
            text.resize(text.len() + rng.below(3), b' ');
        }
        let code = match (form, style) {
            (Form::Pairs, 0..4) => format!("{byte:02x}"),
            (Form::Pairs, _) => format!("{byte:02X}"),
            (_, 0) => format!("{byte:#x}"),
            (_, 1) => format!("0X{byte:04X}"),
            (_, 2) => format!("{byte:#o}"),
            (_, 3) => format!("0{byte:o}"),
            (_, 4) => format!("0O{byte:o}"),
            _ => format!("{byte}"),
        };
        let start = text.len() as u64;
        text.extend(code.bytes());
        codes.push((start..text.len() as u64, *byte));
    }
    (text, codes)
}

const FORMS: [Form; 2] = [Form::Numbers, Form::Pairs];

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn lists(seed: u64, content in vec(any::<u8>(), 0..100), after in "[])};.\"]?", lens in lens()) {
        let mut rng = Rng(seed);
        for form in FORMS {
            let (text, codes) = spell(&mut rng, form, &content);
            let whole = [&text[..], after.as_bytes(), if after.is_empty() { "" } else { ", 1" }.as_bytes()].concat();
            let expected = (codes, text.len() as u64, !after.is_empty());
            prop_assert_eq!(&read(form, &[&whole]), &expected);
            prop_assert_eq!(&read(form, &cut(&whole, &lens)), &expected);
            prop_assert_eq!(&read(form, &cut(&whole, &[1])), &expected);
        }
    }

    #[test]
    fn noise(seed: u64, len in 0..100usize, lens in lens()) {
        let mut rng = Rng(seed);
        let most = [16, 24][rng.below(2)];
        let text: Vec<u8> = (0..len).map(|_| b"0011269xoaF   ,,,\n\t:-_]\xff"[rng.below(most)]).collect();
        for form in FORMS {
            let whole = read(form, &[&text]);
            prop_assert_eq!(&read(form, &cut(&text, &lens)), &whole);
            prop_assert_eq!(&read(form, &cut(&text, &[1])), &whole);
            // A beginning shows a beginning, but for a code that goes on behind it.
            let short = read(form, &[&text[..rng.below(len + 1)]]).0;
            prop_assert!(whole.0.starts_with(&short[..short.len().saturating_sub(1)]));
        }
    }

    #[test]
    fn any_bytes_are_survived(bytes in vec(any::<u8>(), 0..200), lens in lens()) {
        for form in FORMS {
            prop_assert_eq!(read(form, &[&bytes]), read(form, &cut(&bytes, &lens)));
        }
    }
}

#[test]
fn what_is_a_list() {
    for (form, text, made, end) in [
        (Form::Numbers, "103,104,112,95", &b"ghp_"[..], 14),
        (Form::Numbers, "103, 104)", b"gh", 8),
        (Form::Numbers, "\n  103,\n  104,\n]", b"gh", 13),
        (Form::Numbers, "0x67, 0x68}", b"gh", 10),
        (Form::Numbers, "103 104\t112\r\n95", b"ghp_", 15),
        (Form::Numbers, "0147 0o150 0O160", b"ghp", 16),
        (Form::Numbers, "010, 089, 00, 0", b"\x08Y\0\0", 15),
        (Form::Numbers, "103 , 104,105", b"ghi", 13),
        (Form::Numbers, "00000103, 00000000", b"C\0", 18),
        (Form::Numbers, "255, 256", b"\xff", 3),
        (Form::Numbers, "0xff, 0x100", b"\xff", 4),
        (Form::Numbers, "0377 0400", b"\xff", 4),
        (Form::Numbers, "103,,104", b"g", 3),
        (Form::Numbers, "103, 104 105", b"gh", 8),
        (Form::Numbers, "103 104, 105", b"gh", 7),
        (Form::Numbers, "103:104", b"g", 3),
        (Form::Numbers, "103, 0x, 104", b"g", 3),
        (Form::Numbers, "103, 0o8", b"g", 3),
        (Form::Numbers, "103, 104L", b"g", 3),
        (Form::Numbers, "103, 1_0", b"g", 3),
        (Form::Numbers, "103, -104", b"g", 3),
        (Form::Numbers, "103, 000000104", b"g", 3),
        (Form::Numbers, "103.", b"g", 3),
        (Form::Numbers, ",103", b"", 0),
        (Form::Numbers, "ghp", b"", 0),
        (Form::Numbers, r"\147\150", b"", 0),
        (Form::Numbers, "", b"", 0),
        (Form::Pairs, "67:68:70", b"ghp", 8),
        (Form::Pairs, "67-68-70-5F", b"ghp_", 11),
        (Form::Pairs, "67 68  70\n5f", b"ghp_", 12),
        (Form::Pairs, "67:68:\n    70:5f\n", b"ghp_", 16),
        (Form::Pairs, "67,68", b"gh", 5),
        (Form::Pairs, "67:68-70", b"gh", 5),
        (Form::Pairs, "67:686", b"g", 2),
        (Form::Pairs, "67:6", b"g", 2),
        (Form::Pairs, "67:6:", b"g", 2),
        (Form::Pairs, "67::68", b"g", 2),
        (Form::Pairs, "67 6g", b"g", 2),
        (Form::Pairs, "0x67", b"", 0),
        (Form::Pairs, "6768", b"", 0),
    ] {
        for slices in [cut(text.as_bytes(), &[1]), vec![text.as_bytes()]] {
            let (codes, at, _) = read(form, &slices);
            assert_eq!((bytes(&codes), at), (made.to_vec(), end), "{text}");
        }
    }
}

#[test]
fn over_as_soon_as_it_is() {
    for (form, text) in [
        (Form::Numbers, "103, g"),
        (Form::Numbers, "103, 0x6g"),
        (Form::Numbers, "256,"),
        (Form::Numbers, "103a"),
        (Form::Numbers, "103,,"),
        (Form::Numbers, "103 104,"),
        (Form::Numbers, "103,104 1"),
        (Form::Numbers, "123456789"),
        (Form::Pairs, "676"),
        (Form::Pairs, "6:"),
        (Form::Pairs, "67x"),
    ] {
        let (open, last) = text.as_bytes().split_at(text.len() - 1);
        let mut list = List::new(form);
        assert_eq!(list.parse(open, &mut |_, _| {}), Parsed::Incomplete, "{text}");
        assert!(matches!(list.parse(last, &mut |_, _| {}), Parsed::End { .. }), "{text}");
    }
}

#[test]
fn only_a_code_is_pending() {
    let mut list = List::new(Form::Numbers);
    for (piece, pending) in
        [("  ", 0), ("10", 2), ("3", 3), (",", 0), (" ", 0), ("0x", 2), ("0067", 6), ("\n", 0)]
    {
        assert_eq!(list.parse(piece.as_bytes(), &mut |_, _| {}), Parsed::Incomplete);
        assert_eq!(list.pending(), pending, "{piece}");
    }
}
