//! What an agent is answered, in its own form.
//!
//! ```text
//!                        refused                                                                    else
//! Claude Code, Codex
//!   PreToolUse           hookSpecificOutput { permissionDecision: deny, permissionDecisionReason }  nothing: the agent's own permissions decide
//!   UserPromptSubmit     decision: block, reason
//!   PostToolUse          decision: block, reason; Claude Code takes updatedToolOutput, of the same shape
//! Cursor
//!   before...            permission: deny, user_message, agent_message                              permission: allow
//!   beforeSubmitPrompt   continue: false, user_message                                              continue: true
//! anything else          exit code 2, the reason on standard error
//! ```
//!
//! Two readers: the model is told the place and the rule of what a public rule found, and of anything else one constant sentence with a reference, so that asking
//! tells nothing about a secret that is enrolled. The person at the terminal is told everything but the value.

use std::collections::HashSet;
use std::fmt::Write as _;

use exfilter::{Confidence, Engine, Event, FindingId, Flow, Kind};
use serde_json::json;

use super::event::{self, Moment};
use super::json::Json;
use super::judge::{Judgement, each_text};
use crate::hook::args::{Agent, AgentArgs};
use crate::hook::tell;
use crate::rulepack::Origins;
use crate::scan::report::{FileReport, Report, Row, location};
use crate::text::{count, shorten};

/// Findings that the model is told of.
const TOLD: usize = 10;

/// The field of what a tool said.
const RESPONSE: &str = "tool_response";

/// What is written in the place of a text that is withheld.
const WITHHELD: &str = "[withheld by exfilter]";

/// What goes back to the agent.
pub(super) struct Reply {
    /// On standard output; nothing if there is nothing to say.
    pub(super) document: Option<serde_json::Value>,
    /// On standard error, with exit code 2.
    pub(super) refusal: Option<String>,
}

/// The answer to `event`.
pub(super) fn reply(
    agent: Agent,
    event: &event::Event,
    judgement: &Judgement,
    origins: &Origins,
    reference: &str,
) -> Reply {
    let report = &judgement.report;
    if !judgement.refuses() {
        return pass(agent, event, report);
    }
    let model = for_the_model(report, origins, reference);
    let person = for_the_person(report, reference);
    let document = match (agent, event.moment) {
        (Agent::Cursor, Moment::Before) => {
            json!({"permission": "deny", "user_message": person, "agent_message": model})
        }
        (Agent::Cursor, Moment::Prompt) => json!({"continue": false, "user_message": person}),
        (Agent::Claude | Agent::Codex, Moment::Before) if event.name == "PreToolUse" => json!({
            "hookSpecificOutput": {
                "hookEventName": event.name,
                "permissionDecision": "deny",
                "permissionDecisionReason": model,
            },
            "systemMessage": person,
        }),
        // The prompt goes no further, and what is said of it goes to the person alone.
        (Agent::Claude, Moment::Prompt) => json!({"decision": "block", "reason": person}),
        // Of Codex it is not known who reads the reason.
        (Agent::Codex, Moment::Prompt | Moment::After) => {
            json!({"decision": "block", "reason": model, "systemMessage": person})
        }
        (Agent::Claude, Moment::After) if event.subject.get(RESPONSE).is_some() => json!({
            "decision": "block",
            "reason": model,
            "systemMessage": person,
            "hookSpecificOutput": {
                "hookEventName": event.name,
                "updatedToolOutput": withhold(&event.subject, judgement.withheld.as_ref()),
            },
        }),
        _ => return Reply { document: None, refusal: Some(model) },
    };
    Reply { document: Some(document), refusal: None }
}

/// Nothing is refused; what is to be looked at is said to the person.
fn pass(agent: Agent, event: &event::Event, report: &Report) -> Reply {
    let mut text = String::new();
    let rows: Vec<_> = report.rows().collect();
    if !rows.is_empty() {
        let _ =
            writeln!(text, "exfilter: {} to look at; let pass:", count(rows.len() as u64, "place", "places"));
        tell::list(&mut text, report, &rows);
    }
    let document = match (agent, event.moment) {
        (Agent::Cursor, Moment::Before) => Some(json!({"permission": "allow"})),
        (Agent::Cursor, Moment::Prompt) => Some(json!({"continue": true})),
        (Agent::Claude | Agent::Codex, _) if !text.is_empty() => Some(json!({"systemMessage": text})),
        _ => None,
    };
    Reply { document, refusal: None }
}

/// What the tool said, without the texts in which something stands, and of the same shape: an agent that gets another one keeps what it has.
fn withhold(subject: &Json, places: Option<&HashSet<String>>) -> Json {
    let response = subject.get(RESPONSE).cloned().unwrap_or(Json::Null);
    replace(response, RESPONSE, places)
}

fn replace(json: Json, place: &str, places: Option<&HashSet<String>>) -> Json {
    let hidden = |place: &str| places.is_none_or(|places| places.contains(place));
    match json {
        Json::Text(_) if hidden(place) => Json::Text(WITHHELD.into()),
        Json::List(items) => {
            let item = |(i, item)| replace(item, &format!("{place}[{i}]"), places);
            Json::List(items.into_iter().enumerate().map(item).collect())
        }
        Json::Map(members) => {
            let member = |(key, value): (String, Json)| {
                let place = format!("{place}.{key}");
                // The name itself may be what was found.
                let key = if hidden(&place) && is_long(&key) { WITHHELD.into() } else { key };
                (key, replace(value, &place, places))
            };
            Json::Map(members.into_iter().map(member).collect())
        }
        other => other,
    }
}

/// Whether a name is longer than those of an agent's own.
fn is_long(key: &str) -> bool {
    key.len() >= 16 && !key.chars().all(|c| c.is_ascii_alphabetic() || c == '_')
}

fn for_the_model(report: &Report, origins: &Origins, reference: &str) -> String {
    let refused: Vec<_> = refused(report).collect();
    let engine = &report.engine;
    let (public, others): (Vec<_>, Vec<_>) =
        refused.iter().partition(|(_, row)| is_public(row, engine, origins));
    let mut out = String::new();
    for (file, row) in public.iter().take(TOLD) {
        let lead = &row.lead;
        let (place, opens) = (lead.location(file), lead.opens(engine));
        let _ = writeln!(out, "exfilter: {place}: {} ({})", lead.rule_id(engine), shorten(&opens));
    }
    if public.len() > TOLD {
        let _ = writeln!(out, "exfilter: and {} more", public.len() - TOLD);
    }
    if !others.is_empty()
        || report.refusals().next().is_some()
        || (public.is_empty() && report.totals.gaps == 0)
    {
        let _ = writeln!(out, "exfilter: blocked by policy, reference {reference}");
    }
    for (file, gap) in report.gaps().take(TOLD) {
        let place = location(&file.name, &gap.lane);
        let _ = writeln!(out, "exfilter: {place}: not examined: {}", gap.reason.describe());
    }
    if !public.is_empty() {
        out.push_str("Do without the value: let the program that needs it read it from the environment or a secret store. ");
        let ids: Vec<String> =
            public.iter().take(TOLD).flat_map(|(_, row)| ids(row)).map(|id| id.to_string()).collect();
        let _ = write!(
            out,
            "If it is no secret, the person in charge allows it: `--allow {}` in the hook's command.",
            ids.join(" --allow ")
        );
    }
    out
}

fn for_the_person(report: &Report, reference: &str) -> String {
    let rows: Vec<_> = refused(report).collect();
    let mut out = String::new();
    let _ = writeln!(out, "exfilter refused this (reference {reference}):");
    tell::list(&mut out, report, &rows);
    tell::guarded(&mut out, report);
    tell::gaps(&mut out, report);
    let may = |row: &Row| row.lead.finding.confidence() < Confidence::Confirmed;
    let ids: Vec<String> = rows
        .iter()
        .filter(|(_, row)| may(row))
        .flat_map(|(_, row)| ids(row))
        .map(|id| id.to_string())
        .collect();
    if let Some(id) = ids.first() {
        let _ = writeln!(out, "If it is no secret: `--allow {id}` in the hook's command.");
    }
    out
}

fn refused(report: &Report) -> impl Iterator<Item = (&FileReport, &Row)> {
    report.rows().filter(|(_, row)| row.leads().any(|seen| report.floors.fails(&seen.finding)))
}

fn ids(row: &Row) -> impl Iterator<Item = FindingId> {
    row.leads().filter_map(|seen| seen.id)
}

/// Whether a rule found it that everybody knows. What is enrolled, and what somebody's own rules say, is nobody's business.
fn is_public(row: &Row, engine: &Engine, origins: &Origins) -> bool {
    std::iter::once(&row.lead).chain(&row.also).all(|seen| match seen.finding.kind() {
        Kind::Rule(id) => !origins.contains_key(&engine.rule(id).id),
        Kind::Known(..) => false,
    })
}

/// Whether something that is refused stands in what would be said of it: then it is not said.
pub(super) fn still_holds(
    document: &serde_json::Value,
    engine: &Engine,
    floor: Confidence,
    args: &AgentArgs,
) -> bool {
    let mut holds = false;
    each_text(&Json::of(document), &mut String::new(), &mut |_, text| {
        let mut stream = engine.stream(Flow::at_rest());
        let _verdict = stream.push(text.as_bytes());
        let _verdict = stream.finish();
        while let Some(event) = stream.poll_event() {
            let Event::Finding(finding) = event else { continue };
            let is_allowed = finding.id().is_some_and(|id| args.allow.allow.contains(&id));
            holds |= finding.counts(floor) && !is_allowed;
        }
    });
    holds
}
