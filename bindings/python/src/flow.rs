//! Where the bytes go: `Flow`.

use exfilter::{Authority, Direction, Slot};
use pyo3::prelude::*;

use crate::{errors, words};

/// What a program says about one stream of bytes. Made by `outbound`, `inbound` and `at_rest`.
#[pyclass(frozen, module = "exfilter")]
pub(crate) struct Flow(pub(crate) exfilter::Flow);

#[pymethods]
impl Flow {
    /// Bytes on their way out.
    ///
    /// `to` is an authority ("https://api.example.com", with a port where the scheme has none), `slot` the part of the message that the bytes are ("body",
    /// "header:authorization", "cookie:NAME", "query:NAME", "path:N"). `editable` says that the caller applies edits; without it every
    /// redaction is a block. `whole` says that the caller keeps all of it until `finish`, which takes less time: verdicts before let nothing leave. `content_encoding` is the value of that header.
    #[staticmethod]
    #[pyo3(signature = (to=None, *, slot="body", editable=false, lines=false, whole=false, content_encoding=None))]
    fn outbound(
        to: Option<&str>,
        slot: &str,
        editable: bool,
        lines: bool,
        whole: bool,
        content_encoding: Option<&str>,
    ) -> PyResult<Flow> {
        let mut flow = match to {
            Some(to) => {
                let authority = Authority::parse(to.as_bytes()).map_err(|error| errors::parse(&error))?;
                exfilter::Flow::outbound(authority)
            }
            None => exfilter::Flow::outbound_unknown(),
        };
        flow = flow.slot(Slot::parse(slot.as_bytes()).map_err(|error| errors::parse(&error))?);
        if editable {
            flow = flow.editable();
        }
        if whole {
            flow = flow.whole();
        }
        Ok(Flow(decorate(flow, lines, content_encoding)))
    }

    /// Bytes that come in: findings are reported, nothing blocks.
    #[staticmethod]
    #[pyo3(signature = (*, lines=false, content_encoding=None))]
    fn inbound(lines: bool, content_encoding: Option<&str>) -> Flow {
        Flow(decorate(exfilter::Flow::inbound(), lines, content_encoding))
    }

    /// Bytes of a file: findings are reported, with lines, and nothing blocks.
    #[staticmethod]
    #[pyo3(signature = (*, lines=true))]
    fn at_rest(lines: bool) -> Flow {
        Flow(decorate(exfilter::Flow::at_rest(), lines, None))
    }

    /// "outbound", "inbound" or "at-rest".
    #[getter]
    fn direction(&self) -> &'static str {
        words::of_direction(self.0.direction())
    }

    /// The authority in its canonical spelling.
    #[getter]
    fn to(&self) -> Option<String> {
        self.0.authority().map(ToString::to_string)
    }

    /// The authority's host in its canonical spelling.
    #[getter]
    fn host(&self) -> Option<&str> {
        self.0.authority().map(Authority::host)
    }

    /// Whether the caller applies edits.
    #[getter]
    fn editable(&self) -> bool {
        self.0.is_editable()
    }

    fn __repr__(&self) -> String {
        match (self.0.direction(), self.to()) {
            (Direction::Outbound, Some(to)) => format!("Flow.outbound('{to}')"),
            (Direction::Outbound, None) => "Flow.outbound()".into(),
            (Direction::Inbound, _) => "Flow.inbound()".into(),
            (Direction::AtRest, _) => "Flow.at_rest()".into(),
        }
    }
}

fn decorate(flow: exfilter::Flow, lines: bool, content_encoding: Option<&str>) -> exfilter::Flow {
    let flow = if lines { flow.lines() } else { flow };
    match content_encoding {
        Some(codings) => flow.content_encoding(codings.as_bytes()),
        None => flow,
    }
}
