//! The logins in the home: which credentials at hosts of language models are the user's own.

use std::sync::{Mutex, PoisonError};

use exfilter::substitute::OwnLogins;
use exfilter::{Engine, HostPattern};
use exfilter_audit::{Audit, FoundValue, View};

use crate::fault::Fault;
use crate::text::{escape, shorten};

const CLAUDE: &[&str] = &["api.anthropic.com", "mcp-proxy.anthropic.com"];

/// What a credential is by the file that it stands in, the hosts at which it is good, and those at which no other one is the user's. Copilot's clients may have a keyring, each with a login of its own, so there the first that is
/// used closes them; no file tells where an agent's other keys are good.
const PLACES: [(&str, &[&str], &[&str]); 7] = [
    ("claude-login", CLAUDE, CLAUDE),
    ("codex-login", &["chatgpt.com", "*.chatgpt.com", "api.openai.com"], &["chatgpt.com", "*.chatgpt.com"]),
    ("codex-api-key", &["api.openai.com", "chatgpt.com"], &["api.openai.com"]),
    ("gemini-login", &["*.googleapis.com"], &["cloudcode-pa.googleapis.com"]),
    ("copilot-login", &["*.githubcopilot.com"], &[]),
    ("github-cli-login", &["*.githubcopilot.com"], &[]),
    ("agent-provider-key", &[], &[]),
];

/// Reads the files of the home in which agents keep their logins; gives lines about those that could not be read. `is_theirs` says that the home is that of the clients too: else they may have logins of their own, and no file closes a host.
///
/// # Errors
///
/// No random numbers, or no threads.
pub(super) fn read(known: &mut OwnLogins, is_theirs: bool) -> Result<Vec<String>, Fault> {
    let fault = |error: String| Fault::new("run", error, "please report this");
    let known = Mutex::new(known);
    // By the names of fields alone; what stands elsewhere in the files is no login.
    let engine = Engine::builder().build().map_err(|error| fault(error.to_string()))?;
    let take = |found: &FoundValue<'_>| {
        let Some((_, good, all)) = PLACES.iter().find(|(id, ..)| found.grant() == Some(*id)) else { return };
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        known.add(found.expose(), &patterns(good));
        if is_theirs {
            known.close(&patterns(all));
        }
    };
    let mut audit = Audit::new(engine, View::here());
    audit.logins_only().jobs(std::num::NonZeroUsize::new(1));
    let report = audit.run_with(&take).map_err(|error| fault(error.to_string()))?;
    let notes = report.gaps.iter().map(|gap| {
        let name = escape(gap.name.as_bytes());
        format!("{}: {}, so its logins are not known", shorten(&name), gap.what)
    });
    Ok(notes.collect())
}

fn patterns(hosts: &[&str]) -> Vec<HostPattern> {
    hosts.iter().filter_map(|host| HostPattern::parse(host.as_bytes()).ok()).collect()
}
