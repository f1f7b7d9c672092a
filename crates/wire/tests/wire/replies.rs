//! Refusals: well formed, one line where one line is shown, and of a status that no client tries again.

use exfilter_wire::git::Receive;
use exfilter_wire::http1;
use exfilter_wire::{Asked, Conversation, Reply, RequestHead, Why, error_event, error_message};

const ALL: [Conversation; 28] = [
    Conversation::GitPushRefs,
    Conversation::GitFetchRefs,
    Conversation::GitReceivePack,
    Conversation::GitUploadPack,
    Conversation::GitDumbPush,
    Conversation::LfsBatch,
    Conversation::LfsObject,
    Conversation::NpmPublish,
    Conversation::PypiUpload,
    Conversation::CargoPublish,
    Conversation::OciBlob,
    Conversation::OciManifest,
    Conversation::MavenUpload,
    Conversation::NugetPush,
    Conversation::GemPush,
    Conversation::VsixPublish,
    Conversation::Anthropic,
    Conversation::OpenAi,
    Conversation::GoogleAi,
    Conversation::Mcp,
    Conversation::S3,
    Conversation::AwsJson,
    Conversation::AwsQuery,
    Conversation::GitHub,
    Conversation::GitHubGraphql,
    Conversation::Grpc,
    Conversation::Tunnel,
    Conversation::Plain,
];

fn refuse(conversation: Conversation, text: &str) -> Reply {
    Reply::refuse(conversation, Asked::default(), Why { text, details: &[] })
}

#[test]
fn every_refusal_is_well_formed_and_not_tried_again() {
    let text = "secret detected in \"a\\b\"\r\nInjected: x, reference abcdefghijkm";
    for conversation in ALL {
        let reply = refuse(conversation, text);
        assert!(matches!(reply.status, 200 | 400 | 403 | 422), "{conversation:?}");
        assert!(reply.drain);
        let json = reply.headers.iter().any(|(_, value)| value.ends_with("json"));
        if json {
            let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
            assert!(body.to_string().contains("reference abcdefghijkm"), "{conversation:?}");
        }
        let bytes = reply.to_http1();
        let head = &bytes[..bytes.len() - reply.body.len()];
        let lines: Vec<&[u8]> = head.split(|b| *b == b'\n').collect();
        assert!(lines.iter().all(|line| !line.starts_with(b"Injected")), "{conversation:?}");
        assert!(head.ends_with(format!("Content-Length: {}\r\n\r\n", reply.body.len()).as_bytes()));
        for (name, _) in &reply.headers {
            assert!(RequestHead::new(b"GET", b"/", [(*name, "x")]).is_ok());
        }
    }
}

/// A refusal for an enrolled secret has one text, so it has one length: nothing else may change with what was found.
#[test]
fn texts_of_one_length_make_replies_of_one_length() {
    for conversation in ALL {
        let one = refuse(conversation, "blocked by policy, reference abcdefghijkm").to_http1().len();
        let other = refuse(conversation, "blocked by policy, reference zyxwvutsrqpn").to_http1().len();
        assert_eq!(one, other);
    }
}

#[test]
fn pushes_are_refused_ref_by_ref() {
    let mut push = Receive::new();
    let zeros = "0".repeat(40);
    let command = format!("{zeros} {} refs/heads/main\0report-status side-band-64k", "1".repeat(40));
    push.feed(&mut format!("{:04x}{command}0000", command.len() + 4).as_bytes(), &mut |_| {}).unwrap();
    let why = Why { text: "no", details: &["line".into()] };
    let reply = Reply::refuse(Conversation::GitReceivePack, Asked::default().push(&push), why);
    assert_eq!((reply.status, reply.drain), (200, true));
    let body = String::from_utf8_lossy(&reply.body);
    assert!(body.contains("\u{2}line\n") && body.contains("ng refs/heads/main no\n"));
}

#[test]
fn errors_of_agents_have_their_shape() {
    let text = "blocked";
    let body =
        |conversation| serde_json::from_slice::<serde_json::Value>(&refuse(conversation, text).body).unwrap();
    let message = "exfilter: blocked. Nothing was sent. What stands in a conversation is sent with every turn: go back to before it, or begin a new one";
    for conversation in [Conversation::Anthropic, Conversation::OpenAi, Conversation::GoogleAi] {
        assert_eq!(body(conversation)["error"]["message"], message);
    }
    assert_eq!(body(Conversation::Anthropic)["type"], "error");
    assert_eq!(body(Conversation::OpenAi)["error"]["code"], "blocked_by_policy");
    assert_eq!(body(Conversation::GoogleAi)["error"]["status"], "INVALID_ARGUMENT");
    let mcp = Reply::refuse(Conversation::Mcp, Asked::default().id(Some(7)), Why { text, details: &[] });
    let value: serde_json::Value = serde_json::from_slice(&mcp.body).unwrap();
    assert_eq!((mcp.status, &value["id"], &value["error"]["message"]), (200, &7.into(), &text.into()));
    assert!(error_event(Conversation::Anthropic, text).starts_with(b"event: error\ndata: {"));
    assert!(error_event(Conversation::Plain, text).is_empty());
    let message = error_message(Conversation::OpenAi, "a \"b\"").unwrap();
    let message: serde_json::Value = serde_json::from_str(&message).unwrap();
    assert_eq!((&message["type"], &message["status"]), (&"error".into(), &400.into()));
    assert_eq!(message["error"]["code"], "blocked_by_policy");
    assert!(message["error"]["message"].as_str().unwrap().starts_with("exfilter: a \"b\". "));
    assert_eq!(error_message(Conversation::Anthropic, text), None);
}

#[test]
fn errors_of_aws_have_their_shape() {
    let text = "secret detected in <a> & \u{1}b";
    let body = |conversation| String::from_utf8(refuse(conversation, text).body).unwrap();
    let error =
        "<Error><Code>AccessDenied</Code><Message>secret detected in &lt;a&gt; &amp; ?b</Message></Error>";
    assert!(body(Conversation::S3).ends_with(error));
    assert!(body(Conversation::AwsQuery).contains(&format!("<ErrorResponse>{error}")));
    let json: serde_json::Value = serde_json::from_str(&body(Conversation::AwsJson)).unwrap();
    assert_eq!(json["message"], text);
    assert_eq!(json["__type"], "AccessDeniedException");
}

#[test]
fn a_bad_head_is_answered_and_the_connection_closed() {
    let error = http1::parse(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n").unwrap_err();
    let reply = Reply::bad_request(error);
    assert_eq!((reply.status, reply.drain), (400, false));
    assert!(String::from_utf8_lossy(&reply.to_http1()).contains("Connection: close\r\n"));
}
