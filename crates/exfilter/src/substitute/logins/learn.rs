//! [`Learn`]: from whom a policy lets token endpoints be learned.

use exfilter_engine::HostPattern;

/// Whose words count.
#[derive(Clone, Debug, Default)]
pub(super) enum Learn {
    /// Those of whoever may be reached, of himself: his own endpoint, or one below his name. Tokens that are asked for another server come in as they are, for there they would be of no use.
    #[default]
    OfThemselves,
    /// Those of hosts that a person has named, of others too. Tokens never come in.
    Named(Vec<HostPattern>),
}

impl Learn {
    /// Whether a host's words count.
    pub(super) fn is_from(&self, host: &str) -> bool {
        match self {
            Learn::OfThemselves => true,
            Learn::Named(hosts) => hosts.iter().any(|pattern| pattern.matches(host)),
        }
    }

    /// Whether a person has said so.
    pub(super) fn is_named(&self) -> bool {
        matches!(self, Learn::Named(_))
    }
}
