//! Whole requests as a proxy has them, in one call each: `RequestGate` and what it tells (`Examined`).
//!
//! A proxy in Python does much else between two requests, so what a request costs it is for the most part code and objects that are no longer in the processor's caches: the less of either, the sooner it is done.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use exfilter::substitute::Substitutes as Placeholders;
use exfilter::wire::{Conversation, HeadError, RequestHead};
use exfilter::{Action, Authority, Inspection};
use pyo3::prelude::*;
use pyo3::pybacked::{PyBackedBytes, PyBackedStr};
use pyo3::types::{PyBytes, PyString};

use crate::engine::{self, Engine};
use crate::input::{self, Input};
use crate::inspector::{Fields, Inspector, Sighting, Uploads};
use crate::policy_file::PolicyFile;
use crate::repeats::{Exchange, Exchanged, Sent};
use crate::session::Session;
use crate::substitutes::Substitutes;
use crate::{errors, words};

/// A field that says how something was written that stands in another form where it is read.
const AS_WRITTEN: &[u8] = b"x-as-written";

/// What examines whole requests with one engine, and exchanges placeholders in those that may leave.
///
/// `policy` is a policy file whose words about hosts and requests count, `own_keys` ("report" or "block") says what becomes of a provider's key where that provider takes it, and wins over the file. `substitutes` are as they
/// stand when this is made; where their real values are put, other people's credentials are refused, unless `observe` says that nothing is. Any number of threads may use it at once.
#[pyclass(frozen, module = "exfilter")]
pub(crate) struct RequestGate {
    /// One number for each: what a session keeps of a head is what this one makes of it.
    id: u64,
    engine: exfilter::Engine,
    policy: Option<Py<PolicyFile>>,
    own_keys: Option<Action>,
    uploads: exfilter::inspector::Uploads,
    substitutes: Option<Arc<Placeholders>>,
    observe: bool,
}

/// What came of a request.
#[derive(IntoPyObject)]
pub(crate) enum Answer {
    /// Nothing but that this head is sent instead.
    Exchanged(Exchanged),
    /// All else.
    Examined(Examined),
}

/// What came of a request that is not simply sent as it is.
#[pyclass(frozen, get_all, module = "exfilter")]
pub(crate) struct Examined {
    /// Whether it is sure where the request goes. If not, nothing was examined: at such a place nothing is at home.
    sure: bool,
    /// Whether it offers HTTP/2 on a connection of HTTP/1, and nothing was examined for that.
    offers_h2c: bool,
    /// Why it is refused though no byte of it was examined, and which part of it that is: "host", "head", or where somebody else's credential stands.
    denied: Option<(&'static str, String)>,
    /// What examined it.
    inspector: Option<Py<Inspector>>,
    /// The verdict.
    verdict: Option<Py<PyAny>>,
    /// What was found.
    sightings: Vec<Py<Sighting>>,
    /// What is sent instead of the body.
    body: Option<Py<PyBytes>>,
    /// Whether that has no coding any more.
    recoded: bool,
    /// Target and fields with real credentials in the places of placeholders: what is sent, and is to be seen by nobody but the server.
    head: Option<Exchanged>,
}

impl Examined {
    fn unexamined() -> Examined {
        Examined {
            sure: true,
            offers_h2c: false,
            denied: None,
            inspector: None,
            verdict: None,
            sightings: Vec::new(),
            body: None,
            recoded: false,
            head: None,
        }
    }

    fn denied(part: &'static str, why: impl Into<String>) -> Examined {
        Examined { denied: Some((part, why.into())), ..Examined::unexamined() }
    }
}

/// A head with the name of the host that it goes to, which it was found to have, in one spelling and with its port.
struct Head {
    to: Authority,
    head: Result<RequestHead, HeadError>,
}

/// Where a request goes, as the proxy knows it.
struct Destination<'a> {
    scheme: &'a [u8],
    host: &'a str,
    port: u16,
    /// As HTTP/2 and absolute forms have it; else empty.
    authority: &'a [u8],
}

impl Destination<'_> {
    /// `None` where that is not sure, at which nothing is at home: what is dialled counts, and a shared front end goes by what the request says.
    fn authority(&self, fields: &Fields) -> Option<Authority> {
        let said =
            fields.iter().filter(|(name, _)| name.eq_ignore_ascii_case(b"host")).map(|(_, value)| &value[..]);
        let said = said.chain((!self.authority.is_empty()).then_some(self.authority));
        if said.into_iter().any(|name| !hostname(name).eq_ignore_ascii_case(self.host.as_bytes())) {
            return None;
        }
        let Destination { host, port, .. } = self;
        let scheme = std::str::from_utf8(self.scheme).ok()?;
        let text = match host.contains(':') && !host.starts_with('[') {
            true => format!("{scheme}://[{host}]:{port}"),
            false => format!("{scheme}://{host}:{port}"),
        };
        Authority::parse(text.as_bytes()).ok()
    }

    fn head(&self, to: Authority, method: &[u8], target: &[u8], fields: &Fields) -> Head {
        let text = to.to_string();
        let host = text.split_once("://").map_or(text.as_str(), |(_, host)| host);
        let mut first = None;
        let mut list: Vec<(&[u8], &[u8])> = Vec::with_capacity(fields.len() + 3);
        list.push((b"host", host.as_bytes()));
        for (name, value) in fields {
            // A second one stays, and is an error.
            match first.is_none() && name.eq_ignore_ascii_case(b"host") {
                true => first = Some(&value[..]),
                false => list.push((name, value)),
            }
        }
        // As it is written it leaves too: digits of a port are text.
        let said = (!self.authority.is_empty()).then_some(self.authority);
        list.extend(said.into_iter().chain(first).map(|value| (AS_WRITTEN, value)));
        let head = RequestHead::new(method, target, list);
        Head { to, head }
    }
}

/// A name without its port.
fn hostname(name: &[u8]) -> &[u8] {
    match name.iter().rposition(|byte| *byte == b':') {
        Some(at) if at + 1 < name.len() && name[at + 1..].iter().all(u8::is_ascii_digit) => &name[..at],
        _ => name,
    }
}

/// Whether fields offer HTTP/2 on a connection that was opened for HTTP/1.
fn offers_h2c(fields: &Fields) -> bool {
    let upgrades = fields.iter().filter(|(name, _)| name.eq_ignore_ascii_case(b"upgrade"));
    let mut words = upgrades.flat_map(|(_, value)| value.split(|byte| *byte == b','));
    words.any(|word| word.trim_ascii().eq_ignore_ascii_case(b"h2c"))
}

impl RequestGate {
    fn inspection(&self, to: &Authority, session: Option<&Py<Session>>) -> Inspection {
        let mut inspection = Inspection::new(to.clone());
        inspection.editable().held().uploads(&self.uploads);
        if let Some(policy) = &self.policy {
            policy.get().0.apply(&mut inspection);
        }
        if let Some(action) = self.own_keys {
            inspection.own_keys(action);
        }
        if let Some(substitutes) = &self.substitutes {
            inspection.substitutes(substitutes);
        }
        if let Some(session) = session {
            session.get().apply(&mut inspection);
        }
        inspection
    }

    /// What is put into a head, if there are placeholders in it.
    fn exchange(
        &self,
        to: &Authority,
        head: &RequestHead,
        target: &[u8],
        fields: &Fields,
    ) -> PyResult<Option<Exchange>> {
        let Some(substitutes) = &self.substitutes else { return Ok(None) };
        let exchanged = substitutes.exchange(to, head).map_err(|error| errors::head(&error))?;
        exchanged.map(|exchanged| Exchange::of(&exchanged, target, fields)).transpose()
    }

    /// Examines a request, head and all.
    #[inline(never)]
    fn examine_anew<'py>(
        &self,
        py: Python<'py>,
        sent: &Sent<'_, 'py>,
        body: &Bound<'py, PyAny>,
        trailers: Option<&Bound<'py, PyAny>>,
        session: Option<&Bound<'py, Session>>,
    ) -> PyResult<Option<Answer>> {
        let [scheme, authority, method, target] = [sent.scheme, sent.authority, sent.method, sent.target]
            .map(|part| part.extract::<PyBackedBytes>());
        let (scheme, authority, method, target) = (scheme?, authority?, method?, target?);
        let fields = sent.fields.extract::<Fields>()?;
        let trailers = trailers.map(|trailers| trailers.extract::<Fields>()).transpose()?;
        if offers_h2c(&fields) {
            return Ok(Some(Answer::Examined(Examined { offers_h2c: true, ..Examined::unexamined() })));
        }
        let destination =
            Destination { scheme: &scheme, host: sent.host, port: sent.port, authority: &authority };
        let Some(to) = destination.authority(&fields) else {
            return Ok(Some(Answer::Examined(Examined { sure: false, ..Examined::unexamined() })));
        };
        if self.policy.as_ref().is_some_and(|policy| !policy.get().0.admits(to.host())) {
            return Ok(Some(Answer::Examined(Examined::denied("host", "this host may not be reached"))));
        }
        let made = catch_unwind(AssertUnwindSafe(|| destination.head(to, &method, &target, &fields)));
        let Head { to, head } = made.map_err(|_| errors::misuse("the engine failed on a head"))?;
        let head = head.map_err(|error| errors::head(&error))?;
        let substitutes = self.substitutes.as_ref().filter(|_| !self.observe);
        if let Some(place) = substitutes.and_then(|all| all.foreign(&self.engine, &to, &head)) {
            let part = place.split(':').next().unwrap_or_default().to_owned();
            return Ok(Some(Answer::Examined(Examined::denied("foreign", part))));
        }
        let session = session.map(|session| session.clone().unbind());
        let inspection = self.inspection(&to, session.as_ref());
        let kept = self.substitutes.is_some().then(|| head.clone());
        let inspector = Inspector::open(
            &self.engine,
            &inspection,
            head,
            session.as_ref().map(|session| session.clone_ref(py)),
        )?;
        let input = Input::of(body)?;
        let has_trailers = trailers.is_some();
        let whole = inspector.examine_whole(py, &input, trailers)?;
        let is_blocked = whole.is_block();
        let exchange = match kept.filter(|_| !is_blocked) {
            Some(head) => self.exchange(&to, &head, &target, &fields)?,
            None => None,
        };
        let exchanged = exchange.as_ref().map(|exchange| exchange.apply(py, sent)).transpose()?;
        let sightings = inspector.sightings(py)?;
        let is_rewritten = inspector.part_of()? == Conversation::GitPushRefs;
        if !is_blocked
            && whole.edited.is_none()
            && sightings.iter().all(Sighting::is_at_home)
            && !is_rewritten
        {
            if let Some(session) = session.filter(|_| !has_trailers)
                && let Some(repeat) = inspector.into_repeat()
            {
                session.get().keep(sent, exchange, repeat);
            }
            return Ok(exchanged.map(Answer::Exchanged));
        }
        let recoded = whole.edited.is_some() && inspector.is_replaced()?;
        Ok(Some(Answer::Examined(Examined {
            verdict: Some(whole.outcome.into_py(py, &self.engine)?),
            sightings: sightings.into_iter().map(|one| Py::new(py, one)).collect::<PyResult<_>>()?,
            body: whole.edited.map(|edited| PyBytes::new(py, &edited).unbind()),
            recoded,
            head: exchanged,
            inspector: Some(Py::new(py, inspector)?),
            ..Examined::unexamined()
        })))
    }
}

#[pymethods]
impl RequestGate {
    #[new]
    #[pyo3(signature = (engine, *, uploads, policy=None, own_keys=None, substitutes=None, observe=false))]
    fn new(
        engine: &Engine,
        uploads: &Uploads,
        policy: Option<Py<PolicyFile>>,
        own_keys: Option<&str>,
        substitutes: Option<&Substitutes>,
        observe: bool,
    ) -> PyResult<RequestGate> {
        static MADE: AtomicU64 = AtomicU64::new(0);
        Ok(RequestGate {
            id: MADE.fetch_add(1, Ordering::Relaxed),
            engine: engine::keep(&engine.0),
            policy,
            own_keys: own_keys.map(words::action).transpose()?,
            uploads: uploads.0.clone(),
            substitutes: substitutes.and_then(Substitutes::snapshot),
            observe,
        })
    }

    /// Where a request goes, as a `Flow` takes it; None where that is not sure.
    #[staticmethod]
    fn authority(
        scheme: PyBackedBytes,
        host: PyBackedStr,
        port: u16,
        authority: PyBackedBytes,
        fields: Fields,
    ) -> Option<String> {
        let destination = Destination { scheme: &scheme, host: &host, port, authority: &authority };
        Some(destination.authority(&fields)?.to_string())
    }

    /// Examines a request: None if it may be sent as it is, and there is nothing to tell of it but that credentials are in it where they are at home. Where all that is left to do is to put real credentials in the places of placeholders, target and fields with these: what is sent, and is to be seen by nobody but the server.
    ///
    /// `scheme`, `host` and `port` are what is dialled, `authority` what HTTP/2 or an absolute form says (empty for nothing), `fields` the headers in order. A head that two readers may take for different requests is a `HeadError`.
    #[pyo3(signature = (scheme, host, port, authority, method, target, fields, body, trailers=None, session=None))]
    #[expect(clippy::too_many_arguments, reason = "they are the parts of a request")]
    fn examine<'py>(
        &self,
        py: Python<'py>,
        scheme: &Bound<'py, PyAny>,
        host: &Bound<'py, PyString>,
        port: u16,
        authority: &Bound<'py, PyAny>,
        method: &Bound<'py, PyAny>,
        target: &Bound<'py, PyAny>,
        fields: &Bound<'py, PyAny>,
        body: &Bound<'py, PyAny>,
        trailers: Option<&Bound<'py, PyAny>>,
        session: Option<&Bound<'py, Session>>,
    ) -> PyResult<Option<Answer>> {
        let host = host.to_str()?;
        let sent = Sent { gate: self.id, scheme, host, port, authority, method, target, fields };
        if let (Some(session), None, Ok(body)) = (session, trailers, body.cast::<PyBytes>())
            && let Some(mut known) = session.get().known(&sent)
        {
            let repeat = AssertUnwindSafe(&mut known.repeat);
            // A failure of the engine is one of the look that follows, too.
            let is_clean = input::detached(py, body.as_bytes(), move |body| {
                catch_unwind(|| { repeat }.is_clean(body)).unwrap_or(false)
            });
            if is_clean {
                let exchanged =
                    known.exchange.as_ref().map(|exchange| exchange.apply(py, &sent)).transpose()?;
                session.get().put_back(known);
                return Ok(exchanged.map(Answer::Exchanged));
            }
        }
        self.examine_anew(py, &sent, body, trailers, session)
    }

    fn __repr__(&self) -> String {
        format!("RequestGate({:?})", self.engine)
    }
}
