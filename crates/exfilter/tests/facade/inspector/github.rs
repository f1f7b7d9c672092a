//! Uploads to GitHub's API: files in JSON and base64, in GraphQL, gists, and assets as they are.

use exfilter::wire::Conversation;
use exfilter_testing::{Rng, keys, wrap};

use super::bodies::{gzip, in_all_chunkings};
use super::{Request, engine, text};

const API: &str = "https://api.github.com";

/// One way to put a file there.
struct Upload {
    name: &'static str,
    to: &'static str,
    method: &'static str,
    target: &'static str,
    /// The body around the file.
    body: fn(&[u8]) -> Vec<u8>,
    /// Whether it takes files of any bytes.
    binary: bool,
}

fn in_json(before: &str, written: &[u8], after: &str) -> Vec<u8> {
    [before.as_bytes(), written, after.as_bytes()].concat()
}

/// As JSON writes it; the file is text.
fn spelled(file: &[u8]) -> Vec<u8> {
    let quoted = serde_json::to_string(&text(file)).unwrap();
    quoted.as_bytes()[1..quoted.len() - 1].to_vec()
}

fn base64(file: &[u8]) -> Vec<u8> {
    wrap::base64(file, false, true)
}

/// In lines of sixty characters, as clients in Ruby send it and as GitHub answers.
fn folded(file: &[u8]) -> Vec<u8> {
    base64(file).chunks(60).collect::<Vec<_>>().join(&b"\\n"[..])
}

const UPLOADS: [Upload; 9] = [
    Upload {
        name: "contents",
        to: API,
        method: "PUT",
        target: "/repos/acme/demo/contents/src/config.py",
        body: |file| in_json(r#"{"message":"a file","branch":"main","content":""#, &base64(file), r#""}"#),
        binary: true,
    },
    Upload {
        name: "contents in lines",
        to: API,
        method: "PUT",
        target: "/repos/acme/demo/contents/src/config.py",
        body: |file| in_json(r#"{"message":"a file","content":""#, &folded(file), r#"","sha":null}"#),
        binary: true,
    },
    Upload {
        name: "a blob",
        to: API,
        method: "POST",
        target: "/repos/acme/demo/git/blobs",
        body: |file| in_json(r#"{"encoding":"base64","content":""#, &base64(file), r#""}"#),
        binary: true,
    },
    Upload {
        name: "a blob of text",
        to: API,
        method: "POST",
        target: "/repos/acme/demo/git/blobs",
        body: |file| in_json(r#"{"content":""#, &spelled(file), r#"","encoding":"utf-8"}"#),
        binary: false,
    },
    Upload {
        name: "a tree",
        to: API,
        method: "POST",
        target: "/repos/acme/demo/git/trees",
        body: |file| {
            let before =
                r#"{"base_tree":null,"tree":[{"path":"a.py","mode":"100644","type":"blob","content":""#;
            in_json(before, &spelled(file), r#""}]}"#)
        },
        binary: false,
    },
    Upload {
        name: "a gist",
        to: API,
        method: "POST",
        target: "/gists",
        body: |file| {
            in_json(r#"{"public":false,"files":{"notes.txt":{"content":""#, &spelled(file), r#""}}}"#)
        },
        binary: false,
    },
    Upload {
        name: "a comment",
        to: API,
        method: "POST",
        target: "/repos/acme/demo/issues/7/comments",
        body: |file| in_json(r#"{"body":""#, &spelled(file), r#""}"#),
        binary: false,
    },
    Upload {
        name: "a release's asset",
        to: "https://uploads.github.com",
        method: "POST",
        target: "/repos/acme/demo/releases/1/assets?name=demo.tar.gz&label=demo",
        body: <[u8]>::to_vec,
        binary: true,
    },
    Upload {
        name: "a commit by GraphQL",
        to: API,
        method: "POST",
        target: "/graphql",
        body: |file| {
            let before = r#"{"query":"mutation($input:CreateCommitOnBranchInput!){createCommitOnBranch(input:$input){commit{oid}}}","variables":{"input":{"fileChanges":{"additions":[{"path":"a.py","contents":""#;
            in_json(before, &base64(file), r#""}]},"message":{"headline":"a file"}}}}"#)
        },
        binary: true,
    },
];

impl Upload {
    /// The request, by somebody who is logged in.
    fn request(&self, login: &[u8], file: &[u8]) -> Request {
        let body = (self.body)(file);
        Request::new(self.to, self.method, self.target)
            .field("authorization", [b"Bearer ", login].concat())
            .field("accept", "application/vnd.github+json")
            .field("content-type", "application/json")
            .field("content-length", body.len().to_string())
            .body(&body)
    }
}

#[test]
fn files_for_github_are_examined_however_they_are_written() {
    let mut rng = Rng::new(58);
    let enrolled = rng.text(keys::BASE62, 32);
    let engine = engine(&[("DEPLOY", &enrolled, &[])]);
    let login = keys::github(&mut rng, "ghp_");
    for upload in UPLOADS {
        let clean = wrap::text(&mut rng);
        let clean = upload.request(&login, &clean);
        let outcome = in_all_chunkings(&engine, &clean, b"nothing of interest");
        assert!(!outcome.blocked && outcome.sent == clean.body, "{}: {:?}", upload.name, outcome.operator);

        for secret in [keys::github(&mut rng, "ghp_"), enrolled.clone()] {
            let config = [b"import os\nTOKEN = \"", &secret[..], b"\"\nprint(\"\\o/\")\n"].concat();
            let mut files = vec![config.clone()];
            if upload.binary {
                files.push(gzip(&wrap::tar(&[("demo/config.py", &config)])));
                files.push(wrap::zip(&mut rng, &config));
            } else {
                files.push(base64(&gzip(&config)));
            }
            for (n, file) in files.iter().enumerate() {
                let outcome = in_all_chunkings(&engine, &upload.request(&login, file), &secret);
                assert!(outcome.blocked, "{}, file {n}", upload.name);
            }
        }
    }
}

/// `gh` and Octokit show `message`.
#[test]
fn a_refusal_is_one_of_githubs() {
    let mut rng = Rng::new(59);
    let engine = engine(&[]);
    let (login, token) = (keys::github(&mut rng, "ghp_"), keys::github(&mut rng, "ghp_"));
    for upload in UPLOADS {
        let request = upload.request(&login, &token);
        let graphql = upload.target == "/graphql";
        let conversation = if graphql { Conversation::GitHubGraphql } else { Conversation::GitHub };
        assert_eq!(request.head().conversation(), conversation, "{}", upload.name);
        let reply = text(&request.run(&engine).subject.unwrap());
        let (head, body) = reply.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with(if graphql { "HTTP/1.1 200 " } else { "HTTP/1.1 422 " }), "{head}");
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        let message = if graphql { &body["errors"][0]["message"] } else { &body["message"] };
        let message = message.as_str().unwrap();
        assert!(message.starts_with("secret detected in body"), "{}: {message}", upload.name);
    }
}
