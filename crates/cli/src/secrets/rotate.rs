//! `secrets rotate-key`.

use super::add::shown;
use super::open::{Place, fault};
use super::value;
use crate::exit;
use crate::fault::Fault;
use crate::term::Term;
use crate::text::count;

/// Runs `secrets rotate-key`. While values are missing the exit code is that of something that was not examined.
pub(crate) fn rotate(place: &Place, finish: bool, term: &Term) -> Result<u8, Fault> {
    place.load()?;
    let mut edit = place.edit()?;
    let rotation =
        edit.rotate(value::again).map_err(|error| super::open::secret_fault(&place.name(), &error))?;
    let moved = count(rotation.moved.len() as u64, "secret", "secrets");
    if rotation.missing.is_empty() || finish {
        edit.finish_rotation(&mut |_, _| Ok(())).map_err(|error| fault(&error))?;
        for name in &rotation.missing {
            term.note(&format_args!("{}: forgotten, for its value was not found", shown(name)));
        }
        term.note(&format_args!("{}: {moved} under a new key; the old key is gone", place.name()));
        return Ok(exit::CLEAN);
    }
    let sources: Vec<(String, String)> = rotation
        .missing
        .iter()
        .map(|name| {
            let record = edit.store().records().iter().find(|record| record.name() == name);
            (shown(name), record.map_or(String::new(), |record| shown(&record.source().to_string())))
        })
        .collect();
    edit.commit().map_err(|error| fault(&error))?;
    for (name, source) in &sources {
        term.note(&format_args!("{name}: its value is not found any more ({source})"));
    }
    term.note(&format_args!(
        "{}: {moved} ready under the next key, {} missing; both keys are kept. `exfilter secrets add --replace NAME` gives a value, \
         `rotate-key` goes on, `rotate-key --finish` forgets what is missing",
        place.name(),
        rotation.missing.len()
    ));
    Ok(exit::INCOMPLETE)
}
