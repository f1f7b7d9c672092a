//! Files of variables, and what programs print as JSON: any text is read or refused, in time that its length bounds.
#![no_main]

use exfilter_store::source::{Tool, fields, variables};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    for variable in variables(data) {
        assert!(!variable.name.is_empty() && variable.value.len() < data.len() && variable.line > 0);
    }
    for tool in Tool::ALL {
        if let Ok(fields) = fields(tool, data) {
            assert!(fields.iter().all(|field| !field.name.is_empty() && !field.value.is_empty()));
        }
    }
});
