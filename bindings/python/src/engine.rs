//! Rules and secrets, compiled: `Engine`.

use exfilter::StoreKey;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::arrow::ArrowScan;
use crate::flow::Flow;
use crate::input::Input;
use crate::limits::Limits;
use crate::policy::Policy;
use crate::rules::Rules;
use crate::scan::{Scan, Scanner, examine};
use crate::secrets::KnownSecrets;
use crate::session::Session;
use crate::stream::Stream;
use crate::{arrow, errors, words};

/// Another handle on an engine: what findings and verdicts keep, to name rules and secrets. A reference count, no copy.
pub(crate) fn keep(engine: &exfilter::Engine) -> exfilter::Engine {
    engine.clone()
}

/// Compiled rules and secrets: built once per process, immutable, and shared by all threads and streams.
///
/// Without `rules`, the built-in ones. `profile` is "inline" for traffic or "thorough" for audits. `eager` builds every rule's automaton at once,
/// so that one that is too large is an error here; rules that were parsed or imported always are.
#[pyclass(frozen, module = "exfilter")]
pub(crate) struct Engine(pub(crate) exfilter::Engine);

#[pymethods]
impl Engine {
    #[new]
    #[pyo3(signature = (*, rules=None, known_secrets=None, policy=None, limits=None, profile="inline", eager=false))]
    fn new(
        py: Python<'_>,
        rules: Option<&Rules>,
        known_secrets: Option<&KnownSecrets>,
        policy: Option<&Policy>,
        limits: Option<&Limits>,
        profile: &str,
        eager: bool,
    ) -> PyResult<Engine> {
        let mut builder = exfilter::Engine::builder();
        builder.profile(words::profile(profile)?);
        builder.eager(eager || rules.is_some_and(|rules| !rules.checked));
        builder.rules(rules.map_or_else(exfilter::rules::builtin, Rules::to_vec));
        if let Some(policy) = policy {
            builder.policy(policy.0.clone());
        }
        if let Some(limits) = limits {
            builder.limits(limits.0.clone());
        }
        if let Some(secrets) = known_secrets {
            builder.known_secrets(secrets.take()?);
        }
        let engine = py.detach(|| builder.build()).map_err(|error| errors::build(&error))?;
        Ok(Engine(engine))
    }

    /// The compiled engine as bytes, for `from_bytes` of the same version, on any machine. `key` has 32 bytes and is the one that known secrets were made with; no plaintext of them is written.
    fn to_bytes<'py>(&self, py: Python<'py>, key: &Bound<'_, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
        let key = store_key(key)?;
        let bytes = py.detach(|| self.0.to_bytes(&key)).map_err(|error| errors::saved(&error))?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// The engine that `to_bytes` wrote, under the same key: a tenth of the time of building it, or less. Anything else is a `SavedError`.
    #[staticmethod]
    fn from_bytes(py: Python<'_>, data: &Bound<'_, PyAny>, key: &Bound<'_, PyAny>) -> PyResult<Engine> {
        let key = store_key(key)?;
        let engine = Input::of(data)?.with(py, |bytes| exfilter::Engine::from_bytes(bytes, &key));
        engine.map(Engine).map_err(|error| errors::saved(&error))
    }

    /// A stream for one flow; without one, bytes on their way out to a place without an authority. With a session it goes by what that has shown before, and adds to it when it is finished, blocked or closed.
    #[pyo3(signature = (flow=None, *, session=None))]
    fn stream(&self, flow: Option<&Flow>, session: Option<Py<Session>>) -> Stream {
        Stream::new(keep(&self.0), outbound_or(flow), session)
    }

    /// A scanner of whole buffers, which uses one stream again and again; without a flow, bytes at rest with lines.
    #[pyo3(signature = (flow=None))]
    fn scanner(&self, flow: Option<&Flow>) -> Scanner {
        Scanner::new(keep(&self.0), at_rest_or(flow))
    }

    /// Examines a whole buffer; without a flow, bytes at rest with lines. Any number of threads may do so at once. With a session it goes by what that has shown before, and adds to it.
    #[pyo3(signature = (data, flow=None, *, session=None))]
    fn scan<'py>(
        &self,
        py: Python<'py>,
        data: &Bound<'py, PyAny>,
        flow: Option<&Flow>,
        session: Option<&Session>,
    ) -> PyResult<Scan> {
        let flow = at_rest_or(flow);
        let mut stream = self.0.stream(match session {
            Some(session) => session.flow(flow),
            None => flow,
        });
        let scan = examine(py, &self.0, &mut stream, &Input::of(data)?)?;
        if let Some(session) = session {
            session.take(&stream, scan.last());
        }
        Ok(scan)
    }

    /// Examines every cell of a table that is given by Arrow's interface (`__arrow_c_stream__` or `__arrow_c_array__`), as bytes at rest. Texts and binaries of every layout are examined, also in structs,
    /// lists, maps and dictionaries; with `columns`, in those alone.
    #[pyo3(signature = (table, columns=None))]
    fn scan_arrow(
        &self,
        py: Python<'_>,
        table: &Bound<'_, PyAny>,
        columns: Option<Vec<String>>,
    ) -> PyResult<ArrowScan> {
        arrow::scan(py, &self.0, table, columns.as_deref())
    }

    /// How many rules it has.
    #[getter]
    fn rules(&self) -> usize {
        self.0.rules().len()
    }

    /// The rules' ids.
    #[getter]
    fn rule_ids(&self) -> Vec<String> {
        self.0.rules().map(|rule| rule.id.clone()).collect()
    }

    /// The limits of its streams.
    #[getter]
    fn limits(&self) -> Limits {
        Limits(self.0.limits().clone())
    }

    /// Memory of the compiled tables, in bytes.
    #[getter]
    fn memory(&self) -> usize {
        self.0.memory()
    }

    fn __repr__(&self) -> String {
        format!("{:?}", self.0)
    }
}

fn store_key(key: &Bound<'_, PyAny>) -> PyResult<StoreKey> {
    StoreKey::from_bytes(&Input::of_value(key)?).map_err(|error| errors::parse(&error))
}

fn outbound_or(flow: Option<&Flow>) -> exfilter::Flow {
    flow.map_or_else(exfilter::Flow::outbound_unknown, |flow| flow.0.clone())
}

fn at_rest_or(flow: Option<&Flow>) -> exfilter::Flow {
    flow.map_or_else(|| exfilter::Flow::at_rest().lines(), |flow| flow.0.clone())
}
