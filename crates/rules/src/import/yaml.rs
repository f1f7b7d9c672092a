//! Rule files in YAML: Kingfisher's and Nosey Parker's.

use exfilter_engine::Confidence;
use saphyr_parser::{Event, Parser};

use crate::error::RuleError;
use crate::import::foreign::{Foreign, Reader};
use crate::import::{Import, ImportOptions, RemarkKind};

/// How deep lists and tables may stand in each other.
const DEEPEST: usize = 32;

/// The most values of a file.
const MOST: usize = 1 << 20;

/// Reads a file.
pub(super) fn read(name: &str, text: &str, options: &ImportOptions) -> Result<Import, RuleError> {
    let root = Tree { parser: Parser::new_from_str(text), left: MOST }
        .document()
        .map_err(|(line, message)| RuleError::new(name, line, "", message))?;
    let none =
        "there are none; give a file that has its rules under rules:, as Kingfisher and Nosey Parker read it";
    let Value::Map(fields) = root.value else {
        return Err(RuleError::new(name, root.line, "rules", none));
    };
    let mut reader = Reader::new(name, options);
    let mut rules = None;
    for (field, node) in fields {
        match (field.as_str(), node.value) {
            ("rules", Value::List(list)) => rules = Some(list),
            ("rules", _) => {
                return Err(RuleError::new(
                    name,
                    node.line,
                    "rules",
                    "is no list; write each rule behind a dash",
                ));
            }
            (field, _) => {
                reader.remark(RemarkKind::Changed, "", node.line, field, "is not known here, and not read");
            }
        }
    }
    let Some(rules) = rules else { return Err(RuleError::new(name, 1, "rules", none)) };
    for node in rules {
        let line = node.line;
        let mut foreign = Foreign { field: "pattern", ..Foreign::default() };
        match node.value {
            Value::Map(fields) => {
                for (field, node) in fields {
                    self::field(&field, node, &mut foreign);
                }
            }
            _ => foreign.lost = Some(("rules", "is no table; write its fields below each other".into())),
        }
        reader.rule(foreign, line);
    }
    Ok(reader.done())
}

/// What the file says of a rule in one field.
fn field(field: &str, node: Node, foreign: &mut Foreign) {
    let line = node.line;
    let mut change = |message: &str| foreign.changed.push((line, field.to_string(), message.to_string()));
    match (field, node.value) {
        ("id", Value::Text(id)) => foreign.id = id.trim().into(),
        ("name", Value::Text(name)) => {
            foreign.description = name.split_whitespace().collect::<Vec<_>>().join(" ");
        }
        ("description" | "references" | "categories" | "tags", _) => {}
        ("pattern", Value::Text(pattern)) if !pattern.trim().is_empty() => foreign.regex = Some(pattern),
        ("min_entropy", Value::Text(number)) => match number.parse::<f32>() {
            Ok(0.0) => {}
            Ok(least) if (0.0..=8.0).contains(&least) => foreign.entropy = Some(least),
            _ => change("is not within 0 and 8 bits per character, and not asked for"),
        },
        ("confidence", Value::Text(word)) => match word.to_ascii_lowercase().as_str() {
            "low" => foreign.confidence = Some(Confidence::Low),
            "medium" => foreign.confidence = Some(Confidence::Medium),
            // What has not been looked at blocks nothing.
            "high" => change("is read as medium: what is imported reports and does not block"),
            _ => change("is no word that is known; it is medium"),
        },
        ("examples", value) => foreign.examples = value.texts(),
        ("negative_examples", value) => foreign.counter_examples = value.texts(),
        ("keywords", value) => foreign.keywords = value.texts(),
        ("visible", Value::Text(word)) if word == "true" => {}
        ("visible", _) => {
            let reason = "only other rules make use of it, and a rule here stands alone";
            foreign.lost = Some(("visible", reason.into()));
        }
        ("path", _) => change("it is asked for in all content: rules see no names of files"),
        ("depends_on_rule", _) => {
            change("it is found alone too: a rule cannot ask for another one near by");
        }
        ("pattern_requirements", Value::Map(requirements)) => {
            for (name, node) in requirements {
                let message = match name.as_str() {
                    "checksum" => {
                        "it is not verified: a checksum is one of a closed list here; add it by hand"
                    }
                    "ignore_if_contains" => "what it lets pass is found; `veto` leaves out shapes of values",
                    _ => "it is not asked for; `min_entropy` does much the same",
                };
                let field = format!("pattern_requirements.{name}");
                foreign.changed.push((node.line, field, message.into()));
            }
        }
        ("validation" | "revocation" | "fallbacks" | "tls_mode", _) => {
            change("nothing is asked over the network, and it is not read");
        }
        _ => change("is not known here, or of another type, and not read"),
    }
}

/// A value and the line on which it begins.
struct Node {
    line: usize,
    value: Value,
}

enum Value {
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

impl Value {
    /// The texts of a list, or the one text.
    fn texts(self) -> Vec<String> {
        match self {
            Value::Text(text) => vec![text],
            Value::List(list) => list.into_iter().flat_map(|node| node.value.texts()).collect(),
            Value::Map(_) => Vec::new(),
        }
    }
}

/// A fault: its line, and what to write instead.
type Fault = (usize, String);

/// Builds values of events. Aliases are refused: a file of nothing else may stand for any number of values.
struct Tree<'a> {
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    left: usize,
}

impl Tree<'_> {
    fn document(mut self) -> Result<Node, Fault> {
        loop {
            match self.event()? {
                (Event::StreamStart | Event::DocumentStart(_) | Event::Nothing, _) => {}
                (event, line) => return self.node(event, line, 0),
            }
        }
    }

    fn node(&mut self, event: Event<'_>, line: usize, depth: usize) -> Result<Node, Fault> {
        if depth > DEEPEST || self.left == 0 {
            return Err((line, "nests too deep, or has too much in it; split the file".into()));
        }
        self.left -= 1;
        let value = match event {
            Event::Scalar(text, ..) => Value::Text(text.into_owned()),
            Event::SequenceStart(..) => {
                let mut list = Vec::new();
                loop {
                    match self.event()? {
                        (Event::SequenceEnd, _) => break Value::List(list),
                        (event, line) => list.push(self.node(event, line, depth + 1)?),
                    }
                }
            }
            Event::MappingStart(..) => {
                let mut map = Vec::new();
                loop {
                    let key = match self.event()? {
                        (Event::MappingEnd, _) => break Value::Map(map),
                        (Event::Scalar(key, ..), _) => key.into_owned(),
                        (_, line) => return Err((line, "has a key that is no text; write a name".into())),
                    };
                    let (event, line) = self.event()?;
                    map.push((key, self.node(event, line, depth + 1)?));
                }
            }
            Event::Alias(_) => return Err((line, "has an alias; write the value where it is used".into())),
            _ => return Err((line, "ends too soon; give a whole file".into())),
        };
        Ok(Node { line, value })
    }

    fn event(&mut self) -> Result<(Event<'static>, usize), Fault> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((owned(event), span.start.line())),
            Some(Err(error)) => {
                let message = format!("is no YAML: {}; give a file of rules", error.info());
                Err((error.marker().line(), message))
            }
            None => Err((1, "ends too soon; give a whole file".into())),
        }
    }
}

fn owned(event: Event<'_>) -> Event<'static> {
    match event {
        Event::Scalar(text, style, ..) => Event::Scalar(text.into_owned().into(), style, 0, None),
        Event::SequenceStart(..) => Event::SequenceStart(0, None),
        Event::MappingStart(..) => Event::MappingStart(0, None),
        Event::Nothing => Event::Nothing,
        Event::StreamStart => Event::StreamStart,
        Event::StreamEnd => Event::StreamEnd,
        Event::DocumentStart(explicit) => Event::DocumentStart(explicit),
        Event::DocumentEnd => Event::DocumentEnd,
        Event::Alias(id) => Event::Alias(id),
        Event::SequenceEnd => Event::SequenceEnd,
        Event::MappingEnd => Event::MappingEnd,
    }
}
