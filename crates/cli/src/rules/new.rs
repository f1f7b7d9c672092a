//! `exfilter rules new`.

use std::path::Path;

use super::write_text;
use crate::exit;
use crate::fault::Fault;
use crate::term::Term;

/// Writes a file with one rule to begin from.
pub(super) fn new(id: &str, provider: Option<&str>, to: Option<&Path>, term: &Term) -> Result<u8, Fault> {
    if id.is_empty() || !id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
        let what = "an id has lower-case letters, digits and dashes";
        return Err(Fault::new("ID", what, "write one such as acme-api-key"));
    }
    if let Some(path) = to
        && path.exists()
    {
        let remedy = "name a new file, or move the old one away";
        return Err(Fault::new("--output", "there is such a file already", remedy));
    }
    let stem = id.split('-').next().unwrap_or(id);
    let provider = provider.map_or_else(|| capital(stem), str::to_string);
    let quoted = provider.replace('\\', "\\\\").replace('"', "\\\"");
    let text = TEMPLATE.replace("@PROVIDER@", &quoted).replace("@ID@", id).replace("@STEM@", stem);
    write_text(&text, to, term)?;
    if let Some(path) = to {
        term.note(&format_args!(
            "written; `exfilter rules check {}` says what is wrong with it",
            crate::text::escape(crate::text::path_bytes(path))
        ));
    }
    Ok(exit::CLEAN)
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(chars).collect()
}

const TEMPLATE: &str = r##"#:schema https://raw.githubusercontent.com/exfilter/exfilter/main/rules/schema.json
provider = "@PROVIDER@"                          # as they spell it

[[rule]]
id = "@ID@"                               # provider-what, unique
opens = "the @PROVIDER@ API of one project"      # one clause: what somebody who has it can do
class = "service"                         # admin, user, service, test, publishable; an admin rule needs `instead` too

# Every match begins with one of these: 2 to 32 bytes. Four or more cost less.
literals = ["@STEM@_"]
# Anchored at the literal and bounded: write {20,200}, not {20,} + or *. No ^ $ \b and no look-around: that is what left and right are for.
# Where the key stands behind its name, call it so: (?P<value>...).
pattern = '@STEM@_[0-9A-Za-z]{32}'
# What may not stand beside a match: word (letters, digits, _), dashed (also -), base64 (also + / =), none.
left = "word"
right = "word"
max_len = 512                             # of the longest match; `rules check` says the least that will do
# checksum = "crc32-base62"               # if the form has one that can be verified: `rules check` names all
min_entropy = 3.0                         # bits per character, so that xxxx..xx is none
# veto = ["words", "placeholder"]         # of low and medium: uuid, digest, public-key, words, sequence, placeholder
confidence = "medium"                     # high only if nothing else has the form: high is blocked

# Where it is at home; there it is no leak.
# hosts = ["api.@STEM@.example"]
# slots = ["header:authorization:bearer"]
revoke = "How to revoke it: an address or a sentence"
# instead = "What gives less and would do for most tasks"
source = "https://docs.@STEM@.example/the-page-that-describes-the-form"

# Templates, never keys: {alnum:32} {hex:40} {base64:43} {uuid} {b64:...} {checksum:6} and more.
examples = ["@STEM@_{alnum:32}"]
# What comes close and is none.
counter_examples = ["@STEM@_{alnum:31}", "@STEM@_{alnum:33}"]
"##;
