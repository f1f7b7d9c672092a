//! [`Recogniser`]: which rule knows a value, and where the rule says that it is at home.

use exfilter::{Engine, Event, Flow, KeyClass, Kind, Rule, Scanner};

use crate::fault::Fault;

/// The built-in rules, and the further ones, to be asked about values.
pub(crate) struct Recogniser {
    engine: Engine,
    scanner: Scanner,
}

/// What a rule says of a value.
pub(crate) struct Recognised {
    /// The id of the rule.
    pub(crate) rule: String,
    /// How much it opens.
    pub(crate) class: KeyClass,
    /// Who issued it.
    pub(crate) provider: String,
    /// Where it is at home: hosts and slots.
    pub(crate) bindings: Vec<(String, String)>,
    /// Whether documentation shows that very value.
    pub(crate) documented: bool,
}

impl Recogniser {
    /// # Errors
    ///
    /// The built-in rules do not build, which their tests rule out.
    pub(crate) fn new() -> Result<Recogniser, Fault> {
        let mut builder = Engine::builder();
        builder.rules(exfilter::rules::builtin()).rules(exfilter::rules::more());
        let engine =
            builder.build().map_err(|error| Fault::new("rules", error.to_string(), "please report this"))?;
        let scanner = engine.scanner(Flow::at_rest());
        Ok(Recogniser { engine, scanner })
    }

    /// The rule that knows `value`, or knows it under that name.
    pub(crate) fn recognise(&mut self, name: &str, value: &[u8]) -> Option<Recognised> {
        // Some formats are known by the name beside them only.
        let before = format!("{name}=");
        let content = zeroize::Zeroizing::new([before.as_bytes(), value].concat());
        let (start, end) = (before.len() as u64, content.len() as u64);
        let mut found = Vec::new();
        let _ = self.scanner.scan(&content, &mut |event| {
            if let Event::Finding(finding) = event
                && let Kind::Rule(id) = finding.kind()
            {
                found.push((finding, id));
            }
        });
        let is_whole = |rule: &Rule, range: std::ops::Range<u64>| {
            range.start <= start && (range.end == end || (rule.open_ended && range.start == start))
        };
        let engine = &self.engine;
        let whole = found.iter().filter(|(finding, id)| is_whole(engine.rule(*id), finding.outer()));
        let (finding, id) = whole.max_by_key(|(finding, _)| (finding.confidence(), finding.outer().start))?;
        let rule = engine.rule(*id);
        let places =
            rule.hosts.iter().flat_map(|host| rule.slots.iter().map(|slot| (host.clone(), slot.clone())));
        Some(Recognised {
            rule: rule.id.clone(),
            class: rule.class,
            provider: rule.provider.clone(),
            bindings: places.collect(),
            documented: finding.documented(),
        })
    }
}
