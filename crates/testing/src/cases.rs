//! TOML cases.
