//! The variables of the view.

use zeroize::Zeroizing;

use super::content::{Described, Fields, Subject};
use crate::advice::Advice;
use crate::audit::Context;
use crate::grant;
use crate::names::Masked;
use crate::report::{Exposure, SourceKind};

/// Bytes of an environment that are looked at.
pub(crate) const LONGEST: u64 = 8 << 20;

/// Examines the variables of the view.
pub(crate) fn run(context: &Context<'_>) {
    let mut text = Zeroizing::new(Vec::new());
    for variable in context.view.variables() {
        text.extend_from_slice(&variable.name);
        text.push(b'=');
        text.extend_from_slice(variable.value.expose());
        text.push(0);
    }
    let describe = || Described { name: Masked::fixed("environment"), mode: None, exposure: Exposure::Owner };
    let subject = Subject {
        source: SourceKind::Environment,
        place: None,
        fields: Fields::Variables,
        guess: &grant::ENVIRONMENT_VALUE,
        advice: Some(Advice::Environment),
        limit: LONGEST,
        len: None,
        cut: true,
        describe: &describe,
    };
    let examined = context.known.examine(&subject, &mut text.as_slice());
    context.take(examined, &|| Masked::fixed("environment"));
}
