//! Asking: a hook in the sandbox has what would leave examined here, where the secrets are, and nothing of it is sent.
//!
//! ```text
//! POST http://exfilter.invalid/examine     the body is examined as one that goes to a host at which no secret belongs
//! 200, application/json                    {"version": 1, "refused": true, "enrolled": true, "reference": "..."}
//!                                          {"version": 1, "refused": true, "enrolled": false, "reference": "...",
//!                                           "findings": [{"rule": "github-pat", "place": "body:3:7"}], "unseen": ["ratio"]}
//! ```
//!
//! The name is one that leads nowhere (RFC 2606): where no guard is, nobody answers. Whoever asks is told what a request would be told: of an enrolled secret a reference and nothing else, and the refusal counts as any
//! other does, so that asking is no way to guess. What was examined has not left, so its pieces of secrets are not added to those of the session.

use std::collections::BTreeSet;
use std::sync::Arc;

use exfilter::wire::{Conversation, Reply};
use exfilter::{Action, Audience, Authority, Block, BlockReason, Event, Inspector, Kind, Verdict};
use http::header::{self, HeaderValue};
use http::{Method, Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::{Value, json};

use crate::exchange::refuse_plainly;
use crate::guard::Shared;
use crate::message::{self, AnswerBody, whole};
use crate::record::{Outcome, Record};

/// The name under which the guard itself is asked.
const NAME: &str = "exfilter.invalid";

/// Where.
const PATH: &str = "/examine";

/// What it is called in records.
const CONVERSATION: &str = "hook";

/// Findings that are told.
const TOLD: usize = 16;

/// Whether a request is for the guard itself.
pub(crate) fn is_asked(to: &Authority) -> bool {
    to.host() == NAME
}

/// Examines what is asked about. A panic on the way is an answer that says nothing, which no hook takes for a yes.
pub(crate) async fn answer(
    shared: Arc<Shared>,
    to: Authority,
    request: Request<Incoming>,
) -> Response<AnswerBody> {
    let (kept, name) = (shared.clone(), to.clone());
    tokio::spawn(examine(shared, to, request)).await.unwrap_or_else(|_| {
        refuse_plainly(&kept, Some(&name), Conversation::Plain, "an internal fault; nothing was examined")
    })
}

async fn examine(shared: Arc<Shared>, to: Authority, request: Request<Incoming>) -> Response<AnswerBody> {
    let refuse = |why| refuse_plainly(&shared, Some(&to), Conversation::Plain, why);
    let (parts, mut body) = request.into_parts();
    if parts.method != Method::POST || parts.uri.path() != PATH {
        return refuse("the guard itself is asked by POST to http://exfilter.invalid/examine");
    }
    let inspector = message::head(&parts, &to).and_then(|head| {
        Inspector::new(&shared.engine, &shared.inspection(&to), head).map_err(Reply::bad_request)
    });
    let mut inspector = match inspector {
        Ok(inspector) => inspector,
        Err(reply) => return message::refusal(&reply),
    };
    let mut read = 0_u64;
    loop {
        let data = match tokio::time::timeout(shared.limits.idle, body.frame()).await {
            Ok(None) => break,
            Ok(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
            Ok(Some(Err(_))) | Err(_) => return refuse("what is asked about did not come to its end"),
        };
        read += data.len() as u64;
        if read > shared.limits.body {
            return refuse("what is asked about is too long");
        }
        let _ = inspector.push(&data);
    }
    match shared.in_turn(read, || inspector.finish()).await {
        Verdict::Block(block) => json(&refused(&shared, &to, &mut inspector, block, read)),
        _ => json(&json!({ "version": 1, "refused": false })),
    }
}

/// Records and counts a refusal, and says what whoever asked may know of it.
fn refused(shared: &Shared, to: &Authority, inspector: &mut Inspector, block: Block, bytes: u64) -> Value {
    let why = inspector.text(Audience::Operator).unwrap_or_default();
    let mut record = Record::new(Some(to.to_string()), CONVERSATION, Outcome::Refused { why });
    record.bytes = bytes;
    let enrolled = block.is_for_secret() || inspector.is_hit() || block.reason() == BlockReason::Quarantine;
    let (mut findings, mut unseen) = (Vec::new(), BTreeSet::new());
    while let Some(sighting) = inspector.poll() {
        record.note(&shared.engine, &sighting);
        match sighting.event() {
            _ if sighting.action() != Action::Block => {}
            Event::Finding(finding) => {
                if let Kind::Rule(rule) = finding.kind()
                    && findings.len() < TOLD
                {
                    let rule = &shared.engine.rule(rule).id;
                    findings.push(json!({ "rule": rule, "place": sighting.location() }));
                }
            }
            Event::Opaque(opaque) => drop(unseen.insert(opaque.reason().as_str())),
            _ => {}
        }
    }
    record.quarantine = shared.count(inspector);
    // What is refused is refused, recorded or not.
    let _ = shared.sink.record(&record);
    let mut answer = json!({
        "version": 1, "refused": true, "enrolled": enrolled, "reference": block.reference().to_string(),
    });
    if !enrolled {
        answer["findings"] = findings.into();
        answer["unseen"] = unseen.into_iter().collect::<Vec<_>>().into();
    }
    answer
}

fn json(value: &Value) -> Response<AnswerBody> {
    let mut response = Response::new(whole(value.to_string()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
