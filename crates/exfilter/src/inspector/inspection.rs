//! [`Inspection`]: what an [`Inspector`](super::Inspector) is told about a request beside the request.

use std::sync::Arc;

use exfilter_engine::{Action, Authority, FindingId, Session};

use super::prefixes::Prefixes;
use super::uploads::Uploads;
use crate::substitute::Substitutes;

/// What an embedder says about a request beside the request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Inspection {
    pub(super) authority: Authority,
    pub(super) editable: bool,
    pub(super) held: bool,
    pub(super) own_keys: Action,
    pub(super) lines: bool,
    pub(super) replace_max: usize,
    pub(super) reference: u64,
    pub(super) uploads: Option<Uploads>,
    pub(super) prefixes: Option<Prefixes>,
    pub(super) session: Session,
    pub(super) quarantined: bool,
    pub(super) approved: Vec<FindingId>,
    pub(super) substitutes: Vec<Arc<Substitutes>>,
}

/// The longest coded body that is replaced, and what it decodes to: bodies of coding agents have half a mebibyte, decoded a few.
const REPLACE_MAX: usize = 32 << 20;

impl Inspection {
    /// Of a request that will be sent to `authority`.
    pub fn new(authority: Authority) -> Inspection {
        Inspection {
            authority,
            editable: false,
            held: false,
            own_keys: Action::Report,
            lines: false,
            replace_max: REPLACE_MAX,
            reference: 0,
            uploads: None,
            prefixes: None,
            session: Session::new(),
            quarantined: false,
            approved: Vec::new(),
            substitutes: Vec::new(),
        }
    }

    /// Says that the embedder applies edits and replacements; without it every redaction is a block, and so is one of a body of which the head has a digest.
    pub fn editable(&mut self) -> &mut Inspection {
        self.editable = true;
        self
    }

    /// Says that the embedder keeps the whole body until its end and hands it to [`Inspector::finish_held`](super::Inspector::finish_held), so that no second copy of a coded one is kept here for the case that it is replaced. How much of it may leave before is not asked
    /// ([`Flow::whole`](crate::Flow::whole)): all edits come with the last verdict, and those before let pass at most what needs none.
    pub fn held(&mut self) -> &mut Inspection {
        self.held = true;
        self
    }

    /// What is done about a key of a rule in a slot and at a host where the rule says that such keys belong, which is how people log in: a GitHub token as the
    /// bearer of a request to GitHub. Default [`Action::Report`]; [`Action::Block`] where only enrolled secrets may log in. Enrolled secrets go by their bindings.
    pub fn own_keys(&mut self, action: Action) -> &mut Inspection {
        self.own_keys = action;
        self
    }

    /// Asks for lines in bodies of every kind. Pushes and uploads of packages have them anyway.
    pub fn lines(&mut self) -> &mut Inspection {
        self.lines = true;
        self
    }

    /// The longest coded body, and the longest text of one, that is replaced where a part of it is to be redacted. Default 32 MiB.
    pub fn replace_max(&mut self, bytes: usize) -> &mut Inspection {
        self.replace_max = bytes;
        self
    }

    /// Joins the parts of objects that come in many requests: those of one session share one of these.
    pub fn uploads(&mut self, uploads: &Uploads) -> &mut Inspection {
        self.uploads = Some(uploads.clone());
        self
    }

    /// Compares conversations with language models with what the session has sent before, and examines what is new of them: those of one session share one of these.
    pub fn prefixes(&mut self, prefixes: &Prefixes) -> &mut Inspection {
        self.prefixes = Some(prefixes.clone());
        self
    }

    /// Says what the session has shown before in pieces of known secrets: a snapshot, of what [`Inspector::session`](super::Inspector::session) told of earlier requests.
    pub fn session(&mut self, session: &Session) -> &mut Inspection {
        self.session = session.clone();
        self
    }

    /// Says that nothing of the session may leave ([`Quarantine`](crate::Quarantine)): the request is refused as for an enrolled secret, and examined all the same.
    pub fn quarantined(&mut self) -> &mut Inspection {
        self.quarantined = true;
        self
    }

    /// Says which findings a person has approved ([`Inspector::approvable`](super::Inspector::approvable)): what the request would be refused for passes, if it is one of them. Of an object in many requests nothing is approved, and a
    /// conversation that holds something approved is examined whole when it comes again. Which of them it took, [`Inspector::approved`](super::Inspector::approved) tells; whoever approves once takes those back before the request leaves.
    pub fn approved(&mut self, findings: &[FindingId]) -> &mut Inspection {
        self.approved = findings.to_vec();
        self
    }

    /// Lets placeholders pass where they will be exchanged ([`Substitutes::exchange`]), whatever rules say of their form. Those of several sets do, if it is called for each.
    pub fn substitutes(&mut self, substitutes: &Arc<Substitutes>) -> &mut Inspection {
        self.substitutes.push(substitutes.clone());
        self
    }

    /// Sets the number from which the request's reference is made; without it references are random.
    pub fn reference(&mut self, reference: u64) -> &mut Inspection {
        self.reference = reference;
        self
    }
}
