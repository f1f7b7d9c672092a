//! Lists of character codes: more bytes never change what is known, and what was written comes back.

use exfilter_codec::charcodes::{CODE_MAX, DUMP_MAX, Form, GAP_MAX, Parsed, code, gap, values};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::support::{Rng, cases};

/// How a list writes its codes, and what it writes between them.
fn spell(rng: &mut Rng, bytes: &[u8]) -> (Form, String) {
    let between = [",", ", ", " ", ",\n    ", "\r\n", ":", "-", ") + chr(", "+[char]", ", (byte) ", "\\n"];
    let form = Form::ALL[rng.below(6)];
    let between =
        if form == Form::Css { [" \\", "\\"][rng.below(2)] } else { between[rng.below(between.len())] };
    let prefix = rng.below(2) == 0;
    let capital = rng.below(2) == 0;
    let write = |b: &u8| match (form, prefix, capital) {
        (Form::Decimal, ..) => format!("{b}"),
        (Form::Hexadecimal, true, _) => format!("{b:#x}"),
        (Form::Hexadecimal, _, true) => format!("{b:02X}"),
        (Form::Hexadecimal, ..) => format!("{b:02x}"),
        (Form::Octal, true, _) => format!("{b:#o}"),
        (Form::Octal, ..) => format!("{b:03o}"),
        (Form::Binary, true, _) => format!("{b:#b}"),
        (Form::Binary, ..) => format!("{b:08b}"),
        (Form::Css, ..) if between == "\\" => format!("{b:06x}"),
        (Form::Css, ..) => format!("{b:x}"),
        // Two bytes each.
        (Form::Words, ..) => String::new(),
    };
    if form == Form::Words {
        let word = |two: &[u8]| u16::from_le_bytes([two[0], two[1]]);
        let write = |two: &[u8]| match (prefix, capital) {
            (true, _) => format!("{:06o}", word(two)),
            (_, true) => format!("{:#06x}", word(two)),
            _ => format!("{:04x}", word(two)),
        };
        return (form, bytes.chunks_exact(2).map(write).collect::<Vec<_>>().join(between));
    }
    (form, bytes.iter().map(write).collect::<Vec<_>>().join(between))
}

/// What `text` stands for in `form`, as far as it is a list.
fn read(form: Form, text: &[u8]) -> Vec<u8> {
    let (mut out, mut at, mut escaped) = (Vec::new(), 0, form == Form::Css);
    while let Parsed::Found(code) = code(&text[at..], escaped, true) {
        assert!((1..=CODE_MAX).contains(&code.len) && !code.forms.is_empty());
        if !code.forms.contains(form) {
            break;
        }
        out.extend(values(&text[at..at + code.len], form));
        at += code.len;
        let Parsed::Found(gap) = gap(&text[at..], true) else { break };
        assert!((1..=GAP_MAX.max(DUMP_MAX)).contains(&gap.len));
        at += gap.len;
        escaped = text[at - 1] == b'\\';
    }
    out
}

#[test]
fn what_was_written_comes_back() {
    for case in 0..300 {
        let mut rng = Rng(case);
        let bytes: Vec<u8> = (0..2 * (1 + rng.below(30))).map(|_| rng.below(256) as u8).collect();
        let (form, text) = spell(&mut rng, &bytes);
        assert_eq!(read(form, text.as_bytes()), bytes, "case {case}: {text}");
    }
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn more_bytes_never_change_what_is_known(
        pieces in vec(prop_oneof![
            Just(b"103".to_vec()), Just(b"0x67".to_vec()), Just(b", ".to_vec()), Just(b"  ".to_vec()), Just(b"chr".to_vec()),
            Just(b"\\n".to_vec()), Just(b"\n00000010: ".to_vec()), Just(b"\\n0000020 67".to_vec()), Just(b",\"12\":".to_vec()), Just(b"  |ab|".to_vec()), Just(b"u8".to_vec()), Just(b"*\n".to_vec()), Just(b"67".to_vec()), Just(b"\\".to_vec()),
            vec(b' '..=b'~', 0..30), vec(any::<u8>(), 0..4),
        ], 0..8),
        escaped in any::<bool>(),
    ) {
        let text = pieces.concat();
        let (whole_code, whole_gap) = (code(&text, escaped, false), gap(&text, false));
        for cut in 0..text.len() {
            let short = code(&text[..cut], escaped, false);
            prop_assert!(short == Parsed::Open || short == whole_code, "{} bytes: {:?}, {:?}", cut, short, whole_code);
            let short = gap(&text[..cut], false);
            prop_assert!(short == Parsed::Open || short == whole_gap, "{} bytes: {:?}, {:?}", cut, short, whole_gap);
        }
        // The end decides what is open, and nothing else.
        let (ended_code, ended_gap) = (code(&text, escaped, true), gap(&text, true));
        prop_assert!(whole_code == Parsed::Open || whole_code == ended_code);
        prop_assert!(whole_gap == Parsed::Open || whole_gap == ended_gap);
        prop_assert!(ended_code != Parsed::Open && ended_gap != Parsed::Open);
        prop_assert!(whole_gap != Parsed::Open || text.len() <= GAP_MAX.max(DUMP_MAX) + CODE_MAX + 1);
    }
}
