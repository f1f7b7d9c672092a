//! [`SshSettings`]: what the gateway is told.

use std::path::PathBuf;

use super::verb::Verb;

/// What the SSH gateway is told. Without it ([`Settings::ssh`](crate::Settings::ssh)) tunnels of SSH are refused.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct SshSettings {
    pub(crate) agent: Option<PathBuf>,
    pub(crate) identities: Vec<PathBuf>,
    pub(crate) known_hosts: Vec<PathBuf>,
    pub(crate) verbs: Option<Vec<Verb>>,
}

impl SshSettings {
    /// No key and no known host yet, and every verb.
    #[must_use]
    pub fn new() -> SshSettings {
        SshSettings::default()
    }

    /// The socket of an ssh-agent that logs in at servers. Whoever uses the gateway never reaches it.
    pub fn agent(&mut self, socket: PathBuf) -> &mut SshSettings {
        self.agent = Some(socket);
        self
    }

    /// A private key without a pass phrase that logs in at servers; may be given several times. Read at each connection.
    pub fn identity(&mut self, file: PathBuf) -> &mut SshSettings {
        self.identities.push(file);
        self
    }

    /// A file of known hosts, with which servers are verified; may be given several times. One that does not exist is empty. A server that none of them knows is refused.
    pub fn known_hosts(&mut self, file: PathBuf) -> &mut SshSettings {
        self.known_hosts.push(file);
        self
    }

    /// What may be done, by its name ([`SshSettings::VERBS`]); the first call takes the place of everything. False for a name that is none.
    pub fn verb(&mut self, name: &str) -> bool {
        let verb = Verb::ALL.into_iter().find(|verb| verb.name() == name);
        self.verbs.get_or_insert_default().extend(verb);
        verb.is_some()
    }

    /// The names of everything that can be done.
    pub const VERBS: [&str; Verb::ALL.len()] = Verb::NAMES;

    /// Whether `verb` may be done.
    pub(crate) fn admits(&self, verb: Verb) -> bool {
        self.verbs.as_ref().is_none_or(|verbs| verbs.contains(&verb))
    }
}

/// Paths are no content, but nobody needs them in a log either.
impl std::fmt::Debug for SshSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SshSettings")
            .field("identities", &self.identities.len())
            .field("known_hosts", &self.known_hosts.len())
            .field("verbs", &self.verbs)
            .finish_non_exhaustive()
    }
}
