//! [`Record`]: what is told of a request. Holds no content.

use std::time::{Duration, Instant};

use exfilter::inspector::Sighting;
use exfilter::{Action, Confidence, Engine, Event, Finding, FindingId, Kind, OpaqueReason};
use serde_json::{Value, json};

/// The methods that are told by their names: others are the client's own words.
const METHODS: [&str; 9] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT"];

/// Who is told.
pub trait Sink: Send + Sync {
    /// Told before a request leaves, or when it is refused or a connection is closed.
    ///
    /// # Errors
    ///
    /// It could not be recorded. A request of which that is so does not leave.
    fn record(&self, record: &Record) -> std::io::Result<()>;
}

/// One request, or a connection that came to none.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Record {
    /// Where it was to go: scheme, host and port. `None` where that could not be read, or holds a secret itself.
    pub to: Option<String>,
    /// What the client was doing ([`Conversation::as_str`](exfilter::wire::Conversation::as_str)).
    pub conversation: &'static str,
    /// What became of it.
    pub outcome: Outcome,
    /// The method, of those that everybody knows; `_OTHER` for others, and `None` for what was no request.
    pub method: Option<&'static str>,
    /// Bytes of the body.
    pub bytes: u64,
    /// From its head to its verdict, with the time that its client took for the body.
    pub took: Option<Duration>,
    /// What was found.
    pub noted: Vec<Noted>,
    /// What could not be examined.
    pub unseen: Vec<Unseen>,
    /// Whether real credentials were put in.
    pub injected: bool,
    /// Whether it has credentials that nobody knows, the first of their host: from here on they are the session's own there, if the server takes them.
    pub trusted: bool,
    /// Under which number a person may let it pass once, or has let it.
    pub approval: Option<u64>,
    /// Whether the session is in quarantine from this request on: nothing more leaves.
    pub quarantine: bool,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// A channel of SSH was opened: what became of it, another record tells when it ends.
    Opened,
    /// It may leave.
    Sent,
    /// A person lets what was refused before pass once, at the page. Nothing has left by that.
    Approved,
    /// It was refused.
    Refused {
        /// Why, for the operator.
        why: String,
    },
    /// Tokens in the answer stay outside: the client has placeholders. Another record told of the request.
    Kept {
        /// Which, and where they are good.
        what: String,
    },
    /// Tokens in the answer were given to the client as they are.
    Given {
        /// Which, and why.
        what: String,
    },
    /// It could not be sent, or no answer came.
    Failed {
        /// Why.
        why: &'static str,
    },
}

impl Outcome {
    /// As it is written: `opened`, `sent`, `approved`, `refused`, `kept`, `given`, `failed`.
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Outcome::Opened => "opened",
            Outcome::Sent => "sent",
            Outcome::Approved => "approved",
            Outcome::Refused { .. } => "refused",
            Outcome::Kept { .. } => "kept",
            Outcome::Given { .. } => "given",
            Outcome::Failed { .. } => "failed",
        }
    }
}

/// A finding.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Noted {
    /// The rule's id, or the enrolled secret's name.
    pub what: String,
    /// Whether it is an enrolled secret.
    pub enrolled: bool,
    /// Where in the request.
    pub place: String,
    /// How sure.
    pub confidence: Confidence,
    /// What was done about it.
    pub action: Action,
    /// Of a rule's finding, a name that stays, and says nothing of the value.
    pub id: Option<FindingId>,
    /// Whether it would be refused, had no person let it pass.
    pub approved: bool,
}

/// A part that was not examined.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unseen {
    /// Why.
    pub reason: OpaqueReason,
    /// Where in the request.
    pub place: String,
    /// What was done about it.
    pub action: Action,
}

impl Noted {
    /// What is told of a finding, and what was done about it.
    pub(crate) fn of(engine: &Engine, finding: &Finding, place: String, action: Action) -> Noted {
        let (what, enrolled) = match finding.kind() {
            Kind::Rule(rule) => (engine.rule(rule).id.clone(), false),
            Kind::Known(secret, _) => (engine.secret_name(secret).to_owned(), true),
        };
        let (confidence, approved) = (finding.confidence(), finding.is_approved());
        Noted { what, enrolled, place, confidence, action, id: finding.id().filter(|_| !enrolled), approved }
    }
}

impl Record {
    pub(crate) fn new(to: Option<String>, conversation: &'static str, outcome: Outcome) -> Record {
        let (noted, unseen) = (Vec::new(), Vec::new());
        let (bytes, approval) = (0, None);
        Record {
            to,
            conversation,
            outcome,
            method: None,
            bytes,
            took: None,
            noted,
            unseen,
            injected: false,
            trusted: false,
            approval,
            quarantine: false,
        }
    }

    /// Takes what is known of a request once it is decided: its method, and since when it was looked at.
    pub(crate) fn decided(&mut self, method: &str, begun: Instant) {
        self.method = Some(METHODS.iter().find(|known| **known == method).copied().unwrap_or("_OTHER"));
        self.took = Some(begun.elapsed());
    }

    /// Takes what an inspector has seen.
    pub(crate) fn note(&mut self, engine: &Engine, sighting: &Sighting) {
        let (place, action) = (sighting.location(), sighting.action());
        match sighting.event() {
            Event::Finding(finding) => self.noted.push(Noted::of(engine, finding, place, action)),
            Event::Opaque(opaque) => {
                self.unseen.push(Unseen { reason: opaque.reason(), place, action });
            }
            _ => {}
        }
    }

    /// Why it was decided so, or what became of tokens.
    pub(crate) fn why(&self) -> Option<&str> {
        match &self.outcome {
            Outcome::Opened | Outcome::Sent | Outcome::Approved => None,
            Outcome::Refused { why } => Some(why),
            Outcome::Kept { what } | Outcome::Given { what } => Some(what),
            Outcome::Failed { why } => Some(why),
        }
    }

    /// As it is written and shown, with so many findings, and parts that were not examined.
    pub(crate) fn to_json(&self, listed: usize) -> Value {
        let found: Vec<_> = self
            .noted
            .iter()
            .take(listed)
            .map(|noted| {
                let mut found = json!({
                    "what": noted.what, "enrolled": noted.enrolled, "place": noted.place,
                    "confidence": noted.confidence.as_str(), "action": noted.action.as_str(),
                });
                if let Some(id) = noted.id {
                    found["id"] = id.to_string().into();
                }
                if noted.approved {
                    found["approved"] = true.into();
                }
                found
            })
            .collect();
        let unseen: Vec<_> = self
            .unseen
            .iter()
            .take(listed)
            .map(|unseen| {
                json!({ "reason": unseen.reason.as_str(), "place": unseen.place, "action": unseen.action.as_str() })
            })
            .collect();
        let more = self.noted.len().saturating_sub(listed) + self.unseen.len().saturating_sub(listed);
        let mut line = json!({
            "to": self.to, "conversation": self.conversation, "outcome": self.outcome.as_str(), "why": self.why(),
            "bytes": self.bytes, "injected": self.injected, "found": found, "unseen": unseen, "more": more,
        });
        if let Some(method) = self.method {
            line["method"] = method.into();
        }
        if let Some(took) = self.took {
            line["micros"] = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).into();
        }
        if let Some(number) = self.approval {
            line["approval"] = number.into();
        }
        if self.trusted {
            line["trusted"] = true.into();
        }
        if self.quarantine {
            line["quarantine"] = true.into();
        }
        line
    }
}
