//! Placeholders for real credentials: `Substitutes`.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use zeroize::{Zeroize, Zeroizing};

use crate::errors;
use crate::flow::Flow;
use crate::input::Input;
use crate::secrets::{binding, of_file, of_variable, without_line_break};

/// Placeholders that stand for real credentials in a sandbox, and the real ones behind them. For a proxy, never for the sandbox.
///
/// A placeholder is as long as the value, of the same form, with a valid checksum. Values enter as they do into `KnownSecrets`; each `add` returns its placeholder. Without a `seed` of
/// 32 bytes placeholders are new each time.
#[pyclass(frozen, module = "exfilter")]
pub(crate) struct Substitutes(Mutex<Arc<exfilter::substitute::Substitutes>>);

type Bindings = Vec<(String, String)>;

impl Substitutes {
    fn lock(&self) -> MutexGuard<'_, Arc<exfilter::substitute::Substitutes>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As they are now, if there are any.
    pub(crate) fn snapshot(&self) -> Option<Arc<exfilter::substitute::Substitutes>> {
        let all = self.lock();
        (all.placeholders().len() > 0).then(|| all.clone())
    }

    fn put(&self, name: &str, value: &[u8], bindings: &Bindings) -> PyResult<String> {
        let bindings = bindings.iter().map(binding).collect::<PyResult<_>>()?;
        let mut all = self.lock();
        let Some(substitutes) = Arc::get_mut(&mut all) else {
            return Err(errors::misuse(
                "what requests are examined with takes no more placeholders: add them before",
            ));
        };
        let made = substitutes.add(name, value, bindings).map(str::to_owned);
        made.map_err(|error| errors::refused_because(name, error.code(), error.to_string(), error.remedy()))
    }
}

#[pymethods]
impl Substitutes {
    #[new]
    #[pyo3(signature = (seed=None))]
    fn new(seed: Option<&Bound<'_, PyAny>>) -> PyResult<Substitutes> {
        let mut bytes = [0_u8; 32];
        match seed {
            Some(seed) => {
                let seed = Input::of_value(seed)?;
                let seed: &[u8; 32] =
                    seed.as_slice().try_into().map_err(|_| errors::word("a seed", "32 bytes"))?;
                bytes.copy_from_slice(seed);
            }
            None => getrandom::fill(&mut bytes)
                .map_err(|_| errors::misuse("the system gave no random numbers for placeholders"))?,
        }
        let substitutes = exfilter::substitute::Substitutes::new(bytes);
        bytes.zeroize();
        Ok(Substitutes(Mutex::new(Arc::new(substitutes))))
    }

    /// Adds a value that is at hand.
    #[pyo3(signature = (name, value, *, bindings))]
    fn add(&self, name: &str, value: &Bound<'_, PyAny>, bindings: Bindings) -> PyResult<String> {
        self.put(name, &Input::of_value(value)?, &bindings)
    }

    /// Adds the value of an environment variable.
    #[pyo3(signature = (variable, *, name=None, bindings))]
    fn add_env(&self, variable: &str, name: Option<&str>, bindings: Bindings) -> PyResult<String> {
        let name = name.unwrap_or(variable);
        self.put(name, &of_variable(variable, name)?, &bindings)
    }

    /// Adds the content of a file without its last line break.
    #[pyo3(signature = (path, *, name=None, bindings))]
    fn add_file(&self, path: PathBuf, name: Option<&str>, bindings: Bindings) -> PyResult<String> {
        let shown = path.display().to_string();
        self.put(name.unwrap_or(&shown), without_line_break(&of_file(&path)?), &bindings)
    }

    /// Adds what a callable returns.
    #[pyo3(signature = (name, call, *, bindings))]
    fn add_from(&self, name: &str, call: &Bound<'_, PyAny>, bindings: Bindings) -> PyResult<String> {
        let value: Zeroizing<Vec<u8>> = Input::of_value(&call.call0()?)?;
        self.put(name, &value, &bindings)
    }

    /// Pairs of name and placeholder, in order.
    #[getter]
    fn placeholders(&self) -> Vec<(String, String)> {
        self.lock().placeholders().map(|(name, text)| (name.to_owned(), text.to_owned())).collect()
    }

    /// The value of a slot with the real credential in it, if the whole of it is a placeholder that is at home where the flow goes, over TLS.
    fn inject<'py>(
        &self,
        py: Python<'py>,
        flow: &Flow,
        value: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let value = Input::of_value(value)?;
        let Some(to) = flow.0.authority() else { return Ok(None) };
        let injected = self.lock().inject(to, flow.0.slot_ref(), &value);
        Ok(injected.map(|value| PyBytes::new(py, &value)))
    }

    /// Whether a real credential is put into the flow's slot where it goes: any other one there is somebody else's.
    fn expects(&self, flow: &Flow) -> bool {
        flow.0.authority().is_some_and(|to| self.lock().expects(to, flow.0.slot_ref()))
    }

    fn __len__(&self) -> usize {
        self.lock().placeholders().len()
    }

    fn __repr__(&self) -> String {
        format!("{:?}", self.lock())
    }
}
