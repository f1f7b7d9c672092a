//! Commands, shells, and what is never passed on.

use std::io::Write as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use exfilter_guard::{GuardLimits, Outcome};
use exfilter_testing::{Rng, keys};

use super::stage::{HOST, Stage, has_ssh, leaks};
use crate::stage::{engine, has, soon};

#[test]
fn commands_run_as_they_would() {
    if !has_ssh() {
        return;
    }
    let stage = Stage::usual();
    let ran = stage.ssh(&["echo out; echo err >&2; exit 5"], b"");
    assert_eq!((ran.code, ran.text().as_str()), (Some(5), "out\n"), "{}", ran.said);
    assert!(ran.said.contains("err"), "{}", ran.said);
    let mut rng = Rng::new(42);
    let bytes = rng.bytes(3_000_000);
    let ran = stage.ssh(&["sha256sum; echo $TAG"], &bytes).ok();
    assert!(ran.text().len() > 64, "{}", ran.text());
    // Both ways at once, more than windows and buffers hold.
    let bytes = rng.bytes(24 << 20);
    let ran = stage.ssh(&["cat"], &bytes).ok();
    assert!(ran.out == bytes, "{} of {}", ran.out.len(), bytes.len());
    let record = stage.last();
    assert_eq!((record.conversation, record.bytes), ("ssh-exec", bytes.len() as u64));
    let ran = stage.ssh(&["-oSetEnv=TAG=blue", "echo $TAG"], b"").ok();
    assert_eq!(ran.text(), "blue\n");
    // Killed by a signal; the agent's request gets no answer, and the command runs.
    assert_eq!(stage.ssh(&["kill -9 $$"], b"").code, Some(255));
    let ran = stage.ssh(&["-A", "echo \"<$SSH_AUTH_SOCK>\""], b"").ok();
    assert_eq!(ran.text(), "<>\n");
}

#[test]
fn secrets_do_not_arrive() {
    if !has_ssh() {
        return;
    }
    let stage = Stage::usual();
    let mut rng = Rng::new(43);
    let token = keys::github(&mut rng, "ghp_");
    let text = String::from_utf8(token.clone()).unwrap();
    let there = stage.text("there/f");
    // In what it reads: late, and beside what arrives.
    let body = [&rng.bytes(200_000)[..], b"\nkey = ", &token, b"\nmore\n"].concat();
    let ran = stage.ssh(&[&format!("cat > {there}")], &body);
    assert_eq!(ran.code, Some(77), "{}", ran.said);
    assert!(ran.said.contains("exfilter: secret detected in standard input"), "{}", ran.said);
    assert!(!leaks(&stage.there("f"), &token));
    let Outcome::Refused { why } = stage.last().outcome else { panic!("it is refused") };
    assert!(why.contains("github-pat"), "{why}");
    // In the command, a variable and the user's name: nothing is dialled.
    let opened = |stage: &Stage| stage.records().iter().filter(|r| r.outcome == Outcome::Opened).count();
    let before = opened(&stage);
    let ran = stage.ssh(&[&format!("echo {text} > {there}")], b"");
    assert!(ran.code == Some(77) && ran.said.contains("secret detected in command"), "{}", ran.said);
    let ran = stage.ssh(&[&format!("-oSetEnv=TAG={text}"), "true"], b"");
    assert!(ran.code == Some(77) && ran.said.contains("secret detected in variable"), "{}", ran.said);
    let user = format!("{text}@{HOST}");
    let ran = stage.run(&["ssh", "-F", &stage.text("ssh_config"), &user, "true"], b"");
    assert!(ran.code == Some(77) && ran.said.contains("secret detected in user"), "{}", ran.said);
    assert_eq!(opened(&stage), before);
    // Byte by byte, as somebody types.
    let (config, user) = (stage.text("ssh_config"), stage.user());
    let command = format!("cat > {there}2");
    let mut child = stage
        .command(stage.dir.path(), &["ssh", "-F", &config, "-tt", &user, &command])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    for byte in [&token[..], b"\n"].concat() {
        // It may be over before the last.
        let _ = stdin.write_all(&[byte]);
        std::thread::sleep(Duration::from_millis(3));
    }
    assert_eq!(child.wait().unwrap().code(), Some(77));
    assert!(!leaks(&stage.there("f2"), &token));
}

#[test]
fn whoever_types_gets_answers() {
    if !has_ssh() {
        return;
    }
    let stage = Stage::usual();
    let (config, user) = (stage.text("ssh_config"), stage.user());
    for (terminal, command) in [("-tt", "stty -echo; while read l; do echo \"<$l>\"; done"), ("-T", "cat")] {
        let mut child = stage
            .command(stage.dir.path(), &["ssh", "-F", &config, terminal, &user, command])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (sender, said) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(n) = std::io::Read::read(&mut stdout, &mut piece) {
                if n == 0 || sender.send(piece[..n].to_vec()).is_err() {
                    break;
                }
            }
        });
        // An answer comes though nothing follows the line: how soon is no matter of a test.
        for line in ["one", "two words", "a/rather-long_word.of-characters/that.tokens.have"] {
            stdin.write_all(format!("{line}\n").as_bytes()).unwrap();
            let mut all = String::new();
            while !all.contains(line) {
                let piece = said.recv_timeout(Duration::from_secs(60)).expect("an answer");
                all.push_str(&String::from_utf8_lossy(&piece));
            }
        }
        drop(stdin);
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

#[test]
fn what_nobody_can_examine_is_refused() {
    if !has_ssh() {
        return;
    }
    let stage = Stage::usual();
    let port = stage.port().to_string();
    let target = format!("127.0.0.1:{port}");
    let ran = stage.ssh(&[&format!("-W{target}")], b"");
    assert!(ran.code == Some(255) && ran.said.contains("prohibited"), "{}", ran.said);
    let ran = stage.ssh(&["-oExitOnForwardFailure=yes", "-R0:127.0.0.1:9", "true"], b"");
    assert!(ran.code == Some(255) && ran.said.contains("forwarding"), "{}", ran.said);
    let why = |stage: &Stage| match stage.records().pop().unwrap().outcome {
        Outcome::Refused { why } => why,
        other => format!("{other:?}"),
    };
    assert!(why(&stage).contains("forwarded connections"), "{}", why(&stage));
    let ran = stage.ssh(&["-s", "netconf"], b"");
    assert!(ran.code == Some(77) && ran.said.contains("subsystems other than sftp"), "{}", ran.said);
    let ran = stage.ssh(&["rsync --server -logDtpre.iLsfxCIvu . x"], b"");
    assert!(ran.code == Some(77) && ran.said.contains("uploads of rsync"), "{}", ran.said);
}

#[test]
fn servers_and_clients_are_verified() {
    if !has_ssh() {
        return;
    }
    let stage = Stage::new(engine(), |settings, _| {
        settings.resolve("other.example.com", 22, ([127, 0, 0, 1], 9).into());
    });
    // A host of which nobody has verified the key is not even dialled.
    let config = stage.text("ssh_config");
    let user = stage.user().replace(HOST, "other.example.com");
    let ran = stage.run(&["ssh", "-F", &config, &user, "true"], b"");
    assert!(ran.code == Some(255) && ran.said.contains("nobody has verified it"), "{}", ran.said);
    // Another key than the known one.
    let key = std::fs::read_to_string(stage.path("user_key.pub")).unwrap();
    std::fs::write(stage.path("known_hosts"), format!("{HOST} {key}")).unwrap();
    let ran = stage.ssh(&["true"], b"");
    assert!(ran.code == Some(255) && ran.said.contains("not the one that is known"), "{}", ran.said);
    // Another client's key; the guard's certificate, for who does not know the run's authority.
    let other = format!("-i{}", stage.text("user_key"));
    let hosts = stage.write("no_hosts", b"");
    let ran = stage.run(
        &[
            "ssh",
            "-F",
            "/dev/null",
            "-oBatchMode=yes",
            "-oIdentitiesOnly=yes",
            &other,
            "-oStrictHostKeyChecking=yes",
            &format!("-oUserKnownHostsFile={}", stage.text("run_hosts")),
            &format!("-oProxyCommand={} %h %p", stage.text("connect")),
            &stage.user(),
            "true",
        ],
        b"",
    );
    assert!(ran.code == Some(255) && ran.said.contains("Permission denied (publickey)"), "{}", ran.said);
    let ran = stage.ssh(&[&format!("-oUserKnownHostsFile={hosts}"), "true"], b"");
    assert!(ran.code == Some(255) && ran.said.contains("Host key verification failed"), "{}", ran.said);
}

/// What was found in a command is told though nothing came of it.
#[test]
fn findings_are_told_without_a_server() {
    if !has_ssh() {
        return;
    }
    let rule = exfilter::Rule::new("acme-key", "acme_", "acme_[0-9a-f]{32}");
    let engine = exfilter::Engine::builder().rules([rule]).build().unwrap();
    let stage = Stage::new(engine, |settings, _| {
        settings.resolve(HOST, 22, ([127, 0, 0, 1], 9).into());
    });
    let key: String = Rng::new(46).bytes(16).iter().map(|byte| format!("{byte:02x}")).collect();
    let ran = stage.ssh(&[&format!("echo acme_{key}")], b"");
    assert_eq!(ran.code, Some(255), "{}", ran.said);
    let record = stage.last();
    assert!(matches!(record.outcome, Outcome::Failed { .. }), "{record:?}");
    let told: Vec<_> = record.noted.iter().map(|noted| (&*noted.what, &*noted.place)).collect();
    assert_eq!(told, [("acme-key", "command")]);
}

#[test]
fn verbs_can_be_closed() {
    if !has_ssh() {
        return;
    }
    let stage = Stage::new(engine(), |_, ssh| {
        assert!(ssh.verb("git-receive-pack") && ssh.verb("sftp") && !ssh.verb("nothing"));
    });
    let ran = stage.ssh(&["true"], b"");
    assert!(ran.code == Some(77) && ran.said.contains("exec is not one of what may be done"), "{}", ran.said);
    let ran = stage.ssh(&["git-upload-pack x"], b"");
    assert!(ran.code == Some(77) && ran.text().contains("ERR exfilter: git-upload-pack"), "{}", ran.text());
}

#[test]
fn keys_are_exchanged_anew_under_load() {
    if !has_ssh() {
        return;
    }
    let stage = Stage::usual();
    let bytes = Rng::new(44).bytes(12 << 20);
    let ran = stage.ssh(&["-oRekeyLimit=1M", "cat"], &bytes).ok();
    assert!(ran.out == bytes);
}

/// A channel whose server does not read keeps nobody waiting: who shares its connection gets another.
#[test]
fn a_channel_that_stands_still_stops_no_other() {
    if !has_ssh() || !has("pgrep", &["--version"]) {
        return;
    }
    let stage = Stage::usual();
    let (config, user, control) = (stage.text("ssh_config"), stage.user(), stage.text("mux"));
    let master = format!("-oControlPath={control}");
    let mut stuck = stage
        .command(stage.dir.path(), &["ssh", "-F", &config, "-oControlMaster=yes", &master, &user, "sleep 50"])
        .stdin(std::fs::File::open("/dev/zero").unwrap())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    assert!(soon(|| stage.path("mux").exists()));
    std::thread::sleep(Duration::from_millis(500));
    let begun = Instant::now();
    let ran = stage.ssh(&[&master, "echo here"], b"").ok();
    assert_eq!(ran.text(), "here\n");
    assert!(begun.elapsed() < Duration::from_secs(45), "{:?}", begun.elapsed());
    assert!(stuck.try_wait().unwrap().is_none(), "the first goes on");
    stuck.kill().unwrap();
    stuck.wait().unwrap();
    let _ = std::fs::remove_file(stage.path("mux"));
    // One behind the other they share it.
    let persist = stage
        .command(
            stage.dir.path(),
            &["ssh", "-F", &config, "-oControlMaster=yes", "-oControlPersist=20", &master, &user, "echo 1"],
        )
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    assert!(persist.unwrap().success());
    for n in 0..3 {
        let ran = stage.ssh(&[&master, &format!("echo {n}")], b"").ok();
        assert_eq!((ran.text(), ran.said.contains("refused")), (format!("{n}\n"), false), "{}", ran.said);
    }
    stage.ssh(&["-Oexit", &master], b"");
}

/// OpenSSH closes a channel at once when both sides have ended, and how the command ended is known only after that.
#[test]
fn how_a_command_ended_is_told_though_its_output_ended_before() {
    if !has_ssh() {
        return;
    }
    let stage = Stage::new(engine(), |settings, _| {
        let mut limits = GuardLimits::default();
        limits.status = Duration::from_secs(60);
        settings.limits(limits);
    });
    for (command, code) in [("exec >&- 2>&-; sleep 0.3; exit 7", 7), ("echo out; exit 3", 3), ("exit 0", 0)] {
        let ran = stage.ssh(&[command], b"");
        assert_eq!(ran.code, Some(code), "{command}: {}", ran.said);
    }
}

/// How much the examination costs of an upload: run it in release, on a machine that does nothing else.
#[test]
#[ignore = "a measurement: cargo test --release -p exfilter-guard --test guard -- --ignored --nocapture upload"]
fn upload_throughput() {
    if !has_ssh() {
        return;
    }
    let mut rng = Rng::new(45);
    let line: Vec<u8> =
        (0..1 << 16).map(|_| b"the quick brown fox jumps over (it) = {0};\n"[rng.below(43)]).collect();
    let bytes = line.repeat(200 * 16);
    let off = exfilter::Engine::builder().build().unwrap();
    let (with, without) = (Stage::usual(), Stage::new(off, |_, _| {}));
    let mut times = [Duration::MAX; 2];
    for _ in 0..3 {
        for (stage, best) in [&with, &without].into_iter().zip(&mut times) {
            let begun = Instant::now();
            stage.ssh(&["cat > /dev/null"], &bytes).ok();
            *best = begun.elapsed().min(*best);
        }
    }
    let rate = |time: Duration| bytes.len() as f64 / 1e6 / time.as_secs_f64();
    println!(
        "upload: {:.0} MB/s with the engine, {:.0} MB/s without rules; ratio {:.2}",
        rate(times[0]),
        rate(times[1]),
        times[1].as_secs_f64() / times[0].as_secs_f64()
    );
}
