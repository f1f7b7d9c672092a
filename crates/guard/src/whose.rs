//! Whose credentials a request has: the session's own, or somebody else's.

use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use exfilter::substitute::{Asked, First, OwnLogins, Substitutes, TokenAnswer, Trust, Whose};
use exfilter::{Authority, Inspector};
use tokio::task::block_in_place;

use crate::guard::Shared;

/// How long what was read of the files of logins is not read again.
const PAUSE: Duration = Duration::from_secs(3);

/// What reads the files of logins again, and adds what stands in them.
pub(crate) type Reader = Arc<dyn Fn(&mut OwnLogins) + Send + Sync>;

/// What the files of logins hold, and how they are read again.
pub(crate) struct Files {
    known: Mutex<Arc<OwnLogins>>,
    reader: Option<Reader>,
    /// When they were read for the last time because of a credential that nobody knew.
    read: Mutex<Option<Instant>>,
}

impl Files {
    pub(crate) fn new(known: OwnLogins, reader: Option<Reader>) -> Files {
        Files { known: Mutex::new(Arc::new(known)), reader, read: Mutex::default() }
    }

    fn known(&self) -> Arc<OwnLogins> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads them again, if that is allowed and was not done just now.
    fn again(&self) -> Option<Arc<OwnLogins>> {
        let reader = self.reader.as_ref()?;
        let mut read = match self.read.try_lock() {
            Ok(read) => read,
            Err(TryLockError::Poisoned(read)) => read.into_inner(),
            // Another request has them read: nobody waits for a file because of a stranger.
            Err(TryLockError::WouldBlock) => return Some(self.known()),
        };
        if read.is_some_and(|before| before.elapsed() < PAUSE) {
            return Some(self.known());
        }
        // What stood there before stays: it may be in use still.
        let mut known = OwnLogins::clone(&self.known());
        block_in_place(|| reader(&mut known));
        let known = Arc::new(known);
        *read = Some(Instant::now());
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = known.clone();
        Some(known)
    }
}

/// Whose the credentials of a request are: the first ones of a host, if they are that. The error says why it is refused.
pub(crate) fn whose(
    shared: &Shared,
    logins: &Substitutes,
    to: &Authority,
    inspector: &Inspector,
) -> Result<Option<First>, String> {
    if shared.observe {
        return Ok(None);
    }
    let head = inspector.head();
    if let Some(substitutes) = &shared.substitutes
        && let Some(place) = substitutes.foreign_beside(Some(logins), &shared.engine, to, head)
    {
        return Err(format!("a credential that is not the session's own stands in {place}"));
    }
    let ask =
        |known: &OwnLogins| asked(shared, logins, known, |asked| shared.accounts.whose(asked, to, head));
    let mut whose = ask(&shared.files.known());
    if matches!(whose, Whose::Strangers(_))
        && let Some(known) = shared.files.again()
    {
        whose = ask(&known);
    }
    match whose {
        Whose::First(first) => Ok(Some(first)),
        Whose::Strangers(place) => Err(strangers(&place)),
        Whose::Own => Ok(None),
    }
}

/// Why a credential is refused that nobody knows.
pub(crate) fn strangers(place: &str) -> String {
    format!(
        "a credential that is not known to be the session's own stands in {place}, and what goes to this host with it is in somebody's account: log in again inside; who has logged in outside, or has another key for it, starts or reloads exfilter (`accounts` in the policy)"
    )
}

/// Tells the session of tokens that the client gets as they are.
pub(crate) fn teach(shared: &Shared, answer: &TokenAnswer) {
    let logins = shared.logins.substitutes();
    asked(shared, &logins, &shared.files.known(), |asked| answer.teach(&shared.accounts, asked));
}

fn asked<T>(
    shared: &Shared,
    logins: &Substitutes,
    known: &OwnLogins,
    ask: impl FnOnce(&Asked<'_>) -> T,
) -> T {
    let trust = shared.gate.config.accounts();
    let own: Vec<&Substitutes> = match trust {
        // A login inside may be anybody's.
        Trust::Known => shared.substitutes.iter().map(|set| &**set).collect(),
        _ => shared.substitutes.iter().map(|set| &**set).chain([logins]).collect(),
    };
    let models = shared.gate.config.models();
    ask(&Asked { trust, models, known, own: &own, engine: &shared.engine })
}
