//! The exceptions: they are Python classes, so that they can have two bases and attributes.

use std::path::Path;

use exfilter_store::os::OsError;
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;

mod classes {
    use pyo3::import_exception;

    import_exception!(exfilter._errors, ArrowError);
    import_exception!(exfilter._errors, BuildError);
    import_exception!(exfilter._errors, HeadError);
    import_exception!(exfilter._errors, MisuseError);
    import_exception!(exfilter._errors, ParseError);
    import_exception!(exfilter._errors, PolicyError);
    import_exception!(exfilter._errors, RefusedError);
    import_exception!(exfilter._errors, RuleError);
    import_exception!(exfilter._errors, SavedError);
    import_exception!(exfilter._errors, StoreError);
}

pub(crate) fn parse(error: &exfilter::ParseError) -> PyErr {
    classes::ParseError::new_err(error.to_string())
}

/// For a word that is none of those that an argument takes. The word is not repeated: it may have been a value in the wrong place.
pub(crate) fn word(what: &str, choices: &str) -> PyErr {
    classes::ParseError::new_err(format!("{what} is one of {choices}"))
}

pub(crate) fn build(error: &exfilter::BuildError) -> PyErr {
    classes::BuildError::new_err((error.subject().to_owned(), error.message().to_owned()))
}

pub(crate) fn rule(error: &exfilter::rules::RuleError) -> PyErr {
    let place = (error.file().to_owned(), error.line(), error.field().to_owned());
    classes::RuleError::new_err((place.0, place.1, place.2, error.message().to_owned()))
}

pub(crate) fn policy(error: &exfilter::config::ConfigError) -> PyErr {
    let place = (error.file().to_owned(), error.line(), error.field().to_owned());
    classes::PolicyError::new_err((place.0, place.1, place.2, error.message().to_owned()))
}

pub(crate) fn head(error: &exfilter::wire::HeadError) -> PyErr {
    classes::HeadError::new_err(error.to_string())
}

pub(crate) fn refused(name: &str, refusal: &exfilter::Refusal) -> PyErr {
    classes::RefusedError::new_err((name.to_owned(), refusal.code(), refusal.to_string(), refusal.remedy()))
}

pub(crate) fn refused_because(name: &str, code: &str, message: String, remedy: &str) -> PyErr {
    classes::RefusedError::new_err((name.to_owned(), code.to_owned(), message, remedy.to_owned()))
}

pub(crate) fn saved(error: &exfilter::SavedError) -> PyErr {
    classes::SavedError::new_err(error.to_string())
}

pub(crate) fn store(error: &OsError) -> PyErr {
    in_store(error.path(), error.code(), &error.to_string(), error.remedy())
}

/// For a file that cannot be read, as Python itself would say it: a number, which makes it a `FileNotFoundError` or whatever it is, a text and the path.
pub(crate) fn file(path: &Path, error: &std::io::Error) -> PyErr {
    let Some(number) = error.raw_os_error() else { return PyOSError::new_err(error.kind().to_string()) };
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default().to_owned();
    PyOSError::new_err((number, text, path.display().to_string()))
}

/// For a record that makes no known secret.
pub(crate) fn record(path: &Path, error: &exfilter_store::StoreError) -> PyErr {
    in_store(path, error.code(), &error.to_string(), error.remedy())
}

fn in_store(path: &Path, code: &'static str, message: &str, remedy: &'static str) -> PyErr {
    classes::StoreError::new_err((path.display().to_string(), code, message.to_owned(), remedy))
}

/// For what a producer of Arrow's structures does wrong, in a column if that is known.
pub(crate) fn arrow(what: &'static str, column: Option<&String>) -> PyErr {
    classes::ArrowError::new_err(column.map_or(what.to_owned(), |column| format!("column {column}: {what}")))
}

pub(crate) fn misuse(message: &'static str) -> PyErr {
    classes::MisuseError::new_err(message)
}
