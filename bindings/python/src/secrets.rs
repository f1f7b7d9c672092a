//! A user's own secrets: `KnownSecrets`.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use exfilter::{Binding, HostPattern, Slot, StoreKey};
use exfilter_store::Use;
use exfilter_store::os::Home;
use pyo3::prelude::*;
use zeroize::Zeroizing;

use crate::errors;
use crate::input::Input;

/// The most that is read of a file: more than the longest value and its line break.
const READ_MAX: u64 = (64 << 10) + 3;

/// Enrolled secrets as keyed fingerprints; no plaintext is kept. An engine takes the set over: it can be given to one engine.
///
/// Values enter by the name of an environment variable, by file or by callable, so that no object of Python needs to hold them; `add` takes
/// one that is at hand. `bindings` are pairs of a host pattern and a slot at which the value is at home.
#[pyclass(frozen, module = "exfilter")]
pub(crate) struct KnownSecrets {
    state: Mutex<State>,
}

struct State {
    /// None once an engine has it.
    secrets: Option<exfilter::KnownSecrets>,
    names: Vec<String>,
}

impl KnownSecrets {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn take(&self) -> PyResult<exfilter::KnownSecrets> {
        self.lock().secrets.take().ok_or_else(spent)
    }

    fn enrol(&self, name: &str, value: &[u8], bindings: Option<Vec<(String, String)>>) -> PyResult<()> {
        let bindings = bindings.unwrap_or_default().iter().map(binding).collect::<PyResult<_>>()?;
        let mut state = self.lock();
        let secrets = state.secrets.as_mut().ok_or_else(spent)?;
        secrets.add(name, value, bindings).map_err(|refusal| errors::refused(name, &refusal))?;
        state.names.push(name.to_owned());
        Ok(())
    }
}

fn spent() -> PyErr {
    errors::misuse("an engine has taken these secrets over: make a new set for another engine")
}

fn usual() -> Option<Home> {
    Home::usual(|name| std::env::var_os(name))
}

pub(crate) fn binding((host, slot): &(String, String)) -> PyResult<Binding> {
    Ok(Binding {
        host: HostPattern::parse(host.as_bytes()).map_err(|error| errors::parse(&error))?,
        slot: Slot::parse(slot.as_bytes()).map_err(|error| errors::parse(&error))?,
    })
}

/// The value of an environment variable, of which no object of Python is made.
pub(crate) fn of_variable(variable: &str, name: &str) -> PyResult<Zeroizing<Vec<u8>>> {
    let value = std::env::var_os(variable).ok_or_else(|| {
        let message = "the environment variable is not set".to_owned();
        errors::refused_because(name, "E_MISSING", message, "set it, or leave it out")
    })?;
    Ok(Zeroizing::new(value.into_encoded_bytes()))
}

/// What a file has, or a little more of it than a value may be long.
pub(crate) fn of_file(path: &Path) -> PyResult<Zeroizing<Vec<u8>>> {
    let mut value = Zeroizing::new(Vec::with_capacity(READ_MAX as usize));
    let read = File::open(path).and_then(|file| file.take(READ_MAX).read_to_end(&mut value));
    read.map_err(|error| errors::file(path, &error))?;
    Ok(value)
}

/// The value without the line break that editors and `echo` put behind it.
pub(crate) fn without_line_break(value: &[u8]) -> &[u8] {
    let value = value.strip_suffix(b"\n").unwrap_or(value);
    value.strip_suffix(b"\r").unwrap_or(value)
}

#[pymethods]
impl KnownSecrets {
    /// An empty set under a key of 32 bytes; without one, under a random key that lives as long as the process.
    ///
    /// With `fragments`, pieces of the values count too, over streams that share a `Session`.
    #[new]
    #[pyo3(signature = (key=None, *, fragments=false))]
    fn new(key: Option<&Bound<'_, PyAny>>, fragments: bool) -> PyResult<KnownSecrets> {
        let mut bytes = Zeroizing::new(vec![0_u8; 32]);
        match key {
            Some(key) => bytes = Input::of_value(key)?,
            None => getrandom::fill(&mut bytes)
                .map_err(|_| errors::misuse("the system gave no random numbers for the fingerprint key"))?,
        }
        let key = StoreKey::from_bytes(&bytes).map_err(|error| errors::parse(&error))?;
        let mut secrets = exfilter::KnownSecrets::new(key);
        secrets.fragments(fragments);
        let state = State { secrets: Some(secrets), names: Vec::new() };
        Ok(KnownSecrets { state: Mutex::new(state) })
    }

    /// The set that the command's store holds: at `path`, with its key beside it (`PATH.key`) or in `key`, or at the usual place. A store that cannot be opened is a `StoreError`. `fragments` as in the constructor; without them a large store opens faster.
    #[staticmethod]
    #[pyo3(signature = (path=None, *, key=None, fragments=false))]
    fn from_store(
        py: Python<'_>,
        path: Option<PathBuf>,
        key: Option<PathBuf>,
        fragments: bool,
    ) -> PyResult<KnownSecrets> {
        let home = match (path, key) {
            (Some(path), Some(key)) => Home::new(path, key),
            (Some(path), None) => Home::beside(path),
            (None, _) => usual()
                .ok_or_else(|| errors::misuse("there is no usual place for a store: HOME is not set"))?,
        };
        py.detach(|| {
            let store = home.load().map_err(|error| errors::store(&error))?.store;
            let made = store.known_secrets(if fragments { Use::All } else { Use::AtOnce });
            let secrets = made.map_err(|error| errors::record(home.store_path(), &error))?;
            let names = store.records().iter().map(|record| record.name().to_owned()).collect();
            Ok(KnownSecrets { state: Mutex::new(State { secrets: Some(secrets), names }) })
        })
    }

    /// The usual place of the command's store, whether there is one or not; None without a home.
    #[staticmethod]
    fn usual_store() -> Option<PathBuf> {
        usual().map(|home| home.store_path().to_owned())
    }

    /// Enrols a value. Prefer `add_env`, `add_file` and `add_from`: Python cannot wipe the object.
    #[pyo3(signature = (name, value, *, bindings=None))]
    fn add(
        &self,
        name: &str,
        value: &Bound<'_, PyAny>,
        bindings: Option<Vec<(String, String)>>,
    ) -> PyResult<()> {
        self.enrol(name, &Input::of_value(value)?, bindings)
    }

    /// Enrols the value of an environment variable, under its name or another.
    #[pyo3(signature = (variable, *, name=None, bindings=None))]
    fn add_env(
        &self,
        variable: &str,
        name: Option<&str>,
        bindings: Option<Vec<(String, String)>>,
    ) -> PyResult<()> {
        let name = name.unwrap_or(variable);
        self.enrol(name, &of_variable(variable, name)?, bindings)
    }

    /// Enrols the content of a file without its last line break, under its path or another name.
    #[pyo3(signature = (path, *, name=None, bindings=None))]
    fn add_file(
        &self,
        path: PathBuf,
        name: Option<&str>,
        bindings: Option<Vec<(String, String)>>,
    ) -> PyResult<()> {
        let shown = path.display().to_string();
        self.enrol(name.unwrap_or(&shown), without_line_break(&of_file(&path)?), bindings)
    }

    /// Enrols what a callable returns, str or bytes: a keyring, a vault.
    #[pyo3(signature = (name, call, *, bindings=None))]
    fn add_from(
        &self,
        name: &str,
        call: &Bound<'_, PyAny>,
        bindings: Option<Vec<(String, String)>>,
    ) -> PyResult<()> {
        let value = Input::of_value(&call.call0()?)?;
        self.enrol(name, &value, bindings)
    }

    /// The names under which values were enrolled, in order.
    #[getter]
    fn names(&self) -> Vec<String> {
        self.lock().names.clone()
    }

    fn __len__(&self) -> usize {
        self.lock().names.len()
    }

    fn __repr__(&self) -> String {
        format!("KnownSecrets({} secrets)", self.lock().names.len())
    }
}
