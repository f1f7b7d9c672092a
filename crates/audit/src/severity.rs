//! [`Severity`]: how bad it would be, from what a credential opens, how sure it is, and who else can read it.

use exfilter::{Confidence, KeyClass};

/// How bad a find is, the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing: public by design, expired, a documented example.
    Info,
    /// Opens little, or is a guess by a name.
    Low,
    /// Opens something to whoever has more, or is not sure.
    Medium,
    /// Acts as a person or a program.
    High,
    /// Administers, or acts as a person and lies open to everyone.
    Critical,
}

impl Severity {
    /// All, the worst first.
    pub const ALL: [Severity; 5] =
        [Severity::Critical, Severity::High, Severity::Medium, Severity::Low, Severity::Info];

    /// A stable word for reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        }
    }

    fn up(self) -> Severity {
        match self {
            Severity::Info => Severity::Low,
            Severity::Low => Severity::Medium,
            Severity::Medium => Severity::High,
            Severity::High | Severity::Critical => Severity::Critical,
        }
    }

    fn down(self) -> Severity {
        match self {
            Severity::Critical => Severity::High,
            Severity::High => Severity::Medium,
            Severity::Medium => Severity::Low,
            Severity::Low | Severity::Info => Severity::Info,
        }
    }
}

/// What severity is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    /// How much it opens.
    pub(crate) class: KeyClass,
    /// How sure it is.
    pub(crate) confidence: Confidence,
    /// The provider's documentation shows it.
    pub(crate) documented: bool,
    /// It has expired.
    pub(crate) expired: bool,
    /// It is of no use without a passphrase.
    pub(crate) locked: bool,
    /// Every user of the machine can read it.
    pub(crate) open_to_all: bool,
}

/// The severity of a find.
///
/// ```text
/// class         high confidence   medium   low        open to all   passphrase   expired, documented
/// admin         critical          critical high       +1            -1           info
/// user          high              high     medium     +1            -1           info
/// service       high              medium   low        +1            -1           info
/// test          low               low      info       +1            -1           info
/// publishable   info              info     info       info          info         info
/// ```
pub(crate) fn severity(facts: Facts) -> Severity {
    if facts.documented || facts.expired || facts.class == KeyClass::Publishable {
        return Severity::Info;
    }
    let mut severity = match (facts.class, facts.confidence >= Confidence::High) {
        (KeyClass::Admin, _) => Severity::Critical,
        (KeyClass::User, _) | (KeyClass::Service, true) => Severity::High,
        (KeyClass::Service, false) => Severity::Medium,
        _ => Severity::Low,
    };
    if facts.confidence == Confidence::Low {
        severity = severity.down();
    }
    if facts.locked {
        severity = severity.down();
    }
    if facts.open_to_all {
        severity = severity.up();
    }
    severity
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(class: KeyClass, confidence: Confidence) -> Facts {
        Facts { class, confidence, documented: false, expired: false, locked: false, open_to_all: false }
    }

    #[test]
    fn the_table_of_the_docs() {
        use Confidence::{High, Low, Medium};
        let rows = [
            (KeyClass::Admin, [Severity::Critical, Severity::Critical, Severity::High]),
            (KeyClass::User, [Severity::High, Severity::High, Severity::Medium]),
            (KeyClass::Service, [Severity::High, Severity::Medium, Severity::Low]),
            (KeyClass::Test, [Severity::Low, Severity::Low, Severity::Info]),
            (KeyClass::Publishable, [Severity::Info; 3]),
        ];
        for (class, expected) in rows {
            for (confidence, severity) in [High, Medium, Low].into_iter().zip(expected) {
                assert_eq!(self::severity(of(class, confidence)), severity, "{class:?} {confidence:?}");
            }
        }
    }

    #[test]
    fn what_everyone_can_read_is_worse_and_what_is_locked_or_over_is_not_so_bad() {
        let user = of(KeyClass::User, Confidence::High);
        assert_eq!(severity(Facts { open_to_all: true, ..user }), Severity::Critical);
        assert_eq!(severity(Facts { locked: true, ..user }), Severity::Medium);
        assert_eq!(severity(Facts { expired: true, open_to_all: true, ..user }), Severity::Info);
        assert_eq!(severity(Facts { documented: true, ..user }), Severity::Info);
    }
}
