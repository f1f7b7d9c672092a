//! Known secrets XORed with a byte.

use exfilter_engine::{Engine, Flow, Form, Kind, Limits, Profile};
use exfilter_testing::run::Run;
use exfilter_testing::{Rng, keys, rules, run, split, wrap};

use crate::laws::{cases, outbound};
use crate::support;

/// The spellings in which known secrets were found.
fn forms(run: &Run) -> Vec<Form> {
    let known = run.findings().filter_map(|finding| match finding.kind() {
        Kind::Known(_, form) => Some(form),
        Kind::Rule(_) => None,
    });
    known.collect()
}

fn xored(value: &[u8], key: u8) -> Vec<u8> {
    value.iter().map(|b| b ^ key).collect()
}

/// The value XORed, in up to two wrappings; nothing stands in base64 or digits beside it if `bare`.
fn wrapped(rng: &mut Rng, value: &[u8], key: u8) -> (Vec<u8>, Vec<&'static str>) {
    let (mut content, mut layers) = (xored(value, key), Vec::new());
    for _ in 0..rng.below(3) {
        let text = wrap::text(rng);
        let (after, before) = (wrap::text(rng), if rng.one_in(2) { &text[..] } else { b"" });
        let inner = if rng.one_in(2) { [before, &content, &after].concat() } else { content };
        let (outer, layer) = match rng.below(6) {
            0 => (wrap::gzip(rng, &inner), "gzip"),
            1 => (wrap::zstd(rng, &inner), "zstd"),
            2 => (wrap::tar(&[("a.bin", &inner)]), "tar"),
            3 => {
                let digits = inner.iter().flat_map(|b| format!("{b:02x}").into_bytes());
                (digits.collect(), "hex")
            }
            _ => (wrap::base64(&inner, rng.one_in(2), rng.one_in(2)), "base64"),
        };
        content = outer;
        layers.push(layer);
    }
    (content, layers)
}

/// An engine that has rules too, of which most runs hold nothing.
fn engine(values: &[Vec<u8>]) -> Engine {
    Engine::builder()
        .rules(rules::features())
        .known_secrets(support::known(values))
        .profile(Profile::Thorough)
        .build()
        .expect("the test rules build")
}

#[test]
fn xored_values_are_found_and_held_in_any_chunking() {
    for case in cases(2) {
        let mut rng = Rng::new(case << 8 | 21);
        let mut bytes = rng.bytes(18);
        // What begins so may be refused as a placeholder.
        bytes[0] |= 0x80;
        let values = [keys::secret(&mut rng), keys::secret(&mut rng), bytes, rng.text(keys::BASE62, 16)];
        let engine = engine(&values);
        let key = 1 + rng.below(255) as u8;
        let value = rng.pick(&values).clone();
        let (inner, layers) = wrapped(&mut rng, &value, key);
        let before = wrap::text(&mut rng);
        let content = [&before[..], b"; ", &inner, b";\n", &wrap::text(&mut rng)].concat();
        let whole = run::run(&engine, &outbound(), &content, &split::whole(content.len()));
        let xor = |run: &Run| {
            let found = run.findings().find(|f| matches!(f.kind(), Kind::Known(_, Form::Xor)));
            found.map(|f| f.outer())
        };
        let found = xor(&whole).unwrap_or_else(|| panic!("case {case}: {layers:?} was missed"));
        if layers.is_empty() {
            assert_eq!(found.start as usize, before.len() + 2);
            assert_eq!((found.end - found.start) as usize, value.len());
        }
        let bytewise = run::run(&engine, &outbound(), &content, &split::every(content.len(), 1));
        for chunks in split::standard(&mut rng, content.len()) {
            let run = run::run(&engine, &outbound(), &content, &chunks);
            assert_eq!(run.facts(), whole.facts(), "case {case}: {layers:?}");
            for (pushed, verdict) in &run.verdicts {
                let through = verdict.through();
                assert!(
                    through.unwrap_or(0) <= found.start,
                    "case {case}: {layers:?}, {through:?} of {pushed}"
                );
                if let Some(at) = pushed.checked_sub(1) {
                    assert_eq!(
                        through,
                        bytewise.verdicts[at].1.through(),
                        "case {case}: {layers:?}, {pushed}"
                    );
                }
            }
        }
    }
}

#[test]
fn every_key_but_zero_makes_one_finding() {
    let mut rng = Rng::new(602);
    let values = [keys::github(&mut rng, "ghp_"), rng.bytes(12), rng.text(b"bcdfghjklmnpqrstvw", 24)];
    let engine = support::thorough(&values);
    for value in &values {
        for key in 0..=255 {
            let content = [b"token: \"".as_slice(), &xored(value, key), b"\"\n"].concat();
            let run = run::run(&engine, &outbound(), &content, &split::whole(content.len()));
            let expected = if key == 0 { Form::Raw } else { Form::Xor };
            assert_eq!(forms(&run), [expected], "key {key}");
        }
    }
}

#[test]
fn what_is_only_like_a_value_is_not_found() {
    let mut rng = Rng::new(603);
    let value = keys::secret(&mut rng);
    let engine = support::thorough(std::slice::from_ref(&value));
    for at in 0..value.len() {
        let mut other = xored(&value, 0x5a);
        other[at] ^= 1;
        let digits: Vec<u8> = other.iter().flat_map(|b| format!("{b:02x}").into_bytes()).collect();
        let content = [&other[..], b" ", &wrap::base64(&other, false, true), b" ", &digits].concat();
        let run = run::run(&engine, &outbound(), &content, &split::every(content.len(), 7));
        assert_eq!(forms(&run), []);
        assert!(!run.last.is_block());
    }
    for byte in [0, b' ', 0xff] {
        let content = vec![byte; 5000];
        let run = run::run(&engine, &outbound(), &content, &split::whole(content.len()));
        assert_eq!(forms(&run), []);
    }
}

#[test]
fn values_that_begin_alike_are_told_apart() {
    let mut rng = Rng::new(604);
    let common = rng.text(keys::BASE62, 30);
    let values: Vec<Vec<u8>> = (0..20).map(|_| [&common[..], &rng.text(keys::BASE62, 10)].concat()).collect();
    let engine = support::thorough(&values);
    for (i, value) in values.iter().enumerate() {
        let content = [b"x ", &xored(value, 0x33)[..], b" y"].concat();
        let run = run::run(&engine, &outbound(), &content, &split::every(content.len(), 1));
        let found: Vec<_> = run
            .findings()
            .filter_map(|f| match f.kind() {
                Kind::Known(id, _) => Some((engine.secret_name(id).to_string(), f.outer())),
                Kind::Rule(_) => None,
            })
            .collect();
        assert_eq!(found, [(format!("SECRET_{i}"), 2..42)]);
    }
}

#[test]
fn the_inline_profile_does_not_look_for_them() {
    let mut rng = Rng::new(605);
    let value = rng.text(keys::BASE62, 24);
    let engine = support::engine(std::slice::from_ref(&value), Limits::default());
    let content = xored(&value, 0x5a);
    let run = run::run(&engine, &Flow::outbound_unknown(), &content, &split::whole(content.len()));
    assert!(!run.last.is_block());
}
