//! [`Repeats`]: heads of requests that a session has sent and that were found clean, as the proxy has them, with what is put into them and what examines bodies behind them.
//!
//! Most requests of a client have the head of the one before. Such a head is compared, and nothing is made of it: in a proxy in Python, which has used the processor's caches for other things, a call takes as long as the code and the data that it touches.

use exfilter::inspector::Repeat;
use exfilter::wire::RequestHead;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};
use zeroize::Zeroizing;

use crate::errors;
use crate::inspector::Fields;

/// Heads that one session has: as many as a client's requests usually have.
const HEADS: usize = 4;

/// The most bytes of one.
const HEAD_MAX: usize = 8 << 10;

/// The head of a request in the parts that a proxy has.
pub(crate) struct Sent<'a, 'py> {
    /// The number of the gate, which decides all that is not said here.
    pub(crate) gate: u64,
    pub(crate) scheme: &'a Bound<'py, PyAny>,
    pub(crate) host: &'a str,
    pub(crate) port: u16,
    pub(crate) authority: &'a Bound<'py, PyAny>,
    pub(crate) method: &'a Bound<'py, PyAny>,
    pub(crate) target: &'a Bound<'py, PyAny>,
    pub(crate) fields: &'a Bound<'py, PyAny>,
}

impl Sent<'_, '_> {
    /// Shows all parts in their order, and of a length of the body only that there is one: how long the body is says the body. None where a part is of a type, or a length in a form, in which it is not compared, or where `look` says so.
    #[inline]
    fn parts(&self, mut look: impl FnMut(&[u8]) -> Option<()>) -> Option<()> {
        look(&self.port.to_le_bytes())?;
        look(self.host.as_bytes())?;
        for part in [self.scheme, self.authority, self.method, self.target] {
            look(part.cast_exact::<PyBytes>().ok()?.as_bytes())?;
        }
        let fields = self.fields.cast_exact::<PyTuple>().ok()?;
        for field in fields.iter_borrowed() {
            let field = field.cast_exact::<PyTuple>().ok()?;
            if field.len() != 2 {
                return None;
            }
            let (name, value) = (field.get_borrowed_item(0).ok()?, field.get_borrowed_item(1).ok()?);
            let (name, value) = (name.cast_exact::<PyBytes>().ok()?, value.cast_exact::<PyBytes>().ok()?);
            let (name, value) = (name.as_bytes(), value.as_bytes());
            look(name)?;
            if name.len() == LENGTH.len() && name.eq_ignore_ascii_case(LENGTH) {
                if value.is_empty() || value.len() > 9 || !value.iter().all(u8::is_ascii_digit) {
                    return None;
                }
                look(b"")?;
            } else {
                look(value)?;
            }
        }
        Some(())
    }

    /// Whether it is one that was kept.
    #[inline(never)]
    fn is(&self, kept: &[u8]) -> bool {
        let mut rest = kept;
        let all = self.parts(|part| {
            let (len, behind) = rest.split_first_chunk()?;
            if u32::from_le_bytes(*len) as usize != part.len() {
                return None;
            }
            let (same, behind) = behind.split_at_checked(part.len())?;
            rest = behind;
            (same == part).then_some(())
        });
        all.is_some() && rest.is_empty()
    }

    /// What is kept of it.
    #[cold]
    fn keep(&self) -> Option<Zeroizing<Vec<u8>>> {
        let mut len = 0;
        self.parts(|part| {
            len += size_of::<u32>() + part.len();
            (len <= HEAD_MAX).then_some(())
        })?;
        // Never grown, so never copied.
        let mut kept = Zeroizing::new(Vec::with_capacity(len));
        self.parts(|part| {
            kept.extend_from_slice(&u32::try_from(part.len()).ok()?.to_le_bytes());
            kept.extend_from_slice(part);
            Some(())
        })?;
        Some(kept)
    }
}

/// The name of the field with the body's length.
const LENGTH: &[u8] = b"content-length";

/// What is put into a head in the places of placeholders. Wiped, and never shown: these are real credentials.
pub(crate) struct Exchange {
    target: Option<Zeroizing<Vec<u8>>>,
    /// Values of fields, by their number, in order.
    values: Vec<(usize, Zeroizing<Vec<u8>>)>,
}

/// Target and fields with real credentials in them, for the server alone.
pub(crate) type Exchanged = (Py<PyAny>, Py<PyTuple>);

impl Exchange {
    /// What `exchanged` has in other places than the head that it was made of, which begins with the host, whatever field that was.
    pub(crate) fn of(exchanged: &RequestHead, target: &[u8], fields: &Fields) -> PyResult<Exchange> {
        let copy = |bytes: &[u8]| Zeroizing::new(bytes.to_vec());
        let mut sent = exchanged.headers().iter().skip(1).map(|(_, value)| value);
        let mut values = Vec::new();
        let mut is_host_behind = false;
        for (number, (name, value)) in fields.iter().enumerate() {
            if !is_host_behind && name.eq_ignore_ascii_case(b"host") {
                is_host_behind = true;
                continue;
            }
            let sent = sent.next().ok_or_else(|| errors::misuse("a head lost a field"))?;
            // How long the body is, the next body says.
            if *sent != **value && !name.eq_ignore_ascii_case(LENGTH) {
                values.push((number, copy(sent)));
            }
        }
        let sent = exchanged.target().as_bytes();
        Ok(Exchange { target: (sent != target).then(|| copy(sent)), values })
    }

    /// The head to send of one that came: all but what is put into it is its own.
    pub(crate) fn apply<'py>(&self, py: Python<'py>, sent: &Sent<'_, 'py>) -> PyResult<Exchanged> {
        let target = match &self.target {
            Some(target) => PyBytes::new(py, target).into_any().unbind(),
            None => sent.target.clone().unbind(),
        };
        let mut values = self.values.iter().peekable();
        let mut fields = Vec::with_capacity(sent.fields.len()?);
        for (number, field) in sent.fields.try_iter()?.enumerate() {
            let field = field?;
            fields.push(match values.next_if(|(at, _)| *at == number) {
                Some((_, value)) => {
                    (field.get_item(0)?, PyBytes::new(py, value)).into_pyobject(py)?.into_any()
                }
                None => field,
            });
        }
        Ok((target, PyTuple::new(py, fields)?.unbind()))
    }
}

/// One head, what is put into it, and what examines bodies behind it.
pub(crate) struct Known {
    gate: u64,
    /// All of its parts, each with its length before it. Wiped: credentials stand in it.
    head: Zeroizing<Vec<u8>>,
    /// None where it leaves as it came.
    pub(crate) exchange: Option<Exchange>,
    pub(crate) repeat: Repeat,
}

/// The heads, the one that came last behind the others.
#[derive(Default)]
pub(crate) struct Repeats(
    #[expect(clippy::vec_box, reason = "it is taken out while a body is examined; boxed, that is a pointer")]
    Vec<Box<Known>>,
);

impl Repeats {
    /// Takes out what is known of a head, to be put back when the body was clean.
    pub(crate) fn take(&mut self, sent: &Sent<'_, '_>) -> Option<Box<Known>> {
        let at = self.0.iter().rposition(|known| known.gate == sent.gate && sent.is(&known.head))?;
        Some(self.0.remove(at))
    }

    /// Puts it back.
    pub(crate) fn put(&mut self, known: Box<Known>) {
        if self.0.len() == HEADS {
            self.0.remove(0);
        }
        self.0.push(known);
    }

    /// Keeps the head of a request that was sent as it is, but for what is put into it. What another gate has let pass is forgotten: it has been replaced, and its engine is kept by nobody else.
    #[cold]
    pub(crate) fn keep(&mut self, sent: &Sent<'_, '_>, exchange: Option<Exchange>, repeat: Repeat) {
        if let Some(head) = sent.keep() {
            self.0.retain(|known| known.gate == sent.gate && known.head[..] != head[..]);
            self.put(Box::new(Known { gate: sent.gate, head, exchange, repeat }));
        }
    }
}
