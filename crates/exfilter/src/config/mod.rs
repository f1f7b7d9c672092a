//! [`Config`]: the policy file, the same for the command, the proxies and Python.
//!
//! ```toml
//! # ~/.config/exfilter/policy.toml
//! version = 1                    # of this format; the only field that must be there
//! mode = "enforce"               # or "observe": everything is reported, nothing is blocked or redacted
//! strict_examples = false        # whether keys of providers' documentation, and private keys in paths of tests, are keys like any other
//! foreign = "report"             # a provider's key that is not enrolled, where that provider takes it: or "block"
//! accounts = "first"             # at hosts of language models, whose credentials pass: the session's own, and where none is known the first; "known": no first one, and no login inside; "any"
//!
//! [actions]                      # low, medium, high, confirmed -> "allow", "report", "redact", "block"
//! medium = "block"
//!
//! [actions.llm]                  # the same for bodies to hosts of language models, which can be edited
//! medium = "redact"
//!
//! [opaque]                       # what could not be examined, by its reason -> "allow", "report", "block"
//! encrypted = "report"
//!
//! [hosts]                        # a host, or *.suffix for those below it
//! llm = ["api.anthropic.com"]    # instead of the built-in list
//! allow = ["*.github.com"]       # nothing else is reached
//! deny = ["gist.github.com"]     # wins over allow
//! tunnel = ["ssh.github.com"]    # connections that nobody can look into may be made
//!
//! [limits]                       # bounds of one stream: fields of `Limits`; bytes as a number or "8 MiB"
//! containers = 8
//! window = "8 MiB"
//!
//! [hold]                         # what waits for a verdict
//! stream = "64 KiB"              # of a stream: `Limits::max_hold`
//! body = "32 MiB"                # of a coded body that is redacted: `Inspection::replace_max`
//!
//! [quarantine]                   # of a session that is refused again and again for enrolled secrets
//! hits = 5                       # so many refusals begin it; 0: it never begins
//! minutes = 10                   # within so many minutes
//!
//! [oauth]                        # tokens of logins, which a proxy keeps outside of the sandbox
//! other = "report"               # an answer with tokens that are not kept: or "block"
//! learn = ["mcp.example.com"]    # of hosts that name their token endpoints themselves, as servers of MCP do, these alone are heard, and of others too; []: none; left out: all, about themselves
//!
//! [oauth.endpoints]              # beside those that are known: where tokens are given, and the hosts at which they are bearers
//! "https://id.example.com/oauth2/token" = ["api.example.com"]
//! ```
//!
//! What is left out has its default. A field that is not known is an error with file, line, field and remedy: a misspelled one would be a rule that nobody applies.
//!
//! Reading needs no files: the caller has the text. It must come from a place that whoever is examined cannot write; a tree that is scanned is none.
//!
//! ```
//! use exfilter::config::Config;
//! use exfilter::{Engine, Mode};
//!
//! let config = Config::parse("policy.toml", "version = 1\nmode = \"observe\"\n")?;
//! assert_eq!(config.mode(), Mode::Observe);
//! let engine = Engine::builder().policy(config.policy().clone()).limits(config.limits()).build()?;
//!
//! let error = Config::parse("policy.toml", "version = 1\n[actions]\nmedum = \"block\"\n").unwrap_err();
//! assert_eq!(error.to_string(), "policy.toml:3: actions.medum: is not known here; did you mean medium?");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod file;
mod table;

pub use error::ConfigError;
pub use file::Config;
