//! [`Repo`]: git as a child process.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::fault::Fault;
use crate::text::{escape, path_bytes, plain};

/// The longest message of git's that is shown, in bytes.
const MESSAGE: usize = 400;

/// A repository, as git finds it from a folder.
pub(crate) struct Repo {
    dir: PathBuf,
    /// Whether the environment has no say about which one it is.
    alone: bool,
}

/// By these git is told which repository is meant, and what it is to see of it (`git rev-parse --local-env-vars`, but for configuration).
const LOCAL: [&str; 12] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_COMMON_DIR",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_QUARANTINE_PATH",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    "GIT_SHALLOW_FILE",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
];

impl Repo {
    /// The repository of `dir`.
    pub(crate) fn at(dir: &Path) -> Repo {
        Repo { dir: dir.to_path_buf(), alone: false }
    }

    /// The repository of `dir`, whatever repository the environment is about: a hook of one may ask for another.
    pub(crate) fn named(dir: &Path) -> Repo {
        Repo { dir: dir.to_path_buf(), alone: true }
    }

    /// A command of git in the repository. What a hook was told by its environment (the index, the quarantine) holds for it too.
    pub(crate) fn git<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new("git");
        if self.alone {
            LOCAL.iter().for_each(|name| {
                command.env_remove(name);
            });
        }
        command
            .args(["-c", "core.fsmonitor=false"])
            .args(args)
            .current_dir(&self.dir)
            .stdin(Stdio::null())
            .env("LC_ALL", "C")
            .env("GIT_OPTIONAL_LOCKS", "0")
            // What is sent is the object itself, not what stands in for it here, and nothing is fetched to be looked at.
            .env("GIT_NO_REPLACE_OBJECTS", "1")
            .env("GIT_NO_LAZY_FETCH", "1");
        command
    }

    /// A variable of the environment that git is told which repository is meant by, if it has a say.
    pub(super) fn variable(&self, name: &str) -> Option<std::ffi::OsString> {
        std::env::var_os(name).filter(|_| !self.alone)
    }

    /// Runs git to its end and returns what it prints.
    ///
    /// # Errors
    ///
    /// When it cannot be run, or fails; its own words are part of it.
    pub(crate) fn run(&self, args: &[&str], input: &[u8]) -> Result<Vec<u8>, Fault> {
        self.finish(self.git(args), args, input)
    }

    /// Runs git, of which `prepare` may say more, to its end and returns what it prints.
    ///
    /// # Errors
    ///
    /// As [`Repo::run`].
    pub(crate) fn run_as(
        &self,
        args: &[&str],
        input: &[u8],
        prepare: impl FnOnce(&mut Command),
    ) -> Result<Vec<u8>, Fault> {
        let mut command = self.git(args);
        prepare(&mut command);
        self.finish(command, args, input)
    }

    fn finish(&self, mut command: Command, args: &[&str], input: &[u8]) -> Result<Vec<u8>, Fault> {
        let name = format!("git {}", args.first().copied().unwrap_or_default());
        command.stdin(if input.is_empty() { Stdio::null() } else { Stdio::piped() });
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| self.absent(&name, &error))?;
        let stdin = child.stdin.take();
        let output = std::thread::scope(|scope| {
            scope.spawn(move || {
                if let Some(mut stdin) = stdin {
                    // What git does not want to read is said by how it ends.
                    let _ = stdin.write_all(input);
                }
            });
            child.wait_with_output()
        })
        .map_err(|error| self.absent(&name, &error))?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let said = &output.stderr[..output.stderr.len().min(MESSAGE)];
        let said = plain(String::from_utf8_lossy(said).trim());
        Err(Fault::new(self.name(), format!("{name} failed: {said}"), ""))
    }

    /// What git prints in one line.
    ///
    /// # Errors
    ///
    /// As [`Repo::run`].
    pub(crate) fn line(&self, args: &[&str]) -> Result<Vec<u8>, Fault> {
        let mut out = self.run(args, &[])?;
        while out.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
            out.pop();
        }
        Ok(out)
    }

    /// The folder, safe to print.
    pub(crate) fn name(&self) -> String {
        escape(path_bytes(&self.dir))
    }

    /// Git could not be run.
    pub(crate) fn absent(&self, name: &str, error: &std::io::Error) -> Fault {
        Fault::new(name, format!("it could not be run: {error}"), "install git, and check PATH")
    }
}

/// A path as git prints it.
pub(crate) fn path_of(bytes: &[u8]) -> PathBuf {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        PathBuf::from(OsStr::from_bytes(bytes))
    }
    #[cfg(not(unix))]
    {
        PathBuf::from(String::from_utf8_lossy(bytes).into_owned())
    }
}
