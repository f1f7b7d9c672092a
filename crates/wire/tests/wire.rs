//! What conversations promise: one reading of a head, the same for any chunking, and refusals that clients show.
#![expect(clippy::unwrap_used, reason = "what a test cannot do ends it")]

#[path = "wire/bodies.rs"]
mod bodies;
#[path = "wire/conversations.rs"]
mod conversations;
#[path = "wire/dns.rs"]
mod dns;
#[path = "wire/git.rs"]
mod git;
#[path = "wire/heads.rs"]
mod heads;
#[path = "wire/replies.rs"]
mod replies;
#[path = "wire/ssh.rs"]
mod ssh;
