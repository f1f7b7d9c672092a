//! How each client packs, and how it is given the file that was examined.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::args::Client;
use super::words::Words;
use crate::fault::Fault;
use crate::text::{escape, path_bytes};

/// A package, packed.
pub(super) struct Packed {
    /// The files that are to be sent.
    pub(super) files: Vec<PathBuf>,
    /// For a client that packs once more: where it is to do that, and what the files must be then.
    again: Option<PathBuf>,
}

impl Client {
    /// Packs what would be published into `dir`, where nobody else writes.
    ///
    /// # Errors
    ///
    /// When the client cannot be run, fails, or packs nothing.
    pub(super) fn pack(self, words: &Words, dir: &Path) -> Result<Packed, Fault> {
        let scripts = !words.has("--ignore-scripts");
        let run = |args: &[&str], more: &[OsString]| self.packing(args, more);
        let mut again = None;
        match self {
            Client::Npm | Client::Pnpm => {
                if scripts {
                    // Publishing a folder runs it, packing does not.
                    run(&["run", "--if-present", "prepublishOnly"], &[])?;
                }
                run(&["pack", "--pack-destination", &text(dir)?], &words.pack)?;
            }
            Client::Bun => {
                if scripts {
                    run(&["run", "--if-present", "prepublishOnly"], &[])?;
                }
                run(&["pm", "pack", "--destination", &text(dir)?], &words.pack)?;
            }
            Client::Yarn => {
                self.only_the_first()?;
                run(&["pack", "--filename", &text(&dir.join("package.tgz"))?], &words.pack)?;
            }
            Client::Cargo => {
                if !words.has("--no-verify") {
                    // In the folder where builds are kept anyway; what it packs is not used.
                    run(&["package"], &words.pack)?;
                }
                let pack: Vec<OsString> =
                    words.pack.iter().filter(|word| *word != "--no-verify").cloned().collect();
                let [first, second] = [dir.join("first"), dir.join("second")];
                for target in [&first, &second] {
                    run(&["package", "--no-verify", "--target-dir", &text(target)?], &pack)?;
                }
                same(&crates(&first)?, &crates(&second)?, "packing it twice gives two packages")?;
                let files = crates(&first)?;
                again = Some(dir.join("third"));
                return found(self, files, again);
            }
            Client::Twine | Client::Uv if !words.files.is_empty() => copy(&words.files, dir)?,
            Client::Twine => {
                return Err(Fault::new(
                    "twine",
                    "no files are named",
                    "build the package, then name its files: -- dist/*",
                ));
            }
            Client::Uv => run(&["build", "--out-dir", &text(dir)?], &words.pack)?,
        }
        found(self, files_in(dir)?, again.take())
    }

    /// Publishes the files.
    ///
    /// # Errors
    ///
    /// When the client cannot be run or fails, or has sent something else.
    pub(super) fn publish(self, words: &Words, packed: &Packed) -> Result<(), Fault> {
        let mut command = Command::new(self.program());
        match self {
            Client::Npm | Client::Pnpm | Client::Bun => {
                command.arg("publish").args(&packed.files);
            }
            Client::Yarn => {
                // The version is that of the package.
                command.args(["publish", "--non-interactive"]).args(&packed.files);
            }
            Client::Cargo => {
                // Nothing is built, so nothing of the package runs between packing and sending.
                command.args(["publish", "--no-verify", "--target-dir"]).args(&packed.again);
            }
            Client::Twine => {
                command.arg("upload");
            }
            Client::Uv => {
                command.arg("publish");
            }
        }
        command.args(&words.publish);
        if matches!(self, Client::Twine | Client::Uv) {
            command.args(&packed.files);
        }
        self.finish(command, "publish")?;
        if let Some(third) = &packed.again {
            let sent = crates(third)?;
            return same(
                &packed.files,
                &sent,
                "what was sent is NOT what was examined: look at it, and yank it",
            );
        }
        if self == Client::Npm && !words.has("--ignore-scripts") && !words.has("--dry-run") {
            // Publishing a folder runs them, publishing a file does not.
            for script in ["publish", "postpublish"] {
                self.packing(&["run", "--if-present", script], &[])?;
            }
        }
        Ok(())
    }

    fn only_the_first(self) -> Result<(), Fault> {
        let output = Command::new(self.program()).arg("--version").stderr(Stdio::null()).output();
        let output = output.map_err(|error| self.absent(&error))?;
        if output.stdout.starts_with(b"1.") {
            return Ok(());
        }
        let what = "from version 2 on it packs what it publishes itself, so it cannot be held to the file that was examined";
        Err(Fault::new("yarn", what, "publish with npm: exfilter publish npm"))
    }

    /// Runs the client for something that is not published yet; what it says goes to standard error.
    fn packing(self, args: &[&str], more: &[OsString]) -> Result<(), Fault> {
        let mut command = Command::new(self.program());
        command.args(args).args(more).stdout(Stdio::from(io::stderr()));
        self.finish(command, args.first().copied().unwrap_or_default())
    }

    fn finish(self, mut command: Command, what: &str) -> Result<(), Fault> {
        let status = command.status().map_err(|error| self.absent(&error))?;
        if status.success() {
            return Ok(());
        }
        Err(Fault::new(
            format!("{} {what}", self.program()),
            format!("it failed ({status})"),
            "see what it says above",
        ))
    }

    fn absent(self, error: &io::Error) -> Fault {
        let name = self.program();
        Fault::new(name, format!("it could not be run: {error}"), format!("install {name}, and check PATH"))
    }
}

fn found(client: Client, files: Vec<PathBuf>, again: Option<PathBuf>) -> Result<Packed, Fault> {
    match files.is_empty() {
        true => Err(Fault::new(client.program(), "it packed nothing", "see what it says above")),
        false => Ok(Packed { files, again }),
    }
}

/// The files of a folder, in order.
fn files_in(dir: &Path) -> Result<Vec<PathBuf>, Fault> {
    let fault =
        |error: io::Error| Fault::new(escape(path_bytes(dir)), format!("it cannot be read: {error}"), "");
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).map_err(fault)? {
        let entry = entry.map_err(fault)?;
        // `uv build` leaves a .gitignore there.
        let is_package = !entry.file_name().as_encoded_bytes().starts_with(b".");
        if is_package && entry.file_type().map_err(fault)?.is_file() {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

/// The packages that cargo has left in a target folder: where it puts them differs by version and by what they are for, and some it puts into both places.
fn crates(target: &Path) -> Result<Vec<PathBuf>, Fault> {
    let package = target.join("package");
    let mut files: Vec<PathBuf> = Vec::new();
    for dir in [package.clone(), package.join("tmp-crate")] {
        if !dir.is_dir() {
            continue;
        }
        for file in files_in(&dir)? {
            let is_crate = file.extension() == Some(OsStr::new("crate"));
            match files.iter().find(|other| other.file_name() == file.file_name()) {
                Some(other) => same(
                    std::slice::from_ref(other),
                    std::slice::from_ref(&file),
                    "it packs two packages of one name",
                )?,
                None if is_crate => files.push(file),
                None => {}
            }
        }
    }
    files.sort();
    Ok(files)
}

/// Whether the same packages stand in both.
fn same(a: &[PathBuf], b: &[PathBuf], what: &str) -> Result<(), Fault> {
    let fault = || Fault::new("cargo", what, "see which of its files change");
    let read = |files: &[PathBuf]| -> Result<BTreeMap<OsString, Vec<u8>>, Fault> {
        let each = |file: &PathBuf| {
            let bytes = fs::read(file).map_err(|_| fault())?;
            Ok((file.file_name().unwrap_or_default().to_os_string(), bytes))
        };
        files.iter().map(each).collect()
    };
    if read(a)? == read(b)? { Ok(()) } else { Err(fault()) }
}

/// Copies files to where nobody else writes; their names are part of what is sent.
fn copy(files: &[PathBuf], dir: &Path) -> Result<(), Fault> {
    for file in files {
        let fault =
            |what: String| Fault::new(escape(path_bytes(file)), what, "name the files of one package");
        let name = file.file_name().ok_or_else(|| fault("it is no file".into()))?;
        let to = dir.join(name);
        if to.symlink_metadata().is_ok() || name.as_encoded_bytes().starts_with(b".") {
            return Err(fault("it has the name of another one, or none that is published".into()));
        }
        fs::copy(file, &to).map_err(|error| fault(format!("it cannot be read: {error}")))?;
    }
    Ok(())
}

fn text(path: &Path) -> Result<String, Fault> {
    path.to_str()
        .map(String::from)
        .ok_or_else(|| Fault::new(escape(path_bytes(path)), "the folder's name is no text", "set TMPDIR"))
}
