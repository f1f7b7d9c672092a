//! Files of known places, written as their clients write them.

use exfilter::{Engine, KeyClass};
use exfilter_audit::{Advice, Audit, Severity};

use crate::home::{Home, find, github, secret};

#[test]
fn a_field_without_a_form_of_its_own_is_found_by_its_name() {
    let home = Home::new();
    let password = secret(14);
    home.file(".netrc", format!("machine git.example login me password {password}\n"));
    let report = home.audit();
    let found = find(&report, ".netrc", "git.example.password");
    assert_eq!((found.id.as_str(), found.severity), ("netrc-password", Severity::High));
    assert_eq!(found.places[0].line, Some((1, 39)));
    assert_eq!(found.advice[0], Advice::Forge);
}

#[test]
fn a_rule_describes_the_value_and_the_field_names_it() {
    let home = Home::new();
    let token = github();
    home.file(".config/gh/hosts.yml", format!("github.com:\n    oauth_token: {token}\n    user: me\n"));
    let report = home.audit();
    let found = find(&report, "hosts.yml", "oauth_token");
    assert_eq!(found.id, "github-pat");
    assert_eq!(found.preview, "ghp_");
    assert_eq!(report.finds.len(), 1, "{:#?}", report.finds);
}

#[test]
fn one_value_in_several_places_is_one_find() {
    let home = Home::new();
    let token = github();
    home.file(".env", format!("GITHUB_TOKEN={token}\n"));
    home.file("notes.txt", format!("use {token}\n"));
    home.file(".git-credentials", format!("https://me:{token}@github.com\n"));
    let report = home.audit();
    assert_eq!(report.finds.len(), 1, "{:#?}", report.finds);
    assert_eq!(report.finds[0].count(), 3);
    assert_eq!(report.finds[0].class, KeyClass::User);
}

/// Whoever asks for logins alone is told of those in the home, by what they are, and of nothing that a project says.
#[test]
fn logins_of_agents_alone() {
    let home = Home::new();
    let [claude, refresh, codex, gh, project, mcp, other] = [(); 7].map(|()| secret(40));
    let oauth = format!(r#"{{"claudeAiOauth":{{"accessToken":"{claude}","refreshToken":"{refresh}"}}}}"#);
    home.file(".claude/.credentials.json", oauth);
    home.file(".codex/auth.json", format!(r#"{{"tokens":{{"access_token":"{codex}"}}}}"#));
    home.file(".config/gh/hosts.yml", format!("github.com:\n    oauth_token: {gh}\n"));
    home.file(".codex/.credentials.json", format!(r#"{{"access_token":"{mcp}"}}"#));
    home.file("project/.claude/settings.json", format!(r#"{{"primaryApiKey":"{project}"}}"#));
    home.file(".netrc", format!("machine git.example login me password {other}\n"));
    home.file("notes.txt", github());
    let mut view = home.view();
    view.folder(std::path::Path::new("/home/u/project"));
    let engine = Engine::builder().build().unwrap();
    let found = std::sync::Mutex::new(Vec::new());
    let mut audit = Audit::new(engine, view);
    let report = audit.logins_only().run_with(&|value| {
        let grant = value.grant().unwrap_or_default().to_owned();
        found.lock().unwrap().push((grant, String::from_utf8(value.expose().to_vec()).unwrap()));
    });
    assert!(report.unwrap().gaps.is_empty());
    let mut found = found.into_inner().unwrap();
    let mut expected = [
        ("claude-login", &claude),
        ("claude-login", &refresh),
        ("codex-login", &codex),
        ("github-cli-login", &gh),
    ]
    .map(|(grant, value)| (grant.to_owned(), value.clone()));
    found.sort();
    expected.sort();
    assert!(found == expected, "others than the {} that were written", expected.len());
}

#[test]
fn admin_keys_come_first() {
    let home = Home::new();
    home.file("a.txt", github());
    home.file(".env", format!("OPENAI_ADMIN_KEY={}\nDB_PASSWORD={}\n", secret(40), secret(20)));
    let report = home.audit();
    assert_eq!(report.finds[0].severity, Severity::Critical);
    assert_eq!(report.finds[0].class, KeyClass::Admin);
    assert_eq!(report.finds[0].provider, "OpenAI");
}

#[test]
fn claude_codes_login_and_when_it_ends() {
    let home = Home::new();
    let (access, refresh) = (format!("sk-ant-oat01-{}", secret(95)), format!("sk-ant-ort01-{}", secret(95)));
    home.file(
        ".claude/.credentials.json",
        format!(
            "{{\"claudeAiOauth\":{{\"accessToken\":\"{access}\",\"refreshToken\":\"{refresh}\",\"expiresAt\":1764396000000,\"scopes\":[\"user:inference\"]}}}}"
        ),
    );
    let report = home.audit();
    let found = find(&report, ".credentials.json", "claudeAiOauth.accessToken");
    assert_eq!(found.expires, Some(1_764_396_000));
    assert_eq!(found.provider, "Anthropic");
    // What renews it does not end with it.
    let renews = find(&report, ".credentials.json", "claudeAiOauth.refreshToken");
    assert_eq!((renews.expires, renews.severity), (None, Severity::High));
}

#[test]
fn of_a_servers_variables_only_what_looks_like_a_secret_is_told() {
    let home = Home::new();
    home.file(
        ".mcp.json",
        format!(
            r#"{{"mcpServers": {{"a": {{"command": "npx", "env": {{"NODE_ENV": "production", "PORT": "8080", "DATA": "/srv/data",
                "URL": "https://api.example.com", "TOKEN": "${{TOKEN}}", "CODE": "{}", "API_KEY": "{}"}}}}}}}}"#,
            secret(30),
            secret(20)
        ),
    );
    let report = home.audit();
    let fields: Vec<_> =
        report.finds.iter().map(|find| (find.places[0].field.clone(), find.severity)).collect();
    assert_eq!(report.finds.len(), 2, "{fields:?}");
    assert_eq!(find(&report, ".mcp.json", "API_KEY").severity, Severity::High);
    assert_eq!(find(&report, ".mcp.json", "CODE").severity, Severity::Medium);
}

#[test]
fn programs_that_hand_out_credentials_are_told_of() {
    let home = Home::new();
    home.file(
        ".aws/config",
        "[profile work]\ncredential_process = /opt/login --json\nregion = eu-central-1\n",
    );
    home.file(".claude/settings.json", r#"{"apiKeyHelper": "/opt/key", "model": "opus"}"#);
    home.file(
        ".docker/config.json",
        r#"{"credsStore": "secretservice", "credHelpers": {"gcr.io": "gcloud"}}"#,
    );
    home.file(
        ".gitconfig",
        "[credential]\n\thelper = store\n[credential \"https://a\"]\n\thelper = libsecret\n",
    );
    let report = home.audit();
    let mut names: Vec<String> = report
        .capabilities
        .iter()
        .filter(|one| one.id == "credential-helper")
        .map(|one| String::from_utf8_lossy(one.name.as_bytes()).rsplit('/').next().unwrap().to_owned())
        .collect();
    names.sort();
    assert_eq!(names.len(), 5, "{names:#?}");
    assert!(names.iter().any(|name| name.ends_with("credential_process")), "{names:#?}");
    assert!(names.iter().any(|name| name.ends_with("credHelpers.gcr.io")), "{names:#?}");
    assert!(report.finds.is_empty(), "{:#?}", report.finds);
}

#[test]
fn subversions_passwords_are_found_by_their_lengths() {
    let home = Home::new();
    let password = secret(20);
    let text =
        format!("K 8\npasstype\nV 6\nsimple\nK 8\npassword\nV 20\n{password}\nK 8\nusername\nV 2\nme\nEND\n");
    home.file(".subversion/auth/svn.simple/0a1b", text);
    let report = home.audit();
    assert_eq!(report.finds.len(), 1, "{:#?}", report.finds);
    assert_eq!(find(&report, "svn.simple/0a1b", "password").places[0].tool, "Subversion");
}

#[test]
fn mounted_secrets_and_keys_are_whole() {
    let home = Home::new();
    std::fs::create_dir_all(home.root().join("run/secrets")).unwrap();
    let password = secret(24);
    std::fs::write(home.root().join("run/secrets/db"), format!("{password}\n")).unwrap();
    let body: String = (0..4).map(|_| format!("{}\n", secret(64))).collect();
    let (label, dashes) = ("PRIVATE KEY", "-----");
    std::fs::write(
        home.root().join("run/secrets/tls"),
        format!("{dashes}BEGIN {label}{dashes}\n{body}{dashes}END {label}{dashes}\n"),
    )
    .unwrap();
    let lengths = std::sync::Mutex::new(Vec::new());
    let report = exfilter_audit::Audit::new(crate::home::ENGINE.clone(), home.view())
        .run_with(&|found| lengths.lock().unwrap().push(found.expose().len()))
        .unwrap();
    crate::home::assert_mute(&report);
    find(&report, "/run/secrets/db", "");
    find(&report, "/run/secrets/tls", "");
    let mut lengths = lengths.into_inner().unwrap();
    lengths.sort_unstable();
    assert_eq!(lengths, [24, 28 + 4 * 65 + 25]);
}
