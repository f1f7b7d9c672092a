//! The entry in an agent's settings: put there beside what stands there, and taken away.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::json::Json;
use crate::exit;
use crate::fault::Fault;
use crate::hook::args::Agent;
use crate::hook::install::{exe, quoted};
use crate::output;
use crate::term::Term;
use crate::text::{escape, path_bytes};

/// Seconds after which the agent gives up; our own clock is before that.
const TIMEOUT: u64 = 60;

/// The longest settings that are read, in bytes.
const LONGEST: u64 = 16 << 20;

/// Puts the entry into the settings of `agent`: of this user, or of the project here.
///
/// # Errors
///
/// For settings that cannot be read, are of another shape, or cannot be written: they are left as they are.
pub(in crate::hook) fn install(agent: Agent, global: bool, term: &Term) -> Result<u8, Fault> {
    let path = path(agent, global)?;
    let mut settings = read(&path)?.unwrap_or_else(Json::object);
    take_out(agent, &mut settings);
    put_in(agent, &mut settings, &command(agent)?).ok_or_else(|| other_shape(&path))?;
    write(&path, &settings)?;
    term.note(&format_args!("{}: hooks of {} installed", escape(path_bytes(&path)), agent.as_str()));
    Ok(exit::CLEAN)
}

/// Takes the entry out of the settings of `agent`.
///
/// # Errors
///
/// As [`install`].
pub(in crate::hook) fn uninstall(agent: Agent, global: bool, term: &Term) -> Result<u8, Fault> {
    let path = path(agent, global)?;
    let place = escape(path_bytes(&path));
    let Some(before) = read(&path)? else {
        term.note(&format_args!("{place} is not there"));
        return Ok(exit::CLEAN);
    };
    let mut settings = before.clone();
    take_out(agent, &mut settings);
    if settings == before {
        term.note(&format_args!("{place} has no hook of exfilter's"));
    } else {
        write(&path, &settings)?;
        term.note(&format_args!("removed from {place}"));
    }
    Ok(exit::CLEAN)
}

/// Where the settings are.
fn path(agent: Agent, global: bool) -> Result<PathBuf, Fault> {
    let (variable, folder, file) = match agent {
        Agent::Claude => ("CLAUDE_CONFIG_DIR", ".claude", "settings.json"),
        Agent::Codex => ("CODEX_HOME", ".codex", "hooks.json"),
        Agent::Cursor => ("", ".cursor", "hooks.json"),
    };
    if !global {
        return Ok(Path::new(folder).join(file));
    }
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let dir = if variable.is_empty() { None } else { set(variable) };
    let dir = dir.or_else(|| set("HOME").map(|home| home.join(folder)));
    let dir = dir.ok_or_else(|| Fault::new("HOME", "it is not set", "set it, or leave --global out"))?;
    Ok(dir.join(file))
}

/// The command. Whatever else happens to it, the agent is told 2, the only code that it does not pass over.
fn command(agent: Agent) -> Result<String, Fault> {
    let word = String::from_utf8(quoted(exe()?.as_os_str()));
    let word = word.map_err(|_| Fault::new("exfilter", "the path of the program is no text", "move it"))?;
    Ok(format!("{word} {} || exit 2", mark(agent)))
}

/// By this our entries are known.
fn mark(agent: Agent) -> String {
    format!("hook agent {}", agent.as_str())
}

fn events(agent: Agent) -> &'static [&'static str] {
    match agent {
        Agent::Claude | Agent::Codex => &["PreToolUse", "UserPromptSubmit", "PostToolUse"],
        Agent::Cursor => {
            &["beforeShellExecution", "beforeMCPExecution", "beforeReadFile", "beforeSubmitPrompt"]
        }
    }
}

fn put_in(agent: Agent, settings: &mut Json, command: &str) -> Option<()> {
    if agent == Agent::Cursor {
        settings.member("version", || Json::Number(1.into()))?;
    }
    let hooks = settings.member("hooks", Json::object)?;
    for event in events(agent) {
        let handler = json!({"type": "command", "command": command, "timeout": TIMEOUT});
        let entry = match agent {
            Agent::Claude if *event != "UserPromptSubmit" => json!({"matcher": "*", "hooks": [handler]}),
            Agent::Claude | Agent::Codex => json!({"hooks": [handler]}),
            // What goes wrong with a hook lets everything pass there, unless it says so.
            Agent::Cursor => json!({"command": command, "failClosed": true}),
        };
        let Json::List(entries) = hooks.member(event, || Json::List(Vec::new()))? else { return None };
        entries.push(Json::of(&entry));
    }
    Some(())
}

/// Takes away what is ours, and what is empty then.
fn take_out(agent: Agent, settings: &mut Json) {
    let mark = mark(agent);
    let is_ours = |entry: &Json| entry.get("command").and_then(Json::text).is_some_and(|c| c.contains(&mark));
    let Json::Map(members) = settings else { return };
    let Some((_, Json::Map(hooks))) = members.iter_mut().rfind(|(key, _)| key == "hooks") else { return };
    hooks.retain_mut(|(event, entries)| {
        let Json::List(entries) = entries else { return true };
        let before = entries.len();
        entries.retain_mut(|entry| {
            if is_ours(entry) {
                return false;
            }
            let Json::Map(entry) = entry else { return true };
            let Some((_, Json::List(handlers))) = entry.iter_mut().rfind(|(key, _)| key == "hooks") else {
                return true;
            };
            let before = handlers.len();
            handlers.retain(|handler| !is_ours(handler));
            handlers.len() == before || !handlers.is_empty()
        });
        entries.len() == before || !entries.is_empty() || !events(agent).contains(&&event[..])
    });
}

fn read(path: &Path) -> Result<Option<Json>, Fault> {
    let fault =
        |what: String| Fault::new(escape(path_bytes(path)), what, "mend it, or put the entry in by hand");
    match path.metadata() {
        Ok(meta) if meta.len() > LONGEST => return Err(fault("it is too long for settings".into())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        _ => {}
    }
    let bytes = std::fs::read(path).map_err(|error| fault(format!("it cannot be read: {error}")))?;
    if bytes.trim_ascii().is_empty() {
        return Ok(None);
    }
    let json: Json = serde_json::from_slice(&bytes)
        .map_err(|error| fault(format!("it is no JSON at line {}", error.line())))?;
    match json {
        Json::Map(_) => Ok(Some(json)),
        _ => Err(other_shape(path)),
    }
}

fn other_shape(path: &Path) -> Fault {
    let what = "its hooks are of another shape than the agent's documentation says";
    Fault::new(escape(path_bytes(path)), what, "mend it, or put the entry in by hand")
}

fn write(path: &Path, settings: &Json) -> Result<(), Fault> {
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir).map_err(|error| {
            Fault::new(escape(path_bytes(dir)), format!("the folder cannot be made: {error}"), "")
        })?;
    }
    output::to_file(path, |out| {
        serde_json::to_writer_pretty(&mut *out, settings)?;
        out.write_all(b"\n")
    })
}
