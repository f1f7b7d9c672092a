//! Secrets of which only a fingerprint was kept: found as they stand and in all that lanes decode.

use exfilter_engine::{
    Binding, Engine, Fingerprint, Flow, HostPattern, Kind, KnownSecrets, Slot, Spellings, StoreKey,
};
use exfilter_testing::forms::{self, Form};
use exfilter_testing::{Rng, canary, keys, run, split, wrap};

use crate::laws::outbound;
use crate::support;

fn key() -> StoreKey {
    StoreKey::from_bytes(&[7; 32]).unwrap()
}

/// A set of what a store would have kept of `values`.
fn kept(values: &[Vec<u8>], bindings: &[Binding]) -> KnownSecrets {
    canary::note(values.iter().map(Vec::as_slice));
    let mut secrets = KnownSecrets::new(key());
    for (i, value) in values.iter().enumerate() {
        let bytes = Fingerprint::new(&key(), value).expect("it is strong").to_bytes();
        let read = Fingerprint::from_bytes(&bytes).expect("it was written so");
        secrets.add_fingerprint(&format!("SECRET_{i}"), &read, bindings.to_vec());
    }
    secrets
}

fn engine(values: &[Vec<u8>]) -> Engine {
    Engine::builder().known_secrets(kept(values, &[])).build().unwrap()
}

/// Random values of token characters that are strong enough.
fn values(rng: &mut Rng) -> Vec<Vec<u8>> {
    let mut values: Vec<Vec<u8>> = (0..6).map(|_| keys::secret(rng)).collect();
    values.push(rng.text(keys::BASE62, 24));
    values.push(rng.text(keys::BASE62, 190));
    values.push(rng.text(keys::BASE64URL, 700));
    values.push(rng.text(b"abcdefghijklmnopqrstuvwxyz", 30));
    values
}

/// Whether no lane decodes it.
fn is_beyond_lanes(form: Form) -> bool {
    matches!(form, Form::Reversed | Form::Rot13 | Form::Number { .. })
}

#[test]
fn every_form_that_is_decoded_is_found_in_any_chunking() {
    let mut rng = Rng::new(91);
    let values = values(&mut rng);
    let spelled = |spellings| {
        let mut secrets = KnownSecrets::new(key());
        secrets.spellings(spellings);
        for (i, value) in values.iter().enumerate() {
            secrets.add(&format!("SECRET_{i}"), value, vec![]).unwrap();
        }
        Engine::builder().known_secrets(secrets).build().unwrap()
    };
    let few = [spelled(Spellings::Raw), spelled(Spellings::Few)];
    assert!(few[0].memory() < few[1].memory(), "one spelling takes less memory than several");
    for engine in [engine(&values)].into_iter().chain(few) {
        let decoded = forms::all().into_iter().filter(|form| !is_beyond_lanes(*form));
        are_found(&engine, &values, &decoded.collect::<Vec<_>>());
    }
}

/// Each value in each form is found by its name, and held from its beginning on, in any chunking.
fn are_found(engine: &Engine, values: &[Vec<u8>], forms: &[Form]) {
    let mut rng = Rng::new(94);
    for (i, value) in values.iter().enumerate() {
        for form in forms.iter().filter(|form| form.is_of(value)) {
            let spelled = form.spell(value);
            for (before, after) in [("", ""), ("x = ", "\n"), ("{\"k\":\"", "\"}")] {
                let content = [before.as_bytes(), &spelled, after.as_bytes()].concat();
                let whole = run::run(engine, &outbound(), &content, &split::whole(content.len()));
                let named = whole.findings().any(|f| match f.kind() {
                    Kind::Known(id, _) => engine.secret_name(id) == format!("SECRET_{i}"),
                    Kind::Rule(_) => false,
                });
                assert!(
                    named && whole.last.is_block(),
                    "value {i} ({} bytes), {form:?}, after {before:?}",
                    value.len()
                );
                for chunks in [split::every(content.len(), 1), split::random(&mut rng, content.len(), 30)] {
                    let run = run::run(engine, &outbound(), &content, &chunks);
                    assert_eq!(run.facts(), whole.facts(), "value {i}, {form:?}, after {before:?}");
                    let first = run.findings().map(|f| f.outer().start).min().unwrap();
                    assert!(run.through() <= first, "value {i}, {form:?}: {} bytes had left", run.through());
                }
            }
        }
    }
}

/// Values whose base64 is left to the lanes.
#[test]
fn every_form_is_found_without_needles_for_base64() {
    let mut rng = Rng::new(97);
    let mut values = values(&mut rng);
    values.push(rng.text(keys::BASE62, 12));
    values.push([b"p ss'", &rng.text(keys::BASE62, 14)[..], b"\"&<"].concat());
    canary::note(values.iter().map(Vec::as_slice));
    let mut secrets = KnownSecrets::new(key());
    secrets.spellings(Spellings::ButBase64);
    for (i, value) in values.iter().enumerate() {
        secrets.add(&format!("SECRET_{i}"), value, vec![]).unwrap();
    }
    let engine = Engine::builder().known_secrets(secrets).build().unwrap();
    are_found(&engine, &values, &forms::all());
}

#[test]
fn wrapped_values_have_the_verdict_that_their_plaintext_gives() {
    for case in 0..40 {
        let mut rng = Rng::new(case << 8 | 92);
        let values = values(&mut rng);
        let (kept, plain) =
            (engine(&values), Engine::builder().known_secrets(support::known(&values)).build().unwrap());
        let value = rng.pick(&values).clone();
        let mut content = [&wrap::text(&mut rng)[..], b" ", &value, b" ", &wrap::text(&mut rng)].concat();
        content = match case % 4 {
            0 => wrap::gzip(&mut rng, &content),
            1 => wrap::base64(&content, false, true),
            2 => wrap::zip(&mut rng, &content),
            _ => wrap::gzip(&mut rng, &wrap::base64(&content, true, false)),
        };
        let flow = outbound();
        let want = run::run(&plain, &flow, &content, &split::whole(content.len()));
        let whole = run::run(&kept, &flow, &content, &split::whole(content.len()));
        assert!(want.last.is_block() && whole.last.is_block(), "case {case}");
        for chunks in split::standard(&mut rng, content.len()) {
            assert_eq!(run::run(&kept, &flow, &content, &chunks).facts(), whole.facts(), "case {case}");
        }
    }
}

#[test]
fn a_fingerprint_is_at_home_where_it_is_bound() {
    let mut rng = Rng::new(93);
    let values = vec![rng.text(keys::BASE62, 40)];
    let binding = Binding {
        host: HostPattern::parse(b"api.example.com").unwrap(),
        slot: Slot::parse(b"header:authorization:bearer").unwrap(),
    };
    let engine = Engine::builder().known_secrets(kept(&values, &[binding])).build().unwrap();
    let at = |host: &str| {
        let authority = exfilter_engine::Authority::parse(format!("https://{host}").as_bytes()).unwrap();
        let flow = Flow::outbound(authority).slot(Slot::parse(b"header:authorization").unwrap());
        let content = [b"Bearer ", &values[0][..]].concat();
        run::run(&engine, &flow, &content, &split::every(content.len(), 5)).last
    };
    assert!(!at("api.example.com").is_block());
    assert!(at("example.com").is_block());
}

#[test]
fn lines_of_private_keys_are_found_and_their_common_beginning_is_not() {
    let mut rng = Rng::new(94);
    let common = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW";
    let key = |rng: &mut Rng| {
        let lines: Vec<String> =
            (0..4).map(|_| String::from_utf8(rng.text(keys::BASE62, 70)).unwrap()).collect();
        let name = "OPENSSH PRIVATE KEY";
        (format!("-----BEGIN {name}-----\n{common}\n{}\n-----END {name}-----\n", lines.join("\n")), lines)
    };
    let (mine, lines) = key(&mut rng);
    let (other, _) = key(&mut rng);
    let engine = engine(&[mine.clone().into_bytes()]);
    let block = |content: &str| {
        run::run(&engine, &outbound(), content.as_bytes(), &split::whole(content.len())).last.is_block()
    };
    assert!(block(&mine) && block(&mine.replace('\n', "\\n")) && block(&lines[2]));
    assert!(!block(&other));
}

#[test]
fn many_fingerprints_raise_nothing_in_other_text() {
    let mut rng = Rng::new(95);
    let values: Vec<Vec<u8>> = (0..2000).map(|_| rng.text(keys::BASE62, 32)).collect();
    let engine = engine(&values);
    let other = rng.text(keys::BASE62, 300_000);
    let run = run::run(&engine, &outbound(), &other, &split::every(other.len(), 4096));
    assert_eq!(run.findings().count(), 0);
    let content = values.iter().flat_map(|value| [&value[..], b"\n"].concat()).collect::<Vec<u8>>();
    let mut limits = exfilter_engine::Limits::default();
    limits.findings = u32::MAX;
    let engine = Engine::builder().known_secrets(kept(&values, &[])).limits(limits).build().unwrap();
    let run = run::run(&engine, &outbound(), &content, &split::every(content.len(), 4096));
    assert_eq!(run.findings().count(), values.len());
}

#[test]
fn a_canary_is_told_from_secrets() {
    let mut rng = Rng::new(96);
    let values: Vec<Vec<u8>> = (0..2).map(|_| rng.text(keys::BASE62, 32)).collect();
    canary::note(values.iter().map(Vec::as_slice));
    let mut secrets = KnownSecrets::new(key());
    secrets.add("SECRET", &values[0], vec![]).unwrap();
    secrets.add_canary("LURE", &values[1]).unwrap();
    let engine = Engine::builder().known_secrets(secrets).build().unwrap();
    for (value, is_canary) in values.iter().zip([false, true]) {
        let run = run::run(&engine, &Flow::at_rest(), value, &split::whole(value.len()));
        let kinds: Vec<_> = run.findings().map(exfilter_engine::Finding::kind).collect();
        let [Kind::Known(id, _)] = kinds[..] else { panic!("one finding") };
        assert_eq!(engine.is_canary(id), is_canary);
    }
}
