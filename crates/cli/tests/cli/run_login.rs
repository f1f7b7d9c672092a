//! `exfilter run` and logins: the command's files have placeholders, and the summary and the journal say so.

use crate::harness::{Sandbox, github_token, secret};
use crate::run::{Stage, has};
use crate::upstream::{Answer, Upstream};

#[test]
fn a_login_inside_leaves_its_tokens_outside() {
    if !has("curl") {
        return;
    }
    let (access, refresh) = (github_token(), secret(40));
    let body = format!(r#"{{"access_token":"{access}","refresh_token":"{refresh}","expires_in":3600}}"#);
    let answer = move |request: &crate::upstream::Arrived| match request.target.as_str() {
        "/oauth2/token" => {
            let headers = vec![("content-type", "application/json".into())];
            Answer { status: 200, headers, body: body.clone().into_bytes() }
        }
        _ => Answer { status: 200, headers: Vec::new(), body: b"hello".to_vec() },
    };
    let sandbox = Sandbox::new();
    let server = Upstream::start(&["api.github.com", "other.example.com"], &[b"http/1.1"], answer);
    std::fs::write(sandbox.top().join("upstream.pem"), &server.ca).unwrap();
    let stage = Stage { sandbox, server };
    let policy =
        "version = 1\n[oauth.endpoints]\n\"https://other.example.com/oauth2/token\" = [\"api.github.com\"]\n";
    let path = stage.sandbox.top().join("policy.toml");
    std::fs::write(&path, policy).unwrap();
    let script = "curl -sS -d 'grant_type=authorization_code&code=x' https://other.example.com/oauth2/token > login; cat login; \
                  token=$(sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/' login); \
                  curl -sS -H \"Authorization: Bearer $token\" https://api.github.com/user; rm login";
    let args = ["--policy", "policy.toml", "--log", "run.log"];
    let run = stage.run(&args, &[], &["sh", "-c", script]).exits_with(0);
    assert!(run.stdout.ends_with("hello") && run.stdout.contains("\"expires_in\":3600"), "{run:#?}");
    assert!(!run.stdout.contains(&access) && !run.stdout.contains(&refresh));
    let arrived = stage.server.requests();
    assert_eq!(arrived[1].header("authorization").unwrap(), format!("Bearer {access}"));
    run.notes("logins whose tokens are kept outside: their placeholders end with the session").notes(
        "https://other.example.com:443  access_token, refresh_token: the client has placeholders, good at api.github.com",
    );
    let log = std::fs::read_to_string(stage.sandbox.top().join("run.log")).unwrap();
    assert!(log.lines().any(|line| line.contains("\"outcome\":\"kept\"")) && !log.contains(&access), "{log}");
}

/// The summary says what the policy would have to say, where a server elsewhere names the endpoint.
#[test]
fn a_login_at_an_endpoint_that_is_learned() {
    if !has("curl") {
        return;
    }
    let access = secret(40);
    let token = format!(r#"{{"access_token":"{access}","token_type":"Bearer"}}"#);
    let answer = move |request: &crate::upstream::Arrived| {
        let body = match request.target.as_str() {
            "/.well-known/oauth-protected-resource" => {
                r#"{"resource":"https://api.github.com","authorization_servers":["https://other.example.com"]}"#
            }
            "/.well-known/oauth-authorization-server" => {
                r#"{"issuer":"https://other.example.com","token_endpoint":"https://other.example.com/token"}"#
            }
            "/token" => &token,
            _ => "hello",
        };
        let headers = vec![("content-type", "application/json".into())];
        Answer { status: 200, headers, body: body.as_bytes().to_vec() }
    };
    let sandbox = Sandbox::new();
    let server = Upstream::start(&["api.github.com", "other.example.com"], &[b"http/1.1"], answer);
    std::fs::write(sandbox.top().join("upstream.pem"), &server.ca).unwrap();
    let stage = Stage { sandbox, server };
    let policy = "version = 1\n[oauth]\nlearn = [\"api.github.com\", \"other.example.com\"]\n";
    std::fs::write(stage.sandbox.top().join("policy.toml"), policy).unwrap();
    let script = "curl -sS https://api.github.com/.well-known/oauth-protected-resource; \
                  curl -sS https://other.example.com/.well-known/oauth-authorization-server; \
                  for n in 1 2; do curl -sS -d 'grant_type=authorization_code&code=x&resource=https://api.github.com' \
                  https://other.example.com/token > login; cat login; done; \
                  token=$(sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/' login); \
                  for host in api.github.com other.example.com; do \
                  curl -sS -H \"Authorization: Bearer $token\" https://$host/user; done; rm login";
    let run =
        stage.run(&["--policy", "policy.toml", "--log", "run.log"], &[], &["sh", "-c", script]).exits_with(0);
    assert!(run.stdout.ends_with("hellohello") && !run.stdout.contains(&access), "{run:#?}");
    let bearers: Vec<String> =
        stage.server.requests().iter().filter_map(|request| request.header("authorization")).collect();
    assert!(bearers[0] != format!("Bearer {access}") && bearers[1] == format!("Bearer {access}"));
    let hint = "good at other.example.com; not at api.github.com, for which there is its own word alone: whoever trusts it with these tokens \
                writes \"https://other.example.com/token\" = [\"other.example.com\", \"api.github.com\"] under [oauth.endpoints] in the policy";
    run.notes(hint);
    let log = std::fs::read_to_string(stage.sandbox.top().join("run.log")).unwrap();
    assert!(
        log.matches("for which there is its own word alone").count() == 1 && !log.contains(&access),
        "{log}"
    );
}
