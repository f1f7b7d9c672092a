//! [`Input`]: bytes from Python.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyMemoryView, PyString};
use zeroize::Zeroizing;

/// Work on fewer bytes than this is done with the interpreter held: releasing it and taking it back costs about as much as the engine takes for 8 KiB of them, and more where that code is in no cache. The engine takes 30 microseconds for so many, some milliseconds for the worst, and another
/// thread that wants the interpreter waits five for it anyway.
const DETACH: usize = 32 << 10;

/// Bytes that nobody changes while they are examined.
pub(crate) enum Input<'py> {
    /// A bytes object, which is immutable: read where it lies.
    Shared(Bound<'py, PyBytes>),
    /// A copy of what others may write to meanwhile, wiped afterwards.
    Copied(Zeroizing<Vec<u8>>),
}

impl<'py> Input<'py> {
    /// Takes bytes, or copies a bytearray, a memoryview or another buffer.
    pub(crate) fn of(object: &Bound<'py, PyAny>) -> PyResult<Input<'py>> {
        if let Ok(bytes) = object.cast::<PyBytes>() {
            return Ok(Input::Shared(bytes.clone()));
        }
        if let Ok(array) = object.cast::<PyByteArray>() {
            return Ok(Input::Copied(Zeroizing::new(array.to_vec())));
        }
        if object.is_instance_of::<PyString>() {
            return Err(PyTypeError::new_err("bytes are needed, not str: encode the text first"));
        }
        let view = PyMemoryView::from(object)
            .map_err(|_| PyTypeError::new_err("bytes, bytearray, memoryview or another buffer is needed"))?;
        let bytes = view.call_method0("tobytes")?.cast_into::<PyBytes>()?;
        Ok(Input::Shared(bytes))
    }

    /// A value that text or bytes hold.
    pub(crate) fn of_value(object: &Bound<'py, PyAny>) -> PyResult<Zeroizing<Vec<u8>>> {
        if let Ok(text) = object.cast::<PyString>() {
            return Ok(Zeroizing::new(text.to_cow()?.as_bytes().to_vec()));
        }
        Ok(match Input::of(object)? {
            Input::Shared(bytes) => Zeroizing::new(bytes.as_bytes().to_vec()),
            Input::Copied(copy) => copy,
        })
    }

    /// Runs `work` over the bytes, with the interpreter released if there are many.
    pub(crate) fn with<T: Send>(&self, py: Python<'py>, work: impl FnOnce(&[u8]) -> T + Send) -> T {
        let bytes = match self {
            Input::Shared(bytes) => bytes.as_bytes(),
            Input::Copied(copy) => copy,
        };
        detached(py, bytes, work)
    }
}

/// Runs `work` over bytes that nobody changes, with the interpreter released if there are many.
pub(crate) fn detached<T: Send>(py: Python<'_>, bytes: &[u8], work: impl FnOnce(&[u8]) -> T + Send) -> T {
    if bytes.len() < DETACH { work(bytes) } else { py.detach(|| work(bytes)) }
}
