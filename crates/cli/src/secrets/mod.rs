//! `exfilter secrets`: the store of known secrets.
//!
//! ```text
//! args.rs      what the user may say         value.rs      values: typed, piped, from files and variables
//! open.rs      where the store is            recognise.rs  which rule knows a value, and where it is at home
//! add.rs       add, bind, remove             enroll.rs     enroll, import: many at once
//! list.rs      list                          doctor.rs     how well it is kept
//! rotate.rs    rotate-key                    export.rs     export         canary.rs  canary add
//! ```
//!
//! No value is printed, with one exception: a canary, which is minted to be put somewhere.

mod add;
pub(crate) mod args;
mod canary;
mod doctor;
pub(crate) mod enroll;
mod export;
mod list;
pub(crate) mod open;
pub(crate) mod recognise;
mod rotate;
mod value;

use crate::exit;
use crate::fault::Fault;
use crate::term::Term;
use args::{CanaryCommand, SecretsArgs, SecretsCommand};
use open::Place;

pub(crate) use add::Candidate;
pub(crate) use exfilter_store::os::harden;

/// Runs `exfilter secrets`.
///
/// # Errors
///
/// Wrong usage, a store or a key that cannot be used, and files.
pub(crate) fn run(args: &SecretsArgs, term: &Term) -> Result<u8, Fault> {
    // Values and keys are in this process's memory.
    harden();
    let place = Place::of(&args.place)?;
    match &args.command {
        SecretsCommand::Add(args) => add::add(&place, args, term)?,
        SecretsCommand::Enroll(args) => return enroll::enroll(&place, args, term),
        SecretsCommand::Import(args) => return enroll::import(&place, args, term),
        SecretsCommand::List { format } => list::list(&place, *format, term)?,
        SecretsCommand::Bind { name, host, slot, remove: false } => {
            add::bind(&place, name, host, slot.as_deref().unwrap_or(""), term)?;
        }
        SecretsCommand::Bind { name, host, slot, remove: true } => {
            add::unbind(&place, name, host, slot.as_deref(), term)?;
        }
        SecretsCommand::Remove { names } => add::remove(&place, names, term)?,
        SecretsCommand::RotateKey { finish } => return rotate::rotate(&place, *finish, term),
        SecretsCommand::Export(args) => return export::export(&place, args, term),
        SecretsCommand::Doctor { format } => return doctor::doctor(&place, *format, term),
        SecretsCommand::Canary { command: CanaryCommand::Add { kind, name } } => {
            canary::add(&place, kind, name.as_deref(), term)?;
        }
    }
    Ok(exit::CLEAN)
}
