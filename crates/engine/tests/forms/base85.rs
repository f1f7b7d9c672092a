//! Text in base85, in the thorough profile.

use exfilter_engine::{Confidence, Engine, Limits, OpaqueReason, Profile};
use exfilter_testing::{Rng, keys, rules, run, split, wrap};

use crate::laws::outbound;
use crate::support;

const ALPHABETS: [[u8; 85]; 3] = [wrap::RFC1924, wrap::Z85, wrap::ASCII85];

fn thorough() -> Engine {
    Engine::builder().rules(rules::features()).profile(Profile::Thorough).build().unwrap()
}

/// Asserts that a key is found in `content`, behind the first `start` bytes, of which no more has left.
fn finds(engine: &Engine, content: &[u8], start: usize, what: &str) {
    for chunks in
        [split::whole(content.len()), split::every(content.len(), 1), split::every(content.len(), 50)]
    {
        let run = run::run(engine, &outbound(), content, &chunks);
        assert!(run.last.is_block(), "{what}");
        assert!(run.events.iter().any(|(_, path)| path == "base85"), "{what}: {:?}", run.events.len());
        let found = run.findings().next().unwrap();
        assert_eq!(found.confidence(), Confidence::High);
        assert!(run.through() <= found.outer().start, "{what}");
        assert!(found.outer().start >= start as u64, "{what}");
    }
}

#[test]
fn keys_of_rules_in_every_alphabet_and_place() {
    let mut rng = Rng::new(701);
    let engine = thorough();
    for alphabet in &ALPHABETS {
        for before in ["key: \"", "KEY=", "<~", "(", "words and\n", ""] {
            for more in 0..5 {
                let key = keys::github(&mut rng, "ghp_");
                let text = [b"text "[..more].to_vec(), key, b" text"[..rng.below(6)].to_vec()].concat();
                let run = wrap::base85(&text, alphabet);
                let content = [before.as_bytes(), &run, b"\"\nand more of it\n"].concat();
                let clean = !alphabet.contains(&b'"');
                // A quote is a character of Ascii85.
                let content = if clean { content } else { [before.as_bytes(), &run, b"~> \n"].concat() };
                finds(&engine, &content, 0, &format!("{before:?}, {more} more"));
            }
        }
    }
}

#[test]
fn known_secrets_too() {
    let value = keys::secret(&mut Rng::new(702));
    let engine = support::thorough_engine(std::slice::from_ref(&value), Limits::default());
    for alphabet in &ALPHABETS {
        let run = wrap::base85(&[b"it is ", &value[..]].concat(), alphabet);
        let content = [b"words before it, ".as_slice(), &run, b" "].concat();
        let run = run::run(&engine, &outbound(), &content, &split::every(content.len(), 3));
        assert!(run.last.is_block() && run.through() <= 18);
    }
}

/// What is long is decoded in parts, which overlap.
#[test]
fn a_key_anywhere_in_long_text() {
    let mut rng = Rng::new(703);
    let engine = thorough();
    for at in [0, 2000, 3200, 3265, 3270, 4090, 6500, 9000, 9950] {
        let mut text = rng.text(b"etaoin shrdlu\n", 10_000);
        let key = [b" ", &keys::github(&mut rng, "ghp_")[..], b" "].concat();
        text.splice(at..at + key.len(), key);
        for alphabet in &ALPHABETS[..2] {
            let content = [b"data = '", &wrap::base85(&text, alphabet)[..], b"'"].concat();
            let run = run::run(&engine, &outbound(), &content, &split::every(content.len(), 1000));
            assert!(run.last.is_block(), "at {at}");
        }
    }
}

#[test]
fn what_is_none_is_not_held_and_not_told_of() {
    let mut rng = Rng::new(704);
    let engine = thorough();
    let contents = [
        rng.text(&wrap::RFC1924, 5000),
        wrap::base85(&rng.bytes(4000), &wrap::Z85),
        wrap::base85(&rng.text(b"etaoin shrdlu\n", 3000), &wrap::RFC1924),
        b"-".repeat(3000),
        b"=".repeat(3000),
        b"aaaaa".repeat(600),
    ];
    for content in contents {
        let content = [&content[..], b"\n "].concat();
        let run = run::run(&engine, &outbound(), &content, &split::every(content.len(), 777));
        assert!(run.events.is_empty() && run.coverage.is_complete());
    }
    let inline = Engine::builder().rules(rules::features()).build().unwrap();
    let content = wrap::base85(&keys::github(&mut rng, "ghp_"), &wrap::RFC1924);
    let run = run::run(&inline, &outbound(), &content, &split::whole(content.len()));
    assert!(run.events.is_empty(), "the inline profile does not look for it");
}

#[test]
fn text_for_which_no_lane_can_be_had_is_reported() {
    let mut limits = Limits::default();
    limits.shapes = 0;
    let engine = support::thorough_engine(&[keys::secret(&mut Rng::new(705))], limits);
    let text = keys::github(&mut Rng::new(706), "ghp_");
    let content = [b"key: ", &wrap::base85(&text, &wrap::RFC1924)[..], b"\n"].concat();
    let run = run::run(&engine, &outbound(), &content, &split::every(content.len(), 9));
    assert!(run.opaques().any(|o| o.reason() == OpaqueReason::Depth));
}
