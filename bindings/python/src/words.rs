//! The words that arguments and attributes have for the engine's enumerations.

use exfilter::{Action, Audience, Confidence, Direction, Mode, OpaqueReason, Profile};
use pyo3::prelude::*;

use crate::errors;

pub(crate) fn confidence(word: &str) -> PyResult<Confidence> {
    Ok(match word {
        "low" => Confidence::Low,
        "medium" => Confidence::Medium,
        "high" => Confidence::High,
        "confirmed" => Confidence::Confirmed,
        _ => return Err(errors::word("a confidence", "low, medium, high, confirmed")),
    })
}

pub(crate) fn action(word: &str) -> PyResult<Action> {
    Ok(match word {
        "allow" => Action::Allow,
        "report" => Action::Report,
        "redact" => Action::Redact,
        "block" => Action::Block,
        _ => return Err(errors::word("an action", "allow, report, redact, block")),
    })
}

pub(crate) fn mode(word: &str) -> PyResult<Mode> {
    match word {
        "observe" => Ok(Mode::Observe),
        "enforce" => Ok(Mode::Enforce),
        _ => Err(errors::word("a mode", "observe, enforce")),
    }
}

pub(crate) fn profile(word: &str) -> PyResult<Profile> {
    match word {
        "inline" => Ok(Profile::Inline),
        "thorough" => Ok(Profile::Thorough),
        _ => Err(errors::word("a profile", "inline, thorough")),
    }
}

pub(crate) fn audience(word: &str) -> PyResult<Audience> {
    match word {
        "subject" => Ok(Audience::Subject),
        "operator" => Ok(Audience::Operator),
        _ => Err(errors::word("an audience", "subject, operator")),
    }
}

pub(crate) fn of_direction(direction: Direction) -> &'static str {
    match direction {
        Direction::Outbound => "outbound",
        Direction::Inbound => "inbound",
        Direction::AtRest => "at-rest",
    }
}

pub(crate) fn opaque(word: &str) -> PyResult<OpaqueReason> {
    OpaqueReason::ALL.into_iter().find(|reason| reason.as_str() == word).ok_or_else(|| {
        let all: Vec<&str> = OpaqueReason::ALL.iter().map(|reason| reason.as_str()).collect();
        errors::word("a reason why content is opaque", &all.join(", "))
    })
}
