//! Every bound of a stream: `Limits`.

use pyo3::prelude::*;

/// The bounds of one stream; what is left out has its default.
#[pyclass(frozen, module = "exfilter")]
pub(crate) struct Limits(pub(crate) exfilter::Limits);

#[pymethods]
impl Limits {
    #[new]
    #[pyo3(signature = (*, findings=None, opaques=None, lanes=None, containers=None, shapes=None, ratio_grace=None, ratio=None, output=None, members=None, window=None, windows=None, max_hold=None))]
    #[expect(clippy::too_many_arguments, reason = "they are keywords")]
    fn new(
        findings: Option<u32>,
        opaques: Option<u32>,
        lanes: Option<u32>,
        containers: Option<u8>,
        shapes: Option<u8>,
        ratio_grace: Option<u64>,
        ratio: Option<u64>,
        output: Option<u64>,
        members: Option<u64>,
        window: Option<u64>,
        windows: Option<u64>,
        max_hold: Option<u64>,
    ) -> Limits {
        let mut limits = exfilter::Limits::default();
        limits.findings = findings.unwrap_or(limits.findings);
        limits.opaques = opaques.unwrap_or(limits.opaques);
        limits.lanes = lanes.unwrap_or(limits.lanes);
        limits.containers = containers.unwrap_or(limits.containers);
        limits.shapes = shapes.unwrap_or(limits.shapes);
        limits.ratio_grace = ratio_grace.unwrap_or(limits.ratio_grace);
        limits.ratio = ratio.unwrap_or(limits.ratio);
        limits.output = output.unwrap_or(limits.output);
        limits.members = members.unwrap_or(limits.members);
        limits.window = window.unwrap_or(limits.window);
        limits.windows = windows.unwrap_or(limits.windows);
        limits.max_hold = max_hold.unwrap_or(limits.max_hold);
        Limits(limits)
    }

    /// Findings delivered as events per stream; the rest are counted.
    #[getter]
    fn findings(&self) -> u32 {
        self.0.findings
    }

    /// Opaque ranges delivered as events per stream; the rest are counted.
    #[getter]
    fn opaques(&self) -> u32 {
        self.0.opaques
    }

    /// Lanes alive at one time.
    #[getter]
    fn lanes(&self) -> u32 {
        self.0.lanes
    }

    /// Nested containers.
    #[getter]
    fn containers(&self) -> u8 {
        self.0.containers
    }

    /// Nested shapes (base64, hex, escapes), counted anew in each container.
    #[getter]
    fn shapes(&self) -> u8 {
        self.0.shapes
    }

    /// Bytes that a container may decode before its ratio counts.
    #[getter]
    fn ratio_grace(&self) -> u64 {
        self.0.ratio_grace
    }

    /// Decoded bytes per outer byte after the grace.
    #[getter]
    fn ratio(&self) -> u64 {
        self.0.ratio
    }

    /// Decoded bytes per stream.
    #[getter]
    fn output(&self) -> u64 {
        self.0.output
    }

    /// Members of archives per stream.
    #[getter]
    fn members(&self) -> u64 {
        self.0.members
    }

    /// Window of one decoder, in bytes.
    #[getter]
    fn window(&self) -> u64 {
        self.0.window
    }

    /// Windows of all decoders of a stream, in bytes.
    #[getter]
    fn windows(&self) -> u64 {
        self.0.windows
    }

    /// Bytes that a candidate may hold back on an outbound flow.
    #[getter]
    fn max_hold(&self) -> u64 {
        self.0.max_hold
    }

    fn __repr__(&self) -> String {
        let exfilter::Limits { findings, containers, shapes, max_hold, .. } = &self.0;
        format!("Limits(findings={findings}, containers={containers}, shapes={shapes}, max_hold={max_hold})")
    }
}
