//! Bytes in, verdicts out: `Stream`.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use exfilter::Verdict;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::coverage::Coverage;
use crate::input::Input;
use crate::session::Session;
use crate::verdict::Outcome;
use crate::{errors, finding, scan};

/// One stream of bytes on its way. The caller keeps the bytes and forwards those that a verdict lets through.
///
/// `push` raises nothing because of what it is given. Misuse raises `MisuseError`: a push after `finish` or `close`, or two threads at once.
/// Leaving a `with` block closes the stream, which wipes what it remembers.
#[pyclass(frozen, module = "exfilter")]
pub(crate) struct Stream {
    engine: exfilter::Engine,
    reference: exfilter::Reference,
    /// The session that it adds to.
    session: Option<Py<Session>>,
    state: Mutex<State>,
}

struct State {
    /// None once it is closed.
    stream: Option<exfilter::Stream>,
    /// What was examined when it was closed.
    coverage: exfilter::Coverage,
    through: u64,
    finished: bool,
    /// The engine failed: every later answer is a block.
    broken: bool,
}

impl Stream {
    pub(crate) fn new(
        engine: exfilter::Engine,
        flow: exfilter::Flow,
        session: Option<Py<Session>>,
    ) -> Stream {
        let stream = engine.stream(match &session {
            Some(session) => session.get().flow(flow),
            None => flow,
        });
        let reference = stream.reference();
        let coverage = exfilter::Coverage::default();
        let state = State { stream: Some(stream), coverage, through: 0, finished: false, broken: false };
        Stream { engine, reference, session, state: Mutex::new(state) }
    }

    fn lock(&self) -> PyResult<MutexGuard<'_, State>> {
        match self.state.try_lock() {
            Ok(state) => Ok(state),
            Err(TryLockError::Poisoned(poisoned)) => Ok(PoisonError::into_inner(poisoned)),
            Err(TryLockError::WouldBlock) => {
                Err(errors::misuse("the stream is in use by another thread: one at a time"))
            }
        }
    }

    fn answer(&self, py: Python<'_>, state: &mut State, outcome: Outcome) -> PyResult<Py<PyAny>> {
        match &outcome {
            Outcome::Verdict(verdict) => {
                state.through = verdict.through().unwrap_or(state.through);
                if state.finished || verdict.is_block() {
                    self.tell(state, Some(*verdict));
                }
            }
            Outcome::Panic(_) => state.broken = true,
        }
        outcome.into_py(py, &self.engine)
    }
}

impl Stream {
    /// Tells the session what was shown.
    fn tell(&self, state: &State, verdict: Option<Verdict>) {
        if let (Some(session), Some(stream)) = (&self.session, &state.stream) {
            session.get().take(stream, verdict);
        }
    }
}

impl State {
    fn open(&mut self) -> PyResult<&mut exfilter::Stream> {
        self.stream.as_mut().ok_or_else(|| errors::misuse("the stream is closed"))
    }

    /// Runs a step of the stream. A panic is a block from then on.
    fn step(
        &mut self,
        reference: exfilter::Reference,
        step: impl FnOnce(&mut exfilter::Stream) -> Verdict,
    ) -> Outcome {
        match self.stream.as_mut() {
            Some(stream) if !self.broken => {
                let verdict = catch_unwind(AssertUnwindSafe(|| step(stream)));
                verdict.map_or(Outcome::Panic(reference), Outcome::Verdict)
            }
            _ => Outcome::Panic(reference),
        }
    }
}

#[pymethods]
impl Stream {
    /// Examines the next bytes and says how far the stream may leave.
    fn push<'py>(&self, py: Python<'py>, data: &Bound<'py, PyAny>) -> PyResult<Py<PyAny>> {
        let input = Input::of(data)?;
        let mut guard = self.lock()?;
        let state = &mut *guard;
        state.open()?;
        if state.finished {
            return Err(errors::misuse("the stream is finished: open another one"));
        }
        let reference = self.reference;
        let outcome = input.with(py, |bytes| state.step(reference, |stream| stream.push(bytes)));
        self.answer(py, state, outcome)
    }

    /// Ends the stream: all of it may leave, or nothing more. Calling it again repeats the answer.
    fn finish(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let mut state = self.lock()?;
        state.open()?;
        state.finished = true;
        let outcome = state.step(self.reference, exfilter::Stream::finish);
        self.answer(py, &mut state, outcome)
    }

    /// Says that bytes were lost before they reached the stream.
    fn gap(&self, py: Python<'_>, length: u64) -> PyResult<Py<PyAny>> {
        let mut state = self.lock()?;
        state.open()?;
        if state.finished {
            return Err(errors::misuse("the stream is finished: open another one"));
        }
        let outcome = state.step(self.reference, |stream| stream.gap(length));
        self.answer(py, &mut state, outcome)
    }

    /// The events since the last call: findings, and ranges that were not examined.
    fn events(&self, py: Python<'_>) -> PyResult<Vec<Py<PyAny>>> {
        let mut state = self.lock()?;
        let stream = state.open()?;
        let mut events = Vec::new();
        while let Some(event) = stream.poll_event() {
            events.extend(finding::event(py, &self.engine, stream, event)?);
        }
        Ok(events)
    }

    /// The ranges to overwrite before the bytes up to `through` leave, and the byte to overwrite them with.
    fn edits(&self) -> PyResult<Vec<(u64, u64, u8)>> {
        let mut state = self.lock()?;
        let edits = state.open()?.edits();
        Ok(edits.iter().map(|edit| (edit.range().start, edit.range().end, edit.fill())).collect())
    }

    /// `data`, which begins at `offset` of the stream, with the edits applied.
    fn apply_edits<'py>(
        &self,
        py: Python<'py>,
        offset: u64,
        data: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let mut state = self.lock()?;
        scan::apply(py, state.open()?.edits(), offset, data)
    }

    /// Ends scanning of a blocked stream: what is pushed from now on is not examined, and the block stays.
    fn discard(&self) -> PyResult<()> {
        self.lock()?.open()?.discard();
        Ok(())
    }

    /// Wipes what the stream remembers and makes it new for the same flow.
    fn reset(&self) -> PyResult<()> {
        let mut state = self.lock()?;
        self.tell(&state, None);
        state.open()?.reset();
        state.finished = false;
        state.broken = false;
        state.through = 0;
        Ok(())
    }

    /// Wipes what the stream remembers. `coverage`, `through` and `reference` stay.
    fn close(&self) -> PyResult<()> {
        let mut state = self.lock()?;
        self.tell(&state, None);
        if let Some(stream) = state.stream.take() {
            state.coverage = stream.coverage();
        }
        Ok(())
    }

    /// What has been examined.
    #[getter]
    fn coverage(&self) -> PyResult<Coverage> {
        let state = self.lock()?;
        let now = state.stream.as_ref().map(exfilter::Stream::coverage);
        Ok(Coverage(now.unwrap_or_else(|| state.coverage.clone())))
    }

    /// Bytes that the last verdict that was no block let through.
    #[getter]
    fn through(&self) -> PyResult<u64> {
        Ok(self.lock()?.through)
    }

    /// Findings beyond the limit, counted by rule id or secret's name.
    #[getter]
    fn suppressed(&self) -> PyResult<BTreeMap<String, u64>> {
        let mut state = self.lock()?;
        let stream = state.open()?;
        let mut counts = BTreeMap::new();
        for (id, count) in stream.suppressed() {
            *counts.entry(self.engine.rule(id).id.clone()).or_default() += count;
        }
        for (id, count) in stream.suppressed_secrets() {
            *counts.entry(self.engine.secret_name(id).to_owned()).or_default() += count;
        }
        Ok(counts)
    }

    /// The number under which a block of this stream is logged.
    #[getter]
    fn reference(&self) -> String {
        self.reference.to_string()
    }

    /// Memory that the stream holds, in bytes, windows of decoders apart.
    #[getter]
    fn memory(&self) -> PyResult<usize> {
        Ok(self.lock()?.open()?.memory())
    }

    /// Whether it is closed.
    #[getter]
    fn closed(&self) -> PyResult<bool> {
        Ok(self.lock()?.stream.is_none())
    }

    fn __enter__(slf: Py<Stream>) -> Py<Stream> {
        slf
    }

    fn __exit__(
        &self,
        _exc_type: &Bound<'_, PyAny>,
        _exc: &Bound<'_, PyAny>,
        _traceback: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        self.close()
    }

    fn __repr__(&self) -> String {
        let Ok(state) = self.state.try_lock() else { return "Stream(in use)".into() };
        format!("Stream(through={}, reference='{}')", state.through, self.reference)
    }
}
