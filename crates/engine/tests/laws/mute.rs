//! Law 5: nothing that the engine says holds a secret byte. An engine that has all the values enrolled reads everything that another one said.

use exfilter_engine::{
    Audience, Authority, Binding, Engine, Event, Flow, HostPattern, KnownSecrets, Limits, Rule, Scratch,
    Slot, StoreKey, Verdict,
};
use exfilter_testing::{Rng, forms, keys, rules, run, split, wrap};

use super::split_blind::{cases, nested, outbound};
use crate::support;

/// What was said, and who reads it.
struct Ear {
    said: String,
    reader: Engine,
}

impl Ear {
    /// A reader of `values` and of every pattern.
    fn new(values: &[Vec<u8>]) -> Ear {
        let reader = support::engine(values, Limits::default());
        Ear { said: String::new(), reader }
    }

    fn debug(&mut self, what: &dyn std::fmt::Debug) {
        self.said += &format!("{what:?}\n{what:#?}\n");
    }

    fn display(&mut self, what: &dyn std::fmt::Display) {
        self.said += &format!("{what}\n");
    }

    fn both<T: std::fmt::Debug + std::fmt::Display>(&mut self, what: &T) {
        self.debug(what);
        self.display(what);
    }

    /// Panics if a value or a key is in what was said. The message says where in it, and not what.
    fn judge(self, context: &str) {
        let mut scanner = self.reader.scanner(Flow::at_rest().lines());
        let mut found = Vec::new();
        let _ = scanner.scan(self.said.as_bytes(), &mut |event| {
            if let Event::Finding(finding) = event {
                found.push((finding.kind(), finding.line()));
            }
        });
        assert!(
            found.is_empty(),
            "{context}: a secret was said: {found:?} of {} lines",
            self.said.lines().count()
        );
    }
}

/// Runs `content` and listens to everything.
fn listen(ear: &mut Ear, engine: &Engine, flow: &Flow, content: &[u8], chunks: &[usize]) {
    let mut stream = engine.stream(flow.clone());
    let mut rest = content;
    let mut verdicts = Vec::new();
    for n in chunks {
        let (chunk, after) = rest.split_at(*n);
        rest = after;
        verdicts.push(stream.push(chunk));
        ear.debug(&stream);
        ear.debug(&stream.edits());
    }
    verdicts.push(stream.finish());
    ear.debug(&stream);
    ear.debug(&stream.coverage());
    ear.both(&stream.reference());
    for verdict in verdicts {
        ear.debug(&verdict);
        if let Verdict::Block(block) = verdict {
            ear.display(&block.audience_text(engine, Audience::Operator));
            ear.display(&block.audience_text(engine, Audience::Subject));
            ear.both(&block.reference());
        }
    }
    while let Some(event) = stream.poll_event() {
        ear.debug(&event);
        let path = match &event {
            Event::Finding(finding) => {
                ear.display(&finding.preview());
                stream.path(finding.path())
            }
            Event::Opaque(opaque) => stream.path(opaque.path()),
            _ => continue,
        };
        ear.both(path);
        ear.debug(&path.steps());
    }
    stream.suppressed().for_each(|s| ear.debug(&s));
    stream.suppressed_secrets().for_each(|s| ear.debug(&s));
}

#[test]
fn runs_say_nothing_of_what_they_find() {
    for case in cases(4) {
        let mut rng = Rng::new(case << 8 | 5);
        let secrets: Vec<Vec<u8>> = (0..3).map(|_| keys::secret(&mut rng)).collect();
        let mut limits = Limits::default();
        if rng.one_in(3) {
            (limits.findings, limits.opaques, limits.containers) = (2, 1, 1);
        }
        let engine = support::engine(&secrets, limits);
        let mut ear = Ear::new(&secrets);
        let mut content = Vec::new();
        for _ in 0..3 {
            let planted = match rng.below(3) {
                0 => keys::github(&mut rng, "ghp_"),
                1 => rng.pick(&forms::all()).spell(&secrets[0]),
                _ => secrets[1].clone(),
            };
            content.extend(nested(&mut rng, &planted).0);
        }
        if rng.one_in(3) {
            content.truncate(rng.below(content.len()));
        }
        let flow = match rng.below(3) {
            0 => outbound(),
            1 => Flow::at_rest().lines(),
            _ => Flow::outbound(Authority::parse(b"https://api.openai.com").unwrap()).editable(),
        };
        let chunks = split::random(&mut rng, content.len(), 700);
        listen(&mut ear, &engine, &flow, &content, &chunks);
        ear.judge(&format!("case {case}"));
    }
}

/// Archives whose names hold a value, spelled `text`, in every way in which a name can be written.
fn named(text: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let content = |rng: &mut Rng| [b"k = ", &keys::github(rng, "ghp_")[..], b"\n"].concat();
    let mut rng = Rng::new(7);
    let short = |name: Vec<u8>| wrap::tar(&[(name, content(&mut Rng::new(7)))]);
    let mut out = vec![
        ("alone", short(text.to_vec())),
        ("in a folder", short([b"keys/", text, b"/a.txt"].concat())),
        ("glued", short([b"a.b=", text, b"&c"].concat())),
    ];
    // In ar's table of names, which is far from the headers, and in front of contents; in cpio behind digits.
    for name in [text.to_vec(), [b"a.b=", text, b"&c"].concat(), [b"keys/", text, b"/a.txt"].concat()] {
        let others = (b"other".to_vec(), b"o".to_vec());
        let members = [others.clone(), (name, content(&mut rng)), others];
        out.push(("in ar", wrap::ar(&members)));
        out.push(("in BSD's ar", wrap::bsd_ar(&members)));
        for format in [wrap::Cpio::Newc, wrap::Cpio::Odc, wrap::Cpio::Old] {
            out.push(("in cpio", wrap::cpio(format, &members)));
        }
        // The two fields of ustar, which a slash joins.
        let [_, (name, content), _] = members;
        if let Some(slash) = name.iter().position(|b| *b == b'/').filter(|at| name.len() - at <= 100) {
            let mut split = wrap::tar(&[(&name[slash + 1..], content)]);
            split[345..345 + slash].copy_from_slice(&name[..slash]);
            set_type(&mut split, b'0');
            out.push(("in two fields", split));
        }
    }
    // A GNU long name and a pax path come in a member of their own before the one that they name.
    let long = [&b"folder/".repeat(12)[..], text, b"/", &b"folder/".repeat(30), b"file"].concat();
    let pax = {
        let body = [b"path=", &long[..], b"\n"].concat();
        let mut len = body.len() + 2;
        while format!("{len} ").len() + body.len() != len {
            len += 1;
        }
        [format!("{len} ").as_bytes(), &body].concat()
    };
    for (what, kind, record) in
        [("in a long name", b'L', [&long[..], b"\0"].concat()), ("in a pax path", b'x', pax)]
    {
        let mut archive = wrap::tar(&[(b"@".to_vec(), record)]);
        archive.truncate(archive.len() - 1024);
        set_type(&mut archive, kind);
        archive.extend(wrap::tar(&[(b"short".to_vec(), content(&mut rng))]));
        out.push((what, archive));
    }
    out
}

/// Changes the type of the first header, and its checksum with it.
fn set_type(archive: &mut [u8], kind: u8) {
    archive[156] = kind;
    archive[148..156].fill(b' ');
    let sum: u32 = archive[..512].iter().map(|b| u32::from(*b)).sum();
    archive[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

fn names_are_masked(spell: fn(&[u8]) -> Vec<u8>) {
    let mut rng = Rng::new(52);
    let secrets: Vec<Vec<u8>> = vec![rng.text(keys::BASE62, 24)];
    let engine = support::engine(&secrets, Limits::default());
    for (value, what) in
        [(keys::github(&mut rng, "ghp_"), "a key"), (secrets[0].clone(), "an enrolled secret")]
    {
        for (place, archive) in named(&spell(&value)) {
            for flow in [outbound(), Flow::at_rest().lines()] {
                for chunks in split::standard(&mut rng, archive.len()) {
                    let mut ear = Ear::new(&secrets);
                    listen(&mut ear, &engine, &flow, &archive, &chunks);
                    ear.judge(&format!("{what} as a name, {place}"));
                }
            }
        }
    }
}

#[test]
fn names_that_are_secrets_are_masked() {
    names_are_masked(<[u8]>::to_vec);
}

/// An enrolled value with a slash in it stands in the two fields of a ustar header, and nowhere as it is.
#[test]
fn a_secret_over_two_fields_is_masked() {
    let mut rng = Rng::new(55);
    let secrets = vec![[&rng.text(keys::BASE62, 20)[..], b"/", &rng.text(keys::BASE62, 20)].concat()];
    let engine = support::engine(&secrets, Limits::default());
    let key = keys::github(&mut rng, "ghp_");
    let mut archive = wrap::tar(&[(&secrets[0][21..], &key)]);
    archive[345..365].copy_from_slice(&secrets[0][..20]);
    set_type(&mut archive, b'0');
    for chunks in split::standard(&mut rng, archive.len()) {
        let run = run::run(&engine, &outbound(), &archive, &chunks);
        let paths: Vec<_> = run.events.iter().map(|(_, path)| path.as_str()).collect();
        // Whose pieces make a finding of the archive itself.
        assert_eq!(paths, ["", "<masked>"]);
    }
}

#[test]
fn names_that_are_secrets_in_base64_are_masked() {
    names_are_masked(|value| wrap::base64(&[b"key:", value, b";"].concat(), true, false));
}

#[test]
fn builders_and_errors_say_nothing() {
    let mut rng = Rng::new(51);
    let key = keys::github(&mut rng, "ghp_");
    let secret = rng.text(keys::BASE62, 24);
    let values = [key.clone(), secret.clone()];
    let mut ear = Ear::new(&values);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();

    let store = StoreKey::from_bytes(&secret.repeat(2)[..32]).unwrap();
    ear.debug(&store);
    let mut known = KnownSecrets::new(store);
    known.add("NAME", &secret, vec![]).unwrap();
    ear.debug(&known);
    let mut builder = Engine::builder();
    builder.rules(rules::features()).known_secrets(known);
    ear.debug(&builder);
    let engine = builder.build().unwrap();
    ear.debug(&engine);
    ear.debug(&engine.stream(outbound()));
    ear.debug(&engine.scanner(outbound()));
    ear.debug(&Scratch::new());

    // Whatever is refused is refused without being repeated.
    for value in [&b"${secret}"[..], b"short", &secret.repeat(4000), &[&secret[..1]; 30].concat()] {
        let mut known = KnownSecrets::new(StoreKey::from_bytes(&[7; 32]).unwrap());
        let refusal = known.add("NAME", value, vec![]).unwrap_err();
        ear.both(&refusal);
        ear.display(&refusal.remedy());
    }
    ear.both(&StoreKey::from_bytes(&secret).unwrap_err());
    let (key, secret) = (text(&key), text(&secret));
    for bad in [
        format!("https://user:{secret}@example.com"),
        format!("https://example.com/{key}"),
        format!("https://{secret}_\u{e9}.example"),
        format!("{key}://example.com"),
        format!("https://example.com:{secret}"),
        format!("https://[{secret}]"),
    ] {
        ear.both(&Authority::parse(bad.as_bytes()).unwrap_err());
    }
    ear.both(&HostPattern::parse(format!("*.{key}..").as_bytes()).unwrap_err());
    for bad in [secret.clone(), format!("header:x:{key}"), format!("json:{secret}"), format!("path:{key}")] {
        ear.both(&Slot::parse(bad.as_bytes()).unwrap_err());
    }
    let rule = |pattern: String| Engine::builder().rules([Rule::new("acme-key", "acme", &pattern)]).build();
    for bad in [format!("acme{key}+"), format!("acme({secret}"), format!("acme{key}{{99}}{{99}}")] {
        ear.both(&rule(bad).unwrap_err());
    }
    // What the operator wrote into a flow or a binding is their own and may be shown.
    let binding = Binding {
        host: HostPattern::parse(b"example.com").unwrap(),
        slot: Slot::parse(b"header:authorization:bearer").unwrap(),
    };
    ear.debug(&binding);
    ear.debug(&outbound());
    ear.judge("builders and errors");
}

#[test]
fn the_subject_learns_nothing_of_enrolled_secrets() {
    let mut rng = Rng::new(53);
    let secrets: Vec<Vec<u8>> = (0..2).map(|_| rng.text(keys::BASE62, 24)).collect();
    let engine = support::engine(&secrets, Limits::default());
    let texts: Vec<String> = secrets
        .iter()
        .flat_map(|secret| forms::all().into_iter().map(|form| form.spell(secret)))
        .map(|content| {
            let mut stream = engine.stream(outbound());
            let _ = stream.push(&content);
            let Verdict::Block(block) = stream.finish() else { panic!("it is found") };
            let text = block.audience_text(&engine, Audience::Subject);
            assert!(!text.contains("SECRET_"), "{text}");
            text
        })
        .collect();
    assert!(texts.windows(2).all(|t| t[0] == t[1]), "the same words for every secret and form: {texts:?}");
}

#[test]
fn the_reader_of_this_test_hears_what_is_said() {
    let mut rng = Rng::new(54);
    let secrets: Vec<Vec<u8>> = vec![rng.text(keys::BASE62, 24)];
    for form in forms::all() {
        let mut ear = Ear::new(&secrets);
        // UTF-16 is said as bytes.
        let spelled = form.spell(&secrets[0]);
        ear.said += &spelled.iter().map(|b| char::from(*b)).collect::<String>();
        let heard = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| ear.judge("this test")));
        assert!(heard.is_err(), "{form:?}");
    }
}
