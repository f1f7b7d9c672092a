//! What a client has shown in many requests: `Session`.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use exfilter::inspector::{Prefixes, Repeat};
use exfilter::{Inspection, Inspector, Quarantine, Verdict};
use pyo3::prelude::*;

use crate::errors;
use crate::policy_file::PolicyFile;
use crate::repeats::{Exchange, Known, Repeats, Sent};

/// What one sandbox, client or person has shown: which pieces of enrolled secrets, and how often something was refused for one.
///
/// Whatever is examined with it (`Inspector`, `Engine.scan`, `Engine.stream`) goes by what came before and adds to it. A conversation with a language model that is sent again with every turn is compared with what was found clean before, and examined from
/// where it differs, and so are heads of requests: those of the last four kinds that left as they came, but for placeholders, are kept with what was put in the places of these, and wiped when they are forgotten. After `hits` refusals for enrolled secrets within `within` seconds the session is in quarantine: nothing of it may
/// leave until a person lifts it. `hits` of 0 is never; a policy file says both. Whose session it is, the caller must know for sure: never from what a client says of itself. Any number of threads may use it at once.
#[pyclass(frozen, module = "exfilter")]
pub(crate) struct Session {
    state: Mutex<State>,
    started: Instant,
    prefixes: Prefixes,
}

struct State {
    shown: exfilter::Session,
    quarantine: Quarantine,
    repeats: Repeats,
}

impl State {
    /// Whether requests are examined as those of a session that has shown nothing.
    fn is_unmarked(&self) -> bool {
        self.shown.is_empty() && !self.quarantine.is_active()
    }
}

impl Session {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A flow of this session, as it stands now.
    pub(crate) fn flow(&self, flow: exfilter::Flow) -> exfilter::Flow {
        let state = self.lock();
        let flow = flow.session(&state.shown);
        if state.quarantine.is_active() { flow.quarantined() } else { flow }
    }

    /// A request of this session, as it stands now.
    pub(crate) fn apply(&self, inspection: &mut Inspection) {
        let state = self.lock();
        inspection.session(&state.shown);
        inspection.prefixes(&self.prefixes);
        if state.quarantine.is_active() {
            inspection.quarantined();
        }
    }

    /// Takes out what is known of a head, to be put back, unless what the session has shown is to be gone by.
    pub(crate) fn known(&self, sent: &Sent<'_, '_>) -> Option<Box<Known>> {
        let state = &mut *self.lock();
        if state.is_unmarked() { state.repeats.take(sent) } else { None }
    }

    /// Puts it back.
    pub(crate) fn put_back(&self, known: Box<Known>) {
        self.lock().repeats.put(known);
    }

    /// Keeps the head of a request that was sent as it is, but for what is put into it.
    pub(crate) fn keep(&self, sent: &Sent<'_, '_>, exchange: Option<Exchange>, repeat: Repeat) {
        let state = &mut *self.lock();
        if state.is_unmarked() {
            state.repeats.keep(sent, exchange, repeat);
        }
    }

    /// Takes what a stream has shown, and counts its refusal.
    pub(crate) fn take(&self, stream: &exfilter::Stream, verdict: Option<Verdict>) {
        let shown = stream.contribution();
        let mut state = self.lock();
        state.shown.merge(&shown);
        if let Some(Verdict::Block(block)) = verdict
            && block.counts()
        {
            state.quarantine.note(block.reference(), self.started.elapsed());
        }
    }

    /// Takes what a request has shown, and counts its refusal.
    pub(crate) fn take_request(&self, inspector: &Inspector) {
        let mut state = self.lock();
        state.shown.merge(inspector.session());
        if let Verdict::Block(block) = inspector.verdict()
            && inspector.counts()
        {
            state.quarantine.note(block.reference(), self.started.elapsed());
        }
    }
}

#[pymethods]
impl Session {
    #[new]
    #[pyo3(signature = (*, policy=None, hits=None, within=None))]
    fn new(policy: Option<&PolicyFile>, hits: Option<u32>, within: Option<f64>) -> PyResult<Session> {
        let quarantine = match (policy, hits, within) {
            (Some(policy), None, None) => policy.0.quarantine(),
            (Some(_), ..) => {
                return Err(errors::misuse("the policy says hits and within: give one or the other"));
            }
            (None, ..) => {
                let within = within.map_or(Ok(Quarantine::WITHIN), Duration::try_from_secs_f64);
                let within =
                    within.map_err(|_| errors::misuse("within is a number of seconds, from 0 on"))?;
                Quarantine::new(hits.unwrap_or(Quarantine::HITS), within)
            }
        };
        let shown = exfilter::Session::new();
        Ok(Session {
            state: Mutex::new(State { shown, quarantine, repeats: Repeats::default() }),
            started: Instant::now(),
            prefixes: Prefixes::new(),
        })
    }

    /// Whether nothing of it may leave.
    #[getter]
    fn quarantined(&self) -> bool {
        self.lock().quarantine.is_active()
    }

    /// Ends the quarantine, and forgets what led to it. For a person to decide, never for whoever is examined.
    fn lift(&self) {
        self.lock().quarantine.lift();
    }

    /// Takes the limits of another session, a new one: what was counted stays, and counts by them.
    fn renew(&self, limits: &Session) {
        let mut quarantine = limits.lock().quarantine.clone();
        let mut state = self.lock();
        quarantine.merge(&state.quarantine);
        state.quarantine = quarantine;
        // A new configuration has another gate, too.
        state.repeats = Repeats::default();
    }

    /// Of how many secrets it has shown a piece.
    fn __len__(&self) -> usize {
        self.lock().shown.len()
    }

    /// A session is true, whatever it has shown.
    fn __bool__(&self) -> bool {
        true
    }

    fn __repr__(&self) -> String {
        let state = self.lock();
        format!("Session({} secrets in pieces, {:?})", state.shown.len(), state.quarantine)
    }
}
