//! `exfilter rules test`.
//!
//! What is found is what the engine finds, decoders and all. Why something is not found is told for the bytes as they stand.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use exfilter::rules::explain::{Attempt, Outcome, explain};
use exfilter::{Boundary, Engine, Limits, Profile, Proof, Rule};

use super::write;
use crate::fault::Fault;
use crate::rules::args::RuleSource;
use crate::scan::walk::STDIN;
use crate::scan::{Examiner, Progress, Seen};
use crate::term::Term;
use crate::text::{Name, count, escape, path_bytes};
use crate::{exit, output, rulepack};

/// The longest file that is read, in bytes: this is for trying rules out.
const LONGEST: u64 = 16 << 20;

/// How much of a pattern has to match behind its literal for an attempt to be told of, unless its rule was asked for.
const NEARLY: usize = 4;

/// The most attempts that are told of.
const TOLD: usize = 200;

/// Says which rules match where in a file, and which nearly do and why not.
pub(super) fn test(file: &Path, from: &RuleSource, only: &[String], term: &Term) -> Result<u8, Fault> {
    let mut loaded = rulepack::load(&from.rules, !from.no_builtin, true, None)?;
    if let Some(missing) = only.iter().find(|id| loaded.rules.iter().all(|rule| &rule.id != *id)) {
        let remedy = "exfilter rules list --more-rules names all";
        return Err(Fault::new(crate::text::plain(missing), "there is no rule of that id", remedy));
    }
    loaded.rules.retain(|rule| only.is_empty() || only.contains(&rule.id));
    let content = read(file)?;
    let (rules, origins) = loaded.split();
    let mut limits = Limits::default();
    limits.findings = 10_000;
    let engine = Engine::builder()
        .rules(rules.clone())
        .limits(limits)
        .profile(Profile::Thorough)
        .build()
        .map_err(|error| rulepack::Loaded::fault(&origins, &error))?;
    let progress = Progress::new(false);
    let examined = Examiner::new(&engine, &progress).examine(path_bytes(file), &mut content.as_slice());
    let name = match file.as_os_str() == STDIN {
        true => Name::fixed("<stdin>"),
        false => Name::new(path_bytes(file), &[]),
    };
    let found: Vec<[String; 4]> = examined.seen.iter().map(|seen| found(seen, &engine, &name)).collect();
    let lines = Lines::new(&content);
    let mut attempts = explain(&rules, &content);
    attempts.retain(|attempt| is_told(attempt, &rules, &examined.seen, !only.is_empty()));
    attempts.sort_by_key(|attempt| attempt.at);
    let missed: Vec<[String; 3]> = attempts
        .iter()
        .take(TOLD)
        .map(|attempt| {
            let (line, column) = lines.of(attempt.at);
            let rule = &rules[attempt.rule];
            [format!("{}:{line}:{column}", name.short()), rule.id.clone(), reason(attempt, rule)]
        })
        .collect();
    write(term, |out| {
        output::columns(&found, |_, _| None, out)?;
        writeln!(out, "{}", count(found.len() as u64, "match", "matches"))?;
        if !missed.is_empty() {
            writeln!(out, "\nnot found, as the text stands:")?;
            output::columns(&missed, |_, _| None, out)?;
        }
        match attempts.len() - missed.len() {
            0 => Ok(()),
            more => writeln!(out, "{more} more; --rule ID names one rule"),
        }
    })?;
    Ok(if found.is_empty() { exit::CLEAN } else { exit::FOUND })
}

fn read(file: &Path) -> Result<Vec<u8>, Fault> {
    let name = escape(path_bytes(file));
    let mut content = Vec::new();
    let read = if file.as_os_str() == STDIN {
        std::io::stdin().lock().take(LONGEST + 1).read_to_end(&mut content)
    } else {
        File::open(file).and_then(|file| file.take(LONGEST + 1).read_to_end(&mut content))
    };
    read.map_err(|error| Fault::new(name.clone(), format!("it cannot be read: {error}"), "check the path"))?;
    if content.len() as u64 > LONGEST {
        let what = format!("it has more than {LONGEST} bytes");
        return Err(Fault::new(
            name,
            what,
            "cut out what is to be tried; `exfilter scan` takes files of any size",
        ));
    }
    Ok(content)
}

fn found(seen: &Seen, engine: &Engine, name: &Name) -> [String; 4] {
    let finding = &seen.finding;
    let proof = match finding.proof() {
        Proof::None => "",
        Proof::Verified => "its check verifies",
        Proof::Failed => "its check does not verify: one step less sure",
    };
    let words = match (finding.documented(), proof) {
        (true, "") => "an example from the documentation".to_string(),
        (true, proof) => format!("an example from the documentation; {proof}"),
        (false, proof) => proof.to_string(),
    };
    [seen.place_in(name), seen.rule_id(engine).into(), finding.confidence().as_str().into(), words]
}

/// Whether an attempt is told of: it found nothing, nor did another rule there, and it came some way.
fn is_told(attempt: &Attempt, rules: &[Rule], seen: &[Seen], all: bool) -> bool {
    let at = attempt.at as u64;
    let covered = seen.iter().any(|seen| seen.finding.outer().contains(&at));
    let literal = rules[attempt.rule].literals.iter().map(String::len).max().unwrap_or(0);
    let near = match attempt.outcome {
        Outcome::Found { .. } | Outcome::Covered => false,
        Outcome::Pattern { taken } => all || taken >= literal + NEARLY,
        Outcome::Lead { has, needs } => all || has * 2 >= needs,
        _ => true,
    };
    near && !covered
}

fn reason(attempt: &Attempt, rule: &Rule) -> String {
    match attempt.outcome {
        Outcome::Lead { has, needs } => {
            format!("{has} of the {needs} characters stand before it that have to")
        }
        Outcome::Pattern { taken } => {
            format!("the pattern takes {taken} bytes; what follows is none of it, or too little")
        }
        Outcome::Right(boundary) => format!("it goes on behind the match: {}", beside(boundary)),
        Outcome::Left(boundary) => format!("something stands before the match: {}", beside(boundary)),
        Outcome::Entropy { has, needs } => {
            format!("its value has {has:.2} bits per character, and {needs} are asked for")
        }
        Outcome::Vetoed(veto) => format!("its value has a shape that the rule leaves out: {}", veto.as_str()),
        _ => format!("nothing of {}", rule.id),
    }
}

fn beside(boundary: Boundary) -> &'static str {
    match boundary {
        Boundary::None => "anything may",
        Boundary::Word => "a letter, a digit or _",
        Boundary::Dashed => "a letter, a digit, _ or -",
        Boundary::Base64 => "a character of base64",
        _ => "a character that may not",
    }
}

/// Where lines begin.
struct Lines(Vec<usize>);

impl Lines {
    fn new(content: &[u8]) -> Lines {
        let breaks = content.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
        Lines(std::iter::once(0).chain(breaks).collect())
    }

    /// Line and column, both from 1.
    fn of(&self, at: usize) -> (usize, usize) {
        let line = self.0.partition_point(|start| *start <= at);
        (line, at - self.0[line - 1] + 1)
    }
}
