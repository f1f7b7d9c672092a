//! Enrolled secrets in every spelling, at every alignment, in any chunking.

mod base85;
mod delta;
mod disguised;
mod fingerprint;
mod joined;
mod parts;
mod scattered;
mod uuencode;

use exfilter_engine::{Kind, Limits};
use exfilter_testing::{Rng, forms, keys, run, split};

use crate::laws::outbound;
use crate::support;

/// Values of all the shapes that secrets have.
fn values(rng: &mut Rng) -> Vec<Vec<u8>> {
    let mut values: Vec<Vec<u8>> = (0..6).map(|_| keys::secret(rng)).collect();
    for (before, after) in [
        ("p\"", "\\x/y"),
        ("pass word ", " & more"),
        ("\u{e9}\u{df}", "\u{4e2d}\u{6587}!"),
        ("it's<", "'&\"=>"),
    ] {
        values.push([before.as_bytes(), &rng.text(keys::BASE62, 14), after.as_bytes()].concat());
    }
    values.push(rng.text(keys::BASE62, 12));
    values.push(rng.text(keys::BASE62, 190));
    values.push(rng.text(keys::BASE64URL, 700));
    values
}

#[test]
fn every_form_of_every_value_is_found() {
    let mut rng = Rng::new(81);
    let values = values(&mut rng);
    let engine = support::engine(&values, Limits::default());
    for (i, value) in values.iter().enumerate() {
        for form in forms::all().into_iter().filter(|form| form.is_of(value)) {
            let spelled = form.spell(value);
            for (before, after) in [("", ""), ("x = ", "\n"), ("{\"k\":\"", "\"}")] {
                let content = [before.as_bytes(), &spelled, after.as_bytes()].concat();
                let chunkings = [
                    split::whole(content.len()),
                    split::every(content.len(), 1),
                    split::two(content.len(), rng.below(content.len() + 1)),
                    split::random(&mut rng, content.len(), 30),
                ];
                for chunks in chunkings {
                    let run = run::run(&engine, &outbound(), &content, &chunks);
                    assert!(
                        run.last.is_block(),
                        "value {i} ({} bytes), {form:?}, after {before:?}",
                        value.len()
                    );
                    let first = run.findings().map(|f| f.outer().start).min().unwrap();
                    assert!(run.through() <= first, "value {i}, {form:?}: {} bytes had left", run.through());
                    let named = run.findings().any(|f| {
                        matches!(f.kind(), Kind::Known(id, form_of) if engine.secret_name(id) == format!("SECRET_{i}")
                            && (form_of == form.of_engine() || spelled == *value))
                    });
                    assert!(named, "value {i} ({} bytes), {form:?}: found as something else", value.len());
                }
            }
        }
    }
}

#[test]
fn two_values_with_a_common_beginning_are_told_apart() {
    let mut rng = Rng::new(82);
    let common = rng.text(keys::BASE62, 30);
    let values: Vec<Vec<u8>> = (0..4).map(|_| [&common[..], &rng.text(keys::BASE62, 10)].concat()).collect();
    let engine = support::engine(&values, Limits::default());
    for (i, value) in values.iter().enumerate() {
        let content = [b"x ", &value[..], b" y"].concat();
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
fn a_value_inside_another_is_found_in_it() {
    let mut rng = Rng::new(83);
    let inner = rng.text(keys::BASE62, 20);
    let outer = [b"ab", &inner[..], b"yz"].concat();
    let engine = support::engine(&[inner, outer.clone()], Limits::default());
    let run = run::run(&engine, &outbound(), &outer, &split::whole(outer.len()));
    let ranges: Vec<_> = run.findings().filter(|f| f.inner() == f.outer()).map(|f| f.outer()).collect();
    assert_eq!(ranges, [2..22, 0..24]);
}
