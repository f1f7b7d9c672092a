//! What the user may say to `exfilter publish`.

use std::ffi::OsString;

use clap::{Args, ValueEnum};

use crate::args::{AllowArgs, RefuseArgs};

/// `exfilter publish`.
#[derive(Args)]
pub(crate) struct PublishArgs {
    /// Which client packs and publishes
    #[arg(value_enum)]
    pub(crate) client: Client,
    #[command(flatten)]
    pub(crate) refuse: RefuseArgs,
    #[command(flatten)]
    pub(crate) allow: AllowArgs,
    /// What the client is told; with twine and uv the files to publish, too
    #[arg(last = true, value_name = "ARG")]
    pub(crate) words: Vec<OsString>,
}

/// A client of a package registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Client {
    /// npm
    Npm,
    /// pnpm
    Pnpm,
    /// Yarn 1; later ones cannot publish a file
    Yarn,
    /// Bun
    Bun,
    /// Cargo
    Cargo,
    /// twine
    Twine,
    /// uv
    Uv,
}

impl Client {
    /// The program.
    pub(crate) fn program(self) -> &'static str {
        match self {
            Client::Npm => "npm",
            Client::Pnpm => "pnpm",
            Client::Yarn => "yarn",
            Client::Bun => "bun",
            Client::Cargo => "cargo",
            Client::Twine => "twine",
            Client::Uv => "uv",
        }
    }
}
