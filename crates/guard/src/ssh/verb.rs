//! [`Verb`]: what a channel is asked to do.

use exfilter::wire::ssh::{Command, command};

/// What a channel does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    ReceivePack,
    UploadPack,
    UploadArchive,
    LfsAuthenticate,
    ScpTo,
    ScpFrom,
    Sftp,
    /// From the server to here; the other direction is refused whatever the settings say.
    RsyncFrom,
    RsyncTo,
    Exec,
    Shell,
    /// A subsystem that is not SFTP.
    Subsystem,
}

impl Verb {
    pub(crate) const NAMES: [&'static str; 10] = [
        "git-receive-pack",
        "git-upload-pack",
        "git-upload-archive",
        "git-lfs-authenticate",
        "scp-upload",
        "scp-download",
        "sftp",
        "rsync-download",
        "exec",
        "shell",
    ];

    /// What can be allowed.
    pub(crate) const ALL: [Verb; Verb::NAMES.len()] = [
        Verb::ReceivePack,
        Verb::UploadPack,
        Verb::UploadArchive,
        Verb::LfsAuthenticate,
        Verb::ScpTo,
        Verb::ScpFrom,
        Verb::Sftp,
        Verb::RsyncFrom,
        Verb::Exec,
        Verb::Shell,
    ];

    /// Of a command line.
    pub(crate) fn of(line: &[u8]) -> Verb {
        match command(line) {
            Command::GitReceivePack => Verb::ReceivePack,
            Command::GitUploadPack => Verb::UploadPack,
            Command::GitUploadArchive => Verb::UploadArchive,
            Command::GitLfsAuthenticate => Verb::LfsAuthenticate,
            Command::ScpTo => Verb::ScpTo,
            Command::ScpFrom => Verb::ScpFrom,
            Command::SftpServer => Verb::Sftp,
            Command::RsyncFrom => Verb::RsyncFrom,
            Command::RsyncTo => Verb::RsyncTo,
            _ => Verb::Exec,
        }
    }

    /// The name in settings.
    pub(crate) fn name(self) -> &'static str {
        let known = Verb::ALL.iter().position(|verb| *verb == self).map(|at| Verb::NAMES[at]);
        known.unwrap_or(if self == Verb::RsyncTo { "rsync-upload" } else { "subsystem" })
    }

    /// What records say.
    pub(crate) fn conversation(self) -> &'static str {
        match self {
            Verb::ReceivePack => "ssh-git-receive-pack",
            Verb::UploadPack => "ssh-git-upload-pack",
            Verb::UploadArchive => "ssh-git-upload-archive",
            Verb::LfsAuthenticate => "ssh-git-lfs-authenticate",
            Verb::ScpTo => "ssh-scp-upload",
            Verb::ScpFrom => "ssh-scp-download",
            Verb::Sftp => "ssh-sftp",
            Verb::RsyncFrom => "ssh-rsync-download",
            Verb::RsyncTo => "ssh-rsync-upload",
            Verb::Exec => "ssh-exec",
            Verb::Shell => "ssh-shell",
            Verb::Subsystem => "ssh-subsystem",
        }
    }

    /// Why it is never passed on.
    pub(crate) fn refusal(self) -> Option<&'static str> {
        match self {
            Verb::RsyncTo => Some(
                "uploads of rsync are not passed on: what it sends are differences and blocks between numbers, which cannot be examined here; use scp or sftp",
            ),
            Verb::Subsystem => Some("subsystems other than sftp are not passed on"),
            _ => None,
        }
    }
}
