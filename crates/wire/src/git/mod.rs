//! git's side of a conversation: pkt-lines, what a push asks for, how a push is refused, what a server offers.
//!
//! ```text
//! client                                         server
//!   GET info/refs?service=git-receive-pack  -->
//!                                           <--  refs and capabilities        advertisement: `no-thin` is added
//!   POST git-receive-pack
//!     old new ref\0capabilities, ..., 0000  -->                               receive: commands, options, certificate
//!     PACK ...
//!                                           <--  unpack ok, ng ref reason     report
//! ```
//!
//! The same bytes travel over SSH, without the lines of HTTP. Formats: [gitprotocol-common], [gitprotocol-pack], [gitprotocol-http].
//!
//! [gitprotocol-common]: https://git-scm.com/docs/gitprotocol-common
//! [gitprotocol-pack]: https://git-scm.com/docs/gitprotocol-pack
//! [gitprotocol-http]: https://git-scm.com/docs/gitprotocol-http

mod advertisement;
pub mod pkt;
mod receive;
mod report;

pub use advertisement::Advertisement;
pub use receive::{Command, Receive};
pub use report::{Report, error_line};
