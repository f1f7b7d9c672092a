//! Law 2: whoever has the bytes before `through` can decode no byte of a blocked value.

use exfilter_engine::{Engine, Kind, KnownSecrets, Limits, OpaqueReason, StoreKey, Verdict};
use exfilter_testing::{Rng, forms, keys, run, split, wrap};

use super::split_blind::{cases, nested, outbound};
use crate::support;

#[test]
fn a_planted_secret_is_found_and_nothing_of_it_has_left() {
    for case in cases(1) {
        let mut rng = Rng::new(case << 8 | 4);
        let secrets: Vec<Vec<u8>> = (0..3).map(|_| keys::secret(&mut rng)).collect();
        let engine = support::engine(&secrets, Limits::default());
        let is_known = rng.one_in(2);
        let planted = if is_known { secrets[2].clone() } else { keys::token(&mut rng) };
        let (content, layers) = nested(&mut rng, &planted);
        for chunks in split::standard(&mut rng, content.len()) {
            let run = run::run(&engine, &outbound(), &content, &chunks);
            let mut through = 0;
            for (pushed, verdict) in &run.verdicts {
                if let Some(now) = verdict.through() {
                    assert!(now >= through, "case {case}, {layers:?}: through ran backwards at {pushed}");
                    assert!(now <= *pushed as u64);
                    through = now;
                }
            }
            assert!(matches!(run.last, Verdict::Block(_)), "case {case}, {layers:?}: the secret was missed");
            let hit = run.findings().find(|f| matches!(f.kind(), Kind::Known(..)) == is_known);
            if hit.is_none()
                && layers
                    .iter()
                    .filter(|l| {
                        matches!(
                            l,
                            wrap::Layer::Base64
                                | wrap::Layer::Base32
                                | wrap::Layer::Base58
                                | wrap::Layer::Hex
                                | wrap::Layer::Escapes
                                | wrap::Layer::Wide
                                | wrap::Layer::Codes
                        )
                    })
                    .count()
                    > 3
            {
                // Deeper than the limit: refused, and nothing of it has left.
                assert!(run.opaques().any(|o| o.reason() == OpaqueReason::Depth), "case {case}, {layers:?}");
                assert!(!leaks(&content[..through as usize], &planted, 0), "case {case}, {layers:?}");
                continue;
            }
            let hit = hit.unwrap_or_else(|| panic!("case {case}, {layers:?}: another finding blocked"));
            assert!(
                through <= hit.outer().start,
                "case {case}, {layers:?}: {through} bytes had left before {:?}",
                hit.outer()
            );
            assert!(
                !leaks(&content[..through as usize], &planted, 0),
                "case {case}, {layers:?}: the first {through} bytes decode to the secret's beginning"
            );
        }
    }
}

/// Values of every shape, in every spelling, at every place: what is reported was held from its first byte on.
#[test]
fn every_spelling_of_every_shape_is_held() {
    const SYMBOLS: &[u8] = b"abcXYZ019 _-.,;:!?$&%/\\\"'(){}@#+=~|^";
    for case in cases(1) {
        let mut rng = Rng::new(case << 8 | 6);
        let values = [
            rng.text(SYMBOLS, 14),
            rng.text(SYMBOLS, 40),
            rng.text(keys::BASE62, 12),
            rng.text(keys::HEX, 16),
            [b"correct horse ", &rng.text(b"bcdfghjklmnpqrst", 12)[..], b" staple"].concat(),
            [b"$!", &rng.text(keys::BASE62, 30)[..], b"!$"].concat(),
        ];
        let value = rng.pick(&values).clone();
        let mut secrets = KnownSecrets::new(StoreKey::from_bytes(&[7; 32]).unwrap());
        if secrets.add("VALUE", &value, vec![]).is_err() {
            continue;
        }
        secrets.add("OTHER", &keys::secret(&mut rng), vec![]).unwrap();
        let engine = Engine::builder()
            .rules(exfilter_testing::rules::features())
            .known_secrets(secrets)
            .build()
            .unwrap();
        let form = *rng.pick(&forms::all());
        let spelled = form.spell(&value);
        let before = wrap::text(&mut rng);
        let content = [&before[..], &spelled[..], &wrap::text(&mut rng)].concat();
        for chunks in split::standard(&mut rng, content.len()) {
            let run = run::run(&engine, &outbound(), &content, &chunks);
            let found = run.findings().find(|f| matches!(f.kind(), Kind::Known(..)));
            let found = found.unwrap_or_else(|| panic!("case {case}: {form:?} was missed"));
            for (pushed, verdict) in &run.verdicts {
                let through = verdict.through().unwrap_or(0);
                assert!(
                    through <= found.outer().start,
                    "case {case}, {form:?}: {through} of {pushed} had left"
                );
            }
        }
    }
}

/// Whether `bytes`, decoded by independent decoders as far as they go, hold the beginning of the secret part of `value`.
fn leaks(bytes: &[u8], value: &[u8], depth: usize) -> bool {
    // What stands before the secret part is public; one more character must not have left.
    let prefix = if value.starts_with(b"ghp_") {
        4
    } else if value.starts_with(b"sk-live-") {
        8
    } else {
        4
    };
    let part = &value[..prefix + 4];
    if bytes.windows(part.len()).any(|w| w == part) {
        return true;
    }
    if depth > 5 {
        return false;
    }
    let mut inner = Vec::new();
    if depth == 0 {
        inner.extend([unchunked, unsent, unprefixed, unmasked].map(|join| join(bytes)));
    }
    for at in 0..bytes.len() {
        if bytes[at..].starts_with(b"\x1f\x8b\x08") {
            inner.push(read_all(flate2::read::MultiGzDecoder::new(&bytes[at..])));
        }
        if bytes[at..].starts_with(b"PK\x03\x04") {
            let body = bytes.get(at + 26).map_or(bytes.len(), |name| at + 30 + usize::from(*name));
            let body = bytes.get(body..).unwrap_or(&[]);
            inner.push(match bytes.get(at + 8) {
                Some(8) => read_all(flate2::read::DeflateDecoder::new(body)),
                _ => body.to_vec(),
            });
        }
        if bytes[at..].starts_with(b"PACK\0\0\0\x02") {
            // Whatever may be the body of an object.
            let bodies = (at..bytes.len()).filter(|body| bytes[*body..].starts_with(b"\x78\x9c"));
            inner.extend(bodies.map(|body| read_all(flate2::read::ZlibDecoder::new(&bytes[body..]))));
        }
        let is_zlib = matches!(bytes[at..], [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..]);
        if is_zlib || at == 0 && bytes.starts_with(b"\x78") {
            inner.push(read_all(flate2::read::ZlibDecoder::new(&bytes[at..])));
        }
        if bytes[at..].starts_with(b"\x28\xb5\x2f\xfd") {
            inner.push(unzstd(&bytes[at..]));
        }
    }
    let is_char = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'-' | b'_');
    for run in bytes.split(|b| !is_char(b)).filter(|run| run.len() >= 16) {
        for skip in 0..4 {
            inner.push(wrap::unbase64(&run[skip..]));
        }
        for lead in [0, 1, 2] {
            // A letter or two of an escape may stand in front.
            inner.push(wrap::unbase32(&run[lead..], wrap::BASE32));
            inner.push(wrap::unbase32(&run[lead..], wrap::BASE32HEX));
            inner.extend(wrap::unbase58(&run[lead..run.len().min(512)]));
        }
    }
    for run in bytes.split(|b| !b.is_ascii_hexdigit()).filter(|run| run.len() >= 16) {
        for skip in 0..2 {
            inner.push(run[skip..].chunks_exact(2).filter_map(|pair| number(Some(pair), 16)).collect());
        }
    }
    inner.extend(wrap::uncodes(bytes));
    if bytes.windows(6).any(|w| w == b"begin ") {
        inner.push(wrap::unuuencode(bytes));
    }
    for unescape in [percents, slashes, entities, printables, unfolded, narrowed, wrap::shown] {
        let text = unescape(bytes);
        if text != bytes {
            inner.push(text);
        }
    }
    inner.iter().any(|inner| !inner.is_empty() && leaks(inner, value, depth + 1))
}

/// `bytes` with everything replaced that `read` knows: it gives the length of an escape and what it stands for.
fn replaced(bytes: &[u8], read: impl Fn(&[u8]) -> Option<(usize, Vec<u8>)>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        match read(&bytes[at..]) {
            Some((len, made)) => {
                out.extend(made);
                at += len;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    out
}

/// UTF-16 or UTF-32 in one byte for each character.
fn narrowed(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().copied().filter(|b| *b != 0).collect()
}

/// What folds of runs stand for: nothing.
fn unfolded(bytes: &[u8]) -> Vec<u8> {
    replaced(bytes, |b| {
        let mut len = 0;
        for end in [
            &[&b"\r"[..], b"\\r", b"\\\\r", b"\\u000d", b"%0D", b"&#13;", b"&#xD;"][..],
            &[
                b"\n", b"\\n", b"\\\\n", b"\\\n", b"\\\\\n", b"\\\\\\n", b"\\u000a", b"%0A", b"&#10;",
                b"&#xA;",
            ],
        ] {
            let found = end.iter().find(|end| b[len..].starts_with(end)).map(|end| end.len());
            len += found.or(if len == 0 { Some(0) } else { None })?;
        }
        if len == 0 {
            return None;
        }
        let blanks: [&[u8]; 6] = [b" ", b"\t", b"&#9;", b"&#x9;", b"%20", b"%09"];
        while let Some(blank) = blanks.iter().find(|blank| b[len..].starts_with(blank)) {
            len += blank.len();
        }
        Some((len, vec![]))
    })
}

/// HTTP chunks without what is around them.
fn unchunked(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = bytes;
    while let Some(end) = rest.windows(2).position(|pair| pair == b"\r\n") {
        let digits = rest[..end].split(|byte| *byte == b';').next().unwrap_or_default();
        let Some(len) = str::from_utf8(digits).ok().and_then(|digits| usize::from_str_radix(digits, 16).ok())
        else {
            break;
        };
        let data = &rest[end + 2..];
        out.extend(&data[..len.min(data.len())]);
        rest = data.get(len + 2..).unwrap_or_default();
    }
    out
}

/// The data of events.
fn unsent(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        match line.strip_prefix(b"data: ") {
            Some(data) => out.extend(data),
            None if line.is_empty() => out.push(b'\n'),
            // The type of an event.
            None => {}
        }
    }
    out
}

/// What messages of gRPC hold.
fn unprefixed(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = bytes;
    while let [0, a, b, c, d, after @ ..] = rest {
        let len = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        let message = &after[..len.min(after.len())];
        let message = message.strip_prefix(&[0x10, 0x96, 0x01]).unwrap_or(message);
        let head = 2 + message.iter().skip(1).take_while(|byte| **byte >= 0x80).count();
        out.extend(message.get(head..).unwrap_or_default());
        rest = after.get(len..).unwrap_or_default();
    }
    out
}

/// What WebSocket frames hold.
fn unmasked(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut packed = Vec::new();
    let mut is_packed = false;
    let mut rest = bytes;
    while let [first, second, after @ ..] = rest {
        let more = [0, 2, 8][usize::from(second & 0x7f).saturating_sub(125)];
        let Some(mask) = after.get(more..more + 4) else { break };
        let len = match more {
            0 => usize::from(second & 0x7f),
            _ => after[..more].iter().fold(0usize, |len, byte| len << 8 | usize::from(*byte)),
        };
        let payload = after.get(more + 4..).unwrap_or_default();
        let plain = payload.iter().take(len).zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask);
        is_packed |= first & 0x40 != 0;
        match (first & 0x0f, is_packed) {
            (8.., _) => {}
            (_, true) => {
                packed.extend(plain);
                if first & 0x80 != 0 && payload.len() >= len {
                    packed.extend([0, 0, 0xff, 0xff]);
                }
            }
            _ => out.extend(plain),
        }
        rest = payload.get(len..).unwrap_or_default();
    }
    out.extend(read_all(flate2::read::DeflateDecoder::new(&packed[..])));
    out
}

fn number(digits: Option<&[u8]>, base: u32) -> Option<u8> {
    u8::from_str_radix(str::from_utf8(digits?).ok()?, base).ok()
}

fn percents(bytes: &[u8]) -> Vec<u8> {
    replaced(bytes, |b| (b[0] == b'%').then(|| Some((3, vec![number(b.get(1..3), 16)?])))?)
}

fn printables(bytes: &[u8]) -> Vec<u8> {
    replaced(bytes, |b| match b {
        [b'=', b'\r', b'\n', ..] => Some((3, vec![])),
        [b'=', b'\n', ..] => Some((2, vec![])),
        [b'=', ..] => Some((3, vec![number(b.get(1..3), 16)?])),
        _ => None,
    })
}

fn slashes(bytes: &[u8]) -> Vec<u8> {
    replaced(bytes, |b| match b {
        [b'\\', b'u', b'0', b'0', ..] => Some((6, vec![number(b.get(4..6), 16)?])),
        [b'\\', b'n', ..] => Some((2, b"\n".to_vec())),
        [b'\\', other @ (b'/' | b'"' | b'\\'), ..] => Some((2, vec![*other])),
        _ => None,
    })
}

fn entities(bytes: &[u8]) -> Vec<u8> {
    replaced(bytes, |b| {
        let end = b.iter().take(8).position(|b| *b == b';')?;
        match &b[..end] {
            [b'&', b'#', b'x', digits @ ..] => Some((end + 1, vec![number(Some(digits), 16)?])),
            [b'&', b'#', digits @ ..] => Some((end + 1, vec![number(Some(digits), 10)?])),
            b"&amp" => Some((end + 1, b"&".to_vec())),
            b"&lt" => Some((end + 1, b"<".to_vec())),
            _ => None,
        }
    })
}

fn read_all(mut reader: impl std::io::Read) -> Vec<u8> {
    let mut out = Vec::new();
    let mut buffer = [0; 256];
    while let Ok(n) = reader.read(&mut buffer) {
        if n == 0 {
            break;
        }
        out.extend(&buffer[..n]);
    }
    out
}

fn unzstd(bytes: &[u8]) -> Vec<u8> {
    let mut context = zstd_safe::DCtx::create();
    let mut out = vec![0u8; 1 << 20];
    let mut output = zstd_safe::OutBuffer::around(&mut out[..]);
    let mut input = zstd_safe::InBuffer::around(bytes);
    while input.pos() < bytes.len() && context.decompress_stream(&mut output, &mut input).is_ok() {
        if output.pos() == output.capacity() {
            break;
        }
    }
    let n = output.pos();
    out.truncate(n);
    out
}

#[test]
fn the_decoders_of_this_test_find_what_is_there() {
    let mut rng = Rng::new(5);
    let found = (0..200).filter(|_| {
        let value = keys::github(&mut rng, "ghp_");
        leaks(&nested(&mut rng, &value).0, &value, 0)
    });
    // Folds and framings count as layers too, so a few lie deeper than they go.
    let found = found.count();
    assert!(found >= 197, "{found}");
}
