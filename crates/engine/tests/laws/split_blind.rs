//! Law 1: findings, verdict and coverage do not depend on chunks.

use exfilter_engine::{Authority, Flow, Limits};
use exfilter_testing::{Rng, framing, keys, run, split, wrap};

use crate::support;

/// Content in one to four wrappings, with one secret in it and decoys around. Escapes are not mixed, nor do they write UTF-16, base32, lists of codes or uuencode, see
/// SHORTCOMINGS, and zlib stands where content begins.
pub(crate) fn nested(rng: &mut Rng, secret: &[u8]) -> (Vec<u8>, Vec<wrap::Layer>) {
    let mut content = wrap::wrap(rng, wrap::Layer::Text, secret);
    let mut layers = Vec::new();
    let mut disguised = false;
    for _ in 0..rng.below(5) {
        let mut layer = *rng.pick(&wrap::LAYERS);
        // Escapes of another kind may write those that stand beside these.
        let spelled = [
            wrap::Layer::Escapes,
            wrap::Layer::Wide,
            wrap::Layer::Base32,
            wrap::Layer::Base58,
            wrap::Layer::Codes,
            wrap::Layer::Uuencode,
        ];
        // The zeros of a pack's magic number are not looked for in escapes of all kinds.
        let unread = |l: &wrap::Layer| spelled.contains(l) || *l == wrap::Layer::Pack;
        if layer == wrap::Layer::Escapes && layers.iter().any(unread) {
            layer = wrap::Layer::Text;
        }
        if layers.last() == Some(&wrap::Layer::Zlib) {
            layer = *rng.pick(&[wrap::Layer::Gzip, wrap::Layer::Zstd, wrap::Layer::Zip, wrap::Layer::Zlib]);
        }
        if layer == wrap::Layer::Base58 && layers.is_empty() {
            // It has little room.
            content = [b"k=", secret, b"\n"].concat();
        }
        if disguised {
            // It is not looked for in what digits stand for.
            layer = *rng.pick(&[
                wrap::Layer::Text,
                wrap::Layer::Gzip,
                wrap::Layer::Zstd,
                wrap::Layer::Zip,
                wrap::Layer::Tar,
            ]);
        }
        content = wrap::wrap(rng, layer, &content);
        layers.push(layer);
        if content.is_ascii() && !layers.iter().any(|l| spelled.contains(l)) && rng.one_in(4) {
            content = [&wrap::text(rng)[..], b"= ", &wrap::disguised(rng, &content), b"\n", &wrap::text(rng)]
                .concat();
            disguised = true;
        }
    }
    if rng.one_in(5) {
        // A framing is looked for where a stream begins.
        content = framing::any(rng, &content).1;
    }
    (content, layers)
}

pub(crate) fn outbound() -> Flow {
    Flow::outbound(Authority::parse(b"https://example.com").expect("a good authority")).reference(1)
}

/// A file, a body that leaves as it is examined, or one that is kept until its end.
fn any_flow(rng: &mut Rng) -> Flow {
    match rng.below(4) {
        0 => Flow::at_rest().lines().reference(1),
        1 => outbound().lines().whole(),
        _ => outbound().lines(),
    }
}

#[test]
fn nested_wrappings_in_any_chunking() {
    for case in cases(1) {
        let mut rng = Rng::new(case << 8 | 1);
        let secrets: Vec<Vec<u8>> = (0..3).map(|_| keys::secret(&mut rng)).collect();
        let limits = small_limits(&mut rng, case);
        let engine = support::engine(&secrets, limits);
        let planted = if rng.one_in(2) { keys::token(&mut rng) } else { secrets[0].clone() };
        let (content, layers) = nested(&mut rng, &planted);
        let flow = any_flow(&mut rng);
        let mut first = None;
        for chunks in split::standard(&mut rng, content.len()) {
            let run = run::run(&engine, &flow, &content, &chunks);
            let facts = run.facts();
            match &first {
                None => first = Some(facts),
                Some(first) => {
                    assert_eq!(
                        *first,
                        facts,
                        "case {case}, {layers:?}, chunks {:?}",
                        &chunks[..chunks.len().min(8)]
                    );
                }
            }
        }
    }
}

/// Keys and values in pieces, and as they are, in the profile that sees through them.
#[test]
fn the_thorough_profile_in_any_chunking() {
    for case in cases(2) {
        let mut rng = Rng::new(case << 8 | 7);
        let secrets: Vec<Vec<u8>> = (0..3).map(|_| keys::secret(&mut rng)).collect();
        let engine = support::thorough_engine(&secrets, small_limits(&mut rng, case));
        let planted = if rng.one_in(3) { secrets[0].clone() } else { keys::token(&mut rng) };
        let text = wrap::wrap(&mut rng, wrap::Layer::Text, &planted);
        let joined = match case % 5 {
            3 => [b"data: \"", &wrap::base85(&text, &wrap::RFC1924)[..], b"\"\n"].concat(),
            4 => [b"data=", &wrap::base85(&text, &wrap::Z85)[..], b"\n"].concat(),
            _ if rng.one_in(4) => text,
            _ => wrap::joined(&mut rng, &text),
        };
        let (mut content, layers) = nested(&mut rng, &joined);
        content.truncate(20_000);
        let flow = any_flow(&mut rng);
        let bytewise = run::run(&engine, &flow, &content, &split::every(content.len(), 1));
        for chunks in split::standard(&mut rng, content.len()) {
            let run = run::run(&engine, &flow, &content, &chunks);
            let few = &chunks[..chunks.len().min(8)];
            assert_eq!(bytewise.facts(), run.facts(), "case {case}, {layers:?}, chunks {few:?}");
            for (pushed, verdict) in run.verdicts {
                let Some(at) = pushed.checked_sub(1) else { continue };
                let through = bytewise.verdicts[at].1.through();
                assert_eq!(verdict.through(), through, "case {case}, {layers:?}, at {pushed}");
            }
        }
    }
}

#[test]
fn through_is_a_function_of_the_bytes_pushed() {
    for case in cases(4) {
        let mut rng = Rng::new(case << 8 | 2);
        let secrets: Vec<Vec<u8>> = (0..3).map(|_| keys::secret(&mut rng)).collect();
        let engine = support::engine(&secrets, Limits::default());
        let (mut content, layers) = nested(&mut rng, &secrets[1]);
        content.truncate(6000);
        let flow = outbound();
        let bytewise = run::run(&engine, &flow, &content, &split::every(content.len(), 1));
        for max in [9, 100, 3000] {
            let chunks = split::random(&mut rng, content.len(), max);
            for (pushed, verdict) in run::run(&engine, &flow, &content, &chunks).verdicts {
                let Some(at) = pushed.checked_sub(1) else { continue };
                assert_eq!(
                    verdict.through(),
                    bytewise.verdicts[at].1.through(),
                    "case {case}, {layers:?}, at {pushed}"
                );
            }
        }
    }
}

#[test]
fn every_two_way_split_of_a_small_case() {
    let mut rng = Rng::new(3);
    let secrets = vec![keys::secret(&mut rng)];
    let engine = support::engine(&secrets, Limits::default());
    let is_long = std::env::var_os("EXFILTER_CASES").is_some();
    for planted in [keys::github(&mut rng, "ghp_"), secrets[0].clone()] {
        let inner = wrap::wrap(&mut rng, wrap::Layer::Text, &planted);
        for layer in wrap::LAYERS {
            let mut content = wrap::wrap(&mut rng, layer, &inner);
            if layer != wrap::Layer::Tar {
                content = wrap::wrap(&mut rng, wrap::Layer::Base64, &content);
            }
            let whole = run::run(&engine, &outbound(), &content, &split::whole(content.len())).facts();
            let len = content.len();
            for at in 0..=len {
                // Of the middle of a long one one of seven, but in long runs.
                if at > 250 && at + 250 < len && at % 7 != 0 && !is_long {
                    continue;
                }
                let facts = run::run(&engine, &outbound(), &content, &split::two(len, at)).facts();
                assert_eq!(whole, facts, "{layer:?} split at {at} of {len}");
            }
        }
    }
}

/// Real bytes of megabytes: the running program, the sources of the workspace, and both compressed.
#[test]
fn real_files_of_megabytes() {
    let mut rng = Rng::new(7);
    let secrets = vec![keys::secret(&mut rng)];
    let engine = support::engine(&secrets, Limits::default());
    let mut program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    program.truncate(3 << 20);
    let mut sources = Vec::new();
    let mut folders = vec![std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")];
    while let Some(folder) = folders.pop() {
        let mut entries: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
        entries.sort();
        for path in entries {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && !path.is_symlink() && !name.starts_with('.') && name != "target" {
                folders.push(path);
            } else if [".rs", ".toml", ".lock", ".md"].iter().any(|end| name.ends_with(end)) {
                sources.extend(std::fs::read(path).unwrap());
            }
        }
    }
    sources.truncate(2 << 20);
    let planted = keys::github(&mut rng, "ghp_");
    for content in [&mut program, &mut sources] {
        let at = content.len() / 2;
        content.splice(at..at, [b"\n", &planted[..], b" ", &secrets[0], b"\n"].concat());
    }
    let packed = wrap::wrap(&mut rng, wrap::Layer::Gzip, &sources);
    let framed = wrap::wrap(&mut rng, wrap::Layer::Zstd, &program);
    for content in [program, sources, packed, framed] {
        for flow in [outbound(), Flow::at_rest().lines().reference(1)] {
            let whole = run::run(&engine, &flow, &content, &split::whole(content.len()));
            assert!(whole.findings().count() >= 2, "both planted values are found");
            for max in [1400, 70_000] {
                let chunks = split::random(&mut rng, content.len(), max);
                assert_eq!(whole.facts(), run::run(&engine, &flow, &content, &chunks).facts());
            }
        }
    }
}

/// The cases to run: a few hundred in every build, `EXFILTER_CASES` of them in the long run, only `EXFILTER_CASE` to look at one.
pub(crate) fn cases(fraction: u64) -> std::ops::Range<u64> {
    let number = |name| std::env::var(name).ok().and_then(|n| n.parse::<u64>().ok());
    match number("EXFILTER_CASE") {
        Some(case) => case..case + 1,
        None => 0..number("EXFILTER_CASES").unwrap_or(120) / fraction,
    }
}

/// Limits at which refusals happen, in some cases.
fn small_limits(rng: &mut Rng, case: u64) -> Limits {
    let mut limits = Limits::default();
    if case.is_multiple_of(5) {
        limits.lanes = 4 + rng.below(12) as u32;
        limits.containers = rng.below(3) as u8;
        limits.shapes = rng.below(3) as u8;
        limits.findings = 1 + rng.below(4) as u32;
        limits.ratio_grace = 200;
        limits.ratio = 1 + rng.below(8) as u64;
        limits.max_hold = 200 + rng.below(2000) as u64;
    }
    limits
}
