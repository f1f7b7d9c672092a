//! The wrapping matrix: what is seen through does not become less, and nothing that only looks like a key is found.

use exfilter_engine::{Engine, Flow, Profile};
use exfilter_testing::matrix::{Keys, Row, false_alarms, rows};

/// Wrappings that count at least, by the rules alone, inline and in the thorough profile, and of known secrets. Raised with every new lane.
const REACHED: [usize; 3] = [106, 121, 142];

fn rules(profile: Profile) -> Engine {
    let mut builder = Engine::builder();
    builder.rules(exfilter_rules::builtin()).profile(profile).build().expect("the built-in rules compile")
}

#[test]
fn wrappings_are_seen_through() {
    let keys = Keys::new(1);
    let flow = Flow::outbound_unknown();
    let provider: Vec<&[u8]> = keys.provider.iter().map(Vec::as_slice).collect();
    let all: Vec<&[u8]> = keys.all().map(Vec::as_slice).collect();
    let tried = [
        rows(&rules(Profile::Inline), &flow, &provider),
        rows(&rules(Profile::Thorough), &flow, &provider),
        rows(&keys.known(), &flow, &all),
    ];
    for (rows, reached) in tried.iter().zip(REACHED) {
        let seen = rows.iter().filter(|row| row.counts()).count();
        let missed: Vec<&str> =
            rows.iter().filter(|row| !row.counts()).map(|row: &Row| row.wrapping.name).collect();
        assert!(
            seen >= reached,
            "{seen} of {} wrappings, {reached} were reached; not: {missed:?}",
            rows.len()
        );
    }
}

#[test]
fn look_alikes_are_not_found_in_any_wrapping() {
    let keys = Keys::new(1);
    let flow = Flow::outbound_unknown();
    for engine in [rules(Profile::Inline), rules(Profile::Thorough), keys.known()] {
        assert_eq!(false_alarms(&engine, &flow, &keys), [""; 0]);
    }
}
