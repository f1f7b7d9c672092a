//! Whole answers as a proxy has them: `AnswerGate`, which tells at once of most that nothing is in them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;
use zeroize::Zeroizing;

use crate::engine::{self, Engine};
use crate::input::{self, Input};
use crate::inspector::Fields;

/// What looks for real credentials in the answers of servers that got one.
///
/// `engine` knows them. Any number of threads may use it at once; they take turns.
#[pyclass(frozen, module = "exfilter")]
pub(crate) struct AnswerGate {
    engine: exfilter::Engine,
    scanner: Mutex<exfilter::Scanner>,
}

fn scanner(engine: &exfilter::Engine) -> exfilter::Scanner {
    engine.scanner(exfilter::Flow::outbound_unknown().editable().whole())
}

impl AnswerGate {
    fn is_spotless(&self, bytes: &[u8]) -> bool {
        let mut scanner = self.scanner.lock().unwrap_or_else(PoisonError::into_inner);
        catch_unwind(AssertUnwindSafe(|| scanner.is_spotless(bytes))).unwrap_or_else(|_| {
            // A failure of the engine is one of the look that follows, too.
            *scanner = self::scanner(&self.engine);
            false
        })
    }
}

#[pymethods]
impl AnswerGate {
    #[new]
    fn new(engine: &Engine) -> AnswerGate {
        let engine = engine::keep(&engine.0);
        AnswerGate { scanner: Mutex::new(scanner(&engine)), engine }
    }

    /// Whether nothing that the engine knows stands in fields, trailers and reason of an answer, each a line, and nothing in its body, and all of it was examined. Where that is not so, another look says what is to be done. None where the body has a
    /// coding, and nothing was examined: it is then to be decoded, and handed over as `plain`.
    #[pyo3(signature = (fields, trailers, reason, body, *, plain=false))]
    fn is_clean<'py>(
        &self,
        py: Python<'py>,
        fields: Fields,
        trailers: Option<Fields>,
        reason: PyBackedBytes,
        body: &Bound<'py, PyAny>,
        plain: bool,
    ) -> PyResult<Option<bool>> {
        let is_coding = |(name, _): &(PyBackedBytes, PyBackedBytes)| name.eq_ignore_ascii_case(CODING);
        if !plain && fields.iter().any(is_coding) {
            return Ok(None);
        }
        let all =
            || fields.iter().chain(trailers.iter().flatten()).map(|(name, value)| (&name[..], &value[..]));
        let all = || all().chain([(&b""[..], &reason[..])]);
        // Never grown, so never copied.
        let len = all().map(|(name, value)| name.len() + value.len() + 3).sum();
        let mut head = Zeroizing::new(Vec::with_capacity(len));
        for (name, value) in all() {
            for part in [name, b": ", value, b"\n"] {
                head.extend_from_slice(part);
            }
        }
        if !self.is_spotless(&head) {
            return Ok(Some(false));
        }
        let is_clean = match body.cast::<PyBytes>() {
            Ok(body) => input::detached(py, body.as_bytes(), |body| self.is_spotless(body)),
            Err(_) => Input::of(body)?.with(py, |body| self.is_spotless(body)),
        };
        Ok(Some(is_clean))
    }

    fn __repr__(&self) -> String {
        format!("AnswerGate({:?})", self.engine)
    }
}

/// The name of the field with a body's codings.
const CODING: &[u8] = b"content-encoding";
