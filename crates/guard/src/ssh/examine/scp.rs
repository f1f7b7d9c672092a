//! [`Files`]: scp's own protocol, each file a text of its own.

use bytes::Bytes;
use exfilter::wire::ssh::{Scp, ScpPart, scp_refusal};

use super::{DRAIN, Examiner, HELD_MAX, Out};
use crate::ssh::channel::REFUSED;
use crate::ssh::watch::{Found, Refusal, Scene, Watch};

/// The longest name in a record, in characters.
const NAME_MAX: usize = 100;

/// What a client of scp says, as the side that sends files or as the one that gets them.
pub(super) struct Files {
    scene: Scene,
    found: Found,
    scp: Scp,
    file: Option<Watch>,
    /// Why nothing more is passed on. The client hears it where it listens: behind the file.
    refusal: Option<Refusal>,
    drained: u64,
}

impl Files {
    pub(super) fn sender(scene: Scene, found: Found) -> Files {
        Files { scene, found, scp: Scp::sender(), file: None, refusal: None, drained: 0 }
    }

    pub(super) fn receiver(scene: Scene, found: Found) -> Files {
        Files { scp: Scp::receiver(), ..Files::sender(scene, found) }
    }

    /// One part; the error is why it does not pass.
    fn part(&mut self, part: ScpPart, bytes: &Bytes, out: &mut Out) -> Result<(), Refusal> {
        let Scene { shared, to } = &self.scene;
        match part {
            ScpPart::Line { file } => {
                let line = self.scp.line();
                Watch::text(shared, to, "scp's line", line, &mut self.found)?;
                if file.is_some() {
                    // Nothing stands in it, so it may be shown.
                    let name = line.splitn(3, |b| *b == b' ').nth(2).unwrap_or_default();
                    self.file = Some(Watch::new(shared, to, shown(name)));
                } else if let Some(mut file) = self.file.take() {
                    out.pass(file.finish(shared, &mut self.found)?);
                }
                out.pass(Bytes::copy_from_slice(line));
            }
            ScpPart::Data(_) => {
                let file = self.file.as_mut().ok_or_else(malformed)?;
                out.pass(file.push(bytes, shared, &mut self.found)?);
                if file.held().len() > HELD_MAX {
                    return Err(Refusal::plain(
                        "blocked by policy: more of a file would have to be held back than is held",
                    ));
                }
            }
            ScpPart::Done => {
                if let Some(mut file) = self.file.take() {
                    out.pass(file.finish(shared, &mut self.found)?);
                }
                out.pass(Bytes::from_static(b"\0"));
            }
            _ => return Err(malformed()),
        }
        Ok(())
    }
}

impl Examiner for Files {
    fn client_says(&mut self, data: Bytes, out: &mut Out) {
        let mut at = 0;
        while at < data.len() {
            let (taken, part) = match self.scp.next(&data[at..]) {
                Ok(next) => next,
                Err(error) => {
                    let refusal = Refusal::plain(format!("blocked by policy: {error}"));
                    return out.refuse(self.refusal.take().unwrap_or(refusal));
                }
            };
            let bytes = data.slice(at..at + taken);
            at += taken;
            let Some(part) = part else { continue };
            if self.refusal.is_none() {
                let before = out.up.len();
                if let Err(refusal) = self.part(part, &bytes, out) {
                    out.up.truncate(before);
                    // A name is told at once, for its client waits; content is read to its end first.
                    if !matches!(part, ScpPart::Data(_)) {
                        return answer(&refusal, out);
                    }
                    self.refusal = Some(refusal);
                }
                continue;
            }
            self.drained += taken as u64;
            if let Some(refusal) = self.refusal.take_if(|_| part == ScpPart::Done || self.drained > DRAIN) {
                return answer(&refusal, out);
            }
        }
    }

    fn end(&mut self, out: &mut Out) {
        if let Some(refusal) = self.refusal.take() {
            return out.refuse(refusal);
        }
        // A file that is cut: what was held of it is dropped with it.
        out.up_end = true;
    }

    fn found(&mut self) -> Found {
        self.file.iter().for_each(|file| file.note(&self.scene.shared));
        std::mem::take(&mut self.found)
    }
}

fn answer(refusal: &Refusal, out: &mut Out) {
    out.down.push(Bytes::from(scp_refusal(&format!("exfilter: {}", refusal.subject))));
    out.stop(refusal.operator.clone(), REFUSED);
}

fn malformed() -> Refusal {
    Refusal::plain("blocked by policy: this is not scp's protocol")
}

/// A name for people.
pub(super) fn shown(name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name);
    name.trim_end().chars().take(NAME_MAX).map(|c| if matches!(c, ' '..='~') { c } else { '?' }).collect()
}
