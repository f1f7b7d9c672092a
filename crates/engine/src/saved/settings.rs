//! Profile, limits and policy.

use super::bytes::{Reader, Writer, codes};
use crate::coverage::OpaqueReason;
use crate::flow::HostPattern;
use crate::limits::Limits;
use crate::policy::{Action, Mode, Policy, Profile};

codes! {
    Profile: Inline, Thorough;
    Mode: Observe, Enforce;
    Action: Allow, Report, Redact, Block;
}

pub(super) fn write(out: &mut Writer, profile: Profile, limits: &Limits, policy: &Policy) {
    out.code(profile);
    let Limits {
        findings,
        opaques,
        lanes,
        containers,
        shapes,
        ratio_grace,
        ratio,
        output,
        members,
        window,
        windows,
        bases,
        max_hold,
    } = *limits;
    [findings, opaques, lanes].into_iter().for_each(|limit| out.u32(limit));
    [containers, shapes].into_iter().for_each(|limit| out.u8(limit));
    [ratio_grace, ratio, output, members, window, windows, bases, max_hold]
        .into_iter()
        .for_each(|n| out.u64(n));
    let Policy { mode, actions, llm_actions, llm_hosts, strict_examples, opaque } = policy;
    out.code(*mode);
    actions.iter().chain(llm_actions).for_each(|action| out.code(*action));
    out.list(llm_hosts, write_host);
    out.u8(u8::from(*strict_examples));
    opaque.iter().for_each(|action| out.option(action.as_ref(), |out, action| out.code(*action)));
}

pub(super) fn read(from: &mut Reader<'_>) -> Option<(Profile, Limits, Policy)> {
    let profile = from.code()?;
    let mut limits = Limits::default();
    for limit in [&mut limits.findings, &mut limits.opaques, &mut limits.lanes] {
        *limit = from.u32()?;
    }
    for limit in [&mut limits.containers, &mut limits.shapes] {
        *limit = from.u8()?;
    }
    for limit in [
        &mut limits.ratio_grace,
        &mut limits.ratio,
        &mut limits.output,
        &mut limits.members,
        &mut limits.window,
        &mut limits.windows,
        &mut limits.bases,
        &mut limits.max_hold,
    ] {
        *limit = from.u64()?;
    }
    let mut policy = Policy { mode: from.code()?, ..Policy::default() };
    for action in policy.actions.iter_mut().chain(&mut policy.llm_actions) {
        *action = from.code()?;
    }
    policy.llm_hosts = from.list(read_host)?;
    policy.strict_examples = from.bool()?;
    let mut opaque = [None; OpaqueReason::COUNT];
    for action in &mut opaque {
        *action = from.option(Reader::code)?;
    }
    policy.opaque = opaque;
    Some((profile, limits, policy))
}

pub(super) fn write_host(out: &mut Writer, pattern: &HostPattern) {
    let HostPattern { host, below } = pattern;
    out.text(host);
    out.u8(u8::from(*below));
}

pub(super) fn read_host(from: &mut Reader<'_>) -> Option<HostPattern> {
    Some(HostPattern { host: from.text()?, below: from.bool()? })
}
