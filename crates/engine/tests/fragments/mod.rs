//! Secrets that leave a piece at a time.

use exfilter_engine::{
    Action, Authority, Binding, Engine, Flow, Form, HostPattern, Kind, KnownSecrets, Limits, Profile,
    Session, Slot, StoreKey,
};
use exfilter_testing::run::{Run, run};
use exfilter_testing::{Rng, canary, keys, split, wrap};

use crate::laws::{cases, nested, outbound};

/// The engine of `values`, whose pieces are counted, and a stream's contribution.
struct Place {
    engine: Engine,
}

fn secrets(values: &[Vec<u8>], bindings: &[Binding]) -> KnownSecrets {
    canary::note(values.iter().map(Vec::as_slice));
    let mut secrets = KnownSecrets::new(StoreKey::from_bytes(&[7; 32]).unwrap());
    secrets.fragments(true);
    for (i, value) in values.iter().enumerate() {
        secrets.add(&format!("SECRET_{i}"), value, bindings.to_vec()).unwrap();
    }
    secrets
}

impl Place {
    fn of(values: &[Vec<u8>]) -> Place {
        Place { engine: Engine::builder().known_secrets(secrets(values, &[])).build().unwrap() }
    }

    /// Sends a body in a session; whether it was blocked.
    fn send(&self, session: &mut Session, body: &[u8]) -> bool {
        let mut stream = self.engine.stream(outbound().session(session));
        for chunk in body.chunks(5000) {
            let _ = stream.push(chunk);
        }
        let is_blocked = stream.finish().is_block();
        session.merge(&stream.contribution());
        is_blocked
    }
}

fn drawn(rng: &mut Rng, n: usize, len: usize) -> Vec<Vec<u8>> {
    (0..n).map(|_| rng.text(keys::BASE62, len)).collect()
}

fn junk(rng: &mut Rng, len: usize) -> Vec<u8> {
    let mut junk = Vec::with_capacity(len + 100);
    while junk.len() < len {
        match rng.below(4) {
            0 => {
                let len = 8 + rng.below(60);
                junk.extend(rng.text(keys::BASE62, len));
                junk.push(b'\n');
            }
            _ => junk.extend(wrap::text(rng)),
        }
    }
    junk
}

fn in_pieces(run: &Run) -> usize {
    run.findings().filter(|found| matches!(found.kind(), Kind::Known(_, Form::Fragments))).count()
}

#[test]
fn five_pieces_in_five_requests_with_a_megabyte_between_are_noticed() {
    let mut rng = Rng::new(801);
    let values = drawn(&mut rng, 20, 40);
    let place = Place::of(&values);
    let junk = junk(&mut rng, 1 << 20);
    let mut late = 0;
    for value in &values {
        let mut session = Session::new();
        let blocked: Vec<bool> = value
            .chunks(8)
            .map(|piece| {
                let cut = rng.below(junk.len());
                place.send(&mut session, &[&junk[..cut], b"\" ", piece, b"\"", &junk[cut..]].concat())
            })
            .collect();
        // Three pieces are 24 characters of 40; a piece whose characters are of too few kinds does not count.
        assert!(!blocked[0] && !blocked[1] && blocked.contains(&true), "{blocked:?}");
        late += usize::from(!blocked[2]);
        assert_eq!(session.len(), 1);
    }
    assert!(late <= 1, "{late} of 20");
    let mut session = Session::new();
    assert!((0..3).all(|_| !place.send(&mut session, &junk)) && session.is_empty());
}

/// Each piece in another coding, in a request of its own.
#[test]
fn pieces_count_in_what_is_decoded() {
    let hex = |text: &[u8]| text.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into_bytes();
    let escaped =
        |text: &[u8]| text.iter().map(|byte| format!("\\u{byte:04x}")).collect::<String>().into_bytes();
    let percent =
        |text: &[u8]| text.iter().map(|byte| format!("%{byte:02X}")).collect::<String>().into_bytes();
    let wide = |text: &[u8]| text.iter().flat_map(|byte| [*byte, 0]).collect::<Vec<u8>>();
    type Coding<'a> = (&'a str, &'a dyn Fn(&mut Rng, &[u8]) -> Vec<u8>);
    let codings: [Coding<'_>; 11] = [
        ("base64", &|_, text| wrap::base64(text, false, true)),
        ("base64url", &|rng, text| wrap::base64(&[&b"xyz"[..rng.below(3)], text].concat(), true, false)),
        ("base64 twice", &|_, text| wrap::base64(&wrap::base64(text, false, true), false, true)),
        ("hexadecimal digits", &|_, text| hex(text)),
        ("base32", &|_, text| wrap::base32(&[b"some text, ", text].concat(), wrap::BASE32, false)),
        ("JSON", &|_, text| escaped(text)),
        ("percent", &|_, text| percent(text)),
        ("some percent", &|_, text| [&percent(&text[..9])[..], &text[9..]].concat()),
        ("UTF-16", &|_, text| wide(text)),
        ("gzip in base64", &|rng, text| wrap::base64(&wrap::gzip(rng, text), false, true)),
        ("base64 in zip", &|rng, text| {
            let coded = wrap::base64(text, false, true);
            wrap::zip(rng, &coded)
        }),
    ];
    let mut rng = Rng::new(810);
    for (name, coding) in codings {
        let value = &drawn(&mut rng, 1, 40)[0];
        let place = Place::of(std::slice::from_ref(value));
        let mut session = Session::new();
        let blocked: Vec<bool> = value
            .chunks(10)
            .map(|piece| {
                let coded = coding(&mut rng, &[b"here is one: ", piece, b" and more"].concat());
                place.send(&mut session, &[b"{\"note\": \"", &coded[..], b"\"}"].concat())
            })
            .collect();
        assert!(blocked[2] || blocked[3], "{name}: {blocked:?}");
        assert!(!blocked[0] && !blocked[1] && session.len() == 1, "{name}: {blocked:?}");
        // The whole value is none in pieces.
        let whole = coding(&mut rng, &[b"here it is: ", &value[..], b" and more"].concat());
        let told = run(&place.engine, &outbound(), &whole, &split::whole(whole.len()));
        assert!(told.findings().count() > 0 && in_pieces(&told) == 0, "{name}: {:?}", told.events);
    }
}

#[test]
fn the_same_piece_again_counts_once_and_sessions_are_apart() {
    let mut rng = Rng::new(802);
    let value = &drawn(&mut rng, 1, 40)[0];
    let place = Place::of(std::slice::from_ref(value));
    let mut session = Session::new();
    assert!((0..6).all(|_| !place.send(&mut session, &value[3..15])));
    assert_eq!(session.len(), 1);
    // Other sessions know nothing of it.
    let mut others = [Session::new(), Session::new()];
    assert!(!place.send(&mut others[0], &value[15..28]) && !place.send(&mut others[1], &value[28..]));
    // Put together they do, in whatever order, also as bytes.
    let [one, other] = others.map(|session| Session::from_bytes(&session.to_bytes()).unwrap());
    session.merge(&other);
    session.merge(&one);
    session.merge(&other);
    assert!(place.send(&mut session, &value[3..15]));
    assert!(!place.send(&mut session, b"nothing of it"));
}

#[test]
fn a_value_that_was_cut_short_is_a_finding_by_itself() {
    let mut rng = Rng::new(803);
    let value = keys::github(&mut rng, "ghp_");
    let place = Place::of(std::slice::from_ref(&value));
    let sent = |body: &[u8]| {
        let content = [b"token: ", body, b".\n"].concat();
        run(&place.engine, &outbound(), &content, &split::whole(content.len()))
    };
    // 22 of its 36 characters behind the prefix.
    assert_eq!((in_pieces(&sent(&value[..26])), in_pieces(&sent(&value[..24]))), (1, 0));
    assert_eq!(in_pieces(&sent(&value[4..])), 1);
    let cut = sent(&value[6..32]);
    assert_eq!((cut.through(), cut.findings().next().unwrap().outer()), (7, 7..33));
    // As it is, it is found as that.
    let whole = sent(&value);
    assert_eq!((in_pieces(&whole), whole.findings().count()), (0, 1));
}

#[test]
fn a_secret_at_home_shows_no_piece() {
    let mut rng = Rng::new(804);
    let values = drawn(&mut rng, 1, 40);
    let home = Binding {
        host: HostPattern::parse(b"api.example.com").unwrap(),
        slot: Slot::parse(b"header:authorization:bearer").unwrap(),
    };
    let engine = Engine::builder().known_secrets(secrets(&values, &[home])).build().unwrap();
    let authority = Authority::parse(b"https://api.example.com").unwrap();
    let flow = Flow::outbound(authority).slot(Slot::parse(b"header:authorization").unwrap());
    let mut session = Session::new();
    for value in [[b"Bearer ", &values[0][..]].concat(), [b"Bearer ", &values[0][..30]].concat()] {
        let mut stream = engine.stream(flow.clone().session(&session));
        let _ = stream.push(&value);
        let is_whole = value.len() == 47;
        assert_eq!(stream.finish().is_block(), !is_whole);
        session.merge(&stream.contribution());
        assert_eq!(session.is_empty(), is_whole);
    }
}

#[test]
fn every_piece_is_edited_from_the_one_on_that_is_too_much() {
    let mut rng = Rng::new(805);
    let values = drawn(&mut rng, 1, 40);
    let place = Place::of(&values);
    let flow = Flow::outbound(Authority::parse(b"https://api.openai.com").unwrap()).editable();
    let pieces: Vec<&[u8]> = [0..12, 12..24, 24..32, 32..40].map(|range| &values[0][range]).to_vec();
    let body = pieces.join(&b" and "[..]);
    let run = run(&place.engine, &flow, &body, &split::every(body.len(), 7));
    assert!(run.findings().all(|found| found.action() == Action::Redact), "{:?}", run.events);
    let left = |piece: &[u8]| run.sent.windows(piece.len()).any(|there| there == piece);
    assert_eq!(
        [left(pieces[0]), left(pieces[1]), left(pieces[2]), left(pieces[3])],
        [true, false, false, false]
    );
}

#[test]
fn what_a_session_holds_stays_when_the_engine_is_built_anew() {
    let mut rng = Rng::new(806);
    let values = drawn(&mut rng, 3, 40);
    let (before, after) = (Place::of(&values), Place::of(&values[1..]));
    let key = StoreKey::from_bytes(&[7; 32]).unwrap();
    let saved = Engine::from_bytes(&after.engine.to_bytes(&key).unwrap(), &key).unwrap();
    for after in [after, Place { engine: saved }] {
        let mut session = Session::new();
        assert!(!before.send(&mut session, &values[2][..20]));
        assert!(after.send(&mut session, &values[2][20..32]));
        assert!(!after.send(&mut session, &values[0]), "it is not enrolled any more");
    }
}

/// What two secrets have in common is no piece of either where one of them stands whole.
#[test]
fn secrets_that_have_much_in_common_are_told_apart() {
    let mut rng = Rng::new(807);
    let common = rng.text(keys::BASE62, 30);
    let mut values: Vec<Vec<u8>> =
        (0..3).map(|n| [&common[..], &rng.text(keys::BASE62, 10 + n)].concat()).collect();
    values.push([&rng.text(keys::BASE62, 20)[..], &common].concat());
    let place = Place::of(&values);
    for value in &values {
        let content = [b"= ", &value[..], b" ="].concat();
        for chunks in split::standard(&mut rng, content.len()) {
            let told = run(&place.engine, &outbound(), &content, &chunks);
            assert_eq!((told.findings().count(), in_pieces(&told)), (1, 0), "{:?}", told.events);
        }
        let mut session = Session::new();
        assert!(place.send(&mut session, &content) && session.is_empty());
        // Cut short it is a piece.
        assert!(place.send(&mut session, &value[..value.len() - 5]));
    }
}

/// Law 1: what a stream adds, and what is too much, are functions of the bytes.
#[test]
fn pieces_are_split_blind() {
    for case in cases(1) {
        let mut rng = Rng::new(case << 8 | 77);
        let mut values = drawn(&mut rng, 3, 24 + (case % 60) as usize);
        let end = 1 + rng.below(40);
        values.push([&values[0][..20], &rng.text(keys::BASE62, end)].concat());
        values.push(keys::secret(&mut rng));
        values.push(rng.text(keys::HEX, 40));
        let profile = if rng.one_in(3) { Profile::Thorough } else { Profile::Inline };
        let engine = Engine::builder()
            .known_secrets(secrets(&values, &[]))
            .profile(profile)
            .limits(Limits::default())
            .build();
        let engine = engine.unwrap();
        let mut content = Vec::new();
        for _ in 0..1 + rng.below(12) {
            let value = rng.pick(&values).clone();
            let from = rng.below(value.len());
            let to = from + rng.below(value.len() - from + 1);
            let piece = if rng.one_in(6) { value } else { value[from..to].to_vec() };
            let more = junk(&mut rng, 300);
            content.extend(match rng.below(20) {
                5 => wrap::base64(&[&more[..20], &piece].concat(), rng.one_in(2), rng.one_in(2)),
                6 => wrap::base64(&[&piece[..], &rng.bytes(9)].concat(), false, false),
                7 => wrap::percent(&mut rng, &piece),
                8 => wrap::json(&mut rng, &piece),
                9 => piece.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect(),
                10 => wrap::codes(&mut rng, &piece),
                11 => wrap::html(&mut rng, &piece),
                0 => nested(&mut rng, &piece).0,
                1 => wrap::gzip(&mut rng, &piece),
                2 => wrap::zip(&mut rng, &[&more[..], &piece].concat()),
                3 => more,
                4 => wrap::base64(&wrap::gzip(&mut rng, &[&piece[..], &more].concat()), false, true),
                _ => piece,
            });
            content.extend(&b" \n\"xA7/"[rng.below(7)..][..rng.below(2).min(1)]);
        }
        let mut session = Session::new();
        if rng.one_in(2) {
            let mut stream = engine.stream(outbound());
            let value = rng.pick(&values);
            let _ = stream.push(&value[..value.len() / 2]);
            let _ = stream.finish();
            session.merge(&stream.contribution());
        }
        let flow =
            if rng.one_in(4) { Flow::at_rest().lines().reference(1) } else { outbound() }.session(&session);
        let mut first = None;
        for chunks in split::standard(&mut rng, content.len()) {
            let told = run(&engine, &flow, &content, &chunks);
            let through: Vec<_> = told.verdicts.iter().filter_map(|v| v.1.through()).collect();
            assert!(through.is_sorted(), "case {case}: through ran backwards");
            let most = through.last().copied().unwrap_or(0);
            for found in told.findings().filter(|found| found.action() == Action::Block) {
                let outer = found.outer();
                assert!(
                    most <= outer.start || most >= outer.end,
                    "case {case}: {most} had left of {outer:?}"
                );
            }
            let mut stream = engine.stream(flow.clone());
            let mut rest = &content[..];
            for n in &chunks {
                let _ = stream.push(&rest[..*n]);
                rest = &rest[*n..];
            }
            let _ = stream.finish();
            let said = (told.facts(), stream.contribution().to_bytes());
            match &first {
                None => first = Some(said),
                Some(first) => assert_eq!(*first, said, "case {case}, chunks {chunks:?}"),
            }
        }
    }
}

/// Streams of one session, and how much they were.
struct Long<'a> {
    place: &'a Place,
    session: Session,
    bytes: u64,
    streams: u64,
    findings: usize,
}

impl Long<'_> {
    fn send(&mut self, body: &[u8]) {
        let mut stream = self.place.engine.stream(outbound().session(&self.session));
        let _ = stream.push(body);
        let _ = stream.finish();
        while let Some(event) = stream.poll_event() {
            self.findings += usize::from(matches!(event, exfilter_engine::Event::Finding(_)));
        }
        self.session.merge(&stream.contribution());
        self.bytes += body.len() as u64;
        self.streams += 1;
    }

    fn send_folder(&mut self, folder: &std::path::Path) {
        let Ok(entries) = std::fs::read_dir(folder) else { return };
        for entry in entries.flatten() {
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() {
                self.send_folder(&entry.path());
            } else if kind.is_file()
                && let Ok(body) = std::fs::read(entry.path())
            {
                self.send(&body);
            }
        }
    }
}

#[test]
#[ignore = "reads the folders in EXFILTER_TEXT (parted by colons) and makes EXFILTER_RANDOM_MB of drawn characters: gigabytes, by hand"]
fn gigabytes_in_one_session_raise_nothing() {
    let mut rng = Rng::new(808);
    let mut values = drawn(&mut rng, 8, 40);
    values.extend((0..6).map(|_| rng.text(keys::HEX, 40)));
    values.extend((0..3).map(|_| rng.text(keys::BASE64URL, 43)));
    values.extend((0..3).map(|_| keys::github(&mut rng, "ghp_")));
    let place = Place::of(&values);
    let mut long = Long { place: &place, session: Session::new(), bytes: 0, streams: 0, findings: 0 };
    let folders = std::env::var("EXFILTER_TEXT").unwrap_or_default();
    folders
        .split(':')
        .filter(|folder| !folder.is_empty())
        .for_each(|folder| long.send_folder(folder.as_ref()));
    let read = long.bytes;
    let random: u64 = std::env::var("EXFILTER_RANDOM_MB").ok().and_then(|n| n.parse().ok()).unwrap_or(16);
    for n in 0..random {
        let alphabet: &[u8] = if n % 2 == 0 { keys::BASE62 } else { keys::HEX };
        let body: Vec<u8> =
            rng.bytes(1 << 20).iter().map(|byte| alphabet[usize::from(*byte) % alphabet.len()]).collect();
        long.send(&body);
    }
    println!(
        "{} secrets, one session: {} streams, {read} bytes of files, {} drawn: {} secrets of which a piece stood somewhere, {} findings",
        values.len(),
        long.streams,
        long.bytes - read,
        long.session.len(),
        long.findings
    );
    assert_eq!(long.findings, 0);
}

#[cfg(unix)]
#[test]
#[ignore = "measures on 32 MB of source text in the folders of EXFILTER_TEXT, by hand"]
fn what_pieces_cost() {
    fn gather(folder: &std::path::Path, text: &mut Vec<u8>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if text.len() >= 32 << 20 {
                return;
            } else if path.is_dir() {
                gather(&path, text);
            } else if path.extension().is_some_and(|end| end == "rs" || end == "json" || end == "md") {
                text.extend(std::fs::read(path).unwrap_or_default());
            }
        }
    }
    let mut text = Vec::new();
    let folders = std::env::var("EXFILTER_TEXT").unwrap_or_default();
    folders
        .split(':')
        .filter(|folder| !folder.is_empty())
        .for_each(|folder| gather(folder.as_ref(), &mut text));
    let mut rng = Rng::new(809);
    for number in [20, 1000] {
        let values = drawn(&mut rng, number, 40);
        let engines = [false, true].map(|in_pieces| {
            let rules = exfilter_rules::builtin();
            let secrets = crate::support::enrolled(&values, in_pieces);
            Engine::builder().rules(rules).known_secrets(secrets).build().unwrap()
        });
        let mut times = [[0.0; 7]; 2];
        for round in 0..7 {
            for (engine, times) in engines.iter().zip(&mut times) {
                let before = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
                let mut stream = engine.stream(outbound());
                for chunk in text.chunks(64 << 10) {
                    let _ = stream.push(chunk);
                }
                let _ = stream.finish();
                let after = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
                times[round] =
                    (after.tv_sec - before.tv_sec) as f64 + (after.tv_nsec - before.tv_nsec) as f64 / 1e9;
            }
        }
        let [without, with] = times.map(|mut times| {
            times.sort_by(f64::total_cmp);
            text.len() as f64 / 1e6 / times[3]
        });
        println!("{number} secrets: {without:.0} MB/s, with pieces {with:.0} MB/s");
    }
}
