//! What was examined: `Coverage`.

use std::collections::BTreeMap;

use exfilter::OpaqueReason;
use pyo3::prelude::*;

/// What a stream has examined so far.
#[pyclass(frozen, eq, module = "exfilter")]
#[derive(PartialEq)]
pub(crate) struct Coverage(pub(crate) exfilter::Coverage);

#[pymethods]
impl Coverage {
    /// Bytes of the stream that were pushed.
    #[getter]
    fn bytes(&self) -> u64 {
        self.0.bytes
    }

    /// Bytes that decoders produced, over all lanes.
    #[getter]
    fn decoded(&self) -> u64 {
        self.0.decoded
    }

    /// Decoded containers: compressed streams and entries of zip archives.
    #[getter]
    fn containers(&self) -> u64 {
        self.0.containers
    }

    /// Archives.
    #[getter]
    fn archives(&self) -> u64 {
        self.0.archives
    }

    /// Members of archives.
    #[getter]
    fn members(&self) -> u64 {
        self.0.members
    }

    /// Bytes that came after `discard`.
    #[getter]
    fn discarded(&self) -> u64 {
        self.0.discarded
    }

    /// Whether everything was examined.
    #[getter]
    fn complete(&self) -> bool {
        self.0.is_complete()
    }

    /// How many ranges were not examined, by reason; reasons that did not occur are left out.
    #[getter]
    fn opaque(&self) -> BTreeMap<&'static str, u64> {
        let counts = OpaqueReason::ALL.into_iter().map(|reason| (reason.as_str(), self.0.opaque(reason)));
        counts.filter(|(_, count)| *count > 0).collect()
    }

    fn __repr__(&self) -> String {
        let complete = if self.complete() { "True" } else { "False" };
        format!("Coverage(bytes={}, decoded={}, complete={complete})", self.0.bytes, self.0.decoded)
    }
}
