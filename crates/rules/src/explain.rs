//! [`explain`]: why a rule finds something at a place, or why not.

use exfilter_engine::{Boundary, Rule, Veto};

use crate::oracle::{Compiled, after, entropy};

/// A place where one of a rule's literals stands, and what came of it.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Attempt {
    /// The index of the rule.
    pub rule: usize,
    /// Where the literal stands.
    pub at: usize,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of an attempt. Offsets and numbers only: no byte of the text.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Outcome {
    /// A match.
    Found {
        /// Its first byte, lead included.
        start: usize,
        /// One past its last byte.
        end: usize,
        /// Whether the value verifies, if the rule has a checksum.
        verified: Option<bool>,
    },
    /// It lies inside an earlier match of the rule.
    Covered,
    /// Fewer characters of the lead stand before it than the rule asks for.
    Lead {
        /// How many stand there.
        has: usize,
        /// How many have to.
        needs: usize,
    },
    /// The pattern does not match: after so many bytes nothing can come of it.
    Pattern {
        /// The bytes it takes, from the literal on.
        taken: usize,
    },
    /// What follows the match makes it a part of something longer.
    Right(Boundary),
    /// What stands before the match makes it a part of something longer.
    Left(Boundary),
    /// The value is not random enough.
    Entropy {
        /// Bits per character.
        has: f64,
        /// Bits per character that the rule asks for.
        needs: f32,
    },
    /// The value has a shape that the rule leaves out.
    Vetoed(Veto),
}

/// All places in `hay` where a literal of one of the rules stands, in order of rule and place.
///
/// It looks at the bytes as they stand, as [`oracle`](crate::oracle) does and by the same steps; what a stream decodes is not looked at.
///
/// # Panics
///
/// If the pattern of a rule, one of whose literals is in `hay`, does not compile.
///
/// # Examples
///
/// ```
/// use exfilter_engine::{Boundary, Rule};
/// use exfilter_rules::explain::{Outcome, explain};
///
/// let rule = Rule::new("acme-key", "acme_", "acme_[0-9]{8}");
/// let why = |text: &str| explain(std::slice::from_ref(&rule), text.as_bytes())[0].outcome;
/// assert_eq!(why("k=acme_01234567"), Outcome::Found { start: 2, end: 15, verified: None });
/// assert_eq!(why("acme_0123x"), Outcome::Pattern { taken: 9 });
/// assert_eq!(why("acme_012345678"), Outcome::Right(Boundary::Word));
/// assert_eq!(why("xacme_01234567"), Outcome::Left(Boundary::Word));
/// ```
pub fn explain(rules: &[Rule], hay: &[u8]) -> Vec<Attempt> {
    let mut attempts = Vec::new();
    for (index, rule) in rules.iter().enumerate() {
        let compiled = Compiled::new(rule);
        let mut covered = 0;
        for at in (0..hay.len()).filter(|at| compiled.begins(hay[*at]) && compiled.literal_at(&hay[*at..])) {
            let outcome = if at < covered { Outcome::Covered } else { outcome(&compiled, index, hay, at) };
            if let Outcome::Found { end, .. } = outcome {
                covered = end;
            }
            attempts.push(Attempt { rule: index, at, outcome });
        }
    }
    attempts
}

fn outcome(compiled: &Compiled, index: usize, hay: &[u8], at: usize) -> Outcome {
    let rule = &compiled.rule;
    if let Some((lead, class)) = &compiled.lead {
        let has = hay[..at].iter().rev().take_while(|b| class[usize::from(**b)]).count();
        if has < usize::from(lead.min) {
            return Outcome::Lead { has, needs: lead.min.into() };
        }
    }
    let (ends, taken) = compiled.walk(hay, at);
    if ends.is_empty() {
        return Outcome::Pattern { taken };
    }
    let Some(found) = compiled.match_at(index, hay, at) else {
        let fits = ends.iter().any(|end| after(rule.right, hay, *end));
        return if fits { Outcome::Left(rule.left) } else { Outcome::Right(rule.right) };
    };
    let value = &hay[found.value_start..found.value_end];
    if let Some(needs) = rule.min_entropy
        && entropy(value) < f64::from(needs)
    {
        return Outcome::Entropy { has: entropy(value), needs };
    }
    if let Some(veto) = rule.vetoes.iter().find(|veto| !found.verified && veto.holds(value)) {
        return Outcome::Vetoed(*veto);
    }
    Outcome::Found { start: found.start, end: found.end, verified: rule.checksum.map(|_| found.verified) }
}
