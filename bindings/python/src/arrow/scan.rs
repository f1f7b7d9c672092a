//! [`scan`]: the cells of a table through one stream; [`ArrowScan`]: what came of them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use exfilter::{Confidence, Event, Flow, Kind, OpaqueReason};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyTuple};

use super::abi::{self, Base, take};
use super::fault::Fault;
use super::read::Node;
use super::schema::{self, Columns};
use super::table::{Batch, Batches, Row};
use super::{abi::Stream, export};
use crate::coverage::Coverage;
use crate::{errors, words};

/// Bytes after which the interpreter is asked whether somebody wants to stop.
const TURN: u64 = 64 << 20;
/// Elements likewise.
const TURN_ROWS: usize = 1 << 20;

/// What came of a table, itself a table of Arrow: a row for each finding, and for each range that was not examined.
///
/// `pyarrow.table(scan)`, `polars.DataFrame(scan)` and others take it. Its columns: `row`, `column`, `kind` ("rule", "secret", "opaque"), `name` (the rule's id, the secret's name, or why
/// something was not examined), `id` (the same for the same value, where nobody can guess it), `confidence`, `documented`, `path` (through which decoders), `start` and `end` in the cell, and `count`:
/// findings beyond the limit of a cell are told by number. No column has a value.
#[pyclass(frozen, module = "exfilter")]
pub(crate) struct ArrowScan {
    batches: Vec<Arc<Batch>>,
    found: usize,
    rows: u64,
    coverage: exfilter::Coverage,
    columns: Vec<String>,
    left_out: Vec<String>,
    /// Findings that count, by confidence.
    counting: [u64; 4],
    /// Whether there are findings that are not told one by one.
    suppressed: bool,
    /// Whether there is something else than coverage tells of that was not examined: a column whose layout is not read, a cell on which the engine failed.
    unread: bool,
}

#[pymethods]
impl ArrowScan {
    /// Rows of the examined table.
    #[getter]
    fn rows(&self) -> u64 {
        self.rows
    }

    /// The columns that were examined: `text`, `messages[].content`. A name in which something stands is `#` and a number.
    #[getter]
    fn columns(&self) -> Vec<String> {
        self.columns.clone()
    }

    /// The columns that were not: numbers, dates, and those that were not asked for.
    #[getter]
    fn left_out(&self) -> Vec<String> {
        self.left_out.clone()
    }

    /// What was examined, all cells together.
    #[getter]
    fn coverage(&self) -> Coverage {
        Coverage(self.coverage.clone())
    }

    /// Whether everything in the columns was examined.
    #[getter]
    fn complete(&self) -> bool {
        !self.unread && self.coverage.is_complete()
    }

    /// Whether everything was examined and nothing found at or above a confidence, documented examples apart.
    #[pyo3(signature = (confidence="medium"))]
    fn clean(&self, confidence: &str) -> PyResult<bool> {
        let floor = place(words::confidence(confidence)?);
        Ok(self.complete() && !self.suppressed && self.counting[floor..].iter().all(|count| *count == 0))
    }

    fn __len__(&self) -> usize {
        self.found
    }

    /// The schema of the table, as a capsule.
    #[expect(clippy::unused_self, reason = "a method of Python")]
    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        PyCapsule::new_with_value(py, export::schema(), abi::Schema::NAME)
    }

    /// The table, as a capsule. Another schema that is asked for is not heeded.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let _ = requested_schema;
        PyCapsule::new_with_value(py, export::stream(self.batches.clone()), Stream::NAME)
    }

    fn __repr__(&self) -> String {
        let complete = if self.complete() { "True" } else { "False" };
        format!("ArrowScan(rows={}, {} found, complete={complete})", self.rows, self.found)
    }
}

/// Examines a table that Arrow's interface gives.
pub(crate) fn scan(
    py: Python<'_>,
    engine: &exfilter::Engine,
    table: &Bound<'_, PyAny>,
    wanted: Option<&[String]>,
) -> PyResult<ArrowScan> {
    let (schema, mut source) = Source::of(table)?;
    let mut columns = schema::read(&schema, wanted).map_err(|fault| error(&[], fault))?;
    drop(schema);
    if let Some(place) = columns.missing {
        return Err(PyValueError::new_err(format!(
            "column {place} of those that were asked for is not in the table"
        )));
    }
    if wanted.is_some() && (columns.leaves.is_empty() || !columns.unread.is_empty()) {
        return Err(PyTypeError::new_err(
            "a column that was asked for has no texts, or not in a layout that is read",
        ));
    }
    let mut cells = Examiner::new(engine);
    cells.names(&mut columns);
    // Names that have something in them are masked from here on.
    let names = std::mem::take(&mut columns.leaves);
    for name in &columns.unread {
        cells.opaque(None, Some(name), OpaqueReason::UnsupportedFormat, None, "");
    }
    while let Some(batch) = py.detach(|| source.next()).map_err(|fault| error(&names, fault))? {
        let node = Node::open(&batch, &columns.root).map_err(|fault| error(&names, fault))?;
        let rows = if columns.root.is_nothing() { 0 } else { node.length };
        let mut row = 0;
        while row < rows {
            // The structures are this thread's, and the batch is borrowed: nothing of them is the interpreter's.
            let turn = Turn(&node, &mut cells);
            row = py.detach(|| turn.run(row, rows, &names)).map_err(|fault| error(&names, fault))?;
            py.check_signals()?;
        }
        cells.rows += node.length as u64;
    }
    let columns = Columns { leaves: names, ..columns };
    Ok(cells.into_scan(columns))
}

/// A part of a batch, and what examines it.
struct Turn<'t, 'a>(&'t Node<'a>, &'t mut Examiner);

// SAFETY: of a batch and the views of it, what is not `Send` are addresses of memory that the batch owns and nobody writes to. It is used by the thread that has made it, which lets go of the interpreter only.
unsafe impl Send for Turn<'_, '_> {}

impl Turn<'_, '_> {
    /// Examines rows from `row` on, some of them or all, and says which is next.
    fn run(self, mut row: usize, rows: usize, names: &[String]) -> Result<usize, Fault> {
        let Turn(node, cells) = self;
        let (until, end) =
            (cells.coverage.bytes.saturating_add(TURN), row.saturating_add(TURN_ROWS).min(rows));
        while row < end && cells.coverage.bytes < until {
            let place = cells.rows + row as u64;
            node.visit(row, &mut |leaf, bytes| cells.examine(Some(place), &names[leaf], bytes))?;
            row += 1;
        }
        Ok(row)
    }
}

fn error(names: &[String], fault: Fault) -> PyErr {
    errors::arrow(fault.what, fault.leaf.and_then(|leaf| names.get(leaf)))
}

/// Where batches come from.
enum Source {
    Stream(Stream),
    One(Option<abi::Array>),
}

impl Source {
    fn of(table: &Bound<'_, PyAny>) -> PyResult<(abi::Schema, Source)> {
        if table.hasattr("__arrow_c_stream__")? {
            let mut stream: Stream = take(&table.call_method0("__arrow_c_stream__")?)?;
            let mut schema = abi::Schema::released();
            let call = stream.get_schema.ok_or_else(|| error(&[], Fault::new("a stream has no schema")))?;
            // SAFETY: the stream is not released, for `take` asks that, and the schema is a place for one.
            let code = table.py().detach(|| unsafe { call(&raw mut stream, &raw mut schema) });
            if code != 0 || schema.is_released() {
                return Err(error(&[], Fault::new("the producer failed when it was asked for its schema")));
            }
            return Ok((schema, Source::Stream(stream)));
        }
        if table.hasattr("__arrow_c_array__")? {
            let pair = table.call_method0("__arrow_c_array__")?;
            let pair = pair.cast_into::<PyTuple>()?;
            if pair.len() == 2 {
                return Ok((take(&pair.get_item(0)?)?, Source::One(Some(take(&pair.get_item(1)?)?))));
            }
        }
        Err(PyTypeError::new_err(
            "a table of Arrow is needed: an object with __arrow_c_stream__ or __arrow_c_array__",
        ))
    }

    fn next(&mut self) -> Result<Option<abi::Array>, Fault> {
        match self {
            Source::One(array) => Ok(array.take()),
            Source::Stream(stream) => {
                let call = stream.get_next.ok_or(Fault::new("a stream has no batches"))?;
                let mut array = abi::Array::released();
                // SAFETY: the stream is not released, and the array is a place for one.
                if unsafe { call(stream, &raw mut array) } != 0 {
                    // What it has to say may be content.
                    return Err(Fault::new("the producer failed before its last batch"));
                }
                Ok((!array.is_released()).then_some(array))
            }
        }
    }
}

/// Takes cells.
struct Examiner {
    engine: exfilter::Engine,
    stream: exfilter::Stream,
    batches: Batches,
    rows: u64,
    coverage: exfilter::Coverage,
    counting: [u64; 4],
    /// Whether there are findings that are not told one by one.
    suppressed: bool,
    /// Whether there is something else than coverage tells of that was not examined: a column whose layout is not read, a cell on which the engine failed.
    unread: bool,
}

impl Examiner {
    fn new(engine: &exfilter::Engine) -> Examiner {
        Examiner {
            engine: crate::engine::keep(engine),
            stream: engine.stream(Flow::at_rest()),
            batches: Batches::default(),
            rows: 0,
            coverage: exfilter::Coverage::default(),
            counting: [0; 4],
            suppressed: false,
            unread: false,
        }
    }

    /// Examines names of columns, which are content, and masks those in which something stands.
    fn names(&mut self, columns: &mut Columns) {
        let Columns { leaves, left_out, unread, .. } = columns;
        for (n, name) in leaves.iter_mut().chain(left_out).chain(unread).enumerate() {
            let masked = format!("#{n}");
            if !self.examine(None, &masked, name.clone().as_bytes()) {
                *name = masked;
            }
        }
    }

    /// Examines a cell. Answers whether there is nothing to tell of it.
    fn examine(&mut self, row: Option<u64>, column: &str, bytes: &[u8]) -> bool {
        if bytes.is_empty() {
            return true;
        }
        let stream = &mut self.stream;
        stream.reset();
        let whole = catch_unwind(AssertUnwindSafe(|| {
            let _ = stream.push(bytes);
            let _ = stream.finish();
        }));
        if whole.is_err() {
            self.stream = self.engine.stream(Flow::at_rest());
            self.unread = true;
            self.opaque(row, Some(column), OpaqueReason::Internal, Some((0, bytes.len() as u64)), "");
            return false;
        }
        let mut clean = true;
        while let Some(event) = self.stream.poll_event() {
            clean = false;
            self.tell(row, column, &event);
        }
        let coverage = self.stream.coverage();
        self.coverage.add(&coverage);
        clean & self.beyond(row, column) & coverage.is_complete()
    }

    fn tell(&mut self, row: Option<u64>, column: &str, event: &Event) {
        match event {
            Event::Finding(finding) => {
                let (kind, name) = match finding.kind() {
                    Kind::Rule(id) => ("rule", self.engine.rule(id).id.as_str()),
                    Kind::Known(id, _) => ("secret", self.engine.secret_name(id)),
                };
                let id = finding.id().map(|id| id.to_string());
                let range = finding.outer();
                self.batches.push(&Row {
                    row,
                    column: Some(column),
                    kind,
                    name,
                    id: id.as_deref(),
                    confidence: Some(finding.confidence().as_str()),
                    documented: finding.documented(),
                    path: &self.stream.path(finding.path()).to_string(),
                    range: Some((range.start, range.end)),
                    count: 1,
                });
                if !finding.documented() {
                    self.counting[place(finding.confidence())] += 1;
                }
            }
            Event::Opaque(opaque) => {
                let range = opaque.outer();
                let path = self.stream.path(opaque.path()).to_string();
                self.opaque(row, Some(column), opaque.reason(), Some((range.start, range.end)), &path);
            }
            _ => {}
        }
    }

    /// Tells of findings beyond the limit, by number. Answers whether there are none.
    fn beyond(&mut self, row: Option<u64>, column: &str) -> bool {
        let rules =
            self.stream.suppressed().map(|(id, count)| ("rule", self.engine.rule(id).id.as_str(), count));
        let secrets = self
            .stream
            .suppressed_secrets()
            .map(|(id, count)| ("secret", self.engine.secret_name(id), count));
        let mut none = true;
        for (kind, name, count) in rules.chain(secrets) {
            none = false;
            self.batches.push(&Row { row, column: Some(column), kind, name, count, ..Row::default() });
        }
        self.suppressed |= !none;
        none
    }

    fn opaque(
        &mut self,
        row: Option<u64>,
        column: Option<&str>,
        reason: OpaqueReason,
        range: Option<(u64, u64)>,
        path: &str,
    ) {
        let name = reason.as_str();
        self.batches.push(&Row {
            row,
            column,
            kind: "opaque",
            name,
            path,
            range,
            count: 1,
            ..Row::default()
        });
    }

    fn into_scan(self, columns: Columns) -> ArrowScan {
        let found = self.batches.len();
        ArrowScan {
            found,
            batches: self.batches.into_all(),
            rows: self.rows,
            coverage: self.coverage,
            counting: self.counting,
            suppressed: self.suppressed,
            // A column of a layout that is not read is as little examined as one on which the engine failed.
            unread: self.unread || !columns.unread.is_empty(),
            columns: columns.leaves,
            left_out: [columns.left_out, columns.unread].concat(),
        }
    }
}

fn place(confidence: Confidence) -> usize {
    match confidence {
        Confidence::Low => 0,
        Confidence::Medium => 1,
        Confidence::High => 2,
        Confidence::Confirmed => 3,
    }
}
