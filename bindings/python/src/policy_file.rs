//! The policy file: `PolicyFile`.

use exfilter::config::Config;
use exfilter::{Action, Mode};
use pyo3::prelude::*;

use crate::limits::Limits;
use crate::policy::Policy;
use crate::{errors, words};

/// A policy file, which the command and the proxies share. Made by `parse`, from text that whoever is examined cannot write.
#[pyclass(frozen, module = "exfilter")]
pub(crate) struct PolicyFile(pub(crate) Config);

#[pymethods]
impl PolicyFile {
    /// Reads the text of a file; `name` is what errors call it. A fault is a `PolicyError` with line, field and remedy.
    #[staticmethod]
    fn parse(name: &str, text: &str) -> PyResult<PolicyFile> {
        Config::parse(name, text).map(PolicyFile).map_err(|error| errors::policy(&error))
    }

    /// The same with another mode.
    fn with_mode(&self, mode: &str) -> PyResult<PolicyFile> {
        let mut config = self.0.clone();
        config.set_mode(words::mode(mode)?);
        Ok(PolicyFile(config))
    }

    /// The policy of an engine.
    #[getter]
    fn policy(&self) -> Policy {
        Policy(self.0.policy().clone())
    }

    /// The limits of an engine.
    #[getter]
    fn limits(&self) -> Limits {
        Limits(self.0.limits())
    }

    /// "enforce" or "observe".
    #[getter]
    fn mode(&self) -> &'static str {
        match self.0.mode() {
            Mode::Observe => "observe",
            Mode::Enforce => "enforce",
        }
    }

    /// What is done about a provider's key that is not enrolled, where that provider takes it: "report" or "block".
    #[getter]
    fn foreign(&self) -> &'static str {
        self.0.foreign().as_str()
    }

    /// What is done about findings of a confidence on their way to a host of no language model.
    fn action(&self, confidence: &str) -> PyResult<&'static str> {
        let action: Action = self.0.policy().action_for(words::confidence(confidence)?);
        Ok(action.as_str())
    }

    /// Whether a host, in its canonical spelling, may be reached.
    fn admits(&self, host: &str) -> bool {
        self.0.admits(host)
    }

    /// Whether a connection that nobody can look into may be made to a host.
    fn tunnels_to(&self, host: &str) -> bool {
        self.0.tunnels_to(host)
    }

    fn __repr__(&self) -> String {
        format!("PolicyFile(mode='{}')", self.mode())
    }
}
