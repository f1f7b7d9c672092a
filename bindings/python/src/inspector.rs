//! Whole requests: `Inspector`, what it tells (`Sighting`, `Reply`) and what requests share (`Uploads`).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use exfilter::inspector::Repeat;
use exfilter::wire::{Conversation, Headers, RequestHead};
use exfilter::{Authority, Inspection, Verdict};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;
use zeroize::Zeroizing;

use crate::coverage::Coverage;
use crate::engine::{self, Engine};
use crate::input::Input;
use crate::policy_file::PolicyFile;
use crate::session::Session;
use crate::verdict::Outcome;
use crate::{errors, finding, scan, words};

/// Header fields, in order.
pub(crate) type Fields = Vec<(PyBackedBytes, PyBackedBytes)>;

/// The objects of one session that are being uploaded in many requests.
#[pyclass(frozen, module = "exfilter")]
pub(crate) struct Uploads(pub(crate) exfilter::inspector::Uploads);

#[pymethods]
impl Uploads {
    #[new]
    fn new() -> Uploads {
        Uploads(exfilter::inspector::Uploads::new())
    }

    /// Forgets all of them.
    fn clear(&self) {
        self.0.clear();
    }

    fn __len__(&self) -> usize {
        self.0.len()
    }

    fn __repr__(&self) -> String {
        format!("{:?}", self.0)
    }
}

/// Something that was found in a request, and where in it.
#[pyclass(frozen, module = "exfilter")]
pub(crate) struct Sighting {
    sighting: exfilter::inspector::Sighting,
    event: Py<PyAny>,
}

impl Sighting {
    pub(crate) fn is_at_home(&self) -> bool {
        self.sighting.is_at_home()
    }
}

#[pymethods]
impl Sighting {
    /// The part of the request: "url", "header:cookie", "body", ...
    #[getter]
    fn place(&self) -> &str {
        self.sighting.place()
    }

    /// Where it is, for people: "body > gzip > package/config.js:3:7". Names in which something stands are masked.
    #[getter]
    fn location(&self) -> String {
        self.sighting.location()
    }

    /// The `Finding` or the `Opaque`.
    #[getter]
    fn event(&self, py: Python<'_>) -> Py<PyAny> {
        self.event.clone_ref(py)
    }

    /// What was done about it: "allow", "report", "redact" or "block".
    #[getter]
    fn action(&self) -> &'static str {
        self.sighting.action().as_str()
    }

    /// Whether it is the request's own key, where such keys belong.
    #[getter]
    fn own_key(&self) -> bool {
        self.sighting.is_own_key()
    }

    fn __repr__(&self) -> String {
        format!("Sighting(location={:?}, action='{}')", self.location(), self.action())
    }
}

/// An answer to a request that is not passed on, in the form in which its client shows it to a person.
#[pyclass(frozen, module = "exfilter")]
pub(crate) struct Reply {
    reply: exfilter::wire::Reply,
}

#[pymethods]
impl Reply {
    /// The status.
    #[getter]
    fn status(&self) -> u16 {
        self.reply.status
    }

    /// The reason phrase: some clients show nothing else.
    #[getter]
    fn reason(&self) -> &str {
        &self.reply.reason
    }

    /// Header fields, the length of the body apart.
    #[getter]
    fn headers(&self) -> Vec<(&str, &str)> {
        self.reply.headers.iter().map(|(name, value)| (*name, value.as_str())).collect()
    }

    /// The body.
    #[getter]
    fn body<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.reply.body)
    }

    fn __repr__(&self) -> String {
        format!("{:?}", self.reply)
    }
}

/// One request on its way out: its head, then its body as it is pushed, then its trailers.
///
/// `to` is where it will be sent, `fields` are its headers in order. A head that two readers may take for different requests, or that names another host, is a `HeadError`. `editable` says that the caller applies edits and replacements.
/// `policy` is a policy file whose words about requests count, `session` what its client has shown before, and what this request adds to. `own_keys`, "report" or "block", says what becomes of a provider's key where that provider takes it, and wins over the file.
///
/// One thread at a time. A failure of the engine is a block from then on.
#[pyclass(frozen, module = "exfilter")]
pub(crate) struct Inspector {
    engine: exfilter::Engine,
    state: Mutex<State>,
}

struct State {
    inspector: exfilter::Inspector,
    /// The session that it adds to.
    session: Option<Py<Session>>,
    /// The number of a failure of the engine, once there was one.
    broken: Option<exfilter::Reference>,
}

/// The number of a failure. Only then: a stream for each request that does not fail would be as dear as its head.
fn failure(engine: &exfilter::Engine) -> exfilter::Reference {
    engine.stream(exfilter::Flow::outbound_unknown()).reference()
}

impl State {
    fn step(
        &mut self,
        engine: &exfilter::Engine,
        step: impl FnOnce(&mut exfilter::Inspector) -> Verdict,
    ) -> Outcome {
        match self.tell(engine, step) {
            Ok(verdict) => {
                self.add_to_session();
                Outcome::Verdict(verdict)
            }
            Err(reference) => Outcome::Panic(reference),
        }
    }

    /// Whatever becomes of the request: what it has shown is shown.
    fn add_to_session(&self) {
        if let Some(session) = &self.session {
            session.get().take_request(&self.inspector);
        }
    }

    /// Something to tell of the request, unless the engine failed on it.
    fn tell<T>(
        &mut self,
        engine: &exfilter::Engine,
        tell: impl FnOnce(&mut exfilter::Inspector) -> T,
    ) -> Result<T, exfilter::Reference> {
        if let Some(reference) = self.broken {
            return Err(reference);
        }
        let inspector = &mut self.inspector;
        let told = catch_unwind(AssertUnwindSafe(|| tell(inspector)));
        told.map_err(|_| *self.broken.insert(failure(engine)))
    }
}

/// What came of a whole request.
pub(crate) struct Whole {
    pub(crate) outcome: Outcome,
    /// What is sent instead of the body.
    pub(crate) edited: Option<Zeroizing<Vec<u8>>>,
}

impl Whole {
    pub(crate) fn is_block(&self) -> bool {
        !matches!(self.outcome, Outcome::Verdict(Verdict::Forward { .. } | Verdict::Edit { .. }))
    }
}

impl Inspector {
    pub(crate) fn open(
        engine: &exfilter::Engine,
        inspection: &Inspection,
        head: RequestHead,
        session: Option<Py<Session>>,
    ) -> PyResult<Inspector> {
        let engine = engine::keep(engine);
        let made = catch_unwind(AssertUnwindSafe(|| exfilter::Inspector::new(&engine, inspection, head)));
        let inspector = made
            .map_err(|_| errors::misuse("the engine failed on a head"))?
            .map_err(|error| errors::head(&error))?;
        let state = State { inspector, session, broken: None };
        state.add_to_session();
        Ok(Inspector { engine, state: Mutex::new(state) })
    }

    /// Examines body and trailers, and ends the request.
    pub(crate) fn examine_whole(
        &self,
        py: Python<'_>,
        body: &Input<'_>,
        trailers: Option<Fields>,
    ) -> PyResult<Whole> {
        let mut fields = Headers::new();
        for (name, value) in trailers.iter().flatten() {
            fields.add(name, value).map_err(|error| errors::head(&error))?;
        }
        let mut guard = self.lock()?;
        let state = &mut *guard;
        let mut edited = None;
        let outcome = body.with(py, |bytes| {
            state.step(&self.engine, |inspector| {
                whole(inspector, bytes, trailers.is_some().then_some(&fields), &mut edited)
            })
        });
        Ok(Whole { outcome, edited })
    }

    /// Whether what is sent instead of the body is a replacement, which has no coding.
    pub(crate) fn is_replaced(&self) -> PyResult<bool> {
        Ok(self.lock()?.inspector.replacement().is_some())
    }

    /// What examines requests like this one, if it was clean and none of it is to be told.
    pub(crate) fn into_repeat(self) -> Option<Repeat> {
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        state.inspector.into_repeat().filter(|_| state.broken.is_none())
    }

    /// What the request is part of.
    pub(crate) fn part_of(&self) -> PyResult<Conversation> {
        Ok(self.lock()?.inspector.conversation())
    }

    fn lock(&self) -> PyResult<MutexGuard<'_, State>> {
        match self.state.try_lock() {
            Ok(state) => Ok(state),
            Err(TryLockError::Poisoned(poisoned)) => Ok(PoisonError::into_inner(poisoned)),
            Err(TryLockError::WouldBlock) => {
                Err(errors::misuse("the inspector is in use by another thread: one at a time"))
            }
        }
    }
}

/// A body, trailers and the end. Each verdict has the edits of what it lets go, so those of a whole body are those of all of them.
fn whole(
    inspector: &mut exfilter::Inspector,
    body: &[u8],
    trailers: Option<&Headers>,
    edited: &mut Option<Zeroizing<Vec<u8>>>,
) -> Verdict {
    let mut verdict = inspector.verdict();
    for step in 0..3 {
        verdict = match (step, verdict) {
            (_, Verdict::Block(_)) => break,
            (0, _) => inspector.push(body),
            (1, _) => trailers.map_or(verdict, |trailers| inspector.trailers(trailers)),
            _ => inspector.finish_held([body]),
        };
        if let (0 | 2, Verdict::Edit { .. }) = (step, verdict)
            && inspector.replacement().is_none()
        {
            let edited = edited.get_or_insert_with(|| Zeroizing::new(body.to_vec()));
            inspector.edits().iter().for_each(|edit| edit.apply(0, edited));
        }
    }
    if let Verdict::Block(_) = verdict {
        let _ = inspector.finish();
        inspector.locate([body]);
        *edited = None;
    } else if let Some(bytes) = inspector.replacement() {
        *edited = Some(Zeroizing::new(bytes.to_vec()));
    }
    verdict
}

#[pymethods]
impl Inspector {
    #[new]
    #[pyo3(signature = (engine, to, method, target, fields, *, editable=false, policy=None, own_keys=None, uploads=None, session=None))]
    #[expect(clippy::too_many_arguments, reason = "they are keywords")]
    fn new(
        engine: &Engine,
        to: &str,
        method: PyBackedBytes,
        target: PyBackedBytes,
        fields: Fields,
        editable: bool,
        policy: Option<&PolicyFile>,
        own_keys: Option<&str>,
        uploads: Option<&Uploads>,
        session: Option<Py<Session>>,
    ) -> PyResult<Inspector> {
        let to = Authority::parse(to.as_bytes()).map_err(|error| errors::parse(&error))?;
        let mut inspection = Inspection::new(to);
        if editable {
            inspection.editable();
        }
        if let Some(policy) = policy {
            policy.0.apply(&mut inspection);
        }
        if let Some(action) = own_keys {
            inspection.own_keys(words::action(action)?);
        }
        if let Some(uploads) = uploads {
            inspection.uploads(&uploads.0);
        }
        if let Some(session) = &session {
            session.get().apply(&mut inspection);
        }
        let made = catch_unwind(AssertUnwindSafe(|| RequestHead::new(&method, &target, fields)));
        let head = made
            .map_err(|_| errors::misuse("the engine failed on a head"))?
            .map_err(|error| errors::head(&error))?;
        Inspector::open(&engine.0, &inspection, head, session)
    }

    /// Examines the next bytes of the body and says how far it may leave.
    fn push<'py>(&self, py: Python<'py>, data: &Bound<'py, PyAny>) -> PyResult<Py<PyAny>> {
        let input = Input::of(data)?;
        let mut guard = self.lock()?;
        let state = &mut *guard;
        let outcome = input.with(py, |bytes| state.step(&self.engine, |inspector| inspector.push(bytes)));
        outcome.into_py(py, &self.engine)
    }

    /// Examines a whole body and the trailers behind it, ends the request, and says what is sent instead of the body, if anything is: in one call, for whoever holds requests whole.
    ///
    /// Of a refused push the files are looked up (`locate`).
    #[pyo3(signature = (body, trailers=None))]
    fn whole<'py>(
        &self,
        py: Python<'py>,
        body: &Bound<'py, PyAny>,
        trailers: Option<Fields>,
    ) -> PyResult<(Py<PyAny>, Option<Bound<'py, PyBytes>>)> {
        let Whole { outcome, edited } = self.examine_whole(py, &Input::of(body)?, trailers)?;
        let edited = edited.map(|edited| PyBytes::new(py, &edited));
        Ok((outcome.into_py(py, &self.engine)?, edited))
    }

    /// Examines trailers, which come before `finish`. Some that are malformed are a `HeadError`.
    fn trailers(&self, py: Python<'_>, fields: Fields) -> PyResult<Py<PyAny>> {
        let mut trailers = Headers::new();
        for (name, value) in &fields {
            trailers.add(name, value).map_err(|error| errors::head(&error))?;
        }
        let outcome = self.lock()?.step(&self.engine, |inspector| inspector.trailers(&trailers));
        outcome.into_py(py, &self.engine)
    }

    /// Ends the request: all of it may leave, or nothing more. Calling it again repeats the answer.
    fn finish(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let mut guard = self.lock()?;
        let state = &mut *guard;
        let outcome = py.detach(|| state.step(&self.engine, exfilter::Inspector::finish));
        outcome.into_py(py, &self.engine)
    }

    /// What is known so far: of the head alone before the first push.
    #[getter]
    fn verdict(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.lock()?.step(&self.engine, |inspector| inspector.verdict()).into_py(py, &self.engine)
    }

    /// Whether the head must not leave before `finish`.
    #[getter]
    fn holds_head(&self) -> PyResult<bool> {
        Ok(self.lock()?.tell(&self.engine, |inspector| inspector.holds_head()).unwrap_or(true))
    }

    /// What the request is part of: "git-push", "npm-publish", "anthropic", "plain", ...
    #[getter]
    fn conversation(&self) -> PyResult<&'static str> {
        Ok(self.lock()?.inspector.conversation().as_str())
    }

    /// What was found since the last call.
    pub(crate) fn sightings(&self, py: Python<'_>) -> PyResult<Vec<Sighting>> {
        let mut state = self.lock()?;
        let polled =
            state.tell(&self.engine, |inspector| std::iter::from_fn(|| inspector.poll()).collect::<Vec<_>>());
        let mut told = Vec::new();
        for sighting in polled.unwrap_or_default() {
            let (event, path) = (sighting.event().clone(), sighting.path().clone());
            if let Some(event) = finding::event_at(py, &self.engine, event, path)? {
                told.push(Sighting { sighting, event });
            }
        }
        Ok(told)
    }

    /// `data`, which begins at `offset` of the body, with the edits of the last verdict applied.
    fn apply_edits<'py>(
        &self,
        py: Python<'py>,
        offset: u64,
        data: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        scan::apply(py, self.lock()?.inspector.edits(), offset, data)
    }

    /// What is sent instead of the whole body, after a finish that says `Edit`.
    #[getter]
    fn replacement<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        Ok(self.lock()?.inspector.replacement().map(|bytes| PyBytes::new(py, bytes)))
    }

    /// The head to send: method, target and fields.
    #[expect(clippy::type_complexity, reason = "it is a tuple of Python")]
    fn forwarded_head<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<(Bound<'py, PyBytes>, Bound<'py, PyBytes>, Vec<(Bound<'py, PyBytes>, Bound<'py, PyBytes>)>)>
    {
        let head = self.lock()?.inspector.forwarded_head();
        let bytes = |bytes: &[u8]| PyBytes::new(py, bytes);
        let fields = head.headers().iter().map(|(name, value)| (bytes(name.as_bytes()), bytes(value)));
        Ok((bytes(head.method().as_bytes()), bytes(head.target().as_bytes()), fields.collect()))
    }

    /// Looks up in which files of which commits things were found in a push that is refused. `body` is the whole body.
    fn locate<'py>(&self, py: Python<'py>, body: &Bound<'py, PyAny>) -> PyResult<()> {
        let input = Input::of(body)?;
        let mut guard = self.lock()?;
        let state = &mut *guard;
        let _ = input.with(py, |bytes| state.tell(&self.engine, |inspector| inspector.locate([bytes])));
        Ok(())
    }

    /// The whole answer to a request for refs, with what a client must know before it pushes; any other answer as it is. It must have no coding.
    fn rewrite_refs<'py>(
        &self,
        py: Python<'py>,
        answer: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let answer = Input::of_value(answer)?;
        let Some(mut advertisement) = self.lock()?.inspector.advertisement() else {
            return Ok(PyBytes::new(py, &answer));
        };
        let mut out = Vec::with_capacity(answer.len() + 16);
        advertisement.feed(&answer, &mut out);
        advertisement.finish(&mut out);
        Ok(PyBytes::new(py, &out))
    }

    /// The sentence of a refusal, for "subject" (whatever sent the request) or "operator"; None if there is none.
    #[pyo3(signature = (audience="subject"))]
    fn text(&self, audience: &str) -> PyResult<Option<String>> {
        let audience = words::audience(audience)?;
        Ok(self.lock()?.tell(&self.engine, |inspector| inspector.text(audience)).ok().flatten())
    }

    /// How the request is refused; None if it is not.
    #[pyo3(signature = (audience="subject"))]
    fn reply(&self, audience: &str) -> PyResult<Option<Reply>> {
        let audience = words::audience(audience)?;
        let reply = self.lock()?.tell(&self.engine, |inspector| inspector.reply(audience)).ok().flatten();
        Ok(reply.map(|reply| Reply { reply }))
    }

    /// What was examined.
    #[getter]
    fn coverage(&self) -> PyResult<Coverage> {
        Ok(Coverage(self.lock()?.inspector.coverage().clone()))
    }

    fn __repr__(&self) -> String {
        match self.state.try_lock() {
            Ok(state) => format!("{:?}", state.inspector),
            Err(_) => "Inspector(in use)".into(),
        }
    }
}
