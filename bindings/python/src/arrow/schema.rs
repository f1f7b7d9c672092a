//! The types of a table's columns: a producer's schema as a tree of ours.

use std::ffi::CStr;

use super::abi;
use super::fault::Fault;

/// Types inside types, at most.
const DEPTH: usize = 32;
/// Types in a schema, at most.
const TYPES: usize = 10_000;
/// The longest format or name, in bytes.
const TEXT: usize = 4096;

/// How bytes of a column are laid out. Columns that are examined are leaves, numbered in order.
pub(super) enum Type {
    /// Offsets of four bytes or eight, and data.
    Bytes {
        wide: bool,
        leaf: usize,
    },
    /// So many bytes each.
    Fixed {
        size: usize,
        leaf: usize,
    },
    /// Views of 16 bytes into any number of buffers.
    Views {
        leaf: usize,
    },
    /// Numbers that stand for values.
    Dictionary {
        width: usize,
        signed: bool,
        values: Box<Type>,
    },
    Struct(Vec<Type>),
    /// Lists and maps.
    List {
        wide: bool,
        item: Box<Type>,
    },
    FixedList {
        size: usize,
        item: Box<Type>,
    },
    /// Nothing in it is examined.
    Nothing,
}

impl Type {
    /// Whether there is nothing to look at in an element, of which there may be any number then.
    pub(super) fn is_nothing(&self) -> bool {
        match self {
            Type::Nothing => true,
            Type::Struct(fields) => fields.iter().all(Type::is_nothing),
            _ => false,
        }
    }
}

/// A table's columns.
pub(super) struct Columns {
    /// The root: a struct of columns, or one column.
    pub(super) root: Type,
    /// Names of what is examined: `text`, `message.text`, `messages[].text`.
    pub(super) leaves: Vec<String>,
    /// Names of what is not, because it holds numbers or was not asked for.
    pub(super) left_out: Vec<String>,
    /// Names of what may hold texts and has a layout that is not read here.
    pub(super) unread: Vec<String>,
    /// Names of the top that were asked for and are not there, by their place among those.
    pub(super) missing: Option<usize>,
}

/// Reads a schema. Of the columns at the top only those of these names are examined, if there are names.
pub(super) fn read(schema: &abi::Schema, wanted: Option<&[String]>) -> Result<Columns, Fault> {
    let mut columns = Columns {
        root: Type::Nothing,
        leaves: Vec::new(),
        left_out: Vec::new(),
        unread: Vec::new(),
        missing: None,
    };
    let mut found = vec![false; wanted.map_or(0, <[String]>::len)];
    let mut types = 0;
    let name = text(schema.name)?;
    columns.root = if text(schema.format)? == "+s" && schema.dictionary.is_null() {
        let mut fields = Vec::new();
        for child in children(schema)? {
            let name = text(child.name)?;
            let asked = wanted.map(|wanted| wanted.iter().position(|wanted| *wanted == name));
            if let Some(Some(place)) = asked {
                found[place] = true;
            }
            fields.push(match asked {
                Some(None) => {
                    columns.left_out.push(name);
                    Type::Nothing
                }
                _ => columns.field(child, name, 1, &mut types)?,
            });
        }
        Type::Struct(fields)
    } else {
        if let Some(place) = wanted.and_then(|wanted| wanted.iter().position(|wanted| *wanted == name)) {
            found[place] = true;
        }
        columns.field(schema, name, 0, &mut types)?
    };
    columns.missing = found.iter().position(|found| !found);
    Ok(columns)
}

impl Columns {
    fn field(
        &mut self,
        schema: &abi::Schema,
        name: String,
        depth: usize,
        types: &mut usize,
    ) -> Result<Type, Fault> {
        *types += 1;
        if depth > DEPTH || *types > TYPES {
            return Err(Fault::new("the schema has too many types, or too many inside each other"));
        }
        let format = text(schema.format)?;
        if !schema.dictionary.is_null() {
            let (width, signed) =
                index(&format).ok_or(Fault::new("a dictionary has indices of no integer type"))?;
            let values = self.field(child(schema, schema.dictionary)?, name, depth + 1, types)?;
            return Ok(match values.is_nothing() {
                true => Type::Nothing,
                false => Type::Dictionary { width, signed, values: Box::new(values) },
            });
        }
        let leaf = self.leaves.len();
        let kind = match format.as_str() {
            "u" | "z" => Type::Bytes { wide: false, leaf },
            "U" | "Z" => Type::Bytes { wide: true, leaf },
            "vu" | "vz" => Type::Views { leaf },
            "+s" => return self.fields(schema, &name, depth, types),
            "+l" | "+m" => {
                return self.list(schema, &name, depth, types, |item| Type::List { wide: false, item });
            }
            "+L" => return self.list(schema, &name, depth, types, |item| Type::List { wide: true, item }),
            fixed if fixed.starts_with("+w:") => {
                let size = size(&fixed[3..])?;
                return self.list(schema, &name, depth, types, |item| match size {
                    0 => Type::Nothing,
                    size => Type::FixedList { size, item },
                });
            }
            // Of no bytes there can be any number of elements in no memory, so they are not counted through; lists of no items likewise.
            fixed if fixed.starts_with("w:") => match size(&fixed[2..])? {
                0 => Type::Nothing,
                size => Type::Fixed { size, leaf },
            },
            numbers if is_numbers(numbers) => {
                self.left_out.push(name);
                return Ok(Type::Nothing);
            }
            _ => {
                // Unions, runs, list views, and what comes after this was written.
                self.unread.push(name);
                return Ok(Type::Nothing);
            }
        };
        if kind.is_nothing() {
            self.left_out.push(name);
        } else {
            self.leaves.push(name);
        }
        Ok(kind)
    }

    fn fields(
        &mut self,
        schema: &abi::Schema,
        name: &str,
        depth: usize,
        types: &mut usize,
    ) -> Result<Type, Fault> {
        let mut fields = Vec::new();
        for child in children(schema)? {
            let own = text(child.name)?;
            let name = if name.is_empty() { own } else { format!("{name}.{own}") };
            fields.push(self.field(child, name, depth + 1, types)?);
        }
        let kind = Type::Struct(fields);
        Ok(if kind.is_nothing() { Type::Nothing } else { kind })
    }

    fn list(
        &mut self,
        schema: &abi::Schema,
        name: &str,
        depth: usize,
        types: &mut usize,
        make: impl FnOnce(Box<Type>) -> Type,
    ) -> Result<Type, Fault> {
        let items = children(schema)?;
        let [item] = items[..] else {
            return Err(Fault::new("a list has another number of children than one"));
        };
        let item = self.field(item, format!("{name}[]"), depth + 1, types)?;
        Ok(if item.is_nothing() { Type::Nothing } else { make(Box::new(item)) })
    }
}

/// Width and sign of integers.
fn index(format: &str) -> Option<(usize, bool)> {
    Some(match format {
        "c" => (1, true),
        "C" => (1, false),
        "s" => (2, true),
        "S" => (2, false),
        "i" => (4, true),
        "I" => (4, false),
        "l" => (8, true),
        "L" => (8, false),
        _ => return None,
    })
}

/// Integers, floats, truth values, nulls, decimals, dates, times, durations and intervals.
fn is_numbers(format: &str) -> bool {
    index(format).is_some()
        || matches!(format, "n" | "b" | "e" | "f" | "g")
        || format.starts_with("d:")
        || format.starts_with('t')
}

fn size(digits: &str) -> Result<usize, Fault> {
    let size = digits.parse::<u32>().ok().filter(|size| *size <= i32::MAX as u32);
    size.map(|size| size as usize).ok_or(Fault::new("a fixed size is no number"))
}

/// A text that ends with a NUL, which is looked for in the first `TEXT` bytes; empty if there is none. What is no UTF-8 is replaced.
fn text(place: *const std::ffi::c_char) -> Result<String, Fault> {
    if place.is_null() {
        return Ok(String::new());
    }
    for len in 0..TEXT {
        // SAFETY: the interface has a text here that ends with a NUL, and none stood before this byte.
        if unsafe { place.add(len).read() } == 0 {
            // SAFETY: there is a NUL, and the structure that owns the text is borrowed by the caller.
            let text = unsafe { CStr::from_ptr(place) };
            return Ok(text.to_string_lossy().into_owned());
        }
    }
    Err(Fault::new("a name or format of the schema is too long"))
}

fn children(schema: &abi::Schema) -> Result<Vec<&abi::Schema>, Fault> {
    let count = usize::try_from(schema.n_children).ok().filter(|count| *count <= TYPES);
    let count = count.ok_or(Fault::new("the schema has too many types, or too many inside each other"))?;
    if count == 0 {
        return Ok(Vec::new());
    }
    if schema.children.is_null() || !schema.children.is_aligned() {
        return Err(Fault::new("the schema's children are not where it says"));
    }
    (0..count)
        .map(|n| {
            // SAFETY: the interface has `n_children` pointers here, at an aligned address that is not null.
            child(schema, unsafe { schema.children.add(n).read() })
        })
        .collect()
}

/// A child, which lives as long as its parent.
fn child(parent: &abi::Schema, place: *mut abi::Schema) -> Result<&abi::Schema, Fault> {
    if place.is_null() || !place.is_aligned() {
        return Err(Fault::new("the schema's children are not where it says"));
    }
    // SAFETY: the interface has a schema here, which lives as long as its parent and to which nobody writes.
    let child: &abi::Schema = unsafe { &*place };
    if std::ptr::eq(child, parent) || child.release.is_none() {
        return Err(Fault::new("a child of the schema is released"));
    }
    Ok(child)
}
