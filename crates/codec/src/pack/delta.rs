//! Deltas: instructions that make an object of another one.
//!
//! ```text
//! | size of the base | size of the result | instruction ...       sizes: 7 bits a byte, low first
//!   1oooooss..  copy: up to four bytes of offset and three of size, those whose bit is set (size 0 is 65536)
//!   0nnnnnnn    insert: the n bytes that follow; 0 is reserved
//! ```

/// What stands for copied bytes where the base is not at hand: what was inserted on either side did not touch.
const COPIED: u8 = b'\n';

/// Carries out a delta as it comes.
pub(super) struct Delta {
    state: State,
    /// What the header says; the second one once it is over.
    base: u64,
    result: u64,
    /// Bytes of the result so far.
    made: u64,
}

#[derive(Clone, Copy)]
enum State {
    Base { shift: u32 },
    Result { shift: u32 },
    Instruction,
    Arguments { code: u8, at: u8, offset: u32, size: u32 },
    Copy { offset: u64, left: u64 },
    Insert { left: u8 },
}

/// How it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Went {
    /// With more input.
    Input,
    /// The header is over: the size of the result is known.
    Header,
    /// With more room.
    Room,
    /// Not at all.
    Bad,
}

impl Delta {
    pub(super) fn new() -> Delta {
        Delta { state: State::Base { shift: 0 }, base: 0, result: 0, made: 0 }
    }

    /// Bytes that it makes.
    pub(super) fn size(&self) -> u64 {
        self.result
    }

    /// Whether it may end here.
    pub(super) fn is_done(&self) -> bool {
        matches!(self.state, State::Instruction) && self.made == self.result
    }

    /// Whether a copy is under way, which needs room only.
    pub(super) fn is_copying(&self) -> bool {
        matches!(self.state, State::Copy { .. })
    }

    /// Carries out `input`, appending to `out` until it has `limit` bytes; without a base, only what is inserted. Returns what was consumed.
    pub(super) fn run(
        &mut self,
        input: &[u8],
        base: Option<&[u8]>,
        out: &mut Vec<u8>,
        limit: usize,
    ) -> (usize, Went) {
        let mut used = 0;
        loop {
            let room = limit.saturating_sub(out.len());
            let next = input.get(used).copied();
            match (&mut self.state, next) {
                (State::Copy { offset, left }, _) => {
                    if room == 0 {
                        return (used, Went::Room);
                    }
                    let Some(base) = base else {
                        out.push(COPIED);
                        self.state = State::Instruction;
                        continue;
                    };
                    let n = (*left).min(room as u64);
                    // Checked when the instruction was read.
                    let from = *offset as usize;
                    out.extend_from_slice(&base[from..from + n as usize]);
                    *offset += n;
                    *left -= n;
                    if *left == 0 {
                        self.state = State::Instruction;
                    }
                }
                (_, None) => return (used, Went::Input),
                (State::Insert { left }, Some(_)) => {
                    if room == 0 {
                        return (used, Went::Room);
                    }
                    let n = room.min(usize::from(*left)).min(input.len() - used);
                    out.extend_from_slice(&input[used..used + n]);
                    used += n;
                    *left -= n as u8;
                    if *left == 0 {
                        self.state = State::Instruction;
                    }
                }
                (_, Some(byte)) => {
                    used += 1;
                    match self.step(byte, base.map(|base| base.len() as u64)) {
                        Some(true) => return (used, Went::Header),
                        Some(false) => {}
                        None => return (used, Went::Bad),
                    }
                }
            }
        }
    }

    /// Reads a byte that is no content: whether it ends the header, none if it is at fault.
    fn step(&mut self, byte: u8, base: Option<u64>) -> Option<bool> {
        let state = self.state;
        self.state = match state {
            State::Base { shift } => {
                add(&mut self.base, byte, shift)?;
                match byte & 0x80 {
                    0 if base.is_some_and(|len| len != self.base) => return None,
                    0 => State::Result { shift: 0 },
                    _ => State::Base { shift: shift + 7 },
                }
            }
            State::Result { shift } => {
                add(&mut self.result, byte, shift)?;
                if byte & 0x80 == 0 {
                    self.state = State::Instruction;
                    return Some(true);
                }
                State::Result { shift: shift + 7 }
            }
            State::Instruction if byte & 0x80 != 0 => {
                self.copy(State::Arguments { code: byte, at: 0, offset: 0, size: 0 })?
            }
            State::Instruction => {
                self.make(u64::from(byte))?;
                State::Insert { left: byte }
            }
            State::Arguments { code, mut at, mut offset, mut size } => {
                while code & 1 << at == 0 {
                    at += 1;
                }
                match at {
                    0..4 => offset |= u32::from(byte) << (8 * at),
                    _ => size |= u32::from(byte) << (8 * (at - 4)),
                }
                self.copy(State::Arguments { code, at: at + 1, offset, size })?
            }
            State::Copy { .. } | State::Insert { .. } => return None,
        };
        Some(false)
    }

    /// The copy, if all of its arguments are there.
    fn copy(&mut self, state: State) -> Option<State> {
        let State::Arguments { code, at, offset, size } = state else { return None };
        if code & 0x7f & !((1_u16 << at) - 1) as u8 != 0 {
            return Some(state);
        }
        let size = if size == 0 { 0x10000 } else { u64::from(size) };
        let offset = u64::from(offset);
        self.make(size)?;
        (offset + size <= self.base).then_some(State::Copy { offset, left: size })
    }

    /// Counts what an instruction makes: something, and no more than the header says.
    fn make(&mut self, len: u64) -> Option<()> {
        self.made += len;
        (len > 0 && self.made <= self.result).then_some(())
    }
}

/// Adds seven bits of a size; none if it has too many.
fn add(size: &mut u64, byte: u8, shift: u32) -> Option<()> {
    let bits = u64::from(byte & 0x7f);
    if shift > 56 {
        return None;
    }
    *size |= bits << shift;
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(delta: &[u8], base: Option<&[u8]>, limit: usize) -> Option<Vec<u8>> {
        let (mut machine, mut out, mut rest) = (Delta::new(), Vec::new(), delta);
        let mut made = 0;
        loop {
            let (used, went) = machine.run(rest, base, &mut out, made + limit);
            made = out.len();
            rest = &rest[used..];
            match went {
                Went::Input => break,
                Went::Bad => return None,
                Went::Header | Went::Room => {}
            }
        }
        machine.is_done().then_some(out)
    }

    #[test]
    fn copies_and_inserts_make_the_result() {
        let delta = [10, 9, 0x91, 4, 3, 2, b'x', b'y', 0x90, 4];
        for limit in [1, 2, 100] {
            assert_eq!(run(&delta, Some(b"0123456789"), limit).as_deref(), Some(&b"456xy0123"[..]));
            assert_eq!(run(&delta, None, limit).as_deref(), Some(&b"\nxy\n"[..]));
        }
    }

    #[test]
    fn what_breaks_the_format_is_refused() {
        for delta in [
            &[9, 3, 0x90, 3][..], // another base
            &[10, 3, 0],          // the reserved instruction
            &[10, 3, 0x90, 4],    // more than it says
            &[10, 3, 0x90, 2],    // less
            &[10, 3, 0x91, 8, 3], // behind the base
            &[10, 3, 0x91, 8],    // cut
            &[0x80; 12],          // an endless size
        ] {
            assert_eq!(run(delta, Some(b"0123456789"), 100), None, "{delta:?}");
        }
    }
}
