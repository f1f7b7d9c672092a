//! Whole buffers: `Scanner`, and what came of one, `Scan`.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError, TryLockError};

use exfilter::{Event, Verdict};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::coverage::Coverage;
use crate::input::Input;
use crate::verdict::Outcome;
use crate::{engine, errors, finding, words};

/// What came of a whole buffer.
#[pyclass(frozen, module = "exfilter")]
pub(crate) struct Scan {
    verdict: Py<PyAny>,
    findings: Vec<Py<PyAny>>,
    opaques: Vec<Py<PyAny>>,
    counting: Vec<exfilter::Finding>,
    coverage: exfilter::Coverage,
    /// Findings beyond the limit, by rule's id or secret's name, which are not one by one in `findings`.
    suppressed: BTreeMap<String, u64>,
    edits: Vec<exfilter::Edit>,
    /// What the stream said at its end; None if it failed.
    last: Option<Verdict>,
}

/// Examines a whole buffer with a stream that is new.
pub(crate) fn examine(
    py: Python<'_>,
    engine: &exfilter::Engine,
    stream: &mut exfilter::Stream,
    input: &Input<'_>,
) -> PyResult<Scan> {
    let reference = stream.reference();
    let mut edits = Vec::new();
    let outcome = input.with(py, |bytes| {
        let whole = catch_unwind(AssertUnwindSafe(|| {
            // Each verdict has the edits of what it lets go, so those of a whole buffer are those of both.
            if let Verdict::Edit { .. } = stream.push(bytes) {
                edits.extend_from_slice(stream.edits());
            }
            let last = stream.finish();
            if let Verdict::Edit { .. } = last {
                edits.extend_from_slice(stream.edits());
            }
            match last {
                Verdict::Forward { through } if !edits.is_empty() => Verdict::Edit { through },
                last => last,
            }
        }));
        whole.map_or(Outcome::Panic(reference), Outcome::Verdict)
    });
    let last = match outcome {
        Outcome::Verdict(verdict) => Some(verdict),
        Outcome::Panic(_) => None,
    };
    let verdict = outcome.into_py(py, engine)?;
    let mut scan = Scan {
        verdict,
        findings: Vec::new(),
        opaques: Vec::new(),
        counting: Vec::new(),
        coverage: stream.coverage(),
        suppressed: BTreeMap::new(),
        edits,
        last,
    };
    while let Some(event) = stream.poll_event() {
        let found = match &event {
            Event::Finding(finding) => Some(finding.clone()),
            _ => None,
        };
        let Some(object) = finding::event(py, engine, stream, event)? else { continue };
        match found {
            Some(finding) => {
                scan.counting.push(finding);
                scan.findings.push(object);
            }
            None => scan.opaques.push(object),
        }
    }
    let rules = stream.suppressed().map(|(id, count)| (engine.rule(id).id.clone(), count));
    let secrets = stream.suppressed_secrets().map(|(id, count)| (engine.secret_name(id).to_owned(), count));
    for (name, count) in rules.chain(secrets) {
        *scan.suppressed.entry(name).or_default() += count;
    }
    Ok(scan)
}

impl Scan {
    pub(crate) fn last(&self) -> Option<Verdict> {
        self.last
    }
}

#[pymethods]
impl Scan {
    /// What the policy says: `Forward`, `Edit` or `Block`.
    #[getter]
    fn verdict(&self, py: Python<'_>) -> Py<PyAny> {
        self.verdict.clone_ref(py)
    }

    /// The findings, as far as the limit goes.
    #[getter]
    fn findings(&self, py: Python<'_>) -> Vec<Py<PyAny>> {
        self.findings.iter().map(|finding| finding.clone_ref(py)).collect()
    }

    /// The ranges that were not examined, as far as the limit goes.
    #[getter]
    fn opaques(&self, py: Python<'_>) -> Vec<Py<PyAny>> {
        self.opaques.iter().map(|opaque| opaque.clone_ref(py)).collect()
    }

    /// Findings beyond the limit, counted by rule id or secret's name.
    #[getter]
    fn suppressed(&self) -> BTreeMap<String, u64> {
        self.suppressed.clone()
    }

    /// What was examined.
    #[getter]
    fn coverage(&self) -> Coverage {
        Coverage(self.coverage.clone())
    }

    /// Whether everything was examined.
    #[getter]
    fn complete(&self) -> bool {
        self.last.is_some() && self.coverage.is_complete()
    }

    /// Whether everything was examined and nothing found at or above a confidence, documented examples apart.
    #[pyo3(signature = (confidence="medium"))]
    fn clean(&self, confidence: &str) -> PyResult<bool> {
        let floor = words::confidence(confidence)?;
        let found = !self.suppressed.is_empty() || self.counting.iter().any(|finding| finding.counts(floor));
        Ok(self.complete() && !found)
    }

    /// The ranges to overwrite and the byte to overwrite them with, where the verdict is `Edit`.
    #[getter]
    fn edits(&self) -> Vec<(u64, u64, u8)> {
        self.edits.iter().map(|edit| (edit.range().start, edit.range().end, edit.fill())).collect()
    }

    /// The buffer with the edits applied.
    fn apply_edits<'py>(&self, py: Python<'py>, data: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
        apply(py, &self.edits, 0, data)
    }

    fn __repr__(&self) -> String {
        let complete = if self.complete() { "True" } else { "False" };
        format!("Scan({} findings, complete={complete})", self.findings.len())
    }
}

/// `data`, which begins at `offset` of the stream, with edits applied.
pub(crate) fn apply<'py>(
    py: Python<'py>,
    edits: &[exfilter::Edit],
    offset: u64,
    data: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyBytes>> {
    let mut copy = Input::of_value(data)?;
    edits.iter().for_each(|edit| edit.apply(offset, &mut copy));
    Ok(PyBytes::new(py, &copy))
}

/// Examines one buffer after another with the same stream. One thread at a time; another one's call is a `MisuseError`.
#[pyclass(frozen, module = "exfilter")]
pub(crate) struct Scanner {
    engine: exfilter::Engine,
    flow: exfilter::Flow,
    stream: Mutex<exfilter::Stream>,
}

impl Scanner {
    pub(crate) fn new(engine: exfilter::Engine, flow: exfilter::Flow) -> Scanner {
        let stream = engine.stream(flow.clone());
        Scanner { engine: engine::keep(&engine), flow, stream: Mutex::new(stream) }
    }
}

#[pymethods]
impl Scanner {
    /// Examines a whole buffer.
    fn scan<'py>(&self, py: Python<'py>, data: &Bound<'py, PyAny>) -> PyResult<Scan> {
        let input = Input::of(data)?;
        let mut stream = match self.stream.try_lock() {
            Ok(stream) => stream,
            Err(TryLockError::Poisoned(poisoned)) => PoisonError::into_inner(poisoned),
            Err(TryLockError::WouldBlock) => {
                return Err(errors::misuse("the scanner is in use: give each thread its own"));
            }
        };
        stream.reset();
        let scan = examine(py, &self.engine, &mut stream, &input)?;
        if scan.last.is_none() {
            *stream = self.engine.stream(self.flow.clone());
        }
        Ok(scan)
    }

    fn __repr__(&self) -> String {
        format!("Scanner({:?})", self.engine)
    }
}
