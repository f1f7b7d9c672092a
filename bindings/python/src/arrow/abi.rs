//! The structures of the C data and stream interfaces, field for field, and how they are moved out of capsules.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr::null_mut;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

/// `struct ArrowSchema`.
#[repr(C)]
pub(super) struct Schema {
    pub(super) format: *const c_char,
    pub(super) name: *const c_char,
    pub(super) metadata: *const c_char,
    pub(super) flags: i64,
    pub(super) n_children: i64,
    pub(super) children: *mut *mut Schema,
    pub(super) dictionary: *mut Schema,
    pub(super) release: Option<unsafe extern "C" fn(*mut Schema)>,
    pub(super) private_data: *mut c_void,
}

/// `struct ArrowArray`.
#[repr(C)]
pub(super) struct Array {
    pub(super) length: i64,
    pub(super) null_count: i64,
    pub(super) offset: i64,
    pub(super) n_buffers: i64,
    pub(super) n_children: i64,
    pub(super) buffers: *mut *const c_void,
    pub(super) children: *mut *mut Array,
    pub(super) dictionary: *mut Array,
    pub(super) release: Option<unsafe extern "C" fn(*mut Array)>,
    pub(super) private_data: *mut c_void,
}

/// `struct ArrowArrayStream`.
#[repr(C)]
pub(super) struct Stream {
    pub(super) get_schema: Option<unsafe extern "C" fn(*mut Stream, *mut Schema) -> c_int>,
    pub(super) get_next: Option<unsafe extern "C" fn(*mut Stream, *mut Array) -> c_int>,
    pub(super) get_last_error: Option<unsafe extern "C" fn(*mut Stream) -> *const c_char>,
    pub(super) release: Option<unsafe extern "C" fn(*mut Stream)>,
    pub(super) private_data: *mut c_void,
}

/// What the three have in common. A structure without `release` is released: nothing of it may be looked at.
///
/// # Safety
///
/// `NAME` is the name of capsules that hold a pointer to a structure of this layout.
pub(super) unsafe trait Base: Sized {
    const NAME: &'static CStr;

    fn released() -> Self;
    fn is_released(&self) -> bool;
}

macro_rules! base {
    ($kind:ident, $name:literal, $released:expr) => {
        // SAFETY: the name and the layout are those that the interface has for it.
        unsafe impl Base for $kind {
            const NAME: &'static CStr = $name;

            fn released() -> $kind {
                $released
            }

            fn is_released(&self) -> bool {
                self.release.is_none()
            }
        }

        // SAFETY: the interface lets its structures be used by any thread, one at a time, and be released by any.
        unsafe impl Send for $kind {}

        impl Drop for $kind {
            fn drop(&mut self) {
                if let Some(release) = self.release {
                    // SAFETY: it is not released yet and ours: it was moved out of where it came from (`take`), written by a producer into our place, or made by `export`.
                    unsafe { release(self) };
                }
            }
        }
    };
}

base!(
    Schema,
    c"arrow_schema",
    Schema {
        format: null_mut(),
        name: null_mut(),
        metadata: null_mut(),
        flags: 0,
        n_children: 0,
        children: null_mut(),
        dictionary: null_mut(),
        release: None,
        private_data: null_mut(),
    }
);
base!(
    Array,
    c"arrow_array",
    Array {
        length: 0,
        null_count: 0,
        offset: 0,
        n_buffers: 0,
        n_children: 0,
        buffers: null_mut(),
        children: null_mut(),
        dictionary: null_mut(),
        release: None,
        private_data: null_mut(),
    }
);
base!(
    Stream,
    c"arrow_array_stream",
    Stream {
        get_schema: None,
        get_next: None,
        get_last_error: None,
        release: None,
        private_data: null_mut()
    }
);

/// Moves a structure out of its capsule, which is left with a released one.
pub(super) fn take<T: Base>(capsule: &Bound<'_, PyAny>) -> PyResult<T> {
    let wrong = || PyTypeError::new_err(format!("no capsule of the name {}", T::NAME.to_string_lossy()));
    let capsule = capsule.cast::<PyCapsule>().map_err(|_| wrong())?;
    let place = capsule.pointer_checked(Some(T::NAME)).map_err(|_| wrong())?.cast::<T>();
    if !place.is_aligned() {
        return Err(wrong());
    }
    // SAFETY: by the capsule's name there is such a structure, at an address that fits it. The capsule is alive and the interpreter held, so nobody else uses it, and moving is a copy of it with a
    // released one left behind.
    let taken = unsafe { place.replace(T::released()) };
    if taken.is_released() {
        return Err(PyTypeError::new_err("the capsule was consumed before"));
    }
    Ok(taken)
}
