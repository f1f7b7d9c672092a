//! The engine's integration tests: the laws, and behaviour by feature.

mod laws;
mod support;
