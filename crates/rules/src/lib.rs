//! Key-pattern rules for exfilter: TOML text in, [`exfilter_engine::Rule`] out.
//!
//! A rule file is data: it holds no code, no network address that anything calls and no key. What a rule claims is
//! tested from the file itself, because its examples are templates that are expanded from a seed.
//!
//! # The parts
//!
//! - [`builtin`] gives the rules that come with the crate, one file per provider; [`builtin_entries`] gives them
//!   with their examples.
//! - [`parse`] reads a file that somebody wrote. A fault names the file, the line, the field and the remedy.
//! - [`check()`] is what `exfilter rules check` runs: it proves that the literals begin every match, and runs the examples.
//! - [`import()`] reads the rule files of gitleaks, and says of each rule that it cannot express why; [`to_toml`] writes rules in our own form.
//! - [`page()`] is the page that lists a pack for people, [`schema()`] the JSON schema of rule files for editors.
//! - [`explain`] says why a rule finds something at a place, or why not.
//! - [`example`] expands templates; [`oracle`] is a slow matcher of whole buffers, for tests.
//!
//! # Format
//!
//! ```toml
//! provider = "Acme"                          # as they spell it
//!
//! [[rule]]
//! id = "acme-key"                            # provider-what, unique
//! opens = "the Acme API of one project"      # one clause
//! class = "service"                          # admin, user, service, test, publishable
//! literals = ["acme_"]                       # how matches of the pattern begin
//! ignore_case = false                        # of the literals; the pattern needs its own (?i:...)
//! lead = { class = "a-z", min = 2, max = 8 } # characters before the literal, if there are any
//! pattern = 'acme_[0-9a-f]{32}'              # anchored at the literal, bounded; (?P<value>...) is the credential, $ the end of the stream
//! left = "word"                              # none, word, dashed, base64
//! right = "word"
//! open_ended = false                         # a match is only the beginning: block it, never overwrite it
//! self_issued = false                        # anybody can make one: at most medium in a path of tests or examples
//! max_len = 45                               # of the longest match with its lead, at most 2048
//! whole_len = 0                              # a shorter value may be half of one: one step less sure
//! checksum = "crc32-base62"                  # see exfilter_engine::Checksum
//! min_entropy = 3.0                          # bits per character of the value
//! veto = []                                  # of low and medium: uuid, digest, public-key, words, sequence, placeholder
//! confidence = "high"                        # low, medium, high
//! documented = []                            # first 16 bytes of BLAKE3, in hex, of public values: see Rule::example_digest
//! hosts = ["api.acme.example"]               # where it is legitimate, exact or *.suffix
//! slots = ["header:authorization:bearer"]    # in which part of a message
//! revoke = "https://acme.example/keys"
//! instead = "a key of one project"           # what gives less and would do; every admin rule has it
//! source = "https://docs.acme.example/keys"
//! examples = ["acme_{hex:32}"]               # templates, never keys
//! counter_examples = ["acme_{hex:31}"]
//! ```
//!
//! # Example
//!
//! ```
//! use exfilter_rules::{builtin_entries, example, oracle};
//!
//! let entries = builtin_entries();
//! let npm = entries.iter().find(|entry| entry.rule.id == "npm-access-token").unwrap();
//! let token = example::expand(&npm.examples[0], npm.rule.checksum, 7)?;
//! let found = oracle::find_all(&[npm.rule.clone()], &[b"x=", &token[..], b"&y"].concat());
//! assert_eq!((found[0].start, found[0].end, found[0].verified), (2, 42, true));
//! # Ok::<(), example::TemplateError>(())
//! ```
#![forbid(unsafe_code)]

mod builtin;
mod check;
mod error;
pub mod example;
pub mod explain;
mod format;
mod import;
mod named;
pub mod oracle;
mod page;
mod schema;
mod write;

pub use builtin::{builtin, builtin_entries, builtin_files, more, more_entries, more_files};
pub use check::{RuleProblem, check};
pub use error::RuleError;
pub use format::{RuleEntry, parse, parse_sound};
pub use import::{Import, ImportOptions, ImportedRule, Remark, RemarkKind, import};
pub use page::page;
pub use schema::schema;
pub use write::to_toml;
