//! Files that name their values: bytes in, one `(name, value, offset)` per field out.
//!
//! ```text
//! json.rs   JSON, JSON Lines, JSON with comments      assign.rs  INI, properties, .env, .npmrc, git's config, shell scripts
//! yaml.rs   YAML, as configurations have it           words.rs   command lines and histories of them
//! toml.rs   TOML                                      lines.rs   git-credentials, .pgpass, a token alone
//! xml.rs    settings.xml, NuGet.Config, IDE files     netrc.rs   .netrc, .authinfo
//! hashdump.rs  Subversion's credentials
//! ```
//!
//! The readers are lenient where the clients' own are strict: a file that breaks off, or that a person has edited, still gives what stands
//! in it. None of them judges whether a value is a secret. Each is linear in its input and bounded by [`MAX_NAME`], [`MAX_VALUE`] and
//! [`MAX_DEPTH`]; what is over a bound is passed over (the engine still sees its bytes).
//!
//! A name is a path: `mcpServers.github.env.GITHUB_TOKEN`, `users.0.user.token`, `remote "origin".url`.

mod assign;
mod hashdump;
mod json;
mod lines;
mod netrc;
mod path;
mod toml;
mod words;
mod xml;
mod yaml;

pub use words::arguments;

/// The longest name of a field, in bytes: the path to it.
pub const MAX_NAME: usize = 512;
/// The longest value that is handed out, in bytes; a private key of 16 384 bits in PEM has 13 000.
pub const MAX_VALUE: usize = 64 << 10;
/// The deepest nesting that is named; what lies deeper is read under the name of its ancestor.
pub const MAX_DEPTH: usize = 64;

/// Takes a field: its name, its value with quotes and escapes undone, and the offset in the file at which its spelling begins.
pub type Sink<'a> = dyn FnMut(&[u8], &[u8], usize) + 'a;

/// How a file writes its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// `name = value` under `[section]`, and everything that looks like it.
    Assign,
    /// JSON, several documents, comments and trailing commas allowed.
    Json,
    /// YAML.
    Yaml,
    /// TOML.
    Toml,
    /// XML.
    Xml,
    /// `machine NAME login NAME password VALUE`.
    Netrc,
    /// Names and values behind their lengths, as Subversion writes them.
    HashDump,
    /// One address per line, the password percent-encoded.
    Urls,
    /// `host:port:database:user:password` per line.
    Pgpass,
    /// The whole file is the value.
    Whole,
    /// Command lines, one per line.
    Commands,
    /// Nothing but text: only rules look at it.
    Text,
    /// What stands inside is not for us; that it can be read is the find.
    Presence,
}

/// Reads the fields of `bytes`.
pub fn read(format: Format, bytes: &[u8], sink: &mut Sink<'_>) {
    let bytes_start = if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let mut bounded = |name: &[u8], value: &[u8], at: usize| {
        if name.len() <= MAX_NAME && value.len() <= MAX_VALUE && !value.is_empty() {
            sink(name, value, at);
        }
    };
    let sink: &mut Sink<'_> = &mut bounded;
    match format {
        Format::Assign => assign::read(bytes, bytes_start, sink),
        Format::Json => json::read(bytes, bytes_start, sink),
        Format::Yaml => yaml::read(bytes, bytes_start, sink),
        Format::Toml => toml::read(bytes, bytes_start, sink),
        Format::Xml => xml::read(bytes, sink),
        Format::Netrc => netrc::read(bytes, sink),
        Format::HashDump => hashdump::read(bytes, sink),
        Format::Urls => lines::urls(bytes, sink),
        Format::Pgpass => lines::pgpass(bytes, sink),
        Format::Whole => lines::whole(bytes, sink),
        Format::Commands => words::commands(bytes, sink),
        Format::Text | Format::Presence => {}
    }
}

#[cfg(test)]
mod tests;
