//! Faults that were there once, each under the name of its cause.

use exfilter_engine::Limits;
use exfilter_testing::{Rng, forms, keys, run, split};

use crate::laws::outbound;
use crate::support;

/// An anchor says where its needle would begin. Where the bytes in between cannot be the needle's, that place may have been released long ago,
/// and `through` ran backwards to it.
#[test]
fn an_anchor_behind_what_cannot_be_its_needle() {
    let mut rng = Rng::new(91);
    let values: Vec<Vec<u8>> = ["sk-live-", "ghp_", ""]
        .map(|prefix| [prefix.as_bytes(), &rng.text(keys::BASE62, 32)].concat())
        .to_vec();
    let engine = support::engine(&values, Limits::default());
    for value in &values {
        for form in forms::all() {
            let spelled = form.spell(value);
            for at in 0..spelled.len().min(80) {
                for before in [&b"    "[..], b"text \"", b"\0\0\0", b"a", b"=\0"] {
                    let content = [&b" ".repeat(200)[..], before, &spelled[at..], b" and more"].concat();
                    let run = run::run(&engine, &outbound(), &content, &split::every(content.len(), 1));
                    let through: Vec<_> = run.verdicts.iter().filter_map(|v| v.1.through()).collect();
                    assert!(through.is_sorted(), "{form:?} from {at} on");
                }
            }
        }
    }
}
