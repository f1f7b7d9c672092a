//! The view of this process.

use std::path::Path;

use super::mounts::Origin;
use super::{Variable, View};
use crate::secret::Value;

impl View {
    /// What this process sees: the machine's files, its own variables and folder.
    pub fn here() -> View {
        let mut view = View::empty();
        view.mounts.push(Path::new("/"), Origin::Host("/".into()));
        view.variables = variables();
        view.home = std::env::var_os("HOME").filter(|home| Path::new(home).is_absolute()).map(Into::into);
        view.folder = std::env::current_dir().ok();
        view.own_process = Some(std::process::id());
        view
    }
}

/// The variables of this process.
pub(super) fn variables() -> Vec<Variable> {
    std::env::vars_os()
        .map(|(name, value)| Variable {
            name: name.into_encoded_bytes(),
            value: Value::from(zeroize::Zeroizing::new(value.into_encoded_bytes())),
        })
        .collect()
}
