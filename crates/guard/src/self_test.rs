//! A made-up key and a clean request, sent through what would examine requests from now on.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use exfilter::config::Config;
use exfilter::wire::RequestHead;
use exfilter::{Action, Authority, Confidence, Engine, Event, Inspection, Inspector};

/// A host that is none ([RFC 6761](https://www.rfc-editor.org/rfc/rfc6761#section-6.4)); nothing is sent to it either.
const HOST: &str = "self-test.invalid";

/// What became of a request.
struct Seen {
    found: bool,
    refused: bool,
}

/// Whether requests with `key` in them are refused, as the policy has it for what is sure, and one without is not.
pub(crate) fn passes(engine: &Engine, config: &Config, key: &[u8]) -> bool {
    let action = config.policy().action_for(Confidence::High);
    let path = [b"/?q=", key].concat();
    let bearer = [b"Bearer ", key].concat();
    let json = [b"{\"text\": \"", key, b"\"}"].concat();
    let coded = BASE64_STANDARD.encode(&json).into_bytes();
    let clean = seen(engine, config, b"/?q=1", b"nothing", b"nothing secret");
    let holds = [
        seen(engine, config, &path, b"nothing", b""),
        seen(engine, config, b"/", &bearer, b""),
        seen(engine, config, b"/", b"nothing", &json),
        seen(engine, config, b"/", b"nothing", &coded),
    ];
    let is_right = |seen: &Option<Seen>| {
        let is_found = seen.as_ref().is_some_and(|seen| seen.found || action == Action::Allow);
        is_found && seen.as_ref().is_some_and(|seen| seen.refused || action < Action::Redact)
    };
    clean.is_some_and(|seen| !seen.refused) && holds.iter().all(is_right)
}

fn seen(engine: &Engine, config: &Config, path: &[u8], word: &[u8], body: &[u8]) -> Option<Seen> {
    let headers: [(&str, &[u8]); 2] = [("host", HOST.as_bytes()), ("authorization", word)];
    let head = RequestHead::new(b"POST", path, headers).ok()?;
    let to = Authority::parse(format!("https://{HOST}").as_bytes()).ok()?;
    let mut inspection = Inspection::new(to);
    config.apply(&mut inspection);
    let mut inspector = Inspector::new(engine, &inspection, head).ok()?;
    let (pushed, last) = (inspector.push(body), inspector.finish());
    let mut found = false;
    while let Some(sighting) = inspector.poll() {
        found |= matches!(sighting.event(), Event::Finding(_));
    }
    Some(Seen { found, refused: pushed.is_block() || last.is_block() })
}
