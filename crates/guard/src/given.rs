//! [`Given`]: addresses of a sandbox's loopback that stand for names, so that a connection to one tells where it is meant to go.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use exfilter::Authority;

/// The first of them: 127.64.0.1. All of 127.0.0.0/8 is the machine itself, and what programs use of it begins with 127.0.
const FIRST: u32 = u32::from_be_bytes([127, 64, 0, 1]);

/// The most names. A client asks for a few dozen; names below a suffix it could ask for without end.
const NAMES: usize = 4096;

/// What address each name was given.
#[derive(Default)]
pub(crate) struct Given(Mutex<Table>);

#[derive(Default)]
struct Table {
    places: HashMap<String, u32>,
    names: Vec<String>,
}

impl Given {
    /// The address of a name, the same whenever it is asked for. None if too many have been given.
    pub(crate) fn address(&self, name: &str) -> Option<Ipv4Addr> {
        let mut table = self.lock();
        if let Some(place) = table.places.get(name) {
            return Some(Ipv4Addr::from(FIRST + place));
        }
        if table.names.len() >= NAMES {
            return None;
        }
        let place = u32::try_from(table.names.len()).ok()?;
        table.names.push(name.to_owned());
        table.places.insert(name.to_owned(), place);
        Some(Ipv4Addr::from(FIRST + place))
    }

    /// The same place by the name to which its address was given.
    pub(crate) fn named(&self, to: Authority) -> Authority {
        let place = to.host().parse().ok().and_then(|ip: Ipv4Addr| u32::from(ip).checked_sub(FIRST));
        let Some(place) = place.and_then(|place| usize::try_from(place).ok()) else { return to };
        let table = self.lock();
        let named = table.names.get(place).map(|name| format!("{}://{name}:{}", to.scheme(), to.port()));
        named.and_then(|text| Authority::parse(text.as_bytes()).ok()).unwrap_or(to)
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_leads_back_to_its_name() {
        let given = Given::default();
        let to = |text: &str| Authority::parse(text.as_bytes()).expect("an authority");
        let first = given.address("a.example").expect("there is room");
        let second = given.address("b.example").expect("there is room");
        assert_eq!((first, second), (Ipv4Addr::new(127, 64, 0, 1), Ipv4Addr::new(127, 64, 0, 2)));
        assert_eq!(given.address("a.example"), Some(first));
        assert_eq!(given.named(to("https://127.64.0.2:8443")), to("https://b.example:8443"));
        for other in [
            "https://127.64.0.3",
            "https://127.0.0.1",
            "https://a.example",
            "https://[::1]",
            "https://255.255.255.255",
        ] {
            assert_eq!(given.named(to(other)), to(other), "{other}");
        }
        let names = (2..NAMES).map(|n| format!("n{n}.example"));
        assert!(names.into_iter().all(|name| given.address(&name).is_some_and(|ip| ip.octets()[1] == 64)));
        assert_eq!((given.address("more.example"), given.address("a.example")), (None, Some(first)));
    }
}
