//! `exfilter run --ui`: who can approve.

use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use crate::run::{Stage, has, isolates};

/// What approves a refusal, the command sees nowhere.
#[test]
fn the_command_cannot_approve() {
    if !has("curl") || !has("setsid") {
        return;
    }
    let stage = Stage::new();
    let file = stage.sandbox.top().join("page.txt");
    let path = file.display().to_string();
    // Without a terminal, and without a file, nobody can.
    let mut command = Command::new("setsid");
    let made = stage.command(&["--ui"], &["env"]);
    command.arg("--wait").arg(made.get_program()).args(made.get_args()).stdin(Stdio::null());
    command.env_clear().envs(made.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.current_dir(made.get_current_dir().unwrap());
    let run = stage.sandbox.finish(&mut command).exits_with(0);
    assert!(run.stderr.contains("what happens is shown at http://127.0.0.1:"), "{run:#?}");
    assert!(!run.stderr.contains('#'), "{run:#?}");
    let shown = stage.run(&["--ui", "--ui-file", &path], &[], &["env"]).exits_with(0);
    let address = std::fs::read_to_string(&file).unwrap();
    let (looking, key) = address.trim_end().split_once('#').unwrap();
    assert!(key.len() == 32 && shown.stderr.contains(looking), "{shown:#?}");
    assert!(!shown.stdout.contains(key) && !shown.stderr.contains(key) && !shown.stdout.contains(looking));
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    stage.run(&["--ui-file", &path], &[], &["env"]).exits_with(2);
    if !isolates(&stage) {
        return;
    }
    // In namespaces the file is empty, and the page cannot be reached.
    let script = format!(
        "test -z \"$(cat '{path}')\" || exit 7; u=$(grep -aoh 'http://127.0.0.1:[0-9]*/[0-9a-f]*/' shown.txt | head -n 1); \
         test -n \"$u\" || exit 8; curl -sS --noproxy '*' -m 5 \"$u\" && exit 9; NO_PROXY= no_proxy= curl -sS -m 5 -o page -w '%{{http_code}}' \"$u\""
    );
    let mut command = stage.command(&["--isolate", "--ui", "--ui-file", &path], &["sh", "-c", &script]);
    // Its standard error is a file that it reads.
    let shown = std::fs::File::create(stage.sandbox.top().join("shown.txt")).unwrap();
    let output = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(shown).spawn().unwrap();
    let output = output.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "403");
    assert!(output.status.success());
    assert!(std::fs::read_to_string(&file).unwrap().contains('#'));
}
