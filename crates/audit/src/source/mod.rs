//! Where the audit looks.
//!
//! ```text
//! environment.rs   variables of the view                 walk.rs          folders, one entry after another
//! processes.rs     /proc: other processes                places.rs        the table of known places -> files
//! files.rs         files: how much of each is read       capabilities.rs  sockets, routes, identities
//! tray.rs          small files, many in one stream
//! content.rs       bytes through the engine, fields through the readers; both put together
//! ```

pub(crate) mod capabilities;
pub(crate) mod content;
pub(crate) mod environment;
mod fields;
pub(crate) mod files;
pub(crate) mod places;
pub(crate) mod processes;
pub(crate) mod tray;
pub(crate) mod walk;
mod window;
