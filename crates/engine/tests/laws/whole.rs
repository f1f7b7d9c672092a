//! Flows that are kept whole until their end ([`Flow::whole`](exfilter_engine::Flow::whole)) end as those that leave on the way, and nothing of them leaves before.

use exfilter_engine::{Event, Limits, Verdict};
use exfilter_testing::{Rng, keys, run, split};

use super::{cases, nested, outbound};
use crate::support;

#[test]
fn a_flow_that_is_kept_whole_ends_as_one_that_leaves_on_the_way() {
    let mut blocked = 0;
    for case in cases(4) {
        let mut rng = Rng::new(case << 8 | 21);
        let secrets: Vec<Vec<u8>> = (0..3).map(|_| keys::secret(&mut rng)).collect();
        let engine = support::engine(&secrets, Limits::default());
        let planted = if rng.one_in(2) { keys::token(&mut rng) } else { secrets[0].clone() };
        let (content, layers) = nested(&mut rng, &planted);
        let chunks = split::random(&mut rng, content.len(), 3000);
        let passing = run::run(&engine, &outbound(), &content, &chunks);
        let whole = run::run(&engine, &outbound().whole(), &content, &chunks);
        assert_eq!(passing.last.is_block(), whole.last.is_block(), "case {case}, {layers:?}");
        blocked += u32::from(whole.last.is_block());
        // Where it stands in what came is told by windows, which are longer.
        let found = |run: &run::Run| {
            let mut all: Vec<_> =
                run.events.iter().map(|(event, path)| format!("{} {path}", what(event))).collect();
            all.sort();
            all.dedup();
            all
        };
        assert_eq!(found(&passing), found(&whole), "case {case}, {layers:?}");
        for (pushed, verdict) in &whole.verdicts {
            assert!(
                verdict.is_block() || *verdict == Verdict::Forward { through: 0 },
                "case {case}, {layers:?}: {verdict:?} at {pushed}"
            );
        }
        assert!(whole.last.is_block() || whole.sent == content, "case {case}, {layers:?}");
        assert!(!whole.last.is_block() || whole.sent.is_empty(), "case {case}, {layers:?}");
    }
    assert!(blocked > 0);
}

fn what(event: &Event) -> String {
    match event {
        Event::Finding(f) => format!("{:?} {:?} {:?} {:?}", f.kind(), f.inner(), f.confidence(), f.action()),
        Event::Opaque(o) => format!("{:?} {:?}", o.reason(), o.action()),
        _ => String::from("another event"),
    }
}
