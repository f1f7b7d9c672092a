//! `exfilter run` with coding agents: what they need of it, and real ones where they are on the machine, before servers that speak like their models.

use std::process::Command;

use serde_json::{Value, json};

use crate::harness::{Run, Sandbox, github_token, plant, secret};
use crate::run::{Stage, has};
use crate::upstream::{Answer, Arrived, Upstream};

/// A key by the example of its rule.
fn key(rule: &str, seed: u64) -> String {
    let entries = exfilter::rules::builtin_entries();
    let entry = entries.iter().find(|entry| entry.rule.id == rule).unwrap();
    let key = exfilter::rules::example::expand(&entry.examples[0], entry.rule.checksum, seed).unwrap();
    String::from_utf8(key).unwrap()
}

/// One that no output may show; its beginning is everybody's.
fn planted_key(rule: &str, seed: u64) -> String {
    let key = key(rule, seed);
    plant(&key.as_bytes()[20..]);
    key
}

/// Text that agents send as it is, and that cannot be overwritten in its place.
fn hidden(secret: &str) -> String {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(secret.as_bytes()).unwrap();
    crate::harness::base64(&encoder.finish().unwrap())
}

fn events(events: &[(&str, Value)]) -> Answer {
    let text: String = events.iter().map(|(name, data)| format!("event: {name}\ndata: {data}\n\n")).collect();
    Answer {
        status: 200,
        headers: vec![("content-type", "text/event-stream".into())],
        body: text.into_bytes(),
    }
}

fn empty() -> Answer {
    Answer { status: 200, headers: vec![("content-type", "application/json".into())], body: b"{}".to_vec() }
}

/// An agent in a home of its own, with a project in which a key stands.
struct Agent {
    sandbox: Sandbox,
    server: Upstream,
    hosts: &'static [&'static str],
}

impl Agent {
    fn new(
        hosts: &'static [&'static str],
        env: &str,
        answer: impl Fn(&Arrived) -> Answer + Send + Sync + 'static,
    ) -> Agent {
        let sandbox = Sandbox::new();
        let server = Upstream::start(hosts, &[b"h2", b"http/1.1"], answer);
        std::fs::write(sandbox.top().join("upstream.pem"), &server.ca).unwrap();
        std::fs::create_dir(sandbox.top().join("home")).unwrap();
        std::fs::write(sandbox.tree(".env"), env).unwrap();
        Agent { sandbox, server, hosts }
    }

    /// Runs it; hosts that are none of these lead nowhere.
    fn run(&self, variables: &[(&str, &str)], command: &[&str]) -> Run {
        let pem = self.sandbox.top().join("upstream.pem");
        let mut args: Vec<String> =
            ["run", "--no-store", "--direct", "--upstream-ca"].map(Into::into).to_vec();
        args.push(pem.to_str().unwrap().into());
        for host in self.hosts {
            args.extend(["--resolve".into(), format!("{host}:443:{}", self.server.tls)]);
            args.extend(["--allow".into(), (*host).into()]);
        }
        args.push("--".into());
        args.extend(command.iter().map(ToString::to_string));
        let mut run: Command = self.sandbox.command(&args);
        let home = self.sandbox.top().join("home");
        run.env("HOME", home).envs(variables.iter().copied()).current_dir(self.sandbox.tree(""));
        self.sandbox.finish(&mut run)
    }

    /// Whether a text has arrived, in a header or in a body.
    fn holds(&self, text: &str) -> bool {
        let is_in = |bytes: &[u8]| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        let arrived = self.server.requests();
        let heads = arrived.iter().flat_map(|request| request.headers.iter().map(|(_, value)| value));
        heads.chain(arrived.iter().map(|request| &request.body)).any(|bytes| is_in(bytes))
    }
}

/// The Messages API: first a tool that is to be used, then a last word.
fn messages(request: &Arrived) -> Answer {
    if !request.target.starts_with("/v1/messages?") {
        return empty();
    }
    let asked: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let is_used = asked["messages"].to_string().contains("\"tool_result\"");
    let (block, delta, stop) = if is_used {
        let delta = json!({ "type": "text_delta", "text": "All done." });
        (json!({ "type": "text", "text": "" }), delta, "end_turn")
    } else {
        let input = json!({ "command": "cat .env", "description": "look" }).to_string();
        let block = json!({ "type": "tool_use", "id": "toolu_01", "name": "Bash", "input": {} });
        (block, json!({ "type": "input_json_delta", "partial_json": input }), "tool_use")
    };
    let usage = json!({ "input_tokens": 1, "output_tokens": 1 });
    let message = json!({
        "id": "msg_01", "type": "message", "role": "assistant", "model": asked["model"], "content": [], "stop_reason": null,
        "stop_sequence": null, "usage": usage,
    });
    events(&[
        ("message_start", json!({ "type": "message_start", "message": message })),
        ("content_block_start", json!({ "type": "content_block_start", "index": 0, "content_block": block })),
        ("content_block_delta", json!({ "type": "content_block_delta", "index": 0, "delta": delta })),
        ("content_block_stop", json!({ "type": "content_block_stop", "index": 0 })),
        (
            "message_delta",
            json!({ "type": "message_delta", "delta": { "stop_reason": stop, "stop_sequence": null }, "usage": usage }),
        ),
        ("message_stop", json!({ "type": "message_stop" })),
    ])
}

#[test]
fn claude_code_works_with_a_placeholder_and_says_what_was_refused() {
    if !has("claude") {
        return;
    }
    let (token, real) = (github_token(), planted_key("anthropic-api-key", 91));
    let ask = ["claude", "-p", "look", "--allowedTools", "Bash"];
    let variables = [("ANTHROPIC_API_KEY", real.as_str())];
    let agent = Agent::new(&["api.anthropic.com"], &format!("GITHUB_TOKEN={token}\n"), messages);
    let run = agent.run(&variables, &ask).exits_with(0).prints("All done.");
    run.notes("github-pat in body, overwritten").notes("with a real credential put in");
    assert!(agent.holds(&real) && !agent.holds(&token) && agent.holds("GITHUB_TOKEN=*****"));
    // What cannot be overwritten is refused, and not sent again and again.
    let agent = Agent::new(&["api.anthropic.com"], &hidden(&token), messages);
    let run = agent.run(&variables, &ask);
    let run = run
        .prints("API Error: 400 exfilter: secret detected in body > base64 > gzip")
        .prints("begin a new one");
    assert_ne!(run.code, Some(0));
    assert!(
        run.stderr.contains("secret detected in body > base64 > gzip (github-pat)  [anthropic]\n"),
        "{run:#?}"
    );
}

/// The Responses API.
fn responses(request: &Arrived) -> Answer {
    if !request.target.starts_with("/v1/responses") {
        return empty();
    }
    let item = json!({
        "type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
        "content": [{ "type": "output_text", "text": "All done.", "annotations": [] }],
    });
    let usage = json!({ "input_tokens": 1, "output_tokens": 1, "total_tokens": 2 });
    events(&[
        ("response.created", json!({ "type": "response.created", "response": { "id": "resp_1" } })),
        (
            "response.output_item.done",
            json!({ "type": "response.output_item.done", "output_index": 0, "item": item }),
        ),
        (
            "response.completed",
            json!({ "type": "response.completed", "response": { "id": "resp_1", "usage": usage } }),
        ),
    ])
}

#[test]
fn codex_works_with_a_placeholder_and_says_what_was_refused() {
    if !has("codex") {
        return;
    }
    // It shows what it is asked.
    let (token, real) = (key("github-pat", 93), planted_key("openai-project-key", 92));
    let hosts = &["api.openai.com", "chatgpt.com"];
    let agent = Agent::new(hosts, "", responses);
    let set = [
        "model_provider=test",
        "model_providers.test.name=test",
        "model_providers.test.base_url=https://api.openai.com/v1",
        "model_providers.test.env_key=OPENAI_API_KEY",
        "model_providers.test.wire_api=responses",
        "model=gpt-5",
    ];
    let ask = |words: &str| {
        let mut command = vec!["codex", "exec", "--skip-git-repo-check"];
        set.iter().for_each(|setting| command.extend(["-c", setting]));
        command.push(words);
        agent.run(&[("OPENAI_API_KEY", real.as_str())], &command)
    };
    let run = ask(&format!("what is {token} for?")).exits_with(0).prints("All done.");
    run.notes("github-pat in body, overwritten");
    assert!(agent.holds(&real) && !agent.holds(&token));
    let before = agent.server.requests().len();
    let run = ask(&format!("what is {} for?", hidden(&token)));
    assert_ne!(run.code, Some(0), "{run:#?}");
    run.notes("exfilter: secret detected in body > base64 > gzip (github-pat)").notes("begin a new one");
    assert!(
        agent.server.requests()[before..].iter().all(|request| !request.target.starts_with("/v1/responses"))
    );
}

/// A gateway's key has no form that a rule knows; that it belongs there is said by the variable beside it.
#[test]
fn keys_go_to_the_gateway_that_a_variable_names() {
    if !has("curl") {
        return;
    }
    let stage = Stage::new();
    let token = secret(32);
    let variables =
        [("ANTHROPIC_AUTH_TOKEN", token.as_str()), ("ANTHROPIC_BASE_URL", "https://other.example.com/v1")];
    let script = "for host in other.example.com api.github.com; do \
                  curl -sS -H \"Authorization: Bearer $ANTHROPIC_AUTH_TOKEN\" https://$host/v1/messages; done";
    let run = stage.run(&[], &variables, &["sh", "-c", script]).exits_with(0);
    let arrived = stage.server.requests();
    assert_eq!(arrived[0].header("authorization").unwrap(), format!("Bearer {token}"), "{run:#?}");
    assert!(
        arrived[1..]
            .iter()
            .all(|request| request.header("authorization").unwrap() != format!("Bearer {token}"))
    );
    let run =
        run.notes("ANTHROPIC_AUTH_TOKEN is a placeholder; the real value goes to other.example.com alone");
    assert!(!run.stdout.contains(&token));
    // Not without TLS, and not where nothing is said.
    for address in ["http://other.example.com", "other.example.com", ""] {
        let variables = [("ANTHROPIC_AUTH_TOKEN", token.as_str()), ("ANTHROPIC_BASE_URL", address)];
        let run = stage.run(&[], &variables, &["true"]).exits_with(0);
        run.notes("ANTHROPIC_AUTH_TOKEN is taken away: nobody knows where it belongs");
    }
}

/// Claude Code asks whether a key may be used, and remembers its end.
#[test]
fn with_a_seed_placeholders_stay_the_same() {
    let stage = Stage::new();
    let token = github_token();
    let given = |args: &[&str]| {
        let run = stage.run(args, &[("GH_TOKEN", token.as_str())], &["sh", "-c", "echo $GH_TOKEN"]);
        run.exits_with(0).stdout.trim().to_owned()
    };
    let (first, second) = (given(&["--seed", "run.seed"]), given(&["--seed", "run.seed"]));
    assert!(first.starts_with("ghp_") && first == second && first != token);
    let others = [given(&[]), given(&[]), given(&["--seed", "other.seed"])];
    assert!(others.iter().all(|one| *one != first) && others[0] != others[1]);
    let long = stage.sandbox.top().join("long.seed");
    std::fs::write(&long, [1; 40]).unwrap();
    stage.run(&["--seed", "long.seed"], &[], &["true"]).exits_with(2).notes("long.seed");
}
