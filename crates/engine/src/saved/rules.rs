//! Rules, and what compiling found out about each.

use exfilter_automaton::{Automaton, Gate};

use super::bytes::{Reader, Writer, codes};
use crate::checksum::Checksum;
use crate::compile::{Compiled, CompiledLead, Facts};
use crate::policy::Confidence;
use crate::rule::{Boundary, KeyClass, Lead, Rule};
use crate::veto::Veto;

codes! {
    Confidence: Low, Medium, High, Confirmed;
    KeyClass: Admin, User, Service, Test, Publishable;
    Boundary: None, Word, Dashed, Base64;
    Veto: Uuid, Digest, PublicKey, Words, Sequence, Placeholder;
    Gate: Token, NonLower, UpperOrDigit, Utf16, None;
}

pub(super) fn write(out: &mut Writer, compiled: &Compiled) {
    write_rule(out, &compiled.rule);
    let Facts { gate, literals, lead, ascii, min_len } = &compiled.facts;
    out.code(*gate);
    out.list(literals, |out, literal| out.bytes(literal));
    out.option(lead.as_ref(), |out, lead| {
        lead.set.iter().for_each(|word| out.u64(*word));
        out.u64(lead.min as u64);
        out.u64(lead.max as u64);
    });
    out.u64(*ascii as u64);
    out.u64(*min_len as u64);
}

pub(super) fn read(from: &mut Reader<'_>) -> Option<Compiled> {
    let rule = read_rule(from)?;
    let gate = from.code().filter(|gate| matches!(gate, Gate::Token | Gate::None))?;
    let literals = from.list(|from| {
        let literal = from.bytes()?;
        (2..=Automaton::LITERAL_MAX).contains(&literal.len()).then(|| literal.to_vec())
    })?;
    let lead = from.option(|from| {
        let mut set = [0; 4];
        for word in &mut set {
            *word = from.u64()?;
        }
        let (min, max) = (length(from)?, length(from)?);
        (min <= max && max <= Lead::MAX.into()).then_some(CompiledLead { set, min, max })
    })?;
    let facts = Facts { gate, literals, lead, ascii: length(from)?, min_len: length(from)? };
    Some(Compiled::of(rule, facts))
}

/// A number of bytes that a match can have.
fn length(from: &mut Reader<'_>) -> Option<usize> {
    from.size().filter(|len| *len <= Rule::MAX_LEN as usize)
}

fn write_rule(out: &mut Writer, rule: &Rule) {
    let Rule {
        id,
        provider,
        opens,
        class,
        literals,
        ignore_case,
        lead,
        pattern,
        left,
        right,
        open_ended,
        self_issued,
        max_len,
        whole_len,
        checksum,
        min_entropy,
        vetoes,
        confidence,
        documented,
        hosts,
        slots,
        revoke,
        instead,
        source,
    } = rule;
    [id, provider, opens, pattern, revoke, instead, source].into_iter().for_each(|text| out.text(text));
    [literals, hosts, slots].into_iter().for_each(|list| out.list(list, |out, text| out.text(text)));
    out.code(*class);
    [ignore_case, open_ended, self_issued].into_iter().for_each(|flag| out.u8(u8::from(*flag)));
    out.option(lead.as_ref(), |out, lead| {
        out.text(&lead.class);
        out.u32(lead.min.into());
        out.u32(lead.max.into());
    });
    [left, right].into_iter().for_each(|boundary| out.code(*boundary));
    out.u32(*max_len);
    out.u32(*whole_len);
    out.option(checksum.as_ref(), |out, checksum| out.text(checksum.as_str()));
    out.option(min_entropy.as_ref(), |out, bits| out.u32(bits.to_bits()));
    out.list(vetoes, |out, veto| out.code(*veto));
    out.code(*confidence);
    out.list(documented, |out, digest| out.0.extend(digest));
}

fn read_rule(from: &mut Reader<'_>) -> Option<Rule> {
    let mut rule = Rule::new("", "", "");
    for text in [
        &mut rule.id,
        &mut rule.provider,
        &mut rule.opens,
        &mut rule.pattern,
        &mut rule.revoke,
        &mut rule.instead,
        &mut rule.source,
    ] {
        *text = from.text()?;
    }
    for list in [&mut rule.literals, &mut rule.hosts, &mut rule.slots] {
        *list = from.list(Reader::text)?;
    }
    rule.class = from.code()?;
    for flag in [&mut rule.ignore_case, &mut rule.open_ended, &mut rule.self_issued] {
        *flag = from.bool()?;
    }
    rule.lead = from.option(|from| {
        let number = |from: &mut Reader<'_>| u16::try_from(from.u32()?).ok();
        Some(Lead { class: from.text()?, min: number(from)?, max: number(from)? })
    })?;
    for boundary in [&mut rule.left, &mut rule.right] {
        *boundary = from.code()?;
    }
    rule.max_len = from.u32().filter(|len| *len <= Rule::MAX_LEN)?;
    rule.whole_len = from.u32()?;
    rule.checksum = from.option(|from| {
        let name = from.text()?;
        Checksum::ALL.into_iter().find(|checksum| checksum.as_str() == name)
    })?;
    rule.min_entropy = from.option(|from| from.u32().map(f32::from_bits))?;
    rule.vetoes = from.list(Reader::code)?;
    rule.confidence = from.code()?;
    rule.documented = from.list(Reader::array)?;
    Some(rule)
}
