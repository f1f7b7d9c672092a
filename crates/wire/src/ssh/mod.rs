//! What travels in channels of SSH: command lines, files of scp, packets of SFTP.
//!
//! ```text
//! exec "scp -t dir"     command: what a line asks for, if it is one of those that are known
//!   C0644 5 name\n      scp: lines, then as many bytes of content as the line says, then how it went
//!   hello \0
//! subsystem "sftp"      sftp: a length, a type, a number, and fields; files are written in pieces that say where they belong
//! ```
//!
//! git's pushes in a channel are those of [`git`](crate::git). The transport, [RFC 4253], is the business of whoever has a connection.
//!
//! [RFC 4253]: https://www.rfc-editor.org/rfc/rfc4253

mod command;
mod error;
mod scp;
mod sftp;

pub use command::{Command, command};
pub use error::SshError;
pub use scp::{Scp, ScpPart, scp_refusal};
pub use sftp::{Packets, Reply as SftpReply, Request as SftpRequest, STATUS_DENIED, STATUS_OK, sftp_status};
