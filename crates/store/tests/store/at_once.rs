//! A store that is opened with what was derived when it was written finds what one finds that derives anew.

use exfilter_engine::{Engine, Flow, KnownSecrets, Profile};
use exfilter_store::{Store, Use};
use exfilter_testing::{Rng, canary, forms, keys, run, split, wrap};

use crate::support::{named, seed, store_of};

fn engine(secrets: KnownSecrets) -> Engine {
    Engine::builder().known_secrets(secrets).profile(Profile::Thorough).build().unwrap()
}

/// Values of all the shapes that secrets have.
fn values(rng: &mut Rng) -> Vec<Vec<u8>> {
    let mut values: Vec<Vec<u8>> = (0..4).map(|_| keys::secret(rng)).collect();
    for (before, after) in [("p\"", "\\x/y"), ("pass word ", " & more"), ("\u{e9}\u{df}", "\u{4e2d}!")] {
        values.push([before.as_bytes(), &rng.text(keys::BASE62, 16), after.as_bytes()].concat());
    }
    values.push(rng.text(keys::BASE62, 190));
    values.push(rng.text(keys::BASE64URL, 700));
    canary::note(values.iter().map(Vec::as_slice));
    values
}

#[test]
fn the_same_is_found_in_all_spellings() {
    let mut entropy = seed(91);
    let values = values(&mut entropy.0);
    let (ring, mut store) = store_of(&values, true, &mut entropy);
    let mut warning = named("WARNING");
    warning.canary = true;
    store.add(warning, &keys::secret(&mut entropy.0), false, &mut entropy).unwrap();
    store.add(named("KEPT"), &entropy.0.text(keys::BASE62, 40), false, &mut entropy).unwrap();
    store.record_mut("SECRET_0").unwrap().bind("api.example.com", "body").unwrap();
    let anew = engine(store.known_secrets(Use::AtOnce).unwrap());
    let opened = Store::open(&store.to_bytes(&mut entropy).unwrap(), &ring, 8).unwrap();
    let at_once = engine(opened.known_secrets(Use::AtOnce).unwrap());
    assert_eq!((at_once.needles(), at_once.memory()), (anew.needles(), anew.memory()));
    let rng = &mut entropy.0;
    let flow = Flow::at_rest();
    let mut found = 0;
    for value in &values {
        let mut texts: Vec<Vec<u8>> = forms::all().into_iter().map(|form| form.spell(value)).collect();
        texts.extend([
            wrap::gzip(rng, value),
            wrap::disguised(rng, value),
            value[..value.len() / 2].to_vec(),
        ]);
        texts.extend([wrap::json(rng, value), wrap::percent(rng, value), wrap::html(rng, value)]);
        for text in texts {
            let content = [b"x = ", &text[..], b"\n"].concat();
            let chunks = split::random(rng, content.len(), 60);
            let [want, got] = [&anew, &at_once].map(|engine| run::run(engine, &flow, &content, &chunks));
            assert_eq!(got.facts(), want.facts(), "{} bytes", value.len());
            found += got.findings().count();
        }
    }
    assert!(found >= values.len() * forms::all().len(), "{found}");
}

#[test]
fn pieces_are_counted() {
    let mut entropy = seed(92);
    let value = entropy.0.text(keys::BASE62, 32);
    canary::note([&value[..]]);
    let (ring, mut store) = store_of(std::slice::from_ref(&value), true, &mut entropy);
    let opened = Store::open(&store.to_bytes(&mut entropy).unwrap(), &ring, 8).unwrap();
    let engine = engine(opened.known_secrets(Use::AtOnce).unwrap());
    let pieces: Vec<Vec<u8>> = value
        .chunks(8)
        .zip(1..)
        .map(|(piece, n)| [format!("p{n} = '").as_bytes(), piece, b"'\n"].concat())
        .collect();
    let found = |pieces: &[Vec<u8>]| {
        let content = [&pieces.concat()[..], b"value = p1 + p2 + p3 + p4\n"].concat();
        run::run(&engine, &Flow::at_rest(), &content, &split::whole(content.len())).findings().count()
    };
    assert_eq!(found(&pieces[..2]), 0, "half of it is not yet enough");
    assert!(found(&pieces) > 0);
}
