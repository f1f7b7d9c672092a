//! APIs that agents talk to.

use super::{Conversation, Seen};

pub(super) fn recognise(seen: &Seen<'_>) -> Option<Conversation> {
    if seen.has("mcp-session-id") || seen.has("mcp-protocol-version") || is_first_of_mcp(seen) {
        return Some(Conversation::Mcp);
    }
    if seen.method != "POST" {
        return None;
    }
    if seen.media_type.starts_with(b"application/grpc") {
        return Some(Conversation::Grpc);
    }
    if seen.host == b"api.anthropic.com" || seen.has("anthropic-version") || seen.holds(&["v1", "messages"]) {
        return Some(Conversation::Anthropic);
    }
    let google = seen.last().iter().rposition(|b| *b == b':').is_some_and(|colon| {
        matches!(
            &seen.last()[colon + 1..],
            b"generateContent"
                | b"streamGenerateContent"
                | b"countTokens"
                | b"embedContent"
                | b"batchEmbedContents"
        )
    });
    if google || seen.host == b"generativelanguage.googleapis.com" {
        return Some(Conversation::GoogleAi);
    }
    let open = seen.ends_with(&["chat", "completions"])
        || seen.holds(&["v1", "responses"])
        || seen.ends_with(&["codex", "responses"])
        || seen.ends_with(&["v1", "completions"])
        || seen.ends_with(&["v1", "embeddings"]);
    (open || seen.host == b"api.openai.com").then_some(Conversation::OpenAi)
}

/// The first message of a session has no header of its own: it asks for both kinds of answer.
fn is_first_of_mcp(seen: &Seen<'_>) -> bool {
    let accepts = |kind| seen.head.headers().mentions("accept", kind);
    seen.method == "POST"
        && seen.media_type == b"application/json"
        && accepts("application/json")
        && accepts("text/event-stream")
        && seen.path.iter().any(|s| s.eq_ignore_ascii_case(b"mcp"))
}
