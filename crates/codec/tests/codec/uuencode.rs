//! uuencode: what was encoded comes back, in any slicing, from encoders of every habit.

use exfilter_codec::uuencode::{self, NAME_MAX, Uuencode};
use exfilter_codec::{Decoder, Fault};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::support::{End, assert_can_be_sent, blind, bytewise, cap, cases, content, lens, resets, whole};

/// What encoders do in different ways.
#[derive(Clone, Copy, Debug)]
struct Habits {
    /// Bytes of a line.
    width: usize,
    /// Whether zero is a blank.
    blank: bool,
    /// Whether blanks at the ends of lines are lost.
    lost: bool,
    crlf: bool,
    /// Whether a checksum stands behind each line.
    checksum: bool,
    /// Whether there is a last line, and one of no bytes before it.
    ends: (bool, bool),
}

fn habits() -> impl Strategy<Value = Habits> {
    (1..=63usize, any::<(bool, bool, bool, bool)>(), any::<(bool, bool)>()).prop_map(
        |(width, (blank, lost, crlf, checksum), ends)| Habits {
            width,
            blank,
            // A checksum stands where they would be missing.
            lost: lost && !checksum,
            crlf,
            checksum,
            ends: if ends == (false, false) { (true, true) } else { ends },
        },
    )
}

/// The bits of some content as digits, six of them a character: an encoder that shares nothing with the decoder.
fn encode(content: &[u8], habits: Habits) -> Vec<u8> {
    let zero = if habits.blank { ' ' } else { '`' };
    let char = |six: &str| match u32::from_str_radix(six, 2).unwrap() {
        0 => zero,
        n => char::from_u32(n + 32).unwrap(),
    };
    let mut lines = vec!["begin 644 some name".to_string()];
    for bytes in content.chunks(habits.width) {
        let mut bits: String = bytes.iter().map(|byte| format!("{byte:08b}")).collect();
        while !bits.len().is_multiple_of(24) {
            bits.push('0');
        }
        let mut line: String = char(&format!("{:06b}", bytes.len())).to_string();
        line.extend((0..bits.len()).step_by(6).map(|at| char(&bits[at..at + 6])));
        let sum: u32 = bytes.iter().map(|byte| u32::from(*byte)).sum();
        if habits.checksum {
            line.push(char(&format!("{:06b}", sum % 64)));
        }
        lines.push(line);
    }
    if habits.ends.1 {
        lines.push(zero.to_string());
    }
    if habits.lost {
        lines.iter_mut().for_each(|line| line.truncate(line.trim_end_matches(' ').len()));
    }
    if habits.ends.0 {
        lines.push("end".to_string());
    }
    let line_break = if habits.crlf { "\r\n" } else { "\n" };
    lines.iter().flat_map(|line| [line.as_str(), line_break]).collect::<String>().into_bytes()
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn what_was_encoded_comes_back(content in content(2000), habits in habits(), lens in lens(), cap in cap()) {
        let packed = encode(&content, habits);
        let run = blind(Uuencode::new, &packed, &lens, cap);
        prop_assert!(run.out == content);
        let line_break = if habits.crlf { 2 } else { 1 };
        let end = if habits.ends.0 { End::At((packed.len() - line_break) as u64) } else { End::Whole };
        prop_assert_eq!(run.end, end);
        // Lines that lost some of their characters prove nothing.
        prop_assert!(habits.lost || run.established != content.is_empty());
        for len in 0..packed.len().min(40) {
            prop_assert!(uuencode::starts(&packed[..len]));
        }
    }

    /// Every beginning decodes to a beginning, and to all whose bits it has.
    #[test]
    fn beginnings(content in content(150), habits in habits()) {
        let packed = encode(&content, habits);
        let finest = bytewise(&mut Uuencode::new(), &packed);
        for len in 0..packed.len() {
            let run = whole(&mut Uuencode::new(), &packed[..len]);
            prop_assert!(content.starts_with(&run.out));
            if let Some((_, made, _)) = finest.trace.iter().find(|at| at.0 == len as u64) {
                prop_assert_eq!(run.out.len() as u64, *made);
            }
        }
    }

    #[test]
    fn any_bytes(bytes in vec(prop_oneof![4 => b' '..=b'`', 1 => any::<u8>(), 1 => Just(b'\n')], 0..300), lens in lens(), cap in cap()) {
        let packed = [b"begin 600 x\n", &bytes[..]].concat();
        blind(Uuencode::new, &packed, &lens, cap);
        blind(Uuencode::new, &bytes, &lens, cap);
    }
}

#[test]
fn what_others_have_written() {
    for (text, content) in [
        ("begin 644 cat.txt\n#0V%T\n`\nend\n", &b"Cat"[..]),
        ("begin 0644 x\n#0V%T\nend", b"Cat"),
        (
            "begin 644 test.txt\n::'1T<#HO+W=W=RYW:6MI<&5D:6$N;W)G#0H`\n`\nend",
            b"http://www.wikipedia.org\r\n",
        ),
    ] {
        let run = blind(Uuencode::new, text.as_bytes(), &[3], 2);
        assert_eq!(run.out, content, "{text}");
        assert!(matches!(run.end, End::At(_)), "{text}");
    }
}

#[test]
fn a_line_that_was_cut_ends_with_zeros() {
    // The last character has the first bits of a byte.
    for (line, content) in [
        ("#0V", [0b0100_0011, 0b0110_0000, 0]),
        ("#0", [0b0100_0000, 0, 0]),
        ("#", [0, 0, 0]),
        ("#0V%", [0b0100_0011, 0b0110_0001, 0b0100_0000]),
    ] {
        let text = format!("begin 644 x\n{line}\n\nend\n");
        let run = blind(Uuencode::new, text.as_bytes(), &[1, 5], 1);
        assert_eq!((run.out.as_slice(), run.established), (&content[..], false), "{line}");
    }
}

#[test]
fn what_is_no_line_is_a_fault() {
    for (text, at) in [
        ("begin 644 x\nsome text", 12),
        ("begin 644 x\n#0V%Tx", 17),
        ("begin 644 x\n#0V\rT", 16),
        ("begin 644 x\n#0V%T12345\n", 21),
        ("begin 644 x\n#0V%T\nenough", 20),
        ("begin 64 x\n", 8),
        ("begin 64400 x\n", 10),
        ("begin 648 x\n", 8),
        ("begin 644 \n", 10),
        ("begins", 5),
    ] {
        assert_eq!(
            blind(Uuencode::new, text.as_bytes(), &[4], 7).end,
            End::Bad(at, Fault::Corrupt),
            "{}",
            text.as_bytes().escape_ascii()
        );
    }
    let name = [b"begin 644 ", &vec![b'n'; usize::from(NAME_MAX) + 1][..]].concat();
    assert_eq!(whole(&mut Uuencode::new(), &name).end, End::Bad(10 + u64::from(NAME_MAX), Fault::Corrupt));
}

#[test]
fn behind_a_line_of_no_bytes_it_may_end() {
    for (text, end) in [
        ("begin 644 x\n#0V%T\n`\n", End::Whole),
        ("begin 644 x\n#0V%T\n`", End::Whole),
        ("begin 644 x\n#0V%T\n\n}", End::At(19)),
        ("begin 644 x\n#0V%T\n`\nenough", End::At(22)),
        ("begin 644 x\n#0V%T\n", End::Bad(18, Fault::Truncated)),
    ] {
        let run = blind(Uuencode::new, text.as_bytes(), &[1], 1);
        assert_eq!((run.out.as_slice(), run.end), (&b"Cat"[..], end), "{}", text.as_bytes().escape_ascii());
    }
    // Some readers go on.
    let run = whole(&mut Uuencode::new(), b"begin 644 x\n#0V%T\n\n#0V%T\nend\n");
    assert_eq!((run.out.as_slice(), run.end), (&b"CatCat"[..], End::At(28)));
}

#[test]
fn beginnings_are_told() {
    for text in ["", "b", "begin ", "begin 6", "begin 644", "begin 0644", "begin 644 ", "begin 644 name"] {
        assert!(uuencode::starts(text.as_bytes()), "{text}");
    }
    for text in ["begin-base64 644", "Begin 644 ", "begin 64 x", "begin 9", "begin 64444", "begin x"] {
        assert!(!uuencode::starts(text.as_bytes()), "{text}");
    }
}

#[test]
fn it_is_a_decoder_like_the_others() {
    assert_can_be_sent::<Uuencode>();
    resets(Uuencode::new, Uuencode::reset, b"begin 644 x\n#0V%T\n#0V%T\n`\nend\n");
    let mut decoder = Uuencode::new();
    let mut out = Vec::new();
    let _ = decoder.decode(b"begin 644 x\n#0", &mut out, 9);
    assert_eq!((decoder.unreleased(), decoder.block_max(), out.len()), (1, 1, 0));
    assert!(!format!("{decoder:?}").contains('0'));
}
