//! An sshd, a guard before it, and clients whose configuration leads through the guard.

use std::fs::Permissions;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use exfilter::Engine;
use exfilter_guard::{Guard, Listener, Outcome, Record, Running, Settings, SshSettings};

use crate::stage::{PATIENCE, Records, ended};

pub(crate) const HOST: &str = "git.example.com";

pub(crate) struct Stage {
    pub(crate) dir: tempfile::TempDir,
    sshd: Child,
    guard: Running,
    records: Arc<Records>,
}

/// What a client printed, and how it ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: Vec<u8>,
    pub(crate) said: String,
}

impl Ran {
    pub(crate) fn ok(self) -> Ran {
        assert_eq!(self.code, Some(0), "{}", self.said);
        self
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.out).into_owned()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = self.sshd.kill();
        let _ = self.sshd.wait();
    }
}

/// Whether this machine has OpenSSH's server and clients.
pub(crate) fn has_ssh() -> bool {
    let is_there = ["/usr/sbin/sshd", "/usr/bin/ssh", "/usr/bin/ssh-keygen", "/bin/bash"]
        .iter()
        .all(|path| Path::new(path).exists());
    if !is_there {
        println!("skipped: OpenSSH's server or clients are not on this machine");
    }
    is_there
}

fn keygen(path: &Path) {
    let ran = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path).status();
    assert!(ran.unwrap().success());
}

fn private(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
}

impl Stage {
    pub(crate) fn usual() -> Stage {
        Stage::new(crate::stage::engine(), |_, _| {})
    }

    pub(crate) fn new(engine: Engine, set: impl FnOnce(&mut Settings, &mut SshSettings)) -> Stage {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        keygen(&path("host_key"));
        keygen(&path("user_key"));
        let _ = std::fs::create_dir_all("/run/sshd");
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\nUsePAM no\nStrictModes no\nPermitRootLogin yes\n\
             PasswordAuthentication no\nKbdInteractiveAuthentication no\nAcceptEnv TAG\nSubsystem sftp internal-sftp\nAllowAgentForwarding yes\nMaxStartups 100\n",
            path("host_key").display(),
            path("user_key.pub").display(),
        );
        private(&path("sshd_config"), &config);
        let log = std::fs::File::create(path("sshd.log")).unwrap();
        let sshd = Command::new("/usr/sbin/sshd")
            .args(["-D", "-e", "-f"])
            .arg(path("sshd_config"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < PATIENCE, "sshd does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        let host = std::fs::read_to_string(path("host_key.pub")).unwrap();
        std::fs::write(path("known_hosts"), format!("{HOST} {host}")).unwrap();
        let mut ssh = SshSettings::new();
        ssh.identity(path("user_key")).known_hosts(path("known_hosts"));
        let records = Arc::new(Records::default());
        let mut settings = Settings::new(engine);
        settings.sink(records.clone());
        settings.resolve(HOST, 22, ([127, 0, 0, 1], port).into());
        set(&mut settings, &mut ssh);
        settings.ssh(ssh);
        let guard = Guard::new(settings).unwrap();
        let (line, key) = guard.ssh().unwrap().unwrap();
        private(&path("run_hosts"), &line);
        private(&path("run_key"), &key);
        let guard = guard.start(Listener::loopback().unwrap()).unwrap();
        let proxy = guard.address().unwrap().port();
        let connect = format!(
            "#!/bin/bash\nexec 3<>/dev/tcp/127.0.0.1/{proxy}\nprintf 'CONNECT %s:%s HTTP/1.1\\r\\nHost: %s:%s\\r\\n\\r\\n' $1 $2 $1 $2 >&3\n\
             while IFS= read -r line <&3 && [ \"$line\" != $'\\r' ]; do :; done\ncat <&3 &\ncat >&3\nwait\n"
        );
        private(&path("connect"), &connect);
        std::fs::set_permissions(path("connect"), Permissions::from_mode(0o700)).unwrap();
        let config = format!(
            "Host *\n ProxyCommand {} %h %p\n UserKnownHostsFile {}\n GlobalKnownHostsFile /dev/null\n StrictHostKeyChecking yes\n IdentityFile {}\n\
             \x20IdentitiesOnly yes\n IdentityAgent none\n",
            path("connect").display(),
            path("run_hosts").display(),
            path("run_key").display(),
        );
        private(&path("ssh_config"), &config);
        std::fs::create_dir(path("there")).unwrap();
        Stage { dir, sshd, guard, records }
    }

    /// Why something was refused last.
    pub(crate) fn last_refusal(&self) -> Option<String> {
        self.records.all().into_iter().rev().find_map(|record| match record.outcome {
            Outcome::Refused { why } => Some(why),
            _ => None,
        })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> String {
        std::fs::write(self.path(name), bytes).unwrap();
        self.text(name)
    }

    /// What the server has under this name.
    pub(crate) fn there(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path("there").join(name)).unwrap_or_default()
    }

    pub(crate) fn user(&self) -> String {
        let out = Command::new("id").arg("-un").output().unwrap().stdout;
        format!("{}@{HOST}", String::from_utf8(out).unwrap().trim())
    }

    /// Runs ssh with these arguments and what it reads.
    pub(crate) fn ssh(&self, args: &[&str], input: &[u8]) -> Ran {
        let (config, user) = (self.text("ssh_config"), self.user());
        let options = args.iter().take_while(|arg| arg.starts_with('-')).count();
        let mut all = vec!["ssh", "-F", &config];
        all.extend(&args[..options]);
        all.push(&user);
        all.extend(&args[options..]);
        self.run(&all, input)
    }

    pub(crate) fn run(&self, args: &[&str], input: &[u8]) -> Ran {
        self.run_in(self.dir.path(), &[], args, input)
    }

    pub(crate) fn run_in(&self, dir: &Path, env: &[(&str, &str)], args: &[&str], input: &[u8]) -> Ran {
        let (out, said) = (tempfile::NamedTempFile::new().unwrap(), tempfile::NamedTempFile::new().unwrap());
        let read = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(read.path(), input).unwrap();
        let mut child = self
            .command(dir, args)
            .envs(env.iter().copied())
            .stdin(read.reopen().unwrap())
            .stdout(out.reopen().unwrap())
            .stderr(said.reopen().unwrap())
            .spawn()
            .unwrap();
        let code = ended(&mut child).and_then(|status| status.code());
        let said = String::from_utf8_lossy(&std::fs::read(said.path()).unwrap()).into_owned();
        Ran { code, out: std::fs::read(out.path()).unwrap(), said }
    }

    pub(crate) fn command(&self, dir: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(args[0]);
        command
            .args(&args[1..])
            .current_dir(dir)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.dir.path())
            .env("LC_ALL", "C")
            .env("GIT_SSH_COMMAND", format!("ssh -F {}", self.text("ssh_config")));
        command
    }

    pub(crate) fn records(&self) -> Vec<Record> {
        self.records.all()
    }

    /// What became of the last channel, once it is told.
    pub(crate) fn last(&self) -> Record {
        let is_told = || self.records().last().is_some_and(|record| record.outcome != Outcome::Opened);
        assert!(crate::stage::soon(is_told), "the end of a channel is not told");
        self.records().pop().unwrap()
    }

    pub(crate) fn port(&self) -> u16 {
        self.guard.address().unwrap().port()
    }
}

/// Whether `bytes` hold more of `secret` than its first characters.
pub(crate) fn leaks(bytes: &[u8], secret: &[u8]) -> bool {
    let half = secret.len() / 2;
    [&secret[..half], &secret[half..]].iter().any(|piece| bytes.windows(piece.len()).any(|w| w == *piece))
}
