//! `exfilter guard`: the guard by itself, for sandboxes that something else starts.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, SystemTime};

use exfilter_guard::Running;
use exfilter_store::os::write_private;

use super::args::ServeArgs;
use super::child::{Asked, Asking};
use super::ledger::Books;
use super::place::{Opened, Place};
use super::setup::{self, Changes, Lasting, Life, Read, Readers, Ready};
use super::ssh;
use crate::ask;
use crate::exit;
use crate::fault::Fault;
use crate::output::to_file_of;
use crate::sandbox::settings::{self, Sandbox, Settings};
use crate::sandbox::{self, Seat, Variable};
use crate::secrets::open::{self, absolute};
use crate::term::Term;
use crate::text::{escape, path_bytes};

/// Where `exfilter forward` and a proxy beside the sandbox are looked for, if there is no address.
const INSIDE: &str = "http://127.0.0.1:8080";

/// Serves until it is asked to end. Asked to reload, it reads everything but its options anew.
///
/// # Errors
///
/// What could not be set up. Nothing is served then.
pub(crate) fn run(args: &ServeArgs, term: &Term) -> Result<u8, Fault> {
    let ssh = args.ssh_files.as_ref().map(|_| ssh::settings(&args.ssh)).transpose()?;
    let ready = setup::ready(&args.guard, Life::Lasting, !args.private_networks, ssh, term)?;
    let mut summary = ready.summary(&args.guard);
    let mut opened: Vec<Opened> = Vec::new();
    for place in &args.listen {
        opened.push(listen(place, "--listen")?);
    }
    let metrics = args.metrics.as_ref().map(|place| listen(place, "--metrics")).transpose()?;
    certificates(args, ready.guard.bundle())?;
    let names = args.dns.map(|place| names(args, place, &opened)).transpose()?;
    let mut inside = Inside {
        bundle: bundle(args)?,
        proxy: proxy(args, &opened),
        ssh: Vec::new(),
        address: opened.iter().find_map(|opened| opened.address),
    };
    if let Some(folder) = &args.ssh_files {
        inside.ssh = secure_shell(args, folder, &inside.proxy, &ready)?;
    }
    let settings = inside.write(args, &ready.changes)?;
    let waits =
        |error| Fault::new("guard", format!("it cannot wait for signals: {error}"), "please report this");
    let mut asking = Asking::new().map_err(waits)?;
    let places: Vec<_> = opened.iter().map(|opened| (opened.shown.clone(), opened.address)).collect();
    let mut opened = opened.into_iter();
    let Some(first) = opened.next() else { return Ok(exit::CLEAN) };
    let mut sockets = vec![first.socket];
    let running = ready.guard.start(first.listener).map_err(|error| setup::fault(&error))?;
    for further in opened {
        sockets.push(further.socket);
        running.listen(further.listener);
    }
    let names = match names {
        Some(names) => Some(names.serve(&running).map_err(|error| dns_fault(args, &error))?),
        None => None,
    };
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
    if let Some(place) = names.filter(|_| !args.guard.quiet) {
        term.note(&format_args!("names are answered at {place}"));
    }
    if let Some(settings) = settings {
        settings_are_there(args, &settings, term)?;
    }
    setup::show(&args.guard, &running, Readers::People, term)?;
    summary.tell_key(term);
    let ended = loop {
        match asking.next() {
            Ok(Asked::Reload) => {
                let renewed = reload(args, &inside, &ready.lasting, &running, term);
                if let Ok(observe) = renewed {
                    summary.observe = observe;
                }
                tell(args, &ready.books, renewed.err(), term);
                renew(args, &running, term);
            }
            Ok(Asked::Nothing) => renew(args, &running, term),
            Ok(Asked::End) => break Ok(exit::CLEAN),
            Err(error) => break Err(waits(error)),
        }
    };
    drop(running);
    drop(sockets);
    summary.tell(term);
    ended
}

/// Writes the file of certificates.
fn certificates(args: &ServeArgs, bundle: &str) -> Result<(), Fault> {
    to_file_of("--bundle", "certificates", &args.bundle, |out| out.write_all(bundle.as_bytes()))
}

/// Lets the next certificate authority take its place, if it is time, once the file for clients has the one that follows.
fn renew(args: &ServeArgs, running: &Running, term: &Term) {
    let write =
        |bundle: &str| certificates(args, bundle).map_err(|fault| io::Error::other(fault.to_string()));
    let period = Duration::from_secs(args.renew_after * 24 * 60 * 60);
    match running.renew_after(period, SystemTime::now(), write) {
        Ok(false) => {}
        Ok(true) if args.guard.quiet => {}
        Ok(true) => term.note(
            &"the next certificate authority signs from now on; the one after it is in the file for clients",
        ),
        Err(error) => term.note(&format_args!("the certificate authority could not be renewed: {error}")),
    }
}

/// Takes what is read now for whatever begins from now on; gives whether it only observes. What cannot be used, or not even be read to its end, changes nothing.
fn reload(
    args: &ServeArgs,
    inside: &Inside,
    lasting: &Lasting,
    running: &Running,
    term: &Term,
) -> Result<bool, Fault> {
    let read = || setup::read(&args.guard, lasting, term);
    let Read { settings, notes, changes, observe } = catch_unwind(AssertUnwindSafe(read))
        .map_err(|_| Fault::new("guard", "an internal fault while it was read", "please report this"))??;
    running.reload(settings).map_err(|error| setup::fault(&error))?;
    if !args.guard.quiet {
        notes.iter().for_each(|note| term.note(note));
    }
    // What is in force is in force, whether the next sandbox gets its file or not.
    if let Err(fault) = inside.write(args, &changes) {
        term.note(&fault);
    }
    Ok(observe)
}

/// Says in one line what became of a reload, also in the journal.
fn tell(args: &ServeArgs, books: &Books, failed: Option<Fault>, term: &Term) {
    let why = failed.as_ref().map(ToString::to_string);
    let written = books.journal.as_ref().map(|journal| journal.reloaded(why.as_deref()));
    match why {
        Some(why) => term.note(&format_args!("what was in force stays in force: {why}")),
        None if args.guard.quiet => {}
        None => term.note(&"settings, rules, store and policy were read anew"),
    }
    if let Some(Err(error)) = written {
        term.note(&format_args!("that could not be written into the journal: {error}"));
    }
}

/// How the sandbox names what is the guard's.
struct Inside {
    bundle: String,
    proxy: String,
    ssh: Vec<Variable>,
    /// The first address at which the guard listens.
    address: Option<SocketAddr>,
}

impl Inside {
    /// Writes the sandbox's variables and settings, those that are asked for; gives the latter.
    fn write(&self, args: &ServeArgs, changes: &Changes) -> Result<Option<Settings>, Fault> {
        if let Some(path) = &args.env_file {
            let text = sandbox::text(args.seat, &self.variables(args.seat, changes));
            write_private(path, text.as_bytes(), &mut |_| Ok(())).map_err(|error| open::fault(&error))?;
        }
        let Some(sandbox) = args.sandbox else { return Ok(None) };
        let seat = if sandbox == Sandbox::Claude { Seat::Claude } else { args.seat };
        let guard = settings::Guard {
            address: self.address,
            socket: args.listen.iter().find_map(|place| place.socket().map(absolute)),
            certificates: absolute(&args.bundle),
            env_file: args.env_file.as_deref().map(|path| (absolute(path), args.seat)),
            variables: &self.variables(seat, changes),
        };
        let settings = sandbox.settings(&guard)?;
        if let Some(path) = &args.sandbox_file {
            settings.write(path)?;
        }
        Ok(Some(settings))
    }

    /// The variables of what is in the sandbox.
    fn variables(&self, seat: Seat, changes: &Changes) -> Vec<Variable> {
        let placeholders = changes.iter().filter_map(|(name, value)| {
            // What belongs nowhere is not in the sandbox at all, nor what has several lines.
            let value = value.clone().filter(|value| !value.contains(char::is_control))?;
            Some((name.to_str()?.to_owned(), Some(value)))
        });
        let mut variables = sandbox::variables(Some(seat), Some(&self.proxy), Some(&self.bundle));
        variables.push((ask::VARIABLE.to_owned(), Some(self.proxy.clone())));
        variables.extend(self.ssh.iter().cloned());
        variables.extend(placeholders);
        variables
    }
}

/// Prints settings that no file is for, and says what is to be done with them.
fn settings_are_there(args: &ServeArgs, settings: &Settings, term: &Term) -> Result<(), Fault> {
    if args.sandbox_file.is_none() {
        let print =
            |error: io::Error| Fault::new("standard output", error.to_string(), "give --sandbox-file");
        term.report(|out| out.write_all(settings.text().as_bytes())).map_err(print)?;
    }
    if !args.guard.quiet {
        let file = args.sandbox_file.as_deref().map(absolute);
        settings.hints(file.as_deref()).for_each(|hint| term.note(&hint));
    }
    Ok(())
}

/// Writes what ssh in the sandbox needs.
fn secure_shell(args: &ServeArgs, folder: &Path, proxy: &str, ready: &Ready) -> Result<Vec<Variable>, Fault> {
    let Some((known_hosts, key)) = ready.guard.ssh().map_err(|error| setup::fault(&error))? else {
        return Ok(Vec::new());
    };
    let inside = args.ssh_files_inside.clone().unwrap_or_else(|| absolute(folder));
    let socket = args.listen.iter().find_map(|place| place.socket().map(absolute));
    let way = ssh::Way { proxy, socket: socket.as_deref() };
    ssh::prepare_sandbox(folder, &inside, &way, &known_hosts, &key)
}

/// Where names are answered, and how.
struct Names {
    socket: UdpSocket,
    v4: Option<Ipv4Addr>,
    v6: Option<Ipv6Addr>,
}

impl Names {
    /// Begins to answer; gives where.
    fn serve(self, running: &Running) -> io::Result<SocketAddr> {
        let place = self.socket.local_addr()?;
        running.dns(self.socket, self.v4, self.v6).map(|()| place)
    }
}

fn names(args: &ServeArgs, place: SocketAddr, opened: &[Opened]) -> Result<Names, Fault> {
    let first = opened.iter().find_map(|opened| opened.address);
    let usual = first.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |address| address.ip());
    let answers = if args.dns_answer.is_empty() { vec![usual] } else { args.dns_answer.clone() };
    if answers.iter().any(IpAddr::is_unspecified) {
        let what = "names would have an address that is none";
        return Err(Fault::new("--dns", what, "name one by --dns-answer"));
    }
    let (mut v4, mut v6) = (None, None);
    for answer in answers {
        let is_second = match answer {
            IpAddr::V4(ip) => v4.replace(ip).is_some(),
            IpAddr::V6(ip) => v6.replace(ip).is_some(),
        };
        if is_second {
            return Err(Fault::new("--dns-answer", "there are two of one version", "give one of each"));
        }
    }
    let socket = UdpSocket::bind(place).map_err(|error| dns_fault(args, &error))?;
    Ok(Names { socket, v4, v6 })
}

fn dns_fault(args: &ServeArgs, error: &io::Error) -> Fault {
    let place = args.dns.map(|place| place.to_string()).unwrap_or_default();
    Fault::new(format!("--dns {place}"), format!("it cannot be listened on: {error}"), "name another")
}

fn listen(place: &Place, option: &str) -> Result<Opened, Fault> {
    place.open().map_err(|error| {
        let what = format!("it cannot be listened on: {error}");
        Fault::new(format!("{option} {}", place.shown()), what, "name another")
    })
}

/// The file of certificates, as the sandbox names it.
fn bundle(args: &ServeArgs) -> Result<String, Fault> {
    let folder = args.sandbox.and_then(|sandbox| sandbox.places().certificates);
    let usual = || match (folder, args.bundle.file_name()) {
        (Some(folder), Some(name)) => Path::new(folder).join(name),
        _ => absolute(&args.bundle),
    };
    let path = args.bundle_inside.clone().unwrap_or_else(usual);
    path.to_str().map(str::to_owned).ok_or_else(|| {
        Fault::new(escape(path_bytes(&path)), "the path of the certificates is no text", "put them elsewhere")
    })
}

/// The proxy, as the sandbox names it.
fn proxy(args: &ServeArgs, opened: &[Opened]) -> String {
    let address = || opened.iter().find_map(|opened| Some(format!("http://{}", opened.address?)));
    let usual = || Some(args.sandbox?.places().proxy?.to_owned());
    args.proxy_inside.clone().or_else(usual).or_else(address).unwrap_or_else(|| INSIDE.to_owned())
}
