//! [`Words`]: what may be said to a client.
//!
//! A client has options that make it send something else than the file that was examined: another folder, all packages of a workspace, a signature, a comment. So only
//! those pass that are known not to.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use super::args::Client;
use crate::fault::Fault;
use crate::text::escape;

/// An option that a client may be given.
struct Known {
    name: &'static str,
    /// Whether a value follows it.
    valued: bool,
    /// Whether it belongs to packing too, or only there.
    packs: bool,
    publishes: bool,
}

const fn flag(name: &'static str) -> Known {
    Known { name, valued: false, packs: false, publishes: true }
}

const fn value(name: &'static str) -> Known {
    Known { valued: true, ..flag(name) }
}

/// Of packing as well.
const fn both(known: Known) -> Known {
    Known { packs: true, ..known }
}

/// Of packing alone.
const fn pack(known: Known) -> Known {
    Known { packs: true, publishes: false, ..known }
}

const NPM: &[Known] = &[
    value("--tag"),
    value("--access"),
    value("--registry"),
    value("--otp"),
    value("--auth-type"),
    value("--userconfig"),
    value("--loglevel"),
    flag("--dry-run"),
    flag("--provenance"),
    flag("--no-provenance"),
    flag("--force"),
    flag("--json"),
    flag("--silent"),
    flag("--quiet"),
    flag("--verbose"),
    pack(flag("--ignore-scripts")),
];

const PNPM: &[Known] = &[
    value("--tag"),
    value("--access"),
    value("--registry"),
    value("--otp"),
    value("--publish-branch"),
    flag("--no-git-checks"),
    flag("--dry-run"),
    flag("--provenance"),
    flag("--force"),
    flag("--json"),
    pack(flag("--ignore-scripts")),
];

const YARN: &[Known] = &[
    value("--tag"),
    value("--access"),
    value("--registry"),
    value("--otp"),
    flag("--silent"),
    flag("--verbose"),
    pack(flag("--ignore-scripts")),
];

const BUN: &[Known] = &[
    value("--tag"),
    value("--access"),
    value("--registry"),
    value("--otp"),
    value("--auth-type"),
    value("--ca"),
    value("--cafile"),
    flag("--dry-run"),
    flag("--tolerate-republish"),
    flag("--silent"),
    flag("--verbose"),
    pack(flag("--ignore-scripts")),
];

const CARGO: &[Known] = &[
    value("--registry"),
    value("--index"),
    flag("--dry-run"),
    both(flag("--allow-dirty")),
    both(value("-p")),
    both(value("--package")),
    both(flag("--workspace")),
    both(value("--exclude")),
    both(value("-F")),
    both(value("--features")),
    both(flag("--all-features")),
    both(flag("--no-default-features")),
    both(value("--target")),
    both(value("--manifest-path")),
    both(flag("--locked")),
    both(flag("--offline")),
    both(flag("--frozen")),
    both(value("-j")),
    both(value("--jobs")),
    both(flag("--keep-going")),
    both(value("--color")),
    both(flag("-v")),
    both(flag("--verbose")),
    both(flag("-q")),
    both(flag("--quiet")),
    pack(flag("--no-verify")),
];

const TWINE: &[Known] = &[
    value("-r"),
    value("--repository"),
    value("--repository-url"),
    value("-u"),
    value("--username"),
    value("--config-file"),
    value("--cert"),
    value("--client-cert"),
    flag("--non-interactive"),
    flag("--skip-existing"),
    flag("--verbose"),
    flag("--disable-progress-bar"),
];

const UV: &[Known] = &[
    value("--index"),
    value("-u"),
    value("--username"),
    value("--publish-url"),
    value("--check-url"),
    value("--trusted-publishing"),
    value("--keyring-provider"),
    value("--allow-insecure-host"),
    value("--color"),
    flag("--dry-run"),
    flag("--no-attestations"),
    flag("--system-certs"),
    flag("--native-tls"),
    flag("--no-progress"),
    flag("-q"),
    flag("--quiet"),
    flag("-v"),
    flag("--verbose"),
];

impl Client {
    fn known(self) -> &'static [Known] {
        match self {
            Client::Npm => NPM,
            Client::Pnpm => PNPM,
            Client::Yarn => YARN,
            Client::Bun => BUN,
            Client::Cargo => CARGO,
            Client::Twine => TWINE,
            Client::Uv => UV,
        }
    }

    /// Whether it may be told which files.
    fn takes_files(self) -> bool {
        matches!(self, Client::Twine | Client::Uv)
    }
}

/// What was said, in its parts. A password may be among it, so it has no `Debug`.
#[derive(Default, PartialEq, Eq)]
pub(super) struct Words {
    /// For packing.
    pub(super) pack: Vec<OsString>,
    /// For publishing.
    pub(super) publish: Vec<OsString>,
    /// Files to publish.
    pub(super) files: Vec<PathBuf>,
}

impl Words {
    /// Reads what is said to `client`.
    ///
    /// # Errors
    ///
    /// Names the first word that is not known to leave alone what is sent.
    pub(super) fn parse(client: Client, words: &[OsString]) -> Result<Words, Fault> {
        let mut parsed = Words::default();
        let mut rest = words.iter();
        while let Some(word) = rest.next() {
            let bytes = word.as_encoded_bytes();
            if !bytes.starts_with(b"-") && client.takes_files() {
                parsed.files.push(word.into());
                continue;
            }
            // The value is not shown: it may be a password.
            let end = bytes.iter().position(|byte| *byte == b'=').unwrap_or(bytes.len());
            let name = &bytes[..end];
            let refuse = |what: &str| {
                let remedy = "leave it out, or scan the file yourself and publish it without exfilter";
                Err(Fault::new(format!("{} {}", client.program(), escape(name)), what, remedy))
            };
            let Some(known) = client.known().iter().find(|known| known.name.as_bytes() == name) else {
                return refuse(match bytes.starts_with(b"-") {
                    true => "it is not known whether something else would be sent with it",
                    false => "the package of this folder is published, and no other",
                });
            };
            let mut said = vec![word.clone()];
            match (known.valued, end < bytes.len()) {
                (true, false) => match rest.next() {
                    Some(value) => said.push(value.clone()),
                    None => return refuse("a value is missing"),
                },
                (false, true) => return refuse("it takes no value"),
                _ => {}
            }
            if known.packs {
                parsed.pack.extend(said.iter().cloned());
            }
            if known.publishes {
                parsed.publish.extend(said);
            }
        }
        Ok(parsed)
    }

    /// Whether this was said.
    pub(super) fn has(&self, name: &str) -> bool {
        self.pack.iter().chain(&self.publish).any(|word| word == OsStr::new(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(client: Client, words: &[&str]) -> Result<Words, Fault> {
        Words::parse(client, &words.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn words_are_sorted_by_what_they_are_for() {
        let words = parse(Client::Cargo, &["--registry=r", "-p", "a", "--no-verify"]).expect("all are known");
        assert_eq!(words.pack, ["-p", "a", "--no-verify"]);
        assert_eq!(words.publish, ["--registry=r", "-p", "a"]);
        let words = parse(Client::Twine, &["-r", "r", "dist/a.whl"]).expect("all are known");
        assert_eq!(words.files, [PathBuf::from("dist/a.whl")]);
    }

    #[test]
    fn what_would_send_something_else_is_refused_without_its_value() {
        for (client, words) in [
            (Client::Npm, &["../other"][..]),
            (Client::Npm, &["--workspaces"]),
            (Client::Npm, &["-w=hidden"]),
            (Client::Npm, &["--tag"]),
            (Client::Npm, &["--json=hidden"]),
            (Client::Pnpm, &["-r"]),
            (Client::Bun, &["--cwd=hidden"]),
            (Client::Cargo, &["--config=hidden"]),
            (Client::Cargo, &["--token", "hidden"]),
            (Client::Twine, &["--comment=hidden"]),
            (Client::Twine, &["-phidden"]),
            (Client::Uv, &["--directory=hidden"]),
        ] {
            let fault = parse(client, words).err().expect("it is not known").to_string();
            assert!(fault.starts_with(client.program()), "{fault}");
            assert!(!fault.contains("=hidden"), "{fault}");
        }
    }
}
