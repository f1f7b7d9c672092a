//! Whether anything that the tests printed holds a value that they had enrolled.
//!
//! Tests [`note`] the values that they enrol; `canary.sh` runs them, keeps what they print, and asks an engine that has all these values.

use std::io::Write;

/// The variable that names the file in which values are noted.
pub const VARIABLE: &str = "EXFILTER_ENROLLED";

/// Notes values that a test enrols, in hexadecimal, if somebody asked for it.
pub fn note<'a>(values: impl IntoIterator<Item = &'a [u8]>) {
    let Some(path) = std::env::var_os(VARIABLE) else { return };
    let mut lines = String::new();
    for value in values {
        value.iter().for_each(|b| lines.push_str(&format!("{b:02x}")));
        lines.push('\n');
    }
    let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
    // One write, so that tests that run at the same time do not tear each other's lines.
    file.and_then(|mut file| file.write_all(lines.as_bytes()))
        .expect("the file for enrolled values can be written");
}
