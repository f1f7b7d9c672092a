//! [`SubstituteError`].

use std::fmt;

/// Why no placeholder was made for a value. Never carries the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubstituteError {
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Unprintable,
    Guessable,
    Chosen,
    Form,
    Twice,
    Unbound,
    Endpoint,
}

impl SubstituteError {
    pub(crate) fn unprintable() -> SubstituteError {
        SubstituteError { kind: Kind::Unprintable }
    }

    pub(crate) fn guessable() -> SubstituteError {
        SubstituteError { kind: Kind::Guessable }
    }

    pub(crate) fn chosen() -> SubstituteError {
        SubstituteError { kind: Kind::Chosen }
    }

    pub(crate) fn form() -> SubstituteError {
        SubstituteError { kind: Kind::Form }
    }

    pub(crate) fn twice() -> SubstituteError {
        SubstituteError { kind: Kind::Twice }
    }

    pub(crate) fn unbound() -> SubstituteError {
        SubstituteError { kind: Kind::Unbound }
    }

    pub(crate) fn endpoint() -> SubstituteError {
        SubstituteError { kind: Kind::Endpoint }
    }

    /// A stable code: `E_UNPRINTABLE`, `E_SHORT`, `E_CHOSEN`, `E_FORM`, `E_TWICE`, `E_UNBOUND`, `E_ENDPOINT`.
    pub fn code(&self) -> &'static str {
        match self.kind {
            Kind::Unprintable => "E_UNPRINTABLE",
            Kind::Guessable => "E_SHORT",
            Kind::Chosen => "E_CHOSEN",
            Kind::Form => "E_FORM",
            Kind::Twice => "E_TWICE",
            Kind::Unbound => "E_UNBOUND",
            Kind::Endpoint => "E_ENDPOINT",
        }
    }

    /// What to do instead.
    pub fn remedy(&self) -> &'static str {
        match self.kind {
            Kind::Unprintable => "give a value of printable ASCII characters without blanks",
            Kind::Guessable => "use a longer credential",
            Kind::Chosen => "write its endpoint under [oauth.endpoints] in the policy, if you trust it",
            Kind::Form => "leave it out of the sandbox, or use a credential of another kind",
            Kind::Twice => "give each value a name of its own",
            Kind::Unbound => "bind it to a host and a header, cookie, query parameter or path segment",
            Kind::Endpoint => "write it as https://id.example.com/oauth2/token, with the hosts of the API",
        }
    }
}

impl fmt::Display for SubstituteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::Unprintable => "a value that does not fit into a header has no placeholder",
            Kind::Guessable => "the value has too few characters for a placeholder that nobody guesses",
            Kind::Chosen => {
                "it does not look drawn, and its endpoint is known by its server's word alone, which may have chosen it"
            }
            Kind::Form => "another value of its form, with a check that verifies, cannot be made",
            Kind::Twice => "a value has this name already",
            Kind::Unbound => "a value that is at home nowhere has no use for a placeholder",
            Kind::Endpoint => {
                "a token endpoint has an address with TLS and a path, and hosts at which its tokens are good"
            }
        })
    }
}

impl std::error::Error for SubstituteError {}
