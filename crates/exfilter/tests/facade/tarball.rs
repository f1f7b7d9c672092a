//! A package with a token in it, as `npm publish` would send it.

use exfilter::{Authority, Confidence, Engine, Event, Flow, Kind, Proof, Verdict};
use exfilter_testing::{Rng, keys, run, split, wrap};

/// A package with a fresh token in a nested file, the file's name, and the token's line and column.
fn package(rng: &mut Rng) -> (Vec<u8>, &'static str, (u64, u64)) {
    let token = keys::github(rng, "ghp_");
    let before = "'use strict'\n\nmodule.exports = {\n  registry: 'https://registry.example',\n  token: '";
    let line = 1 + before.matches('\n').count() as u64;
    let column = before.len() as u64 - before.rfind('\n').unwrap() as u64;
    let config = [before.as_bytes(), &token, b"',\n}\n"].concat();
    let name = "package/lib/nested/config.js";
    let members = [
        (
            b"package/package.json".to_vec(),
            b"{\n  \"name\": \"left-pad\",\n  \"version\": \"1.0.0\"\n}\n".to_vec(),
        ),
        (b"package/README.md".to_vec(), source(rng, 900)),
        (b"package/lib/index.js".to_vec(), source(rng, 4000)),
        (name.as_bytes().to_vec(), config),
        (b"package/lib/other.js".to_vec(), source(rng, 2500)),
    ];
    let mut encoder = flate2::GzBuilder::new().write(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut encoder, &wrap::tar(&members)).unwrap();
    (encoder.finish().unwrap(), name, (line, column))
}

fn source(rng: &mut Rng, len: usize) -> Vec<u8> {
    let mut out = Vec::new();
    while out.len() < len {
        out.extend(wrap::text(rng));
        out.push(b'\n');
    }
    out
}

fn engine() -> Engine {
    Engine::builder().rules(exfilter::rules::builtin()).build().unwrap()
}

#[test]
fn a_token_in_a_tarball_is_named_by_member_line_and_column_in_any_chunking() {
    let mut rng = Rng::new(21);
    let (tarball, name, place) = package(&mut rng);
    let engine = engine();
    let publish = Flow::outbound(Authority::parse(b"https://registry.npmjs.org").unwrap()).lines();
    let mut chunkings = split::standard(&mut rng, tarball.len());
    chunkings.extend((0..20).map(|_| split::two(tarball.len(), rng.below(tarball.len() + 1))));
    for chunks in chunkings {
        for flow in [&publish, &Flow::at_rest().lines()] {
            let run = run::run(&engine, flow, &tarball, &chunks);
            let found: Vec<_> = run
                .events
                .iter()
                .map(|(event, path)| match event {
                    Event::Finding(f) => (f, path.as_str()),
                    other => panic!("{other:?}"),
                })
                .collect();
            let [(finding, path)] = found[..] else { panic!("{} findings", found.len()) };
            assert_eq!(path, format!("gzip > {name}"));
            assert_eq!(finding.line(), Some(place));
            assert_eq!((finding.proof(), finding.confidence()), (Proof::Verified, Confidence::High));
            let Kind::Rule(rule) = finding.kind() else { panic!("no secret is enrolled") };
            assert_eq!(engine.rule(rule).id, "github-pat");
            assert_eq!(finding.preview(), "ghp_");
            let outbound = flow.direction() == exfilter::Direction::Outbound;
            assert_eq!(run.last.is_block(), outbound);
            assert!(run.through() <= finding.outer().start || !outbound, "bytes of the token have left");
            assert!(run.coverage.is_complete());
            assert_eq!((run.coverage.containers, run.coverage.archives, run.coverage.members), (1, 1, 5));
        }
    }
}

#[test]
fn a_tarball_in_base64_in_json_is_looked_into_as_well() {
    let mut rng = Rng::new(22);
    let (tarball, name, place) = package(&mut rng);
    let engine = engine();
    // The document that `npm publish` sends has the tarball as base64 in a JSON string.
    let body = [
        b"{\"_id\":\"left-pad\",\"_attachments\":{\"left-pad-1.0.0.tgz\":{\"data\":\"",
        &wrap::base64(&tarball, false, true)[..],
        b"\"}}}",
    ]
    .concat();
    let flow = Flow::outbound(Authority::parse(b"https://registry.npmjs.org").unwrap()).lines();
    for chunks in split::standard(&mut rng, body.len()) {
        let run = run::run(&engine, &flow, &body, &chunks);
        let (Event::Finding(finding), path) = &run.events[0] else { panic!("{:?}", run.events[0].0) };
        assert_eq!(*path, format!("base64 > gzip > {name}"));
        assert_eq!(finding.line(), Some(place));
        assert!(run.last.is_block());
        assert!(run.through() <= finding.outer().start);
    }
}

#[test]
fn a_clean_tarball_leaves_whole() {
    let mut rng = Rng::new(23);
    let members: Vec<_> =
        (0..5).map(|i| (format!("package/{i}.js").into_bytes(), source(&mut rng, 3000))).collect();
    let tarball = wrap::gzip(&mut rng, &wrap::tar(&members));
    let engine = engine();
    let flow = Flow::outbound(Authority::parse(b"https://registry.npmjs.org").unwrap());
    for chunks in split::standard(&mut rng, tarball.len()) {
        let run = run::run(&engine, &flow, &tarball, &chunks);
        assert_eq!(run.last, Verdict::Forward { through: tarball.len() as u64 });
        assert!(run.events.is_empty() && run.coverage.is_complete());
    }
}
