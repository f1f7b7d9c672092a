//! The table of what was found: [`Batch`]es in Arrow's layout, and [`Batches`], which fills them.

use std::sync::Arc;

/// Rows of one batch, at most.
const ROWS: usize = 64 << 10;
/// Bytes of one text column in a batch after which another batch begins: offsets have 31 bits.
const TEXT: usize = 64 << 20;

/// A row of the table. Offsets and names, never content.
#[derive(Default)]
pub(super) struct Row<'a> {
    /// The row of the examined table; none where a column as a whole is meant.
    pub(super) row: Option<u64>,
    pub(super) column: Option<&'a str>,
    /// "rule", "secret", "opaque".
    pub(super) kind: &'static str,
    /// The rule's id, the secret's name, or why something was not examined.
    pub(super) name: &'a str,
    pub(super) id: Option<&'a str>,
    pub(super) confidence: Option<&'static str>,
    pub(super) documented: bool,
    pub(super) path: &'a str,
    /// Where it stands in the cell; none where only a number is known.
    pub(super) range: Option<(u64, u64)>,
    /// How many there are of it: more than one beyond the limit of findings that are told one by one.
    pub(super) count: u64,
}

/// A column in Arrow's layout: which values there are, and the values.
pub(super) struct Column {
    pub(super) valid: Vec<u8>,
    pub(super) nulls: usize,
    pub(super) values: Values,
}

pub(super) enum Values {
    Numbers(Vec<i64>),
    Text { offsets: Vec<i32>, data: Vec<u8> },
    Bits(Vec<u8>),
}

/// The kinds of the columns, for the schema.
pub(super) const COLUMNS: [(&std::ffi::CStr, &std::ffi::CStr); 11] = [
    (c"row", c"l"),
    (c"column", c"u"),
    (c"kind", c"u"),
    (c"name", c"u"),
    (c"id", c"u"),
    (c"confidence", c"u"),
    (c"documented", c"b"),
    (c"path", c"u"),
    (c"start", c"l"),
    (c"end", c"l"),
    (c"count", c"l"),
];

/// Some rows.
pub(super) struct Batch {
    pub(super) rows: usize,
    pub(super) columns: Vec<Column>,
}

impl Batch {
    fn new() -> Batch {
        let column = |(_, format): &(_, &std::ffi::CStr)| {
            let values = match format.to_bytes() {
                b"u" => Values::Text { offsets: vec![0], data: Vec::new() },
                b"b" => Values::Bits(Vec::new()),
                _ => Values::Numbers(Vec::new()),
            };
            Column { valid: Vec::new(), nulls: 0, values }
        };
        Batch { rows: 0, columns: COLUMNS.iter().map(column).collect() }
    }

    fn push(&mut self, row: &Row<'_>) {
        let n = self.rows;
        let [a, b, c, d, e, f, g, h, i, j, k] = &mut self.columns[..] else {
            unreachable!("there are eleven")
        };
        a.number(n, row.row);
        b.text(n, row.column);
        c.text(n, Some(row.kind));
        d.text(n, Some(row.name));
        e.text(n, row.id);
        f.text(n, row.confidence);
        g.bit(n, row.documented);
        h.text(n, Some(row.path));
        i.number(n, row.range.map(|range| range.0));
        j.number(n, row.range.map(|range| range.1));
        k.number(n, Some(row.count));
        self.rows += 1;
    }

    fn is_full(&self) -> bool {
        let long =
            |column: &Column| matches!(&column.values, Values::Text { data, .. } if data.len() >= TEXT);
        self.rows >= ROWS || self.columns.iter().any(long)
    }
}

impl Column {
    fn number(&mut self, row: usize, value: Option<u64>) {
        self.note(row, value.is_some());
        if let Values::Numbers(numbers) = &mut self.values {
            numbers.push(value.map_or(0, |value| i64::try_from(value).unwrap_or(i64::MAX)));
        }
    }

    /// A text, cut at 64 KiB: the longest path is far shorter, and so are names that people give.
    fn text(&mut self, row: usize, value: Option<&str>) {
        self.note(row, value.is_some());
        if let Values::Text { offsets, data } = &mut self.values {
            let value = value.unwrap_or("");
            let mut cut = value.len().min(64 << 10);
            while !value.is_char_boundary(cut) {
                cut -= 1;
            }
            data.extend(&value.as_bytes()[..cut]);
            offsets.push(i32::try_from(data.len()).expect("a batch ends long before"));
        }
    }

    fn bit(&mut self, row: usize, value: bool) {
        self.note(row, true);
        if let Values::Bits(bits) = &mut self.values {
            set(bits, row, value);
        }
    }

    fn note(&mut self, row: usize, there: bool) {
        set(&mut self.valid, row, there);
        self.nulls += usize::from(!there);
    }
}

/// Sets the n-th bit, behind which there are none.
fn set(bits: &mut Vec<u8>, n: usize, value: bool) {
    bits.resize(n / 8 + 1, 0);
    bits[n / 8] |= u8::from(value) << (n % 8);
}

/// All batches.
#[derive(Default)]
pub(super) struct Batches {
    done: Vec<Arc<Batch>>,
    open: Option<Batch>,
    rows: usize,
}

impl Batches {
    pub(super) fn push(&mut self, row: &Row<'_>) {
        let batch = self.open.get_or_insert_with(Batch::new);
        batch.push(row);
        self.rows += 1;
        if batch.is_full() {
            self.done.extend(self.open.take().map(Arc::new));
        }
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.rows
    }

    /// Every batch, and none more.
    pub(super) fn into_all(mut self) -> Vec<Arc<Batch>> {
        self.done.extend(self.open.take().map(Arc::new));
        self.done
    }
}
