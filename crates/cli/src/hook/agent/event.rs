//! [`Event`]: what an agent's document is about.
//!
//! ```text
//! Claude Code, Codex   hook_event_name, cwd   PreToolUse: tool_name, tool_input    PostToolUse: the same, tool_response    UserPromptSubmit: prompt
//! Cursor               hook_event_name        beforeShellExecution: command, cwd   beforeMCPExecution: tool_name, tool_input, url | command
//!                                             beforeReadFile: file_path, content, attachments    beforeSubmitPrompt: prompt, attachments
//! ```
//!
//! Nothing of a document is left out by its name but what the agent says of itself: a field that is new tomorrow is examined.

use std::path::{Path, PathBuf};

use super::json::Json;
use crate::fault::Fault;

/// What the agent says of itself and of the session, no part of what is sent.
const OF_THE_SESSION: [&str; 16] = [
    "agent_id",
    "agent_transcript_path",
    "agent_type",
    "conversation_id",
    "cursor_version",
    "cwd",
    "generation_id",
    "hook_event_name",
    "model",
    "permission_mode",
    "session_id",
    "tool_use_id",
    "transcript_path",
    "turn_id",
    "user_email",
    "workspace_roots",
];

/// Tools that read a file for the model.
const READERS: [&str; 2] = ["Read", "NotebookRead"];

/// What is about to happen, or has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// A tool, a command or a read is about to be carried out.
    Before,
    /// A person has written to the model.
    Prompt,
    /// A tool was carried out, and the model is about to be told.
    After,
    /// Something that we do not know.
    Other,
}

/// See the module.
pub(super) struct Event {
    /// When it is.
    pub(super) moment: Moment,
    /// As the agent calls it.
    pub(super) name: String,
    /// The document without what is known already.
    pub(super) subject: Json,
    /// Files that the model is about to see.
    pub(super) files: Vec<PathBuf>,
}

impl Event {
    /// What `document` is about.
    ///
    /// # Errors
    ///
    /// For a document that is no event, or without what such an event is about.
    pub(super) fn of(document: Json) -> Result<Event, Fault> {
        let fault = |what: &str| Fault::new("<stdin>", what, "run it as a hook of the agent");
        let name = document.get("hook_event_name").and_then(Json::text);
        let name = name.ok_or_else(|| fault("it has no hook_event_name"))?.to_string();
        let (moment, about) = match &name[..] {
            "PreToolUse" | "PermissionRequest" => (Moment::Before, "tool_input"),
            "beforeMCPExecution" => (Moment::Before, "tool_input"),
            "beforeShellExecution" => (Moment::Before, "command"),
            "beforeReadFile" => (Moment::Before, "file_path"),
            "UserPromptSubmit" | "beforeSubmitPrompt" => (Moment::Prompt, "prompt"),
            "PostToolUse" => (Moment::After, "tool_name"),
            _ => (Moment::Other, "hook_event_name"),
        };
        if document.get(about).is_none() {
            return Err(fault(&format!("the event has no {about}")));
        }
        let files = files(&document, moment);
        let Json::Map(mut members) = document else { return Err(fault("it is no object")) };
        members.retain(|(key, _)| {
            // What the tool was given was examined before it was.
            let seen = moment == Moment::After && key == "tool_input";
            !seen && !OF_THE_SESSION.contains(&&key[..])
        });
        Ok(Event { moment, name, subject: Json::Map(members), files })
    }
}

/// Files whose content the document does not have, and the model is about to see.
fn files(document: &Json, moment: Moment) -> Vec<PathBuf> {
    let cwd = document.get("cwd").and_then(Json::text).map_or_else(|| PathBuf::from("."), PathBuf::from);
    let mut files = Vec::new();
    let tool = document.get("tool_name").and_then(Json::text).unwrap_or_default();
    if moment == Moment::Before && READERS.contains(&tool) {
        let input = document.get("tool_input");
        let names = ["file_path", "notebook_path"];
        let named = names.iter().filter_map(|name| input?.get(name)?.text());
        files.extend(named.map(|name| cwd.join(name)));
    }
    if moment == Moment::Prompt {
        let prompt = document.get("prompt").and_then(Json::text).unwrap_or_default();
        files.extend(mentions(prompt, &cwd));
    }
    if let Some(Json::List(attachments)) = document.get("attachments") {
        for attachment in attachments {
            let path = ["file_path", "filePath"].iter().find_map(|name| attachment.get(name)?.text());
            files.extend(path.map(|path| cwd.join(path)));
        }
    }
    files.retain(|file| !file.is_dir());
    files.sort();
    files.dedup();
    files
}

/// Files that a prompt mentions with `@`, which the agent reads without any other hook.
fn mentions<'a>(prompt: &'a str, cwd: &'a Path) -> impl Iterator<Item = PathBuf> + 'a {
    prompt.match_indices('@').filter_map(move |(at, _)| {
        if prompt[..at].ends_with(|c: char| c.is_alphanumeric()) {
            return None;
        }
        let rest = &prompt[at + 1..];
        let name = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split('"').next()?,
            None => rest.split(char::is_whitespace).next()?,
        };
        // With lines behind it (`a.rs#L1-9`), or the end of a sentence.
        let lines = name.rfind('#').map(|at| &name[..at]);
        let sentence = name.trim_end_matches([',', '.', ';', ':', '!', '?', ')', ']', '\'', '`']);
        let all = [Some(name), lines, Some(sentence)].into_iter().flatten();
        let name = all.filter(|name| !name.is_empty()).find(|name| cwd.join(name).exists())?;
        Some(cwd.join(name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(text: &str) -> Result<Event, Fault> {
        Event::of(serde_json::from_str(text).expect("it is well-formed"))
    }

    #[test]
    fn what_an_event_is_about_must_be_there() {
        let good = event(
            r#"{"hook_event_name":"PreToolUse","cwd":"/x","tool_name":"Bash","tool_input":{},"new":1}"#,
        );
        let good = good.expect("it is an event");
        assert_eq!(good.moment, Moment::Before);
        assert!(good.subject.get("new").is_some() && good.subject.get("cwd").is_none());
        for bad in [
            r#"{"hook_event_name":"PreToolUse"}"#,
            r#"{"hook_event_name":1,"tool_input":{}}"#,
            r#"{"tool_input":{}}"#,
            "[]",
        ] {
            assert!(event(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn no_text_is_too_odd_to_be_looked_through() {
        let mut state = 1u64;
        let pieces = ["@", "\"", "#", "a", "\u{e9}", "\u{1f600}", " ", "\0", "/", "..", ")", "\n", "@\""];
        for _ in 0..2000 {
            let mut text = String::new();
            for _ in 0..state % 12 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                text.push_str(pieces[(state >> 33) as usize % pieces.len()]);
            }
            state = state.wrapping_add(1);
            let _ = mentions(&text, Path::new("/nowhere")).count();
            let document =
                serde_json::json!({"hook_event_name": "UserPromptSubmit", "prompt": text, "cwd": text});
            assert!(Event::of(Json::of(&document)).is_ok());
        }
    }

    #[test]
    fn files_that_are_mentioned_are_found() {
        let dir = tempfile::TempDir::new().expect("there is room");
        for name in ["a.rs", "b c", "d"] {
            std::fs::write(dir.path().join(name), "x").expect("there is room");
        }
        let prompt = "see @a.rs#L1-3, @\"b c\" (@d). me@a.rs @none";
        let mut found: Vec<_> = mentions(prompt, dir.path()).collect();
        found.sort();
        assert_eq!(found, ["a.rs", "b c", "d"].map(|name| dir.path().join(name)));
    }
}
