//! The refusal of a request, in words for its sender and for its operator.

use exfilter_engine::{Audience, Block, BlockReason, Event, Form, Kind};
use exfilter_wire::{Asked, Reply, Why};

use super::inspect::Inspector;
use super::sighting::Sighting;

impl Inspector {
    /// How the request is refused; `None` if it is not. For [`Audience::Subject`] and an enrolled secret all refusals of a conversation have the same status and length.
    pub fn reply(&self, audience: Audience) -> Option<Reply> {
        let text = self.text(audience)?;
        let details = self.details(audience);
        let asked = match self.body().receive() {
            Some(push) => Asked::default().push(push),
            None => Asked::default().id(self.body().id()),
        };
        Some(Reply::refuse(self.conversation(), asked, Why { text: &text, details: &details }))
    }

    /// The sentence of a refusal; `None` if there is none.
    pub fn text(&self, audience: Audience) -> Option<String> {
        let block = self.log().blocked?;
        let first = self.log().acting.first();
        let text = match (audience, first.map(Sighting::event)) {
            (Audience::Subject, _) if self.names_known(block) => {
                format!("blocked by policy, reference {}", block.reference())
            }
            (_, Some(Event::Finding(finding))) if block.reason() != BlockReason::Quarantine => {
                let what = match finding.kind() {
                    Kind::Rule(rule) => self.engine().rule(rule).id.clone(),
                    Kind::Known(secret, form @ Form::Fragments) => {
                        format!("{}, {}", self.engine().secret_name(secret), form.as_str())
                    }
                    Kind::Known(secret, _) => self.engine().secret_name(secret).to_owned(),
                };
                let place = first.map(Sighting::location).unwrap_or_default();
                format!("secret detected in {place} ({what}), reference {}", block.reference())
            }
            _ => block.audience_text(self.engine(), audience),
        };
        Some(text)
    }

    /// Lines with everything that is refused, as far as it was kept.
    fn details(&self, audience: Audience) -> Vec<String> {
        let Some(block) = self.log().blocked else { return Vec::new() };
        if audience == Audience::Subject && self.names_known(block) {
            return Vec::new();
        }
        let log = self.log();
        let mut lines = vec![format!("exfilter: refused, {} to look at:", log.acted)];
        lines.extend(log.acting.iter().map(|sighting| {
            let what = match sighting.event() {
                Event::Finding(finding) => match finding.kind() {
                    Kind::Rule(rule) => {
                        let rule = self.engine().rule(rule);
                        format!("{} ({})", rule.id, rule.opens)
                    }
                    Kind::Known(secret, form) => {
                        format!(
                            "the enrolled secret {} ({})",
                            self.engine().secret_name(secret),
                            form.as_str()
                        )
                    }
                },
                Event::Opaque(opaque) => opaque.reason().describe().into(),
                _ => String::new(),
            };
            format!("  {}  {what}", sighting.location())
        }));
        lines
    }

    /// Whether what is refused has to do with an enrolled secret, about which its sender learns nothing.
    fn names_known(&self, block: Block) -> bool {
        block.is_for_secret() || block.reason() == BlockReason::Quarantine || self.log().acts_on_known
    }
}
