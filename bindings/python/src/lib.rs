//! The native half of the Python package `exfilter`: the engine's classes, and nothing that Python says better.
//!
//! No class here has a value in its `repr`, and none raises because of what it examines. Bytes objects are read where they lie, with the
//! interpreter released for work of size; whatever may change meanwhile is copied first and the copy wiped.

mod answers;
mod arrow;
mod coverage;
mod engine;
mod errors;
mod finding;
mod flow;
mod input;
mod inspector;
mod limits;
mod policy;
mod policy_file;
mod repeats;
mod requests;
mod rules;
mod scan;
mod secrets;
mod session;
mod stream;
mod substitutes;
mod verdict;
mod words;

#[pyo3::pymodule]
mod _native {
    #[pymodule_export]
    use super::answers::AnswerGate;
    #[pymodule_export]
    use super::arrow::ArrowScan;
    #[pymodule_export]
    use super::coverage::Coverage;
    #[pymodule_export]
    use super::engine::Engine;
    #[pymodule_export]
    use super::finding::{Finding, Opaque};
    #[pymodule_export]
    use super::flow::Flow;
    #[pymodule_export]
    use super::inspector::{Inspector, Reply, Sighting, Uploads};
    #[pymodule_export]
    use super::limits::Limits;
    #[pymodule_export]
    use super::policy::Policy;
    #[pymodule_export]
    use super::policy_file::PolicyFile;
    #[pymodule_export]
    use super::requests::{Examined, RequestGate};
    #[pymodule_export]
    use super::rules::{Rule, Rules};
    #[pymodule_export]
    use super::scan::{Scan, Scanner};
    #[pymodule_export]
    use super::secrets::KnownSecrets;
    #[pymodule_export]
    use super::session::Session;
    #[pymodule_export]
    use super::stream::Stream;
    #[pymodule_export]
    use super::substitutes::Substitutes;
    #[pymodule_export]
    use super::verdict::{Block, Edit, Forward};

    /// The version of the package.
    #[pymodule_export]
    const __VERSION__: &str = env!("CARGO_PKG_VERSION");
}
