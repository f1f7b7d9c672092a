//! Dumps of characters: what was dumped comes back, in any slicing, from tools of every habit.

use std::fmt::Write as _;

use exfilter_codec::dump::{self, Dump};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::support::{End, assert_can_be_sent, blind, bytewise, cap, cases, content, lens, resets, whole};

/// What `od -c` and `hexdump -c` write, with offsets of `digits` digits; in a string of JSON or not.
fn characters(content: &[u8], digits: usize, json: bool) -> Vec<u8> {
    let mut out = String::new();
    for (n, line) in content.chunks(16).enumerate() {
        write!(out, "{:0digits$x}", 16 * n).unwrap();
        for byte in line {
            let columns = match byte {
                0 => "\\0".into(),
                7 => "\\a".into(),
                8 => "\\b".into(),
                b'\t' => "\\t".into(),
                b'\n' => "\\n".into(),
                11 => "\\v".into(),
                12 => "\\f".into(),
                b'\r' => "\\r".into(),
                b' '..=b'~' => char::from(*byte).to_string(),
                _ => format!("{byte:03o}"),
            };
            write!(out, " {columns:>3}").unwrap();
        }
        out.push('\n');
    }
    writeln!(out, "{:0digits$x}", content.len()).unwrap();
    if json {
        out = out.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    }
    out.into_bytes()
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn what_was_dumped_comes_back(
        content in content(500), digits in 6..=8usize, json: bool, lens in lens(), cap in cap(),
    ) {
        let text = [b"g".as_slice(), &content].concat();
        let packed = characters(&text, digits, json);
        let packed = &packed[digits - 6..];
        prop_assert!(dump::starts(packed));
        let run = blind(Dump::new, packed, &lens, cap);
        prop_assert!(run.out == text);
        prop_assert_eq!(run.end, End::At(packed.len() as u64));
    }

    #[test]
    fn beginnings(content in content(100)) {
        let packed = characters(&content, 7, false);
        let finest = bytewise(&mut Dump::new(), &packed);
        for len in 0..packed.len() {
            let run = whole(&mut Dump::new(), &packed[..len]);
            prop_assert!(content.starts_with(&run.out));
            if let Some((_, made, _)) = finest.trace.iter().find(|at| at.0 == len as u64) {
                prop_assert_eq!(run.out.len() as u64, *made);
            }
        }
    }

    #[test]
    fn any_bytes(bytes in vec(prop_oneof![6 => Just(b' '), 4 => b' '..=b'~', 1 => any::<u8>(), 1 => Just(b'\n')], 0..300), lens in lens(), cap in cap()) {
        let packed = [b"0000000   a", &bytes[..]].concat();
        blind(Dump::new, &packed, &lens, cap);
        blind(Dump::new, &bytes, &lens, cap);
    }
}

#[test]
fn what_tools_have_written() {
    for (text, content) in [
        // GNU od -c, od -a, od -Ax -c; hexdump -c fills up its last line.
        ("0000000   a      \\n 303 251\n0000005\n", &b"a \n\xc3\xa9"[..]),
        ("0000000   a  sp  nl nul del\n0000005\n", b"a \n\0\x7f"),
        ("000000   a   b\n*\n000022\n", b"ab"),
        (
            "0000000   a   b                                                        \n0000002\n",
            b"ab              ",
        ),
        ("0000000   a   b\r\n0000002\r\n", b"ab"),
    ] {
        let run = blind(Dump::new, text.as_bytes(), &[3], 2);
        assert!(run.out.starts_with(content), "{text}");
        assert_eq!((run.end, run.established), (End::At(text.len() as u64), true), "{text}");
    }
}

#[test]
fn what_begins_otherwise_is_none() {
    for text in ["000000  48  49", "000000  67 68", "000000    1.5", "000000  yes no", "00000   a   b"] {
        assert!(!dump::starts(text.as_bytes()), "{text}");
    }
}

#[test]
fn a_reset_decoder_is_a_new_one() {
    resets(Dump::new, Dump::reset, &characters(b"some text\n", 7, false));
    assert_can_be_sent::<Dump>();
}
