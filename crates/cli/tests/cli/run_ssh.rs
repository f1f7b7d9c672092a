//! `exfilter run` and SSH: the command's ssh, scp, sftp and git go through the gateway, and never see a key that opens a server.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::harness::{Run, Sandbox, github_token};

const HOST: &str = "git.example.com";

struct Stage {
    sandbox: Sandbox,
    sshd: Child,
    port: u16,
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = self.sshd.kill();
        let _ = self.sshd.wait();
    }
}

#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn has(path: &str) -> bool {
    let is_there = Path::new(path).exists();
    if !is_there {
        eprintln!("skipped: {path} is not on this machine");
    }
    is_there
}

impl Stage {
    fn new() -> Stage {
        let sandbox = Sandbox::new();
        let path = |name: &str| sandbox.top().join(name);
        for name in ["host_key", "user_key"] {
            let mut keygen = Command::new("ssh-keygen");
            keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path(name));
            assert!(succeeds(&mut keygen));
        }
        let _ = std::fs::create_dir_all("/run/sshd");
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\nUsePAM no\nStrictModes no\n\
             PermitRootLogin yes\nPasswordAuthentication no\nSubsystem sftp internal-sftp\n",
            path("host_key").display(),
            path("user_key.pub").display(),
        );
        std::fs::write(path("sshd_config"), config).unwrap();
        let sshd = Command::new("/usr/sbin/sshd")
            .args(["-D", "-e", "-f"])
            .arg(path("sshd_config"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(30), "sshd does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        let key = std::fs::read_to_string(path("host_key.pub")).unwrap();
        std::fs::write(path("hosts"), format!("{HOST} {key}")).unwrap();
        std::fs::create_dir(path("there")).unwrap();
        Stage { sandbox, sshd, port }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.sandbox.top().join(name)
    }

    /// With the user's key for the gateway.
    fn run(&self, args: &[&str], script: &str) -> Run {
        self.run_with(&[&["--ssh-key", "user_key"], args].concat(), &[], script)
    }

    fn run_with(&self, args: &[&str], variables: &[(&str, &str)], script: &str) -> Run {
        let place = format!("{HOST}:22:127.0.0.1:{}", self.port);
        let mut all = vec!["run", "--no-store", "--ssh-known-hosts", "hosts", "--resolve", &place];
        all.extend(args);
        all.extend(["--", "sh", "-c", script]);
        let mut command = self.sandbox.command(&all);
        command.env("HOME", self.sandbox.top()).env("LC_ALL", "C").envs(variables.iter().copied());
        self.sandbox.finish(&mut command)
    }

    fn user(&self) -> String {
        let out = Command::new("id").arg("-un").output().unwrap().stdout;
        format!("{}@{HOST}", String::from_utf8(out).unwrap().trim())
    }
}

fn succeeds(command: &mut Command) -> bool {
    command.status().is_ok_and(|status| status.success())
}

fn is_ready() -> bool {
    ["/usr/sbin/sshd", "/usr/bin/ssh", "/usr/bin/ssh-keygen"].iter().all(|path| has(path))
}

#[test]
fn commands_files_and_pushes_go_through() {
    if !is_ready() || !has("/usr/bin/git") {
        return;
    }
    let stage = Stage::new();
    let (user, there) = (stage.user(), stage.path("there").display().to_string());
    let run = stage.run(&[], &format!("ssh {user} 'echo out; exit 5'")).exits_with(5);
    run.prints("out").notes(&format!("ssh://{HOST}:22  1 request"));
    std::fs::write(stage.path("a.txt"), b"hello\n").unwrap();
    let script = format!(
        "set -e; scp -q a.txt {user}:{there}/b.txt; echo 'get {there}/b.txt c.txt' | sftp -q -b - {user}; cat c.txt; \
         git init -q --bare {there}/r.git; git init -q -b main work; cd work; git config user.email t@example.com; git config user.name T; \
         echo x > f; git add f; git commit -q -m one; git push -q {user}:{there}/r.git main; git ls-remote {user}:{there}/r.git"
    );
    stage.run(&[], &script).exits_with(0).prints("hello\n").prints("refs/heads/main");
    // Nothing with which a server could be reached is in the command's hands.
    let run = stage.run_with(
        &["--ssh-key", "user_key"],
        &[("SSH_AUTH_SOCK", "/nowhere")],
        "echo \"<$SSH_AUTH_SOCK>\"",
    );
    run.exits_with(0).prints("<>\n");
    let token = github_token();
    std::fs::write(stage.path("k.txt"), format!("key = {token}\n")).unwrap();
    let script = format!(
        "ssh {user} 'cat > {there}/k1' < k.txt; scp k.txt {user}:{there}/k2; cp k.txt work/; cd work; git add -A; git commit -q -m two; git push {user}:{there}/r.git main"
    );
    let run = stage.run(&[], &script).exits_with(1);
    run.notes("secret detected in standard input")
        .notes("! [remote rejected] main -> main (secret detected in k.txt:1:7")
        .notes("[ssh-git-receive-pack]")
        .notes("[ssh-sftp]");
    for name in ["k1", "k2"] {
        let bytes = std::fs::read(stage.path("there").join(name)).unwrap_or_default();
        assert!(!bytes.windows(20).any(|window| window == &token.as_bytes()[..20]), "{name}");
    }
    // Closed, and as it was.
    let run = stage.run(&["--ssh-verb", "git-upload-pack"], &format!("ssh {user} true")).exits_with(77);
    run.notes("exec is not one of what may be done");
    stage.run(&["--ssh-verb", "nonsense"], "true").exits_with(2).notes("git-receive-pack");
    let plain = ["run", "--no-store", "--no-ssh", "--", "sh", "-c", "echo \"<$GIT_SSH_COMMAND>\""];
    stage.sandbox.run(&plain).exits_with(0).prints("<>\n");
    // Without a key, and with a host that nobody has verified.
    stage
        .run_with(&[], &[], &format!("ssh {user} true"))
        .exits_with(255)
        .notes("there is no key to log in with");
    let other = user.replace(HOST, "other.example.com");
    stage.run(&[], &format!("ssh {other} true")).exits_with(255).notes("nobody has verified it");
}

#[test]
fn keys_of_an_agent_work() {
    if !is_ready() || !has("/usr/bin/ssh-agent") {
        return;
    }
    let stage = Stage::new();
    let socket = stage.path("agent");
    let mut agent = Command::new("ssh-agent")
        .args(["-D", "-a"])
        .arg(&socket)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while !socket.exists() && begun.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(20));
    }
    let socket = socket.display().to_string();
    let mut add = Command::new("ssh-add");
    add.arg("-q").arg(stage.path("user_key")).env("SSH_AUTH_SOCK", &socket).stderr(Stdio::null());
    assert!(succeeds(&mut add));
    let run =
        stage.run_with(&[], &[("SSH_AUTH_SOCK", &socket)], &format!("ssh {} 'echo by agent'", stage.user()));
    let _ = agent.kill();
    let _ = agent.wait();
    run.exits_with(0).prints("by agent");
}

#[test]
fn the_files_are_private_and_isolated_commands_get_there() {
    if !is_ready() {
        return;
    }
    let stage = Stage::new();
    let script = "f=${GIT_SSH_COMMAND##*-F }; f=$(eval echo $f); stat -c %a \"$f\" \"${f%/*}/key\" \"${f%/*}/known_hosts\" \"${f%/*}/bin/ssh\"";
    stage.run(&[], script).exits_with(0).prints("600\n600\n600\n700\n");
    if !has("/usr/bin/bwrap") {
        return;
    }
    let probe = stage.run(&["--isolate"], "true");
    if probe.code == Some(2) {
        return;
    }
    // A private address is reached by its name alone.
    let allowed = ["--isolate", "--allow", HOST];
    stage
        .run(&allowed, &format!("ssh {} 'echo from within'", stage.user()))
        .exits_with(0)
        .prints("from within");
}

/// `exfilter guard`: what it writes for a sandbox is enough for ssh and git there, over its address and over its socket.
#[test]
fn a_guard_by_itself_has_a_gateway_too() {
    if !is_ready() || !has("/usr/bin/git") || !has("/usr/bin/socat") {
        return;
    }
    let stage = Stage::new();
    let place = format!("{HOST}:22:127.0.0.1:{}", stage.port);
    let mut command = stage.sandbox.command(&[
        "guard",
        "--no-store",
        "--listen",
        "127.0.0.1:0",
        "--listen",
        "unix:guard.sock",
        "--bundle",
        "ca.pem",
        "--env-file",
        "sandbox.env",
        "--ssh-files",
        "for ssh",
        "--ssh-key",
        "user_key",
        "--ssh-known-hosts",
        "hosts",
        "--resolve",
        &place,
    ]);
    command.env("HOME", stage.sandbox.top()).stderr(Stdio::piped());
    let mut guard = Ends(command.spawn().unwrap());
    let said = std::io::BufReader::new(guard.0.stderr.take().unwrap());
    let mut said = std::io::BufRead::lines(said).map(Result::unwrap);
    assert!(said.any(|line| line.contains("the guard listens at unix:guard.sock")));
    let mode = |name: &str| {
        use std::os::unix::fs::PermissionsExt as _;
        stage.path("for ssh").join(name).metadata().unwrap().permissions().mode() & 0o777
    };
    assert_eq!(
        [".", "key", "config", "known_hosts", "connect"].map(mode),
        [0o700, 0o600, 0o600, 0o600, 0o600]
    );
    let variables = std::fs::read_to_string(stage.path("sandbox.env")).unwrap();
    let run = |path: &str, script: &str| {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]).env_clear().current_dir(stage.sandbox.top()).stdin(Stdio::null());
        command.envs(variables.lines().map(|line| line.split_once('=').unwrap()));
        command.env("PATH", path).env("HOME", stage.sandbox.top()).env("LC_ALL", "C");
        stage.sandbox.finish(&mut command)
    };
    let (user, there) = (stage.user(), stage.path("there").display().to_string());
    let usual = "/usr/bin:/bin";
    let script = format!("sh -c \"$GIT_SSH_COMMAND {user} 'echo out; exit 5'\"");
    run(usual, &script).exits_with(5).prints("out");
    let token = github_token();
    std::fs::write(stage.path("k.txt"), format!("key = {token}\n")).unwrap();
    let script = format!(
        "set -e; git init -q --bare {there}/r.git; git init -q -b main work; cd work; git config user.email t@example.com; git config user.name T; \
         echo x > f; git add f; git commit -q -m one; git push -q {user}:{there}/r.git main; git ls-remote {user}:{there}/r.git; \
         cp ../k.txt .; git add -A; git commit -q -m two; git push {user}:{there}/r.git main"
    );
    let run_git = run(usual, &script).exits_with(1).prints("refs/heads/main");
    run_git.notes("! [remote rejected] main -> main (secret detected in k.txt:1:7");
    // Over the socket, where the sandbox has it and this program.
    let program = Path::new(env!("CARGO_BIN_EXE_exfilter")).parent().unwrap().display().to_string();
    std::fs::write(
        stage.path("for ssh/connect"),
        "exec exfilter connect --proxy unix:guard.sock \"$1\" \"$2\"\n",
    )
    .unwrap();
    run(&format!("{program}:{usual}"), &format!("sh -c \"$GIT_SSH_COMMAND {user} 'echo by the socket'\""))
        .exits_with(0)
        .prints("by the socket");
}

/// A process that does not outlive its test.
struct Ends(Child);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
