//! A repository with a remote, and git in an environment of its own.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::harness::{Run, Sandbox};

/// A repository in a sandbox's tree.
pub(crate) struct Repo {
    sandbox: Sandbox,
}

impl Repo {
    /// An empty one; none, and a word about it, where there is no git.
    #[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
    pub(crate) fn new() -> Option<Repo> {
        if Command::new("git").arg("--version").output().is_err() {
            println!("skipped: there is no git");
            return None;
        }
        let repo = Repo { sandbox: Sandbox::new() };
        repo.git(&["init", "-q", "-b", "main"]);
        Some(repo)
    }

    pub(crate) fn top(&self) -> &Path {
        self.sandbox.top()
    }

    /// A rule file outside of the repository.
    pub(crate) fn rules(&self) -> PathBuf {
        self.top().join("acme.toml")
    }

    pub(crate) fn write(&self, name: &str, content: &[u8]) {
        self.sandbox.file(name, content);
    }

    /// Writes files, commits them without hooks, and returns the commit.
    pub(crate) fn commit(&self, message: &str, files: &[(&str, &[u8])]) -> String {
        for (name, content) in files {
            self.write(name, content);
            self.git(&["add", "--", name]);
        }
        self.git(&["commit", "-q", "--no-verify", "--allow-empty", "-m", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// Git in the repository; it must succeed.
    #[track_caller]
    pub(crate) fn git(&self, args: &[&str]) -> String {
        let output = self.try_git(args);
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_string()
    }

    /// Git in the repository.
    pub(crate) fn try_git(&self, args: &[&str]) -> Output {
        self.quiet(Command::new("git").args(args).current_dir(self.sandbox.tree(""))).output().unwrap()
    }

    /// Git, and all that it and its hooks say, searched for what was planted.
    pub(crate) fn git_run(&self, args: &[&str]) -> Run {
        self.sandbox.checked(self.try_git(args))
    }

    /// The command, in the repository.
    pub(crate) fn run(&self, args: &[&str]) -> Run {
        let mut command = self.sandbox.command(args);
        self.quiet(command.current_dir(self.sandbox.tree("")));
        self.sandbox.finish(&mut command)
    }

    /// The command with a variable in its environment, in the repository.
    pub(crate) fn run_with(&self, args: &[&str], name: &str, value: &str) -> Run {
        self.run_among(args, &[(name, value)])
    }

    /// The command with variables in its environment, in the repository.
    pub(crate) fn run_among(&self, args: &[&str], variables: &[(&str, &str)]) -> Run {
        let mut command = self.sandbox.command(args);
        self.quiet(command.current_dir(self.sandbox.tree(""))).envs(variables.iter().copied());
        self.sandbox.finish(&mut command)
    }

    /// The command with standard input, in the repository.
    pub(crate) fn run_piped(&self, args: &[&str], input: &[u8]) -> Run {
        let mut command = self.sandbox.command(args);
        self.quiet(command.current_dir(self.sandbox.tree("")));
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        self.sandbox.checked(child.wait_with_output().unwrap())
    }

    /// Exit code and standard error of git, where git itself shows what was planted: the name of a ref.
    pub(crate) fn git_run_quietly(&self, args: &[&str]) -> (Option<i32>, String) {
        let output = self.try_git(args);
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// Any program, in the repository and in git's environment.
    pub(crate) fn command(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        self.quiet(command.args(args).current_dir(self.sandbox.tree("")));
        command
    }

    /// What a program said, searched for what was planted.
    pub(crate) fn checked(&self, output: Output) -> Run {
        self.sandbox.checked(output)
    }

    /// A bare repository beside this one, as its remote `origin`.
    pub(crate) fn remote(&self) -> PathBuf {
        let remote = self.top().join("remote.git");
        self.git(&["init", "-q", "--bare", "-b", "main", remote.to_str().unwrap()]);
        self.git(&["remote", "add", "origin", remote.to_str().unwrap()]);
        remote
    }

    /// Whether any byte of the remote's objects holds `text`.
    pub(crate) fn remote_has(&self, text: &str) -> bool {
        let remote = self.top().join("remote.git");
        let list =
            self.git(&["-C", remote.to_str().unwrap(), "cat-file", "--batch-all-objects", "--batch-check"]);
        list.lines().any(|line| {
            let mut words = line.split(' ');
            let (id, kind) = (words.next().unwrap(), words.next().unwrap());
            let args = ["-C", remote.to_str().unwrap(), "cat-file", kind, id];
            self.try_git(&args).stdout.windows(text.len()).any(|window| window == text.as_bytes())
        })
    }

    fn quiet<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let home = self.top().join("home");
        fs::create_dir_all(&home).unwrap();
        command.env_remove("GIT_DIR").env_remove("GIT_INDEX_FILE").env_remove("XDG_CONFIG_HOME");
        for who in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{who}_NAME"), "A").env(format!("GIT_{who}_EMAIL"), "a@example.org");
        }
        command.env("HOME", home).env("GIT_CONFIG_NOSYSTEM", "1")
    }
}
