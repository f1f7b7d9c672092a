//! Whole requests through `Inspector`: any slices say the same; no enrolled value leaves as it is, in the head or the body; a refusal can be written and shows none; a conversation that comes again is judged as before.
#![no_main]

use exfilter::inspector::{Inspection, Inspector, Prefixes, Sighting, Uploads};
use exfilter::wire::http1;
use exfilter::{Audience, Verdict};
use exfilter_fuzz::engines::{self, SECRETS};
use exfilter_fuzz::requests::RequestInput;
use exfilter_fuzz::slices::cut;
use libfuzzer_sys::fuzz_target;
use memchr::memmem;

/// What came of a request, all of which does not depend on slices.
#[derive(PartialEq)]
struct Outcome {
    blocked: bool,
    /// What left, if the request was not refused.
    sent: Option<Vec<u8>>,
    replies: [Option<Vec<u8>>; 2],
    sightings: Vec<String>,
    complete: bool,
}

fuzz_target!(|input: RequestInput| {
    let inspection = input.inspection();
    let body = &input.body[..];
    let whole = run(&input, &inspection, &[body]);
    let pieces = cut(body, &input.slices.of(body.len()));
    same(&run(&input, &inspection, &pieces), &whole, "slices", &input);

    // As one of a session, and once more: nothing of it was known before, and then it may be.
    let mut session = input.inspection();
    session.prefixes(&Prefixes::new()).uploads(&Uploads::new());
    let first = run(&input, &session, &pieces);
    if input.head.part().is_none() {
        same(&first, &whole, "a session", &input);
        same(&run(&input, &session, &[body]), &whole, "the second time", &input);
    }
});

/// Says which part differs, for contents are not to be printed.
fn same(one: &Outcome, other: &Outcome, by: &str, input: &RequestInput) {
    assert_eq!(one.blocked, other.blocked, "{by}: {input:?}");
    assert_eq!(one.sightings, other.sightings, "{by}: {input:?}");
    assert_eq!(one.complete, other.complete, "{by}: {input:?}");
    assert!(one.sent == other.sent, "{by}: what leaves differs: {input:?}");
    assert!(one.replies == other.replies, "{by}: the refusal differs: {input:?}");
}

fn run(input: &RequestInput, inspection: &Inspection, pieces: &[&[u8]]) -> Outcome {
    let mut inspector =
        Inspector::new(input.engine, inspection, input.head.clone()).expect("the host is the one named");
    let (mut pushed, mut sent) = (0, Vec::new());
    let mut left = !inspector.verdict().is_block() && !inspector.holds_head();
    if left {
        head_is_clean(input, &inspector);
    }
    let mut blocked = inspector.verdict().is_block();
    for piece in pieces {
        pushed += piece.len();
        let verdict = inspector.push(piece);
        release(input, &inspector, verdict, pushed, &mut sent);
        assert!(verdict.is_block() || !blocked, "a block was taken back: {input:?}");
        blocked = verdict.is_block();
        assert!(inspector.memory() <= most(input), "{} bytes: {input:?}", inspector.memory());
    }
    if let Some(trailers) = &input.trailers {
        blocked |= inspector.trailers(trailers).is_block();
    }
    let last = inspector.finish_held(pieces);
    assert!(last.is_block() || !blocked, "a block was taken back at the end: {input:?}");
    assert_eq!(inspector.finish(), last, "asking again changes nothing: {input:?}");
    release(input, &inspector, last, pushed, &mut sent);
    if !last.is_block() && !left {
        left = true;
        head_is_clean(input, &inspector);
    }
    assert!(left || last.is_block(), "{input:?}");
    no_secret(&sent, "what left", input);
    let replies = [Audience::Subject, Audience::Operator].map(|audience| {
        let reply = inspector.reply(audience);
        assert_eq!(reply.is_some(), last.is_block(), "{input:?}");
        let reply = reply?.to_http1();
        no_secret(&reply, "a refusal", input);
        Some(reply)
    });
    let sightings = std::iter::from_fn(|| inspector.poll()).map(|sighting| told(&sighting));
    let mut sightings: Vec<String> = sightings.collect();
    sightings.sort();
    let replaced = inspector.replacement().map(<[u8]>::to_vec);
    Outcome {
        blocked: last.is_block(),
        sent: (!last.is_block()).then(|| replaced.unwrap_or(sent)),
        replies,
        sightings,
        complete: inspector.coverage().is_complete(),
    }
}

/// What an embedder sends that does as it is told.
fn release(input: &RequestInput, inspector: &Inspector, verdict: Verdict, pushed: usize, sent: &mut Vec<u8>) {
    let Some(through) = verdict.through() else { return };
    if inspector.replacement().is_some() {
        return;
    }
    assert!(sent.len() as u64 <= through && through <= pushed as u64, "{through} of {pushed}: {input:?}");
    let start = sent.len();
    let mut out = input.body[start..through as usize].to_vec();
    if matches!(verdict, Verdict::Edit { .. }) {
        inspector.edits().iter().for_each(|edit| edit.apply(start as u64, &mut out));
    }
    sent.extend(out);
}

fn head_is_clean(input: &RequestInput, inspector: &Inspector) {
    no_secret(&http1::write(&inspector.forwarded_head()), "a head", input);
}

/// No enrolled value stands in the open in what anybody gets. None is at home in these requests as they are put together: where one could be, in `authorization`, nothing is put.
fn no_secret(bytes: &[u8], what: &str, input: &RequestInput) {
    for secret in SECRETS.iter().filter(|secret| secret.len() <= 192) {
        assert!(memmem::find(bytes, secret).is_none(), "{what} has an enrolled value: {input:?}");
    }
}

/// All of a sighting but what is drawn anew for each request.
fn told(sighting: &Sighting) -> String {
    format!(
        "{} {:?} {} {:?} {:?}",
        sighting.place(),
        sighting.range(),
        sighting.path(),
        sighting.action(),
        sighting.event()
    )
}

/// What an inspector may keep: two streams, the head, a push's commands, a coded body and its text, what is compared.
fn most(input: &RequestInput) -> usize {
    let head = http1::write(&input.head).len();
    2 * engines::most_memory(input.engine.limits()) + 4 * head + 70 * input.body.len() + (1 << 20)
}
