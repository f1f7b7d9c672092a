//! [`Ledger`]: what left, what was stopped, and what could not be examined.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::sync::{Mutex, PoisonError};

use exfilter::Action;
use exfilter_guard::{Journal, Outcome, Record, Sink};

use crate::term::Term;
use crate::text::{count, plain, shorten, size};

/// The most different lines of a kind that are kept; more are counted.
const LINES: usize = 200;

/// What is told when the quarantine begins.
const QUARANTINED: &str = "repeated hits on enrolled secrets: the session is in quarantine and nothing leaves any more; start the command again to lift it, or set [quarantine] in the policy";

/// What a record calls a message of WebSocket: its connection was a request of its own.
const MESSAGE: &str = "websocket";

/// The most that are shown of a kind.
const SHOWN: usize = 30;

/// Counts requests by host, and lines by their text.
#[derive(Default)]
pub(super) struct Ledger(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    hosts: BTreeMap<String, Host>,
    other_hosts: u64,
    stopped: Lines,
    approved: Lines,
    /// Where the first credentials were taken for the session's own.
    trusted: Lines,
    noted: Lines,
    unseen: Lines,
    failed: Lines,
    /// Logins whose tokens stay outside, and those whose tokens do not.
    kept: Lines,
    given: Lines,
    /// What the requests were for with which the quarantine began.
    quarantine: Option<String>,
}

#[derive(Default)]
struct Host {
    requests: u64,
    /// Of WebSocket.
    messages: u64,
    bytes: u64,
    injected: u64,
}

#[derive(Default)]
struct Lines {
    lines: BTreeMap<String, u64>,
    order: Vec<String>,
    more: u64,
}

impl Lines {
    fn add(&mut self, line: String) {
        if let Some(times) = self.lines.get_mut(&line) {
            *times += 1;
        } else if self.order.len() < LINES {
            self.order.push(line.clone());
            self.lines.insert(line, 1);
        } else {
            self.more += 1;
        }
    }

    fn write(&self, title: &str, out: &mut String) {
        if self.order.is_empty() {
            return;
        }
        let _ = writeln!(out, "exfilter: {title}");
        for line in self.order.iter().take(SHOWN) {
            let times = self.lines[line];
            let suffix = if times > 1 { format!("  ({times} times)") } else { String::new() };
            let _ = writeln!(out, "  {line}{suffix}");
        }
        let more = self.order.len().saturating_sub(SHOWN) as u64 + self.more;
        if more > 0 {
            let _ = writeln!(out, "  and {more} more");
        }
    }
}

impl Sink for Ledger {
    fn record(&self, record: &Record) -> io::Result<()> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let to = record.to.as_deref().map_or("?".into(), plain);
        match &record.outcome {
            Outcome::Sent => {
                let is_known = counts.hosts.contains_key(&to);
                if is_known || counts.hosts.len() < LINES {
                    let host = counts.hosts.entry(to.clone()).or_default();
                    match record.conversation {
                        MESSAGE => host.messages += 1,
                        _ => host.requests += 1,
                    }
                    host.bytes += record.bytes;
                    host.injected += u64::from(record.injected);
                } else {
                    counts.other_hosts += 1;
                }
            }
            Outcome::Refused { why } => {
                // The number of a refusal is of no use in a summary, and makes each line another one.
                let why = plain(why.split(", reference ").next().unwrap_or(why));
                counts.stopped.add(format!("{to}  {why}  [{}]", record.conversation));
            }
            Outcome::Approved => {
                for noted in &record.noted {
                    let (what, place) = (plain(&noted.what), plain(&noted.place));
                    let id = noted.id.map(|id| id.to_string()).unwrap_or_default();
                    counts.approved.add(format!("{to}  {} in {}, {id}", shorten(&what), shorten(&place)));
                }
            }
            Outcome::Kept { what } => counts.kept.add(format!("{to}  {}", plain(what))),
            Outcome::Given { what } => counts.given.add(format!("{to}  {}", plain(what))),
            Outcome::Failed { why } => counts.failed.add(format!("{to}  {why}")),
            _ => {}
        }
        if record.trusted {
            counts.trusted.add(to.clone());
        }
        if record.quarantine {
            counts.quarantine = Some(to.clone());
        }
        let was_sent = record.outcome == Outcome::Sent;
        for noted in record.noted.iter().filter(|noted| was_sent && noted.action == Action::Report) {
            let (what, place) = (plain(&noted.what), plain(&noted.place));
            let confidence = noted.confidence.as_str();
            counts.noted.add(format!("{to}  {} ({confidence}) in {}", shorten(&what), shorten(&place)));
        }
        for noted in record.noted.iter().filter(|noted| was_sent && noted.action == Action::Redact) {
            let (what, place) = (plain(&noted.what), plain(&noted.place));
            counts.stopped.add(format!("{to}  {} in {}, overwritten", shorten(&what), shorten(&place)));
        }
        for unseen in &record.unseen {
            let place = plain(&unseen.place);
            counts.unseen.add(format!("{to}  {} in {}", unseen.reason.describe(), shorten(&place)));
        }
        Ok(())
    }
}

impl Ledger {
    /// Whether anything was stopped.
    pub(super) fn has_stopped(&self) -> bool {
        !self.0.lock().unwrap_or_else(PoisonError::into_inner).stopped.order.is_empty()
    }

    /// The summary.
    pub(super) fn summary(&self, observe: bool) -> String {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut out = String::new();
        if counts.hosts.is_empty() {
            out.push_str("exfilter: nothing left\n");
        } else {
            out.push_str("exfilter: what left\n");
        }
        for (to, host) in &counts.hosts {
            let mut requests = count(host.requests, "request", "requests");
            if host.messages > 0 {
                requests = format!("{requests}, {}", count(host.messages, "message", "messages"));
            }
            let injected = match host.injected {
                0 => String::new(),
                n => format!(", {} with a real credential put in", count(n, "request", "requests")),
            };
            let _ = writeln!(out, "  {to}  {requests}, {}{injected}", size(host.bytes));
        }
        if counts.other_hosts > 0 {
            let _ =
                writeln!(out, "  and {} to other hosts", count(counts.other_hosts, "request", "requests"));
        }
        counts.stopped.write("what was stopped", &mut out);
        counts.approved.write("what was approved at the page, once", &mut out);
        counts.trusted.write(
            "whose account nobody knew: the first credential there was taken for your own, others are refused",
            &mut out,
        );
        counts
            .kept
            .write("logins whose tokens are kept outside: their placeholders end with the session", &mut out);
        counts.given.write("logins whose tokens were given to the command", &mut out);
        if let Some(to) = &counts.quarantine {
            let _ = writeln!(
                out,
                "exfilter: the session was put in quarantine after repeated hits, the last one on its way to {to}: nothing left from there on"
            );
        }
        let noted = if observe {
            "what was found, and would be stopped if it is high or confirmed"
        } else {
            "what was found and let through"
        };
        counts.noted.write(noted, &mut out);
        counts.unseen.write("what could not be examined", &mut out);
        counts.failed.write("what failed", &mut out);
        out
    }
}

/// What is told at the end, and the journal, if one is kept.
pub(super) struct Books {
    pub(super) ledger: Ledger,
    pub(super) journal: Option<Journal>,
}

impl Sink for Books {
    fn record(&self, record: &Record) -> io::Result<()> {
        // First what can fail: what does not leave is not told of as if it had.
        if let Some(journal) = &self.journal {
            journal.record(record)?;
        }
        if record.quarantine {
            // At once: from here on whatever the command tries fails.
            Term::new().note(&QUARANTINED);
        }
        self.ledger.record(record)
    }
}
