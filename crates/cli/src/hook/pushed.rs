//! What a push brings: the lines that git gives to hooks.
//!
//! ```text
//! pre-push      <local ref> SP <local id> SP <remote ref> SP <remote id>
//! pre-receive   <old id> SP <new id> SP <ref>                             an id of zeros: the ref is made, or deleted
//! ```

use crate::fault::Fault;

/// The longest input that is read, in bytes: a million refs.
pub(super) const LONGEST: u64 = 256 << 20;

/// One ref of a push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Update {
    /// What the ref is to be; none if it is deleted.
    pub(super) new: Option<String>,
    /// What it is where the push goes; none if it is made.
    pub(super) old: Option<String>,
    /// Its name there.
    pub(super) name: Vec<u8>,
}

/// Reads lines of pre-push.
///
/// # Errors
///
/// For lines of any other form.
pub(super) fn of_pre_push(input: &[u8]) -> Result<Vec<Update>, Fault> {
    lines(input, |line| {
        // The local ref is what the user wrote, perhaps with blanks.
        let mut parts = line.rsplitn(4, |byte| *byte == b' ');
        let (old, name, new) = (parts.next()?, parts.next()?, parts.next()?);
        parts.next()?;
        Some(Update { new: id(new)?, old: id(old)?, name: name.to_vec() })
    })
}

/// Reads lines of pre-receive.
///
/// # Errors
///
/// For lines of any other form.
pub(super) fn of_pre_receive(input: &[u8]) -> Result<Vec<Update>, Fault> {
    lines(input, |line| {
        let mut parts = line.splitn(3, |byte| *byte == b' ');
        let (old, new, name) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Update { new: id(new)?, old: id(old)?, name: name.to_vec() })
    })
}

fn lines(input: &[u8], read: impl Fn(&[u8]) -> Option<Update>) -> Result<Vec<Update>, Fault> {
    let lines = input.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty());
    lines
        .map(|(n, line)| {
            read(line).ok_or_else(|| {
                Fault::new(format!("<stdin>:{}", n + 1), "git says what is not understood", "update exfilter")
            })
        })
        .collect()
}

/// An id: digits, or none if they are zeros.
fn id(bytes: &[u8]) -> Option<Option<String>> {
    let is_id = matches!(bytes.len(), 40 | 64) && bytes.iter().all(u8::is_ascii_hexdigit);
    let text = std::str::from_utf8(bytes).ok().filter(|_| is_id)?;
    Some(bytes.iter().any(|digit| *digit != b'0').then(|| text.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_git_writes_them() {
        let (a, b, z) = ("a".repeat(40), "b".repeat(40), "0".repeat(40));
        let input = format!(
            "refs/heads/x {a} refs/heads/y {b}\n(delete) {z} refs/tags/t {a}\nHEAD@{{1 day ago}} {a} r {z}\n"
        );
        let updates = of_pre_push(input.as_bytes()).expect("it is well-formed");
        assert_eq!(updates[0], Update { new: Some(a.clone()), old: Some(b), name: b"refs/heads/y".to_vec() });
        assert_eq!((&updates[1].new, &updates[1].old), (&None, &Some(a.clone())));
        assert_eq!((&updates[2].new, &updates[2].old), (&Some(a.clone()), &None));
        let updates =
            of_pre_receive(format!("{z} {a} refs/heads/y\n").as_bytes()).expect("it is well-formed");
        assert_eq!(updates, [Update { new: Some(a), old: None, name: b"refs/heads/y".to_vec() }]);
        for bad in ["x", "a b c d", "refs/heads/x 12 refs/heads/y 34"] {
            assert!(of_pre_push(bad.as_bytes()).is_err() && of_pre_receive(bad.as_bytes()).is_err());
        }
    }
}
