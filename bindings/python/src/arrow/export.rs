//! Batches of ours as structures of the interface.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr::{null, null_mut};
use std::sync::Arc;

use super::abi::{Array, Base as _, Schema, Stream};
use super::table::{Batch, COLUMNS, Values};

const NULLABLE: i64 = 2;

/// What a stream still has to give.
struct Rest {
    batches: std::vec::IntoIter<Arc<Batch>>,
}

/// What keeps an array's addresses good.
struct Kept {
    /// The batch in which the buffers are.
    _batch: Arc<Batch>,
    buffers: Vec<*const c_void>,
    children: Vec<*mut Array>,
}

/// A stream of these batches.
pub(super) fn stream(batches: Vec<Arc<Batch>>) -> Stream {
    let rest = Box::new(Rest { batches: batches.into_iter() });
    Stream {
        get_schema: Some(get_schema),
        get_next: Some(get_next),
        get_last_error: Some(get_last_error),
        release: Some(release_stream),
        private_data: Box::into_raw(rest).cast(),
    }
}

/// The schema of the table.
pub(super) fn schema() -> Schema {
    let fields = COLUMNS.iter().map(|(name, format)| Box::into_raw(Box::new(node(name, format, Vec::new()))));
    node(c"", c"+s", fields.collect())
}

fn node(name: &'static CStr, format: &'static CStr, fields: Vec<*mut Schema>) -> Schema {
    let mut fields = Box::new(fields);
    Schema {
        format: format.as_ptr(),
        name: name.as_ptr(),
        metadata: null(),
        flags: NULLABLE,
        n_children: fields.len() as i64,
        children: fields.as_mut_ptr(),
        dictionary: null_mut(),
        release: Some(release_schema),
        private_data: Box::into_raw(fields).cast(),
    }
}

fn batch(batch: &Arc<Batch>) -> Array {
    let address = |bytes: &[u8]| bytes.as_ptr().cast::<c_void>();
    let columns = batch.columns.iter().map(|column| {
        let mut buffers = vec![address(&column.valid)];
        match &column.values {
            Values::Numbers(numbers) => buffers.push(numbers.as_ptr().cast()),
            Values::Bits(bits) => buffers.push(address(bits)),
            Values::Text { offsets, data } => buffers.extend([offsets.as_ptr().cast(), address(data)]),
        }
        Box::into_raw(Box::new(array(batch, column.nulls, buffers, Vec::new())))
    });
    array(batch, 0, vec![null()], columns.collect())
}

fn array(batch: &Arc<Batch>, nulls: usize, buffers: Vec<*const c_void>, children: Vec<*mut Array>) -> Array {
    let mut kept = Box::new(Kept { _batch: batch.clone(), buffers, children });
    Array {
        length: batch.rows as i64,
        null_count: nulls as i64,
        offset: 0,
        n_buffers: kept.buffers.len() as i64,
        n_children: kept.children.len() as i64,
        buffers: kept.buffers.as_mut_ptr(),
        children: kept.children.as_mut_ptr(),
        dictionary: null_mut(),
        release: Some(release_array),
        private_data: Box::into_raw(kept).cast(),
    }
}

/// # Safety
///
/// `out` is a place for a schema.
unsafe extern "C" fn get_schema(_stream: *mut Stream, out: *mut Schema) -> c_int {
    // SAFETY: by the interface, and what stood there is nothing that has to be released.
    unsafe { out.write(schema()) };
    0
}

/// # Safety
///
/// `stream` is one of `stream`, not released, and `out` a place for an array.
unsafe extern "C" fn get_next(stream: *mut Stream, out: *mut Array) -> c_int {
    // SAFETY: by the interface, `private_data` is what `stream` has put there, and nobody else uses the stream meanwhile.
    let rest = unsafe { &mut *(*stream).private_data.cast::<Rest>() };
    let next = rest.batches.next().map_or_else(Array::released, |next| batch(&next));
    // SAFETY: by the interface, and what stood there is nothing that has to be released.
    unsafe { out.write(next) };
    0
}

unsafe extern "C" fn get_last_error(_stream: *mut Stream) -> *const c_char {
    null()
}

/// # Safety
///
/// `stream` is one of `stream`, not released.
unsafe extern "C" fn release_stream(stream: *mut Stream) {
    // SAFETY: by the interface it is called once, for it says itself that it was.
    let stream = unsafe { &mut *stream };
    stream.release = None;
    // SAFETY: `stream` has made it of a box.
    drop(unsafe { Box::from_raw(stream.private_data.cast::<Rest>()) });
    stream.private_data = null_mut();
}

/// # Safety
///
/// `schema` is one of `node`, perhaps moved, not released.
unsafe extern "C" fn release_schema(schema: *mut Schema) {
    // SAFETY: by the interface it is called once, for it says itself that it was.
    let schema = unsafe { &mut *schema };
    schema.release = None;
    // SAFETY: `node` has made it of a box.
    let fields = unsafe { Box::from_raw(schema.private_data.cast::<Vec<*mut Schema>>()) };
    for field in *fields {
        // SAFETY: `schema` has made it of a box. Dropped it releases itself, unless somebody has moved it out.
        drop(unsafe { Box::from_raw(field) });
    }
    (schema.children, schema.private_data) = (null_mut(), null_mut());
}

/// # Safety
///
/// `array` is one of `array`, perhaps moved, not released.
unsafe extern "C" fn release_array(array: *mut Array) {
    // SAFETY: by the interface it is called once, for it says itself that it was.
    let array = unsafe { &mut *array };
    array.release = None;
    // SAFETY: `array` has made it of a box.
    let kept = unsafe { Box::from_raw(array.private_data.cast::<Kept>()) };
    for child in &kept.children {
        // SAFETY: `batch` has made it of a box. Dropped it releases itself, unless somebody has moved it out.
        drop(unsafe { Box::from_raw(*child) });
    }
    (array.buffers, array.children, array.private_data) = (null_mut(), null_mut(), null_mut());
}
