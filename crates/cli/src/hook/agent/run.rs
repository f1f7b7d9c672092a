//! `exfilter hook agent`, from standard input to the exit code.

use std::io::{Read, Write as _};
use std::time::Duration;

use super::event::Event;
use super::json::Json;
use super::judge::{Judgement, judge};
use super::reply::{Reply, reply, still_holds};
use crate::fault::Fault;
use crate::hook::args::AgentArgs;
use crate::hook::run::engine;
use crate::term::Term;
use crate::{ask, exit, policy};

/// The longest document that is read, in bytes: what an agent sends has a few megabytes at most.
const LONGEST: u64 = 64 << 20;

/// Decides about what the agent says on standard input.
///
/// # Errors
///
/// For whatever keeps it from being examined; the exit code is 2 then, which every agent takes for a refusal.
pub(crate) fn run(args: &AgentArgs, term: &Term) -> Result<u8, Fault> {
    watch(args.within);
    let mut input = Vec::new();
    let fault = |what: String| Fault::new("<stdin>", what, "run it as a hook of the agent");
    let read = std::io::stdin().lock().take(LONGEST + 1).read_to_end(&mut input);
    read.map_err(|error| fault(format!("it cannot be read: {error}")))?;
    if input.len() as u64 > LONGEST {
        return Err(fault(format!("it has more than {LONGEST} bytes, so nothing leaves")));
    }
    // The reader's own words may quote what it read.
    let document: Json = serde_json::from_slice(&input)
        .map_err(|error| fault(format!("it is no JSON at line {}, so nothing leaves", error.line())))?;
    let event = Event::of(document)?;
    let config = policy::load(&args.refuse.policy, &[".".into()], args.refuse.rules.trust_rules, term)?;
    let (engine, origins) = engine(&args.refuse.rules, &args.refuse.secrets, &config, true, term)?;
    let guard = ask::Guard::of_environment(&engine, term)?;
    let mut judgement = judge(&event, &engine, &config, args, guard.as_ref());
    guard.as_ref().map_or(Ok(()), ask::Guard::end)?;
    let reference = reference()?;
    let say = |judgement: &Judgement| {
        let reply = reply(args.agent, &event, judgement, &origins, &reference);
        let holds = |document| {
            judgement.refuses() && still_holds(document, &engine, judgement.report.floors.fail_on, args)
        };
        if reply.document.as_ref().is_some_and(holds) { None } else { Some(reply) }
    };
    let said = say(&judgement).or_else(|| {
        // Places do not tell where it is: then no text is shown.
        judgement.withheld = None;
        say(&judgement)
    });
    let Some(Reply { document, refusal }) = said else {
        return Err(fault("what would be said of it holds what was found".into()));
    };
    if let Some(refusal) = refusal {
        term.say(&refusal);
        return Ok(exit::SETUP);
    }
    if let Some(document) = document {
        // Also where the reader has gone: an answer that nobody reads is none.
        let mut out = std::io::stdout().lock();
        let written = out.write_all(document.to_string().as_bytes()).and_then(|()| out.flush());
        written.map_err(|error| {
            Fault::new("standard output", format!("it could not be written to: {error}"), "")
        })?;
    }
    Ok(exit::CLEAN)
}

/// Ends the process when the time is up: an agent that waits in vain goes on as if nothing had been said.
fn watch(seconds: u64) {
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_secs(seconds));
        Term::new().note(&format_args!("it took more than {seconds} s, so nothing leaves"));
        std::process::exit(i32::from(exit::SETUP));
    });
}

/// By this a person finds what the model was not told.
fn reference() -> Result<String, Fault> {
    let mut bytes = [0; 12];
    getrandom::fill(&mut bytes)
        .map_err(|_| Fault::new("hook agent", "the system gave no random numbers", ""))?;
    let letter = |byte: u8| char::from(b"abcdefghijklmnopqrstuvwxyz234567"[usize::from(byte & 31)]);
    Ok(bytes.map(letter).iter().collect())
}
