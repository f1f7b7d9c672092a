//! The view that a `devcontainer.json` makes ([containers.dev](https://containers.dev/implementors/json_reference/)): its mounts and variables.
//! The files of the image are not known from it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::mounts::Origin;
use super::{Reader, View, ViewError};
use crate::format::{Format, read};

/// The longest file that is read, in bytes.
const LONGEST: usize = 4 << 20;

impl View {
    /// What a process sees in the container that `text`, the content of the `devcontainer.json` at `file`, describes. `base` holds the files
    /// of the image if they are at hand ([`View::of_root`]), else nothing ([`View::of_nothing`]).
    ///
    /// # Errors
    ///
    /// If the file is too long, or names no field at all.
    pub fn of_devcontainer(text: &[u8], file: &Path, base: View) -> Result<View, ViewError> {
        if text.len() > LONGEST {
            return Err(ViewError::new("a devcontainer.json has at most 4 MiB"));
        }
        let mut fields: BTreeMap<String, String> = BTreeMap::new();
        read(Format::Json, text, &mut |name, value, _| {
            fields.insert(
                String::from_utf8_lossy(name).into_owned(),
                String::from_utf8_lossy(value).into_owned(),
            );
        });
        if fields.is_empty() {
            return Err(ViewError::new("the file names no field of a devcontainer.json"));
        }
        let mut container = Container::new(file, fields);
        let mut view = base;
        if view.mounts.len() == 0 {
            view.note("image", "the files of the container's image are not known; give them with --root");
        }
        container.fill(&mut view);
        Ok(view)
    }
}

struct Container {
    fields: BTreeMap<String, String>,
    /// The project's folder on this machine.
    local: PathBuf,
    /// The same inside.
    inside: PathBuf,
}

impl Container {
    fn new(file: &Path, fields: BTreeMap<String, String>) -> Container {
        let file = file.canonicalize().unwrap_or_else(|_| file.to_path_buf());
        // `.devcontainer.json`, `.devcontainer/devcontainer.json` or `.devcontainer/NAME/devcontainer.json` in the project.
        let local = file
            .ancestors()
            .find(|folder| folder.file_name().is_some_and(|name| name == ".devcontainer"))
            .and_then(Path::parent)
            .or_else(|| file.parent())
            .unwrap_or(Path::new("/"))
            .to_path_buf();
        let name = local.file_name().unwrap_or_default().to_owned();
        let mut container = Container { fields, local, inside: Path::new("/workspaces").join(name) };
        if let Some(folder) = container.fields.get("workspaceFolder").cloned() {
            container.inside = container.expand(&folder).into();
        }
        container
    }

    fn fill(&mut self, view: &mut View) {
        match self.fields.get("workspaceMount").cloned() {
            Some(mount) => self.mount(&self.expand(&mount), view),
            None => view.mounts.push(&self.inside, Origin::Host(self.local.clone())),
        }
        view.folder = Some(self.inside.clone());
        let mut parts: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
        let mut arguments: BTreeMap<usize, String> = BTreeMap::new();
        for (name, value) in &self.fields {
            if let Some(rest) = name.strip_prefix("mounts.") {
                match rest.split_once('.') {
                    Some((number, part)) => {
                        parts.entry(number.into()).or_default().insert(part.into(), self.expand(value));
                    }
                    None => self.mount(&self.expand(value), view),
                }
            } else if let Some(number) = name.strip_prefix("runArgs.").and_then(|n| n.parse().ok()) {
                arguments.insert(number, self.expand(value));
            } else if let Some(variable) =
                name.strip_prefix("containerEnv.").or_else(|| name.strip_prefix("remoteEnv."))
            {
                view.set(variable.as_bytes(), self.expand(value).as_bytes());
            }
        }
        for mount in parts.values() {
            let words: Vec<String> = mount.iter().map(|(name, value)| format!("{name}={value}")).collect();
            self.mount(&words.join(","), view);
        }
        self.arguments(arguments.into_values().collect(), view);
        for (field, what) in [
            ("dockerComposeFile", "the services of the Compose file were not read"),
            ("features.", "what the container's features install was not read"),
        ] {
            if self.fields.keys().any(|name| name.starts_with(field)) {
                view.note("devcontainer-part", what);
            }
        }
        let user = self.fields.get("remoteUser").or_else(|| self.fields.get("containerUser"));
        let user = user.map_or("root", String::as_str);
        let root = matches!(user, "root" | "0");
        if let Some(home) =
            view.variable("HOME").map(|home| PathBuf::from(String::from_utf8_lossy(home).into_owned()))
        {
            view.home = Some(home);
        } else if view.home.is_none() || !root {
            view.home = Some(if root { "/root".into() } else { Path::new("/home").join(user) });
        }
        if root {
            // Root in a container of a rootful engine reads every file that is mounted.
            view.reader = Some(Reader::new(0, Vec::new()));
        }
        view.note(
            "editor-forwarding",
            "editors forward the SSH agent, git's credentials and the GnuPG agent into the container by default; that was not examined",
        );
    }

    /// One mount in Docker's notation: `type=bind,source=..,target=..`.
    fn mount(&self, text: &str, view: &mut View) {
        let mut kind = "volume";
        let (mut source, mut target) = (None, None);
        for word in text.split(',') {
            match word.split_once('=').unwrap_or((word, "")) {
                ("type", value) => kind = value,
                ("source" | "src", value) => source = Some(value),
                ("target" | "dst" | "destination", value) => target = Some(value),
                _ => {}
            }
        }
        let Some(target) = target else { return };
        match (kind, source) {
            ("bind", Some(source)) => {
                let source = self.local.join(source);
                view.mounts.push(Path::new(target), Origin::Host(source));
            }
            _ => {
                view.mounts.push(Path::new(target), Origin::Nothing);
                if kind == "volume" {
                    view.note("volume", "a volume of the container engine was not read");
                }
            }
        }
    }

    /// Docker's own arguments, as far as they mount or set something.
    fn arguments(&self, arguments: Vec<String>, view: &mut View) {
        let mut words = arguments.into_iter();
        while let Some(word) = words.next() {
            let (option, glued) = match word.split_once('=') {
                Some((option, value)) if option.starts_with("--") => {
                    (option.to_string(), Some(value.to_string()))
                }
                _ => (word, None),
            };
            let mut value = || glued.clone().or_else(|| words.next()).unwrap_or_default();
            match option.as_str() {
                "-v" | "--volume" => {
                    let value = value();
                    let mut parts = value.split(':');
                    if let (Some(source), Some(target)) = (parts.next(), parts.next()) {
                        let kind = if source.starts_with(['/', '.', '~']) { "bind" } else { "volume" };
                        self.mount(&format!("type={kind},source={source},target={target}"), view);
                    }
                }
                "--mount" => self.mount(&value(), view),
                "-e" | "--env" => {
                    let value = value();
                    match value.split_once('=') {
                        Some((name, value)) => view.set(name.as_bytes(), value.as_bytes()),
                        None => {
                            if let Ok(own) = std::env::var(&value) {
                                view.set(value.as_bytes(), own.as_bytes());
                            }
                        }
                    }
                }
                "--env-file" => match std::fs::read(self.local.join(value())) {
                    Ok(text) => {
                        for variable in super::root::variables(&zeroize::Zeroizing::new(text)) {
                            view.set(&variable.name, variable.value.expose());
                        }
                    }
                    Err(_) => view.note("env-file", "the file that --env-file names cannot be read"),
                },
                "--pid" if value() == "host" => {
                    view.mounts.push(Path::new("/proc"), Origin::Host("/proc".into()));
                }
                _ => {}
            }
        }
    }

    /// Undoes `${...}`.
    fn expand(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(open) = rest.find("${") {
            out.push_str(&rest[..open]);
            let Some(close) = rest[open..].find('}').map(|n| open + n) else { break };
            let inner = &rest[open + 2..close];
            match inner.split(':').collect::<Vec<_>>().as_slice() {
                ["localWorkspaceFolder"] => out.push_str(&self.local.to_string_lossy()),
                ["localWorkspaceFolderBasename"] => {
                    out.push_str(&self.local.file_name().unwrap_or_default().to_string_lossy());
                }
                ["containerWorkspaceFolder"] => out.push_str(&self.inside.to_string_lossy()),
                ["containerWorkspaceFolderBasename"] => {
                    out.push_str(&self.inside.file_name().unwrap_or_default().to_string_lossy());
                }
                ["localEnv" | "env", name, default @ ..] => match std::env::var(name) {
                    Ok(value) => out.push_str(&value),
                    Err(_) => out.push_str(&default.join(":")),
                },
                // What only the container knows stays as it is.
                _ => out.push_str(&rest[open..=close]),
            }
            rest = &rest[close + 1..];
        }
        out.push_str(rest);
        out
    }
}
