//! Law 1 once more, on pieces side by side: whole spellings and cut ones, beginnings of what is none, in any order and two deep.

use exfilter_engine::{Action, Confidence, Flow, Limits};
use exfilter_testing::{Rng, keys, run, split, wrap};

use super::split_blind::{cases, outbound};
use crate::support;

/// What stands between pieces, or begins something.
const BITS: [&[u8]; 35] = [
    b" ",
    b"\n",
    b"\\n",
    b"\"",
    b"=",
    b"%",
    b"\\",
    b"&",
    b"=\r\n",
    b"\\u0041",
    b"%41",
    b"=41",
    b"&#65;",
    b"(",
    b"PK",
    b"\x1f",
    b"\x1f\x8b",
    b"\x1f\x8b\x08",
    b"x\x9c",
    b"x",
    b"(\\xb5",
    b"PK\\x03\\x04",
    b"BZh9",
    b"\\r\\n",
    b"%0A",
    b"://",
    b"secret_access_key = \"",
    b"https://user:",
    b"@host",
    b"0x",
    b"%25",
    b"%2541",
    b"\\\\u0041",
    b"\0",
    b"1f8b08",
];

fn piece(rng: &mut Rng, secrets: &[Vec<u8>], depth: usize) -> Vec<u8> {
    let value = match rng.below(4) {
        0 => keys::token(rng),
        1 => keys::github(rng, "ghp_"),
        _ => rng.pick(secrets).clone(),
    };
    let cut = rng.below(value.len());
    match rng.below(if depth == 0 { 9 } else { 25 }) {
        0 => value,
        1 => value[..cut].to_vec(),
        2 => value[cut..].to_vec(),
        3 => match *rng.pick::<&[u8]>(&BITS) {
            // Few different digits.
            digits @ b"1f8b08" => [digits, &[b'0'; 46], b"\n"].concat(),
            bits => bits.to_vec(),
        },
        4 => wrap::text(rng),
        5 => {
            let len = 1 + rng.below(80);
            rng.text(keys::HEX, len)
        }
        6 => {
            let len = 1 + rng.below(80);
            rng.text(keys::BASE64URL, len)
        }
        7 => {
            let len = rng.below(40);
            rng.bytes(len)
        }
        8 => with_escapes(rng, value),
        kind => {
            let mut inner = Vec::new();
            for _ in 0..1 + rng.below(3) {
                inner.extend(piece(rng, secrets, depth - 1));
                inner.extend(&b" "[..rng.below(2)]);
            }
            wrapped(rng, kind, &inner)
        }
    }
}

/// Some bytes of a value written as escapes.
fn with_escapes(rng: &mut Rng, mut value: Vec<u8>) -> Vec<u8> {
    for _ in 0..1 + rng.below(3) {
        let at = rng.below(value.len());
        let byte = value[at];
        let escape = match rng.below(4) {
            0 => format!("\\u{byte:04x}"),
            1 => format!("%{byte:02X}"),
            2 => format!("&#{byte};"),
            _ => format!("={byte:02X}"),
        };
        value.splice(at..=at, escape.bytes());
    }
    value
}

fn wrapped(rng: &mut Rng, kind: usize, inner: &[u8]) -> Vec<u8> {
    match kind {
        9 | 10 => {
            let run = wrap::base64(inner, rng.one_in(2), rng.one_in(2));
            folded(rng, &run)
        }
        11 | 12 => {
            let digit = |b: &u8| if rng.one_in(9) { format!("{b:02X}") } else { format!("{b:02x}") };
            let run: String = inner.iter().map(digit).collect();
            folded(rng, run.as_bytes())
        }
        13 => wrap::gzip(rng, inner),
        14 => wrap::zlib(rng, inner),
        15 => wrap::zip(rng, inner),
        // A stored entry that says to be shorter than it is.
        16 => {
            let cut = rng.below(inner.len() + 1);
            [&wrap::zip_entry(b"n", &inner[..cut], &inner[..cut], 0)[..], &inner[cut..]].concat()
        }
        17 => {
            let packed = wrap::gzip(rng, inner);
            let all = *rng.pick(&[1, 2, 1000]);
            let spell = |(i, b): (usize, &u8)| match i < all || !b.is_ascii_graphic() || *b == b'\\' {
                true => format!("\\x{b:02x}").into_bytes(),
                false => vec![*b],
            };
            packed.iter().enumerate().flat_map(spell).collect()
        }
        18 => wrap::percent(rng, inner),
        19 => wrap::quoted_printable(rng, inner),
        20 => wrap::json(rng, inner),
        21 | 22 => {
            let alphabet = if rng.one_in(2) { wrap::BASE32 } else { wrap::BASE32HEX };
            let run = wrap::base32(inner, alphabet, rng.one_in(2));
            let run = if rng.one_in(2) { run.to_ascii_lowercase() } else { run };
            folded(rng, &run)
        }
        23 => {
            let token = wrap::base58(&inner[..inner.len().min(wrap::BASE58_MAX)]);
            if rng.one_in(3) { with_escapes(rng, token) } else { token }
        }
        _ => {
            let mut packed = wrap::zstd(rng, inner);
            if rng.one_in(2) {
                packed.truncate(rng.below(packed.len() + 1));
            }
            packed
        }
    }
}

fn folded(rng: &mut Rng, run: &[u8]) -> Vec<u8> {
    let width = 32 + rng.below(50);
    let between = *rng.pick::<&[u8]>(&[b"\n", b"\r\n", b"\\n", b"\n  ", b""]);
    run.chunks(width).collect::<Vec<_>>().join(between)
}

#[test]
fn pieces_side_by_side() {
    const CODINGS: [&[u8]; 7] =
        [b"gzip", b"deflate", b"br", b"zstd", b"deflate, gzip", b"x, deflate", b"br, deflate"];
    for case in cases(1) {
        let mut rng = Rng::new(case << 8 | 9);
        let mut secrets: Vec<Vec<u8>> = (0..3).map(|_| keys::secret(&mut rng)).collect();
        secrets.push(b"correct Horse battery-9 staple Quux".to_vec());
        let engine = support::engine(&secrets, Limits::default());
        let mut content = Vec::new();
        for _ in 0..1 + rng.below(8) {
            content.extend(piece(&mut rng, &secrets, 2));
        }
        content.truncate(20_000);
        let flow = match rng.below(6) {
            0 => outbound().content_encoding(rng.pick::<&[u8]>(&CODINGS)),
            1 => Flow::at_rest().lines().reference(1),
            _ => outbound(),
        };
        let mut first = None;
        for chunks in [
            split::whole(content.len()),
            split::every(content.len(), 1),
            split::every(content.len(), 61),
            split::random(&mut rng, content.len(), 200),
        ] {
            let run = run::run(&engine, &flow, &content, &chunks);
            let through: Vec<_> = run.verdicts.iter().filter_map(|v| v.1.through()).collect();
            assert!(through.is_sorted(), "case {case}: through ran backwards");
            let most = through.last().copied().unwrap_or(0);
            let blocked = |f: &&exfilter_engine::Finding| {
                f.action() == Action::Block && f.confidence() >= Confidence::High
            };
            for found in run.findings().filter(blocked) {
                assert!(
                    most <= found.outer().start || most >= found.outer().end,
                    "case {case}: {most} had left"
                );
            }
            let facts = run.facts();
            assert_eq!(*first.get_or_insert_with(|| facts.clone()), facts, "case {case}");
        }
    }
}
