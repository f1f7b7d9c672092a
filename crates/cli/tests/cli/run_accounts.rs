//! `exfilter run` and the logins of the home: they pass at hosts of language models, and a stranger's credential does not.

use crate::harness::{Run, Sandbox, base64, secret};
use crate::run::{Stage, has, isolates};
use crate::upstream::{Answer, Arrived, Upstream};

const HOSTS: [&str; 2] = ["api.anthropic.com", "chatgpt.com"];

struct Home(Stage);

fn hello(_: &Arrived) -> Answer {
    Answer { status: 200, headers: Vec::new(), body: b"hello".to_vec() }
}

/// A token of ChatGPT for a person.
fn jwt(subject: &str) -> String {
    let part = |text: &str| base64(text.as_bytes()).replace('+', "-").replace('/', "_").replace('=', "");
    let claims = format!(
        r#"{{"aud":["https://api.openai.com/v1"],"iss":"https://auth.openai.com","sub":"{subject}"}}"#
    );
    format!("{}.{}.{}", part(r#"{"alg":"RS256"}"#), part(&claims), secret(60))
}

fn claude(access: &str) -> String {
    format!(r#"{{"claudeAiOauth":{{"accessToken":"{access}","refreshToken":"{}"}}}}"#, secret(60))
}

impl Home {
    fn new() -> Home {
        let sandbox = Sandbox::new();
        let server = Upstream::start(&HOSTS, &[b"http/1.1"], hello);
        std::fs::write(sandbox.top().join("upstream.pem"), &server.ca).unwrap();
        Home(Stage { sandbox, server })
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.0.sandbox.top().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Sends these bearers to hosts, one after the other, and after each does what a line of the shell says.
    fn send(&self, args: &[&str], bearers: &[(&str, &str, &str)]) -> Run {
        let mut all: Vec<String> = args.iter().map(ToString::to_string).collect();
        for host in HOSTS {
            all.extend(["--resolve".into(), format!("{host}:443:{}", self.0.server.tls)]);
        }
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        let lines = bearers.iter().map(|(host, bearer, then)| {
            format!(
                "curl -sS -d upload -H 'Authorization: Bearer {bearer}' https://{host}/v1/files\n{then}\n"
            )
        });
        let home = self.0.sandbox.top().join("home");
        let script: String = lines.collect();
        self.write("home/script", &script);
        let script = home.join("script");
        let variables = [("HOME", home.to_str().unwrap())];
        self.0.server.forget();
        self.0.run(&all, &variables, &["sh", script.to_str().unwrap()]).exits_with(0)
    }

    fn arrived(&self) -> Vec<String> {
        self.0.server.requests().iter().map(|request| request.header("authorization").unwrap()).collect()
    }
}

fn bearers(tokens: &[&str]) -> Vec<String> {
    tokens.iter().map(|token| format!("Bearer {token}")).collect()
}

#[test]
fn logins_of_the_home_pass_and_a_strangers_do_not() {
    if !has("curl") {
        return;
    }
    let home = Home::new();
    let (mine, other, planted) = (secret(60), secret(60), secret(60));
    let (codex, anew, theirs) = (jwt("me"), jwt("me"), jwt("you"));
    home.write("home/.claude/.credentials.json", &claude(&mine));
    let tokens = format!(r#"{{"tokens":{{"access_token":"{codex}","id_token":"{}"}}}}"#, jwt("me"));
    home.write("home/.codex/auth.json", &tokens);
    // What a project says is not the user's word.
    home.write(".claude/settings.json", &format!(r#"{{"primaryApiKey":"{planted}"}}"#));
    let [claude, chatgpt] = HOSTS;
    let sent = [
        (claude, &*other, ""),
        (claude, &mine, ""),
        (claude, &planted, ""),
        (chatgpt, &theirs, ""),
        (chatgpt, &anew, ""),
    ];
    let run = home.send(&["--log", "run.log"], &sent);
    assert_eq!(home.arrived(), bearers(&[&mine, &anew]));
    let run = run
        .prints("a credential that is not known to be the session's own stands in header:authorization")
        .notes("https://api.anthropic.com:443  a credential that is not known to be the session's own stands in header:authorization");
    let log = std::fs::read_to_string(home.0.sandbox.top().join("run.log")).unwrap();
    for token in [&mine, &other, &planted, &codex, &anew, &theirs] {
        let end = &token[token.len() - 20..];
        assert!(![&run.stdout, &run.stderr, &log].iter().any(|told| told.contains(end)));
    }
}

#[test]
fn where_no_file_tells_of_a_login_the_summary_tells_of_the_first() {
    if !has("curl") {
        return;
    }
    let home = Home::new();
    let (first, other) = (secret(60), secret(60));
    let run = home.send(&["--log", "run.log"], &[(HOSTS[0], &first, ""), (HOSTS[0], &other, "")]);
    assert_eq!(home.arrived(), bearers(&[&first]));
    run.notes(
        "whose account nobody knew: the first credential there was taken for your own, others are refused",
    )
    .notes("  https://api.anthropic.com:443\n");
    let log = std::fs::read_to_string(home.0.sandbox.top().join("run.log")).unwrap();
    assert_eq!(log.matches("\"trusted\":true").count(), 1, "{log}");
    home.write("policy.toml", "version = 1\naccounts = \"any\"\n");
    home.send(&["--policy", "policy.toml"], &[(HOSTS[0], &first, ""), (HOSTS[0], &other, "")]);
    assert_eq!(home.arrived(), bearers(&[&first, &other]));
}

/// A client outside has refreshed its login: the command has the new token from the file. In namespaces only the guard knows what was there.
#[test]
fn files_are_read_again_where_their_writer_could_go_around() {
    if !has("curl") {
        return;
    }
    let home = Home::new();
    let (before, after) = (secret(60), secret(60));
    let file = "home/.claude/.credentials.json";
    let path = home.0.sandbox.top().join(file);
    let write = format!("cat > {} <<'END'\n{}\nEND\n", path.display(), claude(&after));
    let sent = [(HOSTS[0], before.as_str(), write.as_str()), (HOSTS[0], &after, "")];
    home.write(file, &claude(&before));
    home.send(&[], &sent);
    assert_eq!(home.arrived(), bearers(&[&before, &after]));
    if !isolates(&home.0) {
        return;
    }
    home.write(file, &claude(&before));
    home.send(&["--isolate"], &sent);
    assert_eq!(home.arrived(), bearers(&[&before]));
}
