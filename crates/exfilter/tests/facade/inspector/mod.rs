//! `Inspector`: whole requests.

mod approved;
mod bodies;
mod chunks;
mod coded;
mod github;
mod heads;
mod parts;
mod prefixes;
mod regression;
mod repeat;
mod session;
mod tokens;

use exfilter::inspector::Sighting;
use exfilter::wire::{Headers, RequestHead};
use exfilter::{
    Audience, Authority, Binding, Edit, Engine, HostPattern, Inspection, Inspector, KnownSecrets, Slot,
    StoreKey, Verdict,
};
use exfilter_testing::{canary, split};

/// An engine with the built-in rules and these secrets: name, value, `host slot` of bindings.
fn engine(secrets: &[(&str, &[u8], &[&str])]) -> Engine {
    let mut known = KnownSecrets::new(StoreKey::from_bytes(&[5; 32]).unwrap());
    canary::note(secrets.iter().map(|(_, value, _)| *value));
    for (name, value, bindings) in secrets {
        let bindings = bindings.iter().map(|text| {
            let (host, slot) = text.split_once(' ').unwrap();
            Binding {
                host: HostPattern::parse(host.as_bytes()).unwrap(),
                slot: Slot::parse(slot.as_bytes()).unwrap(),
            }
        });
        known.add(name, value, bindings.collect()).unwrap();
    }
    Engine::builder().rules(exfilter::rules::builtin()).known_secrets(known).build().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A request as it is made.
#[derive(Clone)]
struct Request {
    to: &'static str,
    method: &'static str,
    target: String,
    fields: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
    trailers: Vec<(String, Vec<u8>)>,
    editable: bool,
}

impl Request {
    fn new(to: &'static str, method: &'static str, target: impl Into<String>) -> Request {
        let (fields, body, trailers) = Default::default();
        Request { to, method, target: target.into(), fields, body, trailers, editable: false }
    }

    fn field(mut self, name: &str, value: impl AsRef<[u8]>) -> Request {
        self.fields.push((name.into(), value.as_ref().to_vec()));
        self
    }

    fn body(mut self, body: impl AsRef<[u8]>) -> Request {
        self.body = body.as_ref().to_vec();
        self
    }

    fn editable(mut self) -> Request {
        self.editable = true;
        self
    }

    fn inspection(&self) -> Inspection {
        let mut inspection = Inspection::new(Authority::parse(self.to.as_bytes()).unwrap());
        inspection.reference(7);
        if self.editable {
            inspection.editable();
        }
        inspection
    }

    fn head(&self) -> RequestHead {
        let host = self.to.split_once("://").unwrap().1.as_bytes().to_vec();
        let mut fields = vec![("host".to_string(), host)];
        fields.extend(self.fields.clone());
        RequestHead::new(self.method.as_bytes(), self.target.as_bytes(), fields).unwrap()
    }

    fn run(&self, engine: &Engine) -> Outcome {
        self.run_in(engine, &self.inspection(), &split::whole(self.body.len()))
    }

    /// Sends it through an inspector, and keeps what would leave.
    fn run_in(&self, engine: &Engine, inspection: &Inspection, chunks: &[usize]) -> Outcome {
        let mut inspector = Inspector::new(engine, inspection, self.head()).unwrap();
        let head_left = !inspector.verdict().is_block() && !inspector.holds_head();
        let (mut sent, mut pending, mut at) = (Vec::new(), Vec::new(), 0);
        let mut release = |inspector: &Inspector, verdict: Verdict, pending: &mut Vec<u8>| {
            let Some(through) = verdict.through() else { return };
            if inspector.replacement().is_some() {
                return;
            }
            let n = (through as usize) - sent.len();
            let mut out: Vec<u8> = pending.drain(..n).collect();
            if matches!(verdict, Verdict::Edit { .. }) {
                let edits: &[Edit] = inspector.edits();
                edits.iter().for_each(|edit| edit.apply(sent.len() as u64, &mut out));
            }
            sent.extend(out);
        };
        for n in chunks {
            pending.extend_from_slice(&self.body[at..at + n]);
            let verdict = inspector.push(&self.body[at..at + n]);
            at += n;
            release(&inspector, verdict, &mut pending);
        }
        if !self.trailers.is_empty() {
            let mut trailers = Headers::new();
            for (name, value) in &self.trailers {
                trailers.add(name.as_bytes(), value).unwrap();
            }
            let _ = inspector.trailers(&trailers);
        }
        let mut at = 0;
        let pieces = chunks.iter().map(|n| {
            at += n;
            &self.body[at - n..at]
        });
        let last = inspector.finish_held(pieces);
        release(&inspector, last, &mut pending);
        assert_eq!(inspector.finish(), last, "asking again changes nothing");
        let mut sightings: Vec<Sighting> = std::iter::from_fn(|| inspector.poll()).collect();
        sightings.sort_by_key(|s| (s.place().to_string(), s.range().end, format!("{:?}", s.event())));
        Outcome {
            blocked: last.is_block(),
            replacement: inspector.replacement().map(<[u8]>::to_vec),
            subject: inspector.reply(Audience::Subject).map(|reply| reply.to_http1()),
            operator: inspector.text(Audience::Operator),
            text: inspector.text(Audience::Subject),
            head: exfilter::wire::http1::write(&inspector.forwarded_head()),
            complete: inspector.coverage().is_complete(),
            sent,
            head_left,
            sightings,
        }
    }
}

/// What came of a request.
#[derive(Debug, PartialEq)]
struct Outcome {
    blocked: bool,
    head_left: bool,
    sent: Vec<u8>,
    replacement: Option<Vec<u8>>,
    subject: Option<Vec<u8>>,
    text: Option<String>,
    operator: Option<String>,
    head: Vec<u8>,
    complete: bool,
    sightings: Vec<Sighting>,
}

impl Outcome {
    /// Whether eight characters of the secret stand in anything that somebody is shown.
    fn shows(&self, secret: &[u8]) -> bool {
        let texts = [
            self.subject.clone().unwrap_or_default(),
            self.operator.clone().unwrap_or_default().into_bytes(),
            format!("{:?}", self.sightings).into_bytes(),
        ];
        // Behind the public prefix.
        let secret = &secret[4..];
        texts.iter().any(|text| secret.windows(8).any(|part| text.windows(8).any(|w| w == part)))
    }
}
