//! The SSH gateway: a tunnel in which a client speaks SSH ends here, and what it asks of its channel goes on over a connection of the guard's own.
//!
//! ```text
//! client --SSH, with the run's own key--> door.rs (who, which requests) -> channel.rs (one channel, to its end) --SSH, with the user's keys--> server
//!                                           | keys.rs  verb.rs                | upstream.rs  known_hosts.rs   the way out
//!                                                                             | examine/     what the client sends, by what the channel does
//!                                                                             `- pace.rs     how much waits
//! ```
//!
//! - Nothing is dialled before a channel has asked for something that may be done: the command line, the user's name and the variables are examined first.
//! - One channel at a time in a connection: where one stands still, none waits behind it. Clients that share connections open another.
//! - Forwardings, agents, X11 and tunnels are refused; the agent's request is left without an answer, which OpenSSH does not ask for.
//! - What is recorded is recorded first: a line when a channel opens, which is before anything is dialled, and one with its end.

mod channel;
mod door;
mod examine;
mod keys;
mod known_hosts;
mod pace;
mod settings;
mod upstream;
mod verb;
mod watch;

use std::borrow::Cow;
use std::time::Duration;

use russh::SshId;

pub(crate) use door::serve;
pub(crate) use keys::RunKeys;
pub use settings::SshSettings;

/// Messages of a channel that may wait; bytes are counted by [`pace`], which comes first.
const MESSAGES: usize = 1 << 16;

/// From one sign of life to the next.
const ALIVE: Duration = Duration::from_secs(60);

/// What both sides are told about this program.
fn id() -> SshId {
    SshId::Standard(Cow::Borrowed("SSH-2.0-exfilter"))
}
