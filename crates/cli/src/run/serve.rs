//! `exfilter guard`: the guard by itself, for sandboxes that something else starts.

use exfilter_store::os::write_private;

use super::args::ServeArgs;
use super::place::{Opened, Place};
use super::{child, setup};
use crate::exit;
use crate::fault::Fault;
use crate::output::to_file;
use crate::sandbox;
use crate::secrets::open::{self, absolute};
use crate::term::Term;
use crate::text::{escape, path_bytes};

/// Where `exfilter forward` and a proxy beside the sandbox are looked for, if there is no address.
const INSIDE: &str = "http://127.0.0.1:8080";

/// Serves until it is asked to end.
///
/// # Errors
///
/// What could not be set up. Nothing is served then.
pub(crate) fn run(args: &ServeArgs, term: &Term) -> Result<u8, Fault> {
    let ready = setup::ready(&args.guard, !args.private_networks, None, term)?;
    let summary = ready.summary(&args.guard);
    let mut opened: Vec<Opened> = Vec::new();
    for place in &args.listen {
        opened.push(listen(place, "--listen")?);
    }
    let metrics = args.metrics.as_ref().map(|place| listen(place, "--metrics")).transpose()?;
    to_file(&args.bundle, |out| out.write_all(ready.guard.bundle().as_bytes()))?;
    if let Some(path) = &args.env_file {
        let placeholders = ready.changes.iter().filter_map(|(name, value)| {
            // What belongs nowhere is not in the sandbox at all, nor what has several lines.
            let value = value.clone().filter(|value| !value.contains(char::is_control))?;
            Some((name.to_str()?.to_owned(), Some(value)))
        });
        let (bundle, proxy) = (bundle(args)?, proxy(args, &opened));
        let mut variables = sandbox::variables(Some(args.seat), Some(&proxy), Some(&bundle));
        variables.extend(placeholders);
        let text = sandbox::text(args.seat, &variables);
        write_private(path, text.as_bytes(), &mut |_| Ok(())).map_err(|error| open::fault(&error))?;
    }
    let places: Vec<_> = opened.iter().map(|opened| (opened.shown.clone(), opened.address)).collect();
    let mut opened = opened.into_iter();
    let Some(first) = opened.next() else { return Ok(exit::CLEAN) };
    let mut sockets = vec![first.socket];
    let running = ready.guard.start(first.listener).map_err(|error| setup::fault(&error))?;
    for further in opened {
        sockets.push(further.socket);
        running.listen(further.listener);
    }
    let told = metrics.as_ref().map(|metrics| metrics.shown.clone());
    if let Some(metrics) = metrics {
        sockets.push(metrics.socket);
        running.metrics(metrics.listener);
    }
    if !args.guard.quiet {
        ready.notes.iter().for_each(|note| term.note(note));
        for (shown, address) in places {
            term.note(&format_args!("the guard listens at {shown}"));
            if address.is_some_and(|address| !address.ip().is_loopback()) {
                term.note(&"whoever reaches that address can use the guard");
            }
        }
    }
    if let Some(place) = told.filter(|_| !args.guard.quiet) {
        term.note(&format_args!("counts are told at {place}"));
    }
    let ended = child::until_asked_to_end();
    drop(running);
    drop(sockets);
    summary.tell(term);
    ended.map(|()| exit::CLEAN).map_err(|error| {
        Fault::new("guard", format!("it cannot wait for signals: {error}"), "please report this")
    })
}

fn listen(place: &Place, option: &str) -> Result<Opened, Fault> {
    place.open().map_err(|error| {
        let what = format!("it cannot be listened on: {error}");
        Fault::new(format!("{option} {}", place.shown()), what, "name another")
    })
}

/// The file of certificates, as the sandbox names it.
fn bundle(args: &ServeArgs) -> Result<String, Fault> {
    let path = args.bundle_inside.clone().unwrap_or_else(|| absolute(&args.bundle));
    path.to_str().map(str::to_owned).ok_or_else(|| {
        Fault::new(escape(path_bytes(&path)), "the path of the certificates is no text", "put them elsewhere")
    })
}

/// The proxy, as the sandbox names it.
fn proxy(args: &ServeArgs, opened: &[Opened]) -> String {
    let address = || opened.iter().find_map(|opened| Some(format!("http://{}", opened.address?)));
    args.proxy_inside.clone().or_else(address).unwrap_or_else(|| INSIDE.to_owned())
}
