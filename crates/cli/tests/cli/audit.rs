//! `exfilter audit`: what it prints, what it exits with, and that no value is in any form of its report.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{Run, Sandbox, acme_key, github_token, gzip, plant, secret};
use crate::output::validate_sarif;

/// A sandbox whose tree is a home with one secret of each severity.
fn home() -> Sandbox {
    let s = Sandbox::new();
    s.file(".netrc", format!("machine git.example login me password {}\n", secret(20)));
    s.file("project/.env", format!("OPENAI_ADMIN_KEY={}\nA_TOKEN={}\n", secret(40), secret(30)));
    s.file("notes.txt", format!("{}\n", github_token()));
    s.file("low.txt", format!("{}\n", acme_key("lo")));
    for name in [".netrc", "project/.env", "notes.txt", "low.txt"] {
        private(&s.tree(name));
    }
    s
}

#[cfg(unix)]
fn private(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

#[cfg(not(unix))]
fn private(_path: &Path) {}

/// Audits the tree as a root of its own, so that nothing of the machine that runs the tests is in the report.
fn audit(s: &Sandbox, args: &[&str]) -> Run {
    let fixed = ["audit", "--as-sandbox", "--root", "tree", "--home", "/", "--rules", "acme.toml"];
    s.run(&[&fixed, args].concat())
}

#[test]
fn the_table_has_the_worst_first_and_says_what_to_do() {
    let s = home();
    let run = audit(&s, &[]).exits_with(1);
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert!(lines[0].starts_with("critical  /project/.env:1 OPENAI_ADMIN_KEY"), "{run:#?}");
    let run =
        run.prints("high      /.netrc:1 git.example.password").prints("github-pat").prints("what to do");
    run.prints("4 secrets (1 critical, 2 high, 1 medium): 4 files").prints("1 hidden by --min");
    let verbose = audit(&s, &["--verbose"]).exits_with(1);
    verbose.prints("revoke: ").prints("mode 0600").prints("(netrc)");
}

#[test]
fn floors_and_exit_codes() {
    let s = home();
    audit(&s, &["--fail-on", "critical"]).exits_with(1);
    audit(&s, &["--min", "high"]).exits_with(1).prints("2 hidden by --min").prints_not("acme-low");
    fs::remove_file(s.tree("project/.env")).unwrap();
    audit(&s, &["--fail-on", "critical"]).exits_with(0);
    fs::remove_file(s.tree("notes.txt")).unwrap();
    fs::remove_file(s.tree(".netrc")).unwrap();
    audit(&s, &[]).exits_with(0).prints_not("acme-low");
    audit(&s, &["--min", "info"]).exits_with(0).prints("acme-low");
    audit(&s, &["--fail-on", "info"]).exits_with(1);
    let big = s.file(".claude/history.jsonl", "{}");
    fs::File::options().write(true).open(big).unwrap().set_len(65 << 20).unwrap();
    audit(&s, &[]).exits_with(3).prints("over-limit");
    audit(&s, &["--incomplete", "ok"]).exits_with(0);
    // The table lists the first twenty.
    let whole = gzip(&(0..20_000_u32).flat_map(u32::to_le_bytes).collect::<Vec<u8>>());
    for n in 0..25 {
        s.file(format!("cut{n}.gz"), &whole[..whole.len() / 2]);
    }
    audit(&s, &[]).exits_with(3).prints("and 6 more; --verbose lists them");
}

#[test]
fn wrong_usage_is_named() {
    let s = home();
    s.run(&["audit", "--as-sandbox"]).exits_with(2).notes("the sandbox is not described");
    s.run(&["audit", "--root", "tree"]).exits_with(2).notes("--as-sandbox");
    s.run(&["audit", "--as-sandbox", "--root", "none"]).exits_with(2).notes("--root");
    s.run(&["audit", "--as-sandbox", "--bwrap", "none"]).exits_with(2).notes("--bwrap none");
    s.run(&["audit", "--as-sandbox", "--user", "me"]).exits_with(2).notes("by number");
    s.run(&["audit", "--as-sandbox", "--pid", "4294967295"]).exits_with(2).notes("there is no process");
    s.run(&["audit", "--as-sandbox", "--mount", "a:b"]).exits_with(2).notes("FROM:AT");
    s.run(&["audit", "--file-limit", "many"]).exits_with(2);
}

#[test]
fn json() {
    let s = home();
    let json = audit(&s, &["--format", "json"]).exits_with(1).json();
    let mut keys: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["capabilities", "coverage", "findings", "skipped", "summary", "tool", "version"]);
    let findings = json["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 4, "{json:#}");
    assert_eq!(findings[0]["severity"], "critical");
    assert_eq!(findings[0]["class"], "admin");
    assert_eq!(findings[0]["places"][0]["field"], "OPENAI_ADMIN_KEY");
    assert_eq!(findings[0]["places"][0]["mode"], "0600");
    assert_eq!(findings[0]["advice"][0]["kind"], "dotenv");
    let netrc = findings.iter().find(|f| f["id"] == "netrc-password").unwrap();
    assert_eq!(netrc["places"][0]["line"], 1);
    assert_eq!(netrc["places"][0]["tool"], "netrc");
    assert_eq!(json["coverage"]["complete"], true);
    assert_eq!(json["summary"]["secrets"]["high"], 2);
    assert_eq!(json["summary"]["exit_code"], 1);
}

#[test]
fn sarif_is_valid() {
    let s = home();
    let log = audit(&s, &["--format", "sarif"]).exits_with(1).json();
    validate_sarif(&log);
    let results = log["runs"][0]["results"].as_array().unwrap();
    assert_eq!(results.len(), 4);
    assert_eq!(
        results[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"],
        "file:///project/.env"
    );
}

#[test]
fn variables_come_from_the_file_that_is_named() {
    let s = Sandbox::new();
    fs::write(s.top().join("vars"), format!("DEPLOY_TOKEN={}\n", secret(30))).unwrap();
    let args = ["audit", "--as-sandbox", "--root", "tree", "--env-file", "vars"];
    s.run(&args).exits_with(1).prints("environment DEPLOY_TOKEN");
    s.run(&["audit", "--as-sandbox", "--root", "tree"]).exits_with(0).prints("nothing found");
}

#[test]
fn this_environment_is_audited() {
    let s = Sandbox::new();
    let value = secret(40);
    let mut command = s.command(&["audit", "--only", "environment"]);
    command.env("HOME", s.tree("")).env("MY_DEPLOY_TOKEN", &value).env("COPY_TOKEN", &value);
    s.finish(&mut command).exits_with(1).prints("in 2 places").prints("1 secret");
}

/// Names that are markup, everywhere a name is shown.
fn hostile() -> Sandbox {
    let s = Sandbox::new();
    let name = "<img src=x onerror=alert(1)>\"'&amp;.env";
    s.file(name, format!("A_TOKEN={}\n<script>alert(2)</script>_TOKEN={}\n", secret(30), secret(30)));
    s.file(
        ".mcp.json",
        format!(
            "{{\"mcpServers\": {{\"</table><script>alert(3)//\": {{\"env\": {{\"X\": \"{}\"}}}}}}}}",
            secret(30)
        ),
    );
    s.file(".claude/todos/<b>.json", "{}");
    fs::File::options()
        .write(true)
        .open(s.tree(".claude/todos/<b>.json"))
        .unwrap()
        .set_len(65 << 20)
        .unwrap();
    s
}

#[test]
fn the_page_escapes_every_name_and_asks_for_nothing() {
    let s = hostile();
    let page = audit(&s, &["--format", "html"]).exits_with(1).stdout;
    assert!(page.contains("&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;amp;.env"), "{page}");
    assert!(page.contains("&lt;/table&gt;&lt;script&gt;alert(3)//"), "{page}");
    for forbidden in ["<img", "<script>", "alert(3)</", "<b>", "src=\"", "<link", "<iframe", "url("] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    // One script and one style, both with the nonce of the policy, which allows nothing else.
    let nonce = page.split("script-src 'nonce-").nth(1).and_then(|rest| rest.split('\'').next()).unwrap();
    assert_eq!(nonce.len(), 32);
    assert!(page.contains("default-src 'none'"));
    assert_eq!(page.matches("<script").count(), 1);
    assert_eq!(page.matches("<style").count(), 1);
    assert_eq!(page.matches(&format!("nonce=\"{nonce}\"")).count(), 2);
    assert!(page.contains("prefers-color-scheme: dark"));
    let other = audit(&s, &["--format", "html"]).stdout;
    assert!(!other.contains(nonce), "a nonce is used once");
}

#[test]
fn the_page_goes_to_a_file() {
    let s = home();
    audit(&s, &["--format", "html", "--output", "audit.report"])
        .exits_with(1)
        .notes("audit.report written: 4 secrets");
    let page = fs::read_to_string(s.top().join("audit.report")).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>\n"));
    assert!(page.contains("<svg"));
}

/// The page in a real browser: the button sorts, the policy lets the page's own script run and no other, and what a person sees can be read off the screen.
#[test]
fn a_browser_sorts_the_page() {
    let names = ["chromium", "chromium-browser", "google-chrome", "chrome", "chrome-headless-shell"];
    let set = std::env::var_os("EXFILTER_CHROMIUM").map(PathBuf::from);
    let Some(browser) = set.or_else(|| program(&names)) else {
        println!("skipped: there is no Chromium");
        return;
    };
    let s = home();
    audit(&s, &["--format", "html", "--output", "audit.report"]).exits_with(1);
    let page = fs::read_to_string(s.top().join("audit.report")).unwrap();
    let nonce = page.split("script-src 'nonce-").nth(1).and_then(|rest| rest.split('\'').next()).unwrap();
    // A click as a person would do it, and a script without the nonce, which must not run.
    let click = format!(
        "<script nonce=\"{nonce}\">document.querySelectorAll('#secrets th button')[3].click();document.querySelectorAll('#secrets th button')[3].click();</script>\
         <script>document.title = 'ran';</script></body>"
    );
    let file = s.top().join("clicked.html");
    fs::write(&file, page.replace("</body>", &click)).unwrap();
    let browse = |what: &str| {
        let output = Command::new(&browser)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"])
            .args(["--window-size=1400,1000", "--virtual-time-budget=2000", what])
            .arg(format!("file://{}", file.display()))
            .output();
        s.checked(output.unwrap())
    };
    let run = browse("--dump-dom");
    assert!(run.stdout.contains("aria-sort=\"descending\""), "{run:#?}");
    assert!(run.stdout.contains("<title>exfilter audit</title>"), "{run:#?}");
    // By class, descending: admin keys last.
    let body = run.stdout.split("<tbody>").nth(1).unwrap();
    let last = body.split("</tbody>").next().unwrap().rsplit("<tr>").next().unwrap();
    assert!(last.contains("OPENAI_ADMIN_KEY"), "{last}");
    let Some(reader) = program(&["tesseract"]) else {
        println!("skipped in part: there is no tesseract to read a screenshot");
        return;
    };
    let shot = s.top().join("shot.png");
    browse(&format!("--screenshot={}", shot.display()));
    let read = s.checked(Command::new(reader).arg(&shot).arg("-").output().unwrap()).stdout;
    let at = |words: &str| read.find(words).unwrap_or_else(|| panic!("{words:?} cannot be read in {read:?}"));
    assert!(at("exfilter audit") < at("Secrets that can be read"), "{read}");
    assert!(at("netrc") < at("ADMIN"), "the admin key is the last one on the screen too: {read}");
}

fn program(names: &[&str]) -> Option<PathBuf> {
    let paths = std::env::var_os("PATH")?;
    std::env::split_paths(&paths)
        .flat_map(|folder| names.iter().map(move |name| folder.join(name)))
        .find(|path| path.is_file())
}

#[test]
fn tables_of_hostile_names_stay_on_their_lines() {
    let s = Sandbox::new();
    let field = "evil\\u001b[2J\\u0000name_token";
    let value = secret(30);
    plant(value.as_bytes());
    s.file("a\n\x1b[31mb.mcp.json", "{}");
    s.file(".mcp.json", format!("{{\"mcpServers\": {{\"x\": {{\"env\": {{\"{field}\": \"{value}\"}}}}}}}}"));
    let run = audit(&s, &[]).exits_with(1);
    assert!(!run.stdout.contains('\x1b') && !run.stdout.contains('\0'), "{run:#?}");
}

#[test]
fn what_was_found_is_kept_and_then_looked_for() {
    let s = home();
    // A guess by its name, and an everyday value: told of, and not kept.
    s.file("guess/.env", "AUTH_TOKEN=development-mode\n");
    let enrolled = audit(&s, &["--enroll", "--store", "kept"]).exits_with(1);
    let enrolled =
        enrolled.prints("guess/.env").notes("OPENAI_ADMIN_KEY: kept").notes("git.example.password: kept");
    enrolled.notes("kept: 4 new, 0 replaced, 0 unchanged, 0 not kept");
    let again = audit(&s, &["--enroll", "--store", "kept", "--quiet"]).exits_with(1);
    again.notes("kept: 0 new, 0 replaced, 4 unchanged, 0 not kept");
    // A value that no rule knows, in another file and another coding.
    let netrc = fs::read_to_string(s.tree(".netrc")).unwrap();
    let password = netrc.split_whitespace().last().unwrap();
    let digits: String = password.bytes().map(|byte| format!("{byte:02x}")).collect();
    s.file("leak/dump.txt", format!("x {digits}\n"));
    let scanned = s.run(&["scan", "tree/leak", "--store=kept"]).exits_with(1);
    scanned.prints("known-secret").prints("git.example.password").prints_not(password);
    s.run(&["scan", "tree/leak", "--no-store"]).exits_with(0);
}
