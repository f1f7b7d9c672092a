//! What servers say of themselves: what is read of it, and what is believed.

use exfilter::substitute::LearnedEndpoints;
use exfilter::wire::{Headers, RequestHead};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::learned_logins::{AUTH, OPENID, RESOURCE, SERVER, TOKEN};
use crate::logins::{coded, to};

pub(crate) fn says(learned: &LearnedEndpoints, authority: &str, path: &str, text: &[u8]) -> bool {
    answers(learned, ("GET", authority, path), 200, &[("content-type", "application/json")], &[text])
}

/// Whether something is learned from the answer to this request.
fn answers(
    learned: &LearnedEndpoints,
    (method, authority, path): (&str, &str, &str),
    status: u16,
    fields: &[(&str, &str)],
    pieces: &[&[u8]],
) -> bool {
    let to = to(authority);
    let head = RequestHead::new(method.as_bytes(), path.as_bytes(), [("host", to.host())]).unwrap();
    let mut headers = Headers::new();
    for (name, value) in fields {
        headers.add(name.as_bytes(), value.as_bytes()).unwrap();
    }
    let Some(asked) = learned.asked(&to, &head) else { return false };
    let Some(mut answer) = asked.answer(status, &headers) else { return false };
    pieces.iter().for_each(|piece| answer.push(piece));
    answer.finish()
}

#[test]
fn only_what_is_asked_for_plainly_is_read() {
    let document = json!({"issuer": AUTH, "token_endpoint": TOKEN}).to_string();
    let json = [("content-type", "application/json")];
    let learned = LearnedEndpoints::new();
    let text = &[document.as_bytes()][..];
    let is = |method: &str, authority: &str, path: &str| {
        answers(&learned, (method, authority, path), 200, &json, text)
    };
    for path in [SERVER, OPENID] {
        assert!(is("GET", AUTH, path), "{path}");
    }
    for (method, authority, path) in [
        ("POST", AUTH, SERVER.to_owned()),
        ("HEAD", AUTH, SERVER.to_owned()),
        ("GET", "http://auth.example.com", SERVER.to_owned()),
        ("GET", "https://auth.example.com:8443", SERVER.to_owned()),
        ("GET", "https://example.com", SERVER.to_owned()),
        ("GET", AUTH, format!("{SERVER}?x=1")),
        ("GET", AUTH, format!("{SERVER}/x")),
        ("GET", AUTH, format!("{SERVER}x")),
        ("GET", AUTH, format!("{SERVER}/..")),
        ("GET", AUTH, format!("/{SERVER}")),
        ("GET", AUTH, format!("/x{SERVER}")),
        ("GET", AUTH, format!("/x{OPENID}")),
        ("GET", AUTH, SERVER.replace('-', "%2D")),
        ("GET", AUTH, SERVER.to_uppercase()),
        ("GET", AUTH, "/".to_owned()),
    ] {
        assert!(!is(method, authority, &path), "{method} {authority}{path}");
    }
    let at = ("GET", AUTH, SERVER);
    for (status, fields) in [
        (201, &json[..]),
        (206, &json),
        (301, &json),
        (404, &json),
        (200, &[]),
        (200, &[("content-type", "text/plain")]),
        (200, &[("content-type", "text/html; application/json")]),
        (200, &[("content-type", "application/json"), ("content-range", "bytes 0-1/2")]),
        (200, &[("content-type", "application/json"), ("content-encoding", "x")]),
        (200, &[("content-type", "application/json"), ("content-encoding", "gzip")]),
    ] {
        assert!(!answers(&learned, at, status, fields, text), "{status} {fields:?}");
    }
    let charset = [("content-type", "Application/JSON; charset=utf-8")];
    assert!(answers(&learned, at, 200, &charset, text));
    // In pieces, and in a coding.
    let pieces: Vec<&[u8]> = document.as_bytes().chunks(7).collect();
    assert!(answers(&learned, at, 200, &json, &pieces));
    for coding in ["gzip", "deflate", "zstd"] {
        let body = coded(coding, document.as_bytes());
        let fields = [("content-type", "application/json"), ("content-encoding", coding)];
        assert!(answers(&learned, at, 200, &fields, &[&body]), "{coding}");
        assert!(!answers(&learned, at, 200, &fields, &[&body[..body.len() - 3]]), "{coding}");
        let long = format!("{document}{}", " ".repeat(64 << 10));
        assert!(!answers(&learned, at, 200, &fields, &[&coded(coding, long.as_bytes())]), "{coding}");
    }
    let blanks = " ".repeat((64 << 10) - document.len());
    assert!(answers(&learned, at, 200, &json, &[document.as_bytes(), blanks.as_bytes()]));
    assert!(!answers(&learned, at, 200, &json, &[document.as_bytes(), blanks.as_bytes(), b" "]));
}

#[test]
fn nothing_is_believed_that_is_malformed() {
    let learned = LearnedEndpoints::new();
    let good = format!(r#"{{"issuer":"{AUTH}","token_endpoint":"{TOKEN}"}}"#);
    assert!(says(&learned, AUTH, SERVER, good.as_bytes()));
    let with = |endpoint: &str| format!(r#"{{"issuer":"{AUTH}","token_endpoint":"{endpoint}"}}"#);
    for bad in [
        String::new(),
        "null".into(),
        format!("[{good}]"),
        format!("{good}{good}"),
        good[..good.len() - 1].into(),
        good.replace("}", ",}"),
        good.replace("}", r#","x":tru}"#),
        good.replace("}", r#","x":01}"#),
        good.replace("}", ",\"x\":\"\u{0}\"}"),
        format!(r#"{{"issuer":"{AUTH}"}}"#),
        format!(r#"{{"token_endpoint":"{TOKEN}"}}"#),
        // Two of one name: readers differ.
        good.replace("}", &format!(r#","token_endpoint":"{TOKEN}"}}"#)),
        good.replace("}", &format!(r#","Token_Endpoint":"{TOKEN}"}}"#)),
        good.replace("}", &format!(r#","issue\u0072":"{AUTH}"}}"#)),
        good.replace("issuer", "Issuer"),
        good.replace(&format!(r#""{TOKEN}""#), &format!(r#"["{TOKEN}"]"#)),
        good.replace(&format!(r#""{TOKEN}""#), "7"),
        good.replace(&format!(r#""{TOKEN}""#), "null"),
        good.replace("}", r#","revocation_endpoint":7}"#),
        // Another issuer than the one that was asked.
        good.replace(r#""issuer":"https://auth"#, r#""issuer":"https://mcp"#),
        good.replace(r#"example.com","#, r#"example.com/x","#),
        good.replace(r#"example.com","#, r#"example.com:8443","#),
        good.replace(r#""issuer":"https"#, r#""issuer":"http"#),
        with("http://auth.example.com/oauth/token"),
        with("https://auth.example.com"),
        with("https://auth.example.com/"),
        with("https://u@auth.example.com/token"),
        with("https://auth.example.com/token?x"),
        with("https://auth.example.com/token#x"),
        with("https://auth.example.com/*"),
        with("https://auth.example.com/x//token"),
        with("https://auth.example.com/x/../token"),
        with("https://auth.example.com/%74oken"),
        with("https://auth.example.com:0/token"),
        with(&format!("https://auth.example.com/{}", "x".repeat(600))),
    ] {
        assert!(!says(&learned, AUTH, SERVER, bad.as_bytes()), "{bad}");
    }
    let mut bytes = good.replace("}", r#","x":"?"}"#).into_bytes();
    assert!(says(&learned, AUTH, SERVER, &bytes));
    let at = bytes.iter().position(|byte| *byte == b'?').unwrap();
    bytes[at] = 0xff;
    assert!(!says(&learned, AUTH, SERVER, &bytes), "no text");

    // Resources.
    let mcp = "https://mcp.example.com";
    let text = |resource: &str, servers: &str| {
        format!(r#"{{"resource":"{resource}","authorization_servers":{servers}}}"#)
    };
    let servers = format!(r#"["{AUTH}"]"#);
    for (path, resource, is) in [
        ("", mcp, true),
        ("", "https://mcp.example.com/", true),
        // At which it told the client to ask here.
        ("", "https://mcp.example.com/mcp", true),
        ("/mcp", "https://mcp.example.com/mcp", true),
        ("/mcp/", "https://mcp.example.com/mcp/", true),
        ("/mcp", mcp, false),
        ("/mcp", "https://mcp.example.com/mcp/x", false),
        ("/mcp", "https://mcp.example.com/MCP", false),
        ("", "https://example.com", false),
        ("", "https://mcp.example.com:8443", false),
        ("", "http://mcp.example.com", false),
        ("", "https://mcp.example.com?x", false),
    ] {
        let text = text(resource, &servers);
        assert_eq!(
            says(&learned, mcp, &format!("{RESOURCE}{path}"), text.as_bytes()),
            is,
            "{path} {resource}"
        );
    }
    let many = format!("[{}]", vec![format!("\"{AUTH}\""); 9].join(","));
    for servers in [
        "[]",
        "null",
        r#""https://auth.example.com""#,
        r#"{"0":"https://auth.example.com"}"#,
        r#"[["https://auth.example.com"]]"#,
        r#"["https://auth.example.com",7]"#,
        r#"["https://auth.example.com","http://other.example.com"]"#,
        r#"["https://auth.example.com"],"authorization_servers":["https://auth.example.com"]"#,
        r#"["https://auth.example.com"],"Authorization_Servers":["https://auth.example.com"]"#,
        &many,
    ] {
        assert!(!says(&learned, mcp, RESOURCE, text(mcp, servers).as_bytes()), "{servers}");
    }
    assert!(says(
        &learned,
        mcp,
        RESOURCE,
        text(mcp, &many.replacen(&format!("\"{AUTH}\","), "", 1)).as_bytes()
    ));
}

/// Pieces of documents.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let known: Vec<Vec<u8>> = [
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        " ",
        "\\",
        "null",
        "1",
        "\"issuer\":",
        "\"token_endpoint\":",
        "\"resource\":",
        "\"authorization_servers\":",
        "\"revocation_endpoint\":",
        "\"https://auth.example.com\"",
        "\"https://auth.example.com/token\"",
        "{\"issuer\":\"https://auth.example.com\",\"token_endpoint\":\"https://auth.example.com/token\"}",
        "{\"resource\":\"https://auth.example.com\",\"authorization_servers\":[\"https://auth.example.com\"]}",
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .collect();
    let piece = prop_oneof![8 => prop::sample::select(known), 1 => prop::collection::vec(any::<u8>(), 0..4)];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn whatever_a_server_says_nothing_malformed_is_learned(
        text in pieces(),
        path in prop::sample::select(vec![SERVER, OPENID, RESOURCE]),
        cut in 1_usize..40,
    ) {
        let learned = LearnedEndpoints::new();
        let chunks: Vec<&[u8]> = text.chunks(cut).collect();
        let json = [("content-type", "application/json")];
        let is = answers(&learned, ("GET", AUTH, path), 200, &json, &chunks);
        prop_assert_eq!(is, says(&LearnedEndpoints::new(), AUTH, path, &text));
        prop_assert_eq!(!is, format!("{learned:?}") == "LearnedEndpoints(0 servers, 0 resources)");
        if is {
            let read: Value = serde_json::from_slice(&text).expect("what is learned is a document");
            if path == RESOURCE {
                prop_assert_eq!(&read["resource"], AUTH);
                prop_assert!(read["authorization_servers"].as_array().is_some_and(|all| !all.is_empty()));
            } else {
                prop_assert_eq!(&read["issuer"], AUTH);
                prop_assert!(read["token_endpoint"].as_str().is_some_and(|url| url.starts_with("https://")));
            }
        }
    }
}
