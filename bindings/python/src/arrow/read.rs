//! One batch, checked: [`Node`]s over a producer's buffers, from which cells are read.
//!
//! What is checked of every array that is read: it is not released; its length and offset are not negative and their sum counts no more than an address can; it has the buffers and children
//! that its type needs, at addresses that are not null and fit what stands there; a bitmap is there if it says that there are nulls; children are as long as their parents need.
//! And of every cell: its offsets do not run backwards, nor beyond the last one; a view lies in the buffer it names, whose size is told; an index is one of the dictionary.

use std::cell::RefCell;
use std::collections::HashSet;
use std::ffi::c_void;
use std::marker::PhantomData;

use super::abi;
use super::fault::Fault;
use super::schema::Type;

/// No array has more elements: the largest thing there is of one is a view, of 16 bytes.
const ELEMENTS: i64 = i64::MAX / 32;

const VIEW: usize = 16;
/// The longest text that stands in its view.
const INLINE: usize = 12;

/// A part of a batch.
pub(super) struct Node<'a> {
    /// Elements, without those before the offset.
    pub(super) length: usize,
    offset: usize,
    /// Bits that say which elements are not null, from the beginning of the array; null if none is.
    valid: *const u8,
    cells: Cells<'a>,
}

enum Cells<'a> {
    Bytes {
        leaf: usize,
        offsets: Offsets,
        data: *const u8,
    },
    Fixed {
        leaf: usize,
        size: usize,
        data: *const u8,
    },
    Views {
        leaf: usize,
        views: *const u8,
        buffers: Vec<(*const u8, u64)>,
    },
    Dictionary {
        width: usize,
        signed: bool,
        indices: *const u8,
        values: Box<Node<'a>>,
        clean: RefCell<HashSet<usize>>,
    },
    Struct(Vec<Node<'a>>),
    List {
        offsets: Offsets,
        item: Box<Node<'a>>,
    },
    FixedList {
        size: usize,
        item: Box<Node<'a>>,
    },
    /// Ties the addresses above to the array that owns what stands there.
    Nothing(PhantomData<&'a abi::Array>),
}

/// What cells are shown to: the column, by its number, and the bytes. It answers whether they are clean, so that they need not be looked at again.
pub(super) type Show<'s> = dyn FnMut(usize, &[u8]) -> bool + 's;

impl<'a> Node<'a> {
    /// A view of an array of this type.
    pub(super) fn open(array: &'a abi::Array, kind: &Type) -> Result<Node<'a>, Fault> {
        if array.release.is_none() {
            return Err(Fault::new("an array is released"));
        }
        let in_bounds = |n: i64| (0..=ELEMENTS).contains(&n);
        if !in_bounds(array.length) || !in_bounds(array.offset) || !in_bounds(array.length + array.offset) {
            return Err(Fault::new("an array has a length or offset that cannot be"));
        }
        let (length, offset) = (array.length as usize, array.offset as usize);
        if matches!(kind, Type::Nothing) {
            return Ok(Node { length, offset, valid: std::ptr::null(), cells: Cells::Nothing(PhantomData) });
        }
        let buffers = Buffers::of(array)?;
        let end = length + offset;
        let cells = match kind {
            Type::Bytes { wide, leaf } => {
                buffers.are(3)?;
                let offsets = Offsets::new(buffers.get(1), *wide, end)?;
                Cells::Bytes { leaf: *leaf, offsets, data: buffers.get(2) }
            }
            Type::Fixed { size, leaf } => {
                buffers.are(2)?;
                let data = buffers.get(1);
                end.checked_mul(*size).filter(|bytes| *bytes == 0 || !data.is_null()).ok_or(MISSING)?;
                Cells::Fixed { leaf: *leaf, size: *size, data }
            }
            Type::Views { leaf } => {
                Cells::Views { leaf: *leaf, views: buffers.needed(1, end)?, buffers: variadic(&buffers)? }
            }
            Type::Dictionary { width, signed, values } => {
                buffers.are(2)?;
                let values = Box::new(Node::open(child(array, array.dictionary)?, values)?);
                let clean = RefCell::default();
                Cells::Dictionary {
                    width: *width,
                    signed: *signed,
                    indices: buffers.needed(1, end)?,
                    values,
                    clean,
                }
            }
            Type::Struct(fields) => {
                buffers.are(1)?;
                let children = children(array, fields.len())?;
                let nodes = children.into_iter().zip(fields).map(|(child, field)| {
                    let node = Node::open(child, field)?;
                    if node.length < end { Err(SHORT) } else { Ok(node) }
                });
                Cells::Struct(nodes.collect::<Result<_, _>>()?)
            }
            Type::List { wide, item } => {
                buffers.are(2)?;
                let offsets = Offsets::new(buffers.get(1), *wide, end)?;
                let item = Box::new(Node::open(children(array, 1)?[0], item)?);
                if offsets.last > item.length as u64 {
                    return Err(SHORT);
                }
                Cells::List { offsets, item }
            }
            Type::FixedList { size, item } => {
                buffers.are(1)?;
                let item = Box::new(Node::open(children(array, 1)?[0], item)?);
                if end.checked_mul(*size).is_none_or(|items| items > item.length) {
                    return Err(SHORT);
                }
                Cells::FixedList { size: *size, item }
            }
            Type::Nothing => Cells::Nothing(PhantomData),
        };
        Ok(Node { length, offset, valid: buffers.validity(array)?, cells })
    }

    /// Shows all cells of an element, of those before `length`. Answers whether they are clean, all of them.
    pub(super) fn visit(&self, element: usize, show: &mut Show<'_>) -> Result<bool, Fault> {
        // Callers take elements from lengths and offsets that were checked; this is what the addresses below rely on.
        assert!(element < self.length, "an element of the array");
        let at = self.offset + element;
        // SAFETY: a bitmap has a bit for each element, those before the offset too.
        if !self.valid.is_null() && unsafe { self.valid.add(at / 8).read() } >> (at % 8) & 1 == 0 {
            return Ok(true);
        }
        match &self.cells {
            Cells::Bytes { leaf, offsets, data } => {
                let (start, end) = offsets.range(at).map_err(|what| Fault::of(*leaf, what))?;
                // SAFETY: both are offsets of this array into its data, in order.
                let bytes = unsafe { bytes(*data, start, end - start) };
                bytes.ok_or(Fault::of(*leaf, MISSING.what)).map(|bytes| show(*leaf, bytes))
            }
            Cells::Fixed { leaf, size, data } => {
                // SAFETY: there are so many bytes for each element, and `open` has multiplied.
                let bytes = unsafe { bytes(*data, (at * size) as u64, *size as u64) };
                bytes.ok_or(Fault::of(*leaf, MISSING.what)).map(|bytes| show(*leaf, bytes))
            }
            Cells::Views { leaf, views, buffers } => {
                // SAFETY: there is a view for each element.
                let view = unsafe { views.add(at * VIEW).cast::<[u8; VIEW]>().read_unaligned() };
                viewed(&view, buffers).map_err(|what| Fault::of(*leaf, what)).map(|bytes| show(*leaf, bytes))
            }
            Cells::Dictionary { width, signed, indices, values, clean } => {
                // SAFETY: there is an index of this width for each element.
                let index = unsafe { integer(*indices, at, *width, *signed) };
                let index = index.filter(|index| *index < values.length).ok_or(OUTSIDE)?;
                if clean.borrow().contains(&index) {
                    return Ok(true);
                }
                let is_clean = values.visit(index, show)?;
                if is_clean {
                    clean.borrow_mut().insert(index);
                }
                Ok(is_clean)
            }
            Cells::Struct(fields) => all(fields.iter().map(|field| field.visit(at, show))),
            Cells::List { offsets, item } => {
                let (start, end) = offsets.range(at).map_err(Fault::new)?;
                all((start..end).map(|n| item.visit(n as usize, show)))
            }
            Cells::FixedList { size, item } => all((at * size..(at + 1) * size).map(|n| item.visit(n, show))),
            Cells::Nothing(_) => Ok(true),
        }
    }
}

const MISSING: Fault = Fault { what: "a buffer is missing", leaf: None };
const SHORT: Fault = Fault { what: "a child has fewer elements than its parent needs", leaf: None };
const OUTSIDE: Fault = Fault { what: "an index is outside its dictionary", leaf: None };
const BACKWARDS: &str = "offsets run backwards or beyond their end";
const ASTRAY: &str = "a view is outside its buffer";

fn all(results: impl Iterator<Item = Result<bool, Fault>>) -> Result<bool, Fault> {
    let mut clean = true;
    for result in results {
        clean &= result?;
    }
    Ok(clean)
}

/// Offsets of the elements of an array, one more than there are.
#[derive(Clone, Copy)]
struct Offsets {
    place: *const u8,
    wide: bool,
    last: u64,
}

impl Offsets {
    /// Of `end` elements.
    fn new(place: *const u8, wide: bool, end: usize) -> Result<Offsets, Fault> {
        let mut offsets = Offsets { place, wide, last: 0 };
        if end > 0 {
            if place.is_null() {
                return Err(MISSING);
            }
            offsets.last = offsets.get(end).ok_or(Fault::new(BACKWARDS))?;
        }
        Ok(offsets)
    }

    fn get(&self, n: usize) -> Option<u64> {
        // SAFETY: there is an offset for each element, and one more; callers ask for no other, and for none of an array without elements.
        unsafe { integer(self.place, n, if self.wide { 8 } else { 4 }, true) }.map(|offset| offset as u64)
    }

    fn range(&self, n: usize) -> Result<(u64, u64), &'static str> {
        let (start, end) = self.get(n).zip(self.get(n + 1)).ok_or(BACKWARDS)?;
        if start <= end && end <= self.last { Ok((start, end)) } else { Err(BACKWARDS) }
    }
}

/// The pointers to an array's buffers.
struct Buffers {
    place: *mut *const c_void,
    count: usize,
}

impl Buffers {
    fn of(array: &abi::Array) -> Result<Buffers, Fault> {
        let count = usize::try_from(array.n_buffers).ok().filter(|count| *count <= i32::MAX as usize);
        let count = count.ok_or(Fault::new("an array has a number of buffers that cannot be"))?;
        if count > 0 && (array.buffers.is_null() || !array.buffers.is_aligned()) {
            return Err(MISSING);
        }
        Ok(Buffers { place: array.buffers, count })
    }

    fn are(&self, count: usize) -> Result<(), Fault> {
        if self.count == count { Ok(()) } else { Err(Fault::new("an array has other buffers than its type")) }
    }

    /// A buffer; null if there is none.
    fn get(&self, n: usize) -> *const u8 {
        if n >= self.count {
            return std::ptr::null();
        }
        // SAFETY: there are so many pointers at an address that fits them.
        unsafe { self.place.add(n).read() }.cast()
    }

    /// A buffer that must be there if there are elements.
    fn needed(&self, n: usize, elements: usize) -> Result<*const u8, Fault> {
        let buffer = self.get(n);
        if elements > 0 && buffer.is_null() { Err(MISSING) } else { Ok(buffer) }
    }

    fn validity(&self, array: &abi::Array) -> Result<*const u8, Fault> {
        let bits = self.get(0);
        match array.null_count {
            0 => Ok(std::ptr::null()),
            // It was not counted: without a bitmap there is none.
            -1 => Ok(bits),
            n if n < -1 || n > array.length => {
                Err(Fault::new("an array has a number of nulls that cannot be"))
            }
            _ if bits.is_null() => Err(MISSING),
            _ => Ok(bits),
        }
    }
}

/// The buffers into which views point, with their sizes, which stand in the last one.
fn variadic(buffers: &Buffers) -> Result<Vec<(*const u8, u64)>, Fault> {
    let count = buffers.count.checked_sub(3).ok_or(Fault::new("an array has other buffers than its type"))?;
    let sizes = buffers.needed(2 + count, count)?;
    (0..count)
        .map(|n| {
            let data = buffers.get(2 + n);
            // SAFETY: there is a size for each of these buffers.
            let size = unsafe { integer(sizes, n, 8, true) }.ok_or(Fault::new(ASTRAY))?;
            if size > 0 && data.is_null() { Err(MISSING) } else { Ok((data, size as u64)) }
        })
        .collect()
}

/// What a view shows: bytes of its own, or of a buffer.
fn viewed<'v>(view: &'v [u8; VIEW], buffers: &'v [(*const u8, u64)]) -> Result<&'v [u8], &'static str> {
    let number = |at: usize| {
        let four = view[at..at + 4].try_into().expect("four bytes");
        u64::try_from(i32::from_ne_bytes(four)).ok()
    };
    let len = number(0).ok_or(ASTRAY)?;
    if len <= INLINE as u64 {
        return Ok(&view[4..4 + len as usize]);
    }
    let (buffer, start) = number(8).zip(number(12)).ok_or(ASTRAY)?;
    let (data, size) = *buffers.get(buffer as usize).ok_or(ASTRAY)?;
    if start + len > size {
        return Err(ASTRAY);
    }
    // SAFETY: the range lies in the buffer, by the size that is told of it.
    let bytes = unsafe { bytes(data, start, len) }.ok_or(ASTRAY)?;
    if bytes[..4] == view[4..8] {
        Ok(bytes)
    } else {
        Err("a view does not begin as the bytes do that it shows")
    }
}

/// Bytes of a buffer; None if they cannot be.
///
/// # Safety
///
/// If there is a buffer, it has these bytes, they live as long as the array that is borrowed by the caller, and nobody writes to them.
unsafe fn bytes<'b>(data: *const u8, start: u64, len: u64) -> Option<&'b [u8]> {
    if len == 0 {
        return Some(&[]);
    }
    let (start, len) = (usize::try_from(start).ok()?, usize::try_from(len).ok()?);
    if data.is_null() || start.checked_add(len)? > isize::MAX as usize {
        return None;
    }
    // SAFETY: as above, and the range counts no more than an address can.
    Some(unsafe { std::slice::from_raw_parts(data.add(start), len) })
}

/// The n-th integer of a buffer, whose address need not fit it; None if it is negative or too large.
///
/// # Safety
///
/// The buffer has it.
unsafe fn integer(place: *const u8, n: usize, width: usize, signed: bool) -> Option<usize> {
    // SAFETY: as above.
    let at = unsafe { place.add(n * width) };
    // SAFETY: as above; each is read as bytes are.
    unsafe {
        match (width, signed) {
            (1, true) => usize::try_from(at.cast::<i8>().read_unaligned()).ok(),
            (1, false) => Some(at.read().into()),
            (2, true) => usize::try_from(at.cast::<i16>().read_unaligned()).ok(),
            (2, false) => Some(at.cast::<u16>().read_unaligned().into()),
            (4, true) => usize::try_from(at.cast::<i32>().read_unaligned()).ok(),
            (4, false) => usize::try_from(at.cast::<u32>().read_unaligned()).ok(),
            (8, true) => usize::try_from(at.cast::<i64>().read_unaligned()).ok(),
            _ => usize::try_from(at.cast::<u64>().read_unaligned()).ok(),
        }
    }
}

fn children(array: &abi::Array, count: usize) -> Result<Vec<&abi::Array>, Fault> {
    if array.n_children != count as i64 {
        return Err(Fault::new("an array has other children than its type"));
    }
    if count > 0 && (array.children.is_null() || !array.children.is_aligned()) {
        return Err(Fault::new("an array's children are not where it says"));
    }
    (0..count)
        .map(|n| {
            // SAFETY: the interface has `n_children` pointers here, at an address that fits them.
            child(array, unsafe { array.children.add(n).read() })
        })
        .collect()
}

/// A child, which lives as long as its parent.
fn child(parent: &abi::Array, place: *mut abi::Array) -> Result<&abi::Array, Fault> {
    if place.is_null() || !place.is_aligned() || std::ptr::eq(place, parent) {
        return Err(Fault::new("an array's children are not where it says"));
    }
    // SAFETY: the interface has an array here, which lives as long as its parent and to which nobody writes.
    Ok(unsafe { &*place })
}
