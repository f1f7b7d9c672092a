//! The forms of refusals, client by client.

use crate::conversation::Conversation;
use crate::git::{Receive, Report, error_line};
use crate::json::quoted;

use super::{Asked, REASON_MAX, Reply, Why, one_line, phrase};

pub(super) fn refuse(conversation: Conversation, asked: Asked<'_>, why: Why<'_>) -> Reply {
    let text = why.text;
    let json = quoted(text);
    match conversation {
        Conversation::GitReceivePack => match asked.push {
            Some(push) if push.is_done() && !push.is_probe() => git_push(push, why),
            _ => Reply::text(403, text),
        },
        Conversation::GitPushRefs => git_refs("git-receive-pack", text),
        Conversation::GitFetchRefs => git_refs("git-upload-pack", text),
        Conversation::GitUploadPack => {
            Reply::new(200, phrase(200), "application/x-git-upload-pack-result", error_line(text))
        }
        // git-lfs shows `message`. After a 422 for an object it says that the media type is unsupported, and lets git push what points to it.
        Conversation::LfsBatch | Conversation::LfsObject => Reply::new(
            403,
            phrase(403),
            "application/vnd.git-lfs+json",
            format!("{{\"message\":{json}}}").into_bytes(),
        ),
        // npm explains a 403 away; of a 422 it shows the text.
        Conversation::NpmPublish => Reply::json(422, format!("{{\"error\":{json},\"reason\":{json}}}"))
            .header("npm-notice", one_line(text, REASON_MAX)),
        // twine and Maven show the reason phrase and nothing else.
        Conversation::PypiUpload | Conversation::MavenUpload | Conversation::NugetPush => {
            let mut reply = Reply::text(403, text);
            reply.reason = one_line(text, REASON_MAX);
            if conversation == Conversation::NugetPush {
                reply = reply.header("X-NuGet-Warning", one_line(text, REASON_MAX));
            }
            reply
        }
        Conversation::CargoPublish => Reply::json(403, format!("{{\"errors\":[{{\"detail\":{json}}}]}}")),
        Conversation::OciBlob | Conversation::OciManifest => Reply::json(
            403,
            format!("{{\"errors\":[{{\"code\":\"DENIED\",\"message\":{json},\"detail\":null}}]}}"),
        ),
        // The two marketplaces look for different members.
        Conversation::VsixPublish => Reply::json(403, format!("{{\"message\":{json},\"error\":{json}}}")),
        Conversation::Anthropic => agent(400, anthropic(&in_conversation(text))),
        Conversation::OpenAi => agent(400, openai(&in_conversation(text))),
        Conversation::GoogleAi => agent(400, google(&in_conversation(text))),
        Conversation::Mcp => mcp(asked, &json),
        Conversation::S3 => aws(403, error_of_aws(text)),
        Conversation::AwsQuery => aws(
            403,
            format!("<ErrorResponse>{}<RequestId>exfilter</RequestId></ErrorResponse>", error_of_aws(text)),
        ),
        Conversation::AwsJson => {
            Reply::json(403, format!("{{\"__type\":\"{DENIED}Exception\",\"message\":{json}}}"))
                .header("x-amzn-errortype", format!("{DENIED}Exception"))
        }
        Conversation::GitHub => Reply::json(422, format!("{{\"message\":{json},\"status\":\"422\"}}")),
        Conversation::GitHubGraphql => Reply::json(
            200,
            format!("{{\"data\":null,\"errors\":[{{\"type\":\"FORBIDDEN\",\"message\":{json}}}]}}"),
        ),
        Conversation::Grpc => Reply::new(200, phrase(200), "application/grpc", Vec::new())
            .header("grpc-status", "7")
            .header("grpc-message", percent(text)),
        Conversation::GemPush | Conversation::GitDumbPush | Conversation::Tunnel | Conversation::Plain => {
            Reply::text(403, text)
        }
    }
}

fn git_push(push: &Receive, why: Why<'_>) -> Reply {
    let body = Report { push, reason: why.text, message: why.details }.to_bytes();
    let mut reply = Reply::new(200, phrase(200), "application/x-git-receive-pack-result", body);
    reply.headers[1].1 = "no-cache".into();
    reply
}

/// An error instead of refs: git prints it; of a 403 it would show the number alone.
fn git_refs(service: &str, text: &str) -> Reply {
    let mut body = Vec::new();
    crate::git::pkt::write(format!("# service={service}\n").as_bytes(), &mut body);
    crate::git::pkt::flush(&mut body);
    body.extend(error_line(text));
    let mut reply = Reply::new(200, phrase(200), &format!("application/x-{service}-advertisement"), body);
    reply.headers[1].1 = "no-cache".into();
    reply
}

/// SDKs try again after 408, 409, 429 and 5xx, unless they are told not to; after a 403, agents ask people to log in again.
fn agent(status: u16, body: String) -> Reply {
    Reply::json(status, body).header("x-should-retry", "false")
}

/// What people read in an agent, where they do not know who refuses and why the next turn is refused as well. The same words for whatever is refused.
fn in_conversation(text: &str) -> String {
    quoted(&format!(
        "exfilter: {text}. Nothing was sent. What stands in a conversation is sent with every turn: go back to before it, or begin a new one"
    ))
}

fn anthropic(json: &str) -> String {
    format!("{{\"type\":\"error\",\"error\":{{\"type\":\"invalid_request_error\",\"message\":{json}}}}}")
}

fn openai(json: &str) -> String {
    format!(
        "{{\"error\":{{\"message\":{json},\"type\":\"invalid_request_error\",\"param\":null,\"code\":\"blocked_by_policy\"}}}}"
    )
}

fn google(json: &str) -> String {
    format!("{{\"error\":{{\"code\":400,\"message\":{json},\"status\":\"INVALID_ARGUMENT\"}}}}")
}

/// What AWS calls a refusal; clients try none of these again.
const DENIED: &str = "AccessDenied";

fn aws(status: u16, body: String) -> Reply {
    Reply::new(
        status,
        phrase(status),
        "application/xml",
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{body}").into_bytes(),
    )
}

fn error_of_aws(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            // XML has no other control characters.
            c if c.is_control() && !matches!(c, '\n' | '\r' | '\t') => escaped.push('?'),
            c => escaped.push(c),
        }
    }
    format!("<Error><Code>{DENIED}</Code><Message>{escaped}</Message></Error>")
}

/// An error of JSON-RPC belongs to the request with its id; the code is one of those left to servers.
fn mcp(asked: Asked<'_>, json: &str) -> Reply {
    let error = format!("\"error\":{{\"code\":-32001,\"message\":{json}}}");
    match asked.id {
        Some(id) => Reply::json(200, format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},{error}}}")),
        None => Reply::json(403, format!("{{\"jsonrpc\":\"2.0\",\"id\":null,{error}}}")),
    }
}

/// The server-sent event with which a stream of answers that has begun ends as an error; empty for conversations that have none.
#[must_use]
pub fn error_event(conversation: Conversation, text: &str) -> Vec<u8> {
    let json = quoted(text);
    match conversation {
        Conversation::Anthropic => format!("event: error\ndata: {}\n\n", anthropic(&json)),
        Conversation::OpenAi => format!("data: {}\n\n", openai(&json)),
        Conversation::GoogleAi => format!("data: {}\n\n", google(&json)),
        _ => String::new(),
    }
    .into_bytes()
}

/// The message by which a client of a conversation over WebSocket hears that one of its own was refused, and that the connection goes on; `None` for conversations that have none.
/// Of one that is closed instead, agents know no reason, and send the same again.
#[must_use]
pub fn error_message(conversation: Conversation, text: &str) -> Option<String> {
    match conversation {
        Conversation::OpenAi => {
            let error = openai(&in_conversation(text));
            Some(format!("{{\"type\":\"error\",\"status\":400,{}", &error[1..]))
        }
        _ => None,
    }
}

/// As `grpc-message` is written: printable ASCII, the rest and `%` escaped.
fn percent(text: &str) -> String {
    let mut out = String::new();
    for b in text.bytes() {
        match b {
            b' '..=b'~' if b != b'%' => out.push(char::from(b)),
            _ => out.push_str(&format!("%{b:02X}")),
        }
    }
    out
}
