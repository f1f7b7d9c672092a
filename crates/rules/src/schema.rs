//! [`schema`]: the JSON schema of rule files, for editors.

use exfilter_engine::{Checksum, Lead, Rule, Veto};

use crate::format::{BOUNDARIES, CLASSES, CONFIDENCES, LITERAL_LEN};

/// The [JSON schema] of rule files. Editors that know TOML take it from a first line `#:schema ./schema.json`.
///
/// [JSON schema]: https://json-schema.org/draft-07
pub fn schema() -> String {
    let words =
        |words: Vec<&str>| words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ");
    let names = |pairs: Vec<&'static str>| words(pairs);
    let template = include_str!("schema.json.in");
    let fill = [
        ("@CLASSES@", names(CLASSES.iter().map(|(name, _)| *name).collect())),
        ("@BOUNDARIES@", names(BOUNDARIES.iter().map(|(name, _)| *name).collect())),
        ("@CONFIDENCES@", names(CONFIDENCES.iter().map(|(name, _)| *name).collect())),
        ("@CHECKSUMS@", names(Checksum::ALL.map(Checksum::as_str).to_vec())),
        ("@VETOES@", names(Veto::ALL.map(Veto::as_str).to_vec())),
        ("@LITERAL_MIN@", LITERAL_LEN.start().to_string()),
        ("@LITERAL_MAX@", LITERAL_LEN.end().to_string()),
        ("@MAX_LEN@", Rule::MAX_LEN.to_string()),
        ("@LEAD_MAX@", Lead::MAX.to_string()),
    ];
    fill.iter().fold(template.to_string(), |text, (mark, value)| text.replace(mark, value))
}
