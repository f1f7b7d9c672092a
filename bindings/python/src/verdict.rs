//! What may leave: `Forward`, `Edit`, `Block`.

use exfilter::{Audience, BlockReason, Kind, Reference, Verdict};
use pyo3::prelude::*;

use crate::engine;

/// The first `through` bytes of the stream may leave.
#[pyclass(frozen, eq, hash, module = "exfilter")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct Forward {
    /// Bytes from the beginning of the stream; never decreases.
    #[pyo3(get)]
    through: u64,
}

#[pymethods]
impl Forward {
    #[classattr]
    fn __match_args__() -> (&'static str,) {
        ("through",)
    }

    #[new]
    fn new(through: u64) -> Forward {
        Forward { through }
    }

    fn __repr__(&self) -> String {
        format!("Forward(through={})", self.through)
    }
}

/// The first `through` bytes may leave after the stream's edits have been applied.
#[pyclass(frozen, eq, hash, module = "exfilter")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct Edit {
    /// Bytes from the beginning of the stream; never decreases.
    #[pyo3(get)]
    through: u64,
}

#[pymethods]
impl Edit {
    #[classattr]
    fn __match_args__() -> (&'static str,) {
        ("through",)
    }

    #[new]
    fn new(through: u64) -> Edit {
        Edit { through }
    }

    fn __repr__(&self) -> String {
        format!("Edit(through={})", self.through)
    }
}

/// Nothing more may leave.
#[pyclass(frozen, eq, hash, module = "exfilter")]
pub(crate) struct Block {
    cause: Cause,
    engine: exfilter::Engine,
}

#[derive(Clone, Copy)]
enum Cause {
    Engine(exfilter::Block),
    /// The engine panicked; what it had not examined then is not examined.
    Panic(Reference),
}

impl Block {
    fn block(&self) -> Option<exfilter::Block> {
        match self.cause {
            Cause::Engine(block) => Some(block),
            Cause::Panic(_) => None,
        }
    }

    fn text(&self, audience: Audience) -> String {
        match self.cause {
            Cause::Engine(block) => block.audience_text(&self.engine, audience),
            Cause::Panic(reference) => {
                format!("blocked by policy: the engine failed on it, reference {reference}")
            }
        }
    }
}

impl PartialEq for Block {
    fn eq(&self, other: &Block) -> bool {
        self.reference() == other.reference() && self.kind() == other.kind()
    }
}

impl std::hash::Hash for Block {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.reference().hash(state);
    }
}

#[pymethods]
impl Block {
    #[classattr]
    fn __match_args__() -> (&'static str, &'static str) {
        ("kind", "reference")
    }

    /// Why: "rule", "known", "opaque", "quarantine" or "misuse".
    #[getter]
    fn kind(&self) -> &'static str {
        match self.block().map(|block| block.reason()) {
            Some(BlockReason::Finding(Kind::Rule(_))) => "rule",
            Some(BlockReason::Finding(Kind::Known(..))) => "known",
            Some(BlockReason::Quarantine) => "quarantine",
            Some(BlockReason::Misuse) => "misuse",
            _ => "opaque",
        }
    }

    /// The number under which the operator's log has the details; says nothing about the content.
    #[getter]
    fn reference(&self) -> String {
        match self.cause {
            Cause::Engine(block) => block.reference().to_string(),
            Cause::Panic(reference) => reference.to_string(),
        }
    }

    /// The rule that matched, by id.
    #[getter]
    fn rule(&self) -> Option<&str> {
        match self.block()?.reason() {
            BlockReason::Finding(Kind::Rule(id)) => Some(&self.engine.rule(id).id),
            _ => None,
        }
    }

    /// The enrolled secret, by name: for the operator, never for whoever sent the bytes.
    #[getter]
    fn secret(&self) -> Option<&str> {
        match self.block()?.reason() {
            BlockReason::Finding(Kind::Known(id, _)) => Some(self.engine.secret_name(id)),
            _ => None,
        }
    }

    /// Why content was not examined, if that is the reason.
    #[getter]
    fn opaque(&self) -> Option<&'static str> {
        match self.block().map(|block| block.reason()) {
            None => Some(exfilter::OpaqueReason::Internal.as_str()),
            Some(BlockReason::Opaque(reason)) => Some(reason.as_str()),
            _ => None,
        }
    }

    /// The sentence for the person at their own terminal or log: everything but the value.
    #[getter]
    fn operator_text(&self) -> String {
        self.text(Audience::Operator)
    }

    /// The sentence for whatever sent the bytes: nothing about enrolled secrets, for a verdict is an oracle.
    #[getter]
    fn subject_text(&self) -> String {
        self.text(Audience::Subject)
    }

    fn __repr__(&self) -> String {
        format!("Block(kind='{}', reference='{}')", self.kind(), self.reference())
    }
}

/// What a push came to, before it is an object of Python.
pub(crate) enum Outcome {
    Verdict(Verdict),
    Panic(Reference),
}

impl Outcome {
    pub(crate) fn into_py(self, py: Python<'_>, engine: &exfilter::Engine) -> PyResult<Py<PyAny>> {
        let cause = match self {
            Outcome::Verdict(Verdict::Forward { through }) => {
                return Ok(Py::new(py, Forward { through })?.into_any());
            }
            Outcome::Verdict(Verdict::Edit { through }) => {
                return Ok(Py::new(py, Edit { through })?.into_any());
            }
            Outcome::Verdict(Verdict::Block(block)) => Cause::Engine(block),
            Outcome::Panic(reference) => Cause::Panic(reference),
        };
        Ok(Py::new(py, Block { cause, engine: engine::keep(engine) })?.into_any())
    }
}
