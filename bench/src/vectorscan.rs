//! Vectorscan's streaming mode, of Debian's libvectorscan: what this engine is measured against. The only unsafe code of the benches.
#![expect(unsafe_code, reason = "the library has a C interface")]

use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_ulonglong, c_void};
use std::ptr;

/// A set of patterns, compiled for streams.
pub struct Database(ptr::NonNull<c_void>);

/// Working memory of one thread.
pub struct Scratch(ptr::NonNull<c_void>);

/// Why patterns were not compiled.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// Which of them, if it is one.
    pub pattern: Option<usize>,
    /// What the library says.
    pub message: String,
}

#[repr(C)]
struct CompileError {
    message: *mut c_char,
    expression: c_int,
}

type OnMatch = unsafe extern "C" fn(c_uint, c_ulonglong, c_ulonglong, c_uint, *mut c_void) -> c_int;

const HS_SUCCESS: c_int = 0;
const HS_MODE_STREAM: c_uint = 2;

#[link(name = "hs")]
unsafe extern "C" {
    fn hs_compile_multi(
        expressions: *const *const c_char,
        flags: *const c_uint,
        ids: *const c_uint,
        elements: c_uint,
        mode: c_uint,
        platform: *const c_void,
        db: *mut *mut c_void,
        error: *mut *mut CompileError,
    ) -> c_int;
    fn hs_free_compile_error(error: *mut CompileError) -> c_int;
    fn hs_free_database(db: *mut c_void) -> c_int;
    fn hs_database_size(db: *const c_void, size: *mut usize) -> c_int;
    fn hs_stream_size(db: *const c_void, size: *mut usize) -> c_int;
    fn hs_alloc_scratch(db: *const c_void, scratch: *mut *mut c_void) -> c_int;
    fn hs_free_scratch(scratch: *mut c_void) -> c_int;
    fn hs_scratch_size(scratch: *const c_void, size: *mut usize) -> c_int;
    fn hs_open_stream(db: *const c_void, flags: c_uint, stream: *mut *mut c_void) -> c_int;
    fn hs_scan_stream(
        stream: *mut c_void,
        data: *const c_char,
        length: c_uint,
        flags: c_uint,
        scratch: *mut c_void,
        on_match: OnMatch,
        context: *mut c_void,
    ) -> c_int;
    fn hs_close_stream(
        stream: *mut c_void,
        scratch: *mut c_void,
        on_match: OnMatch,
        context: *mut c_void,
    ) -> c_int;
    fn hs_version() -> *const c_char;
}

/// The library's version.
pub fn version() -> String {
    // SAFETY: the library returns a pointer to a constant string that ends with a NUL.
    unsafe { CStr::from_ptr(hs_version()) }.to_string_lossy().into_owned()
}

impl Database {
    /// Compiles patterns, the index of each its id, with no flag set: bytes, `.` is no line break, no start offsets, every end of a match is told.
    ///
    /// # Errors
    ///
    /// The first pattern that the library refuses, and why.
    pub fn new(patterns: &[String]) -> Result<Database, Refusal> {
        let texts: Vec<CString> = patterns
            .iter()
            .enumerate()
            .map(|(i, text)| {
                CString::new(text.as_str())
                    .map_err(|_| Refusal { pattern: Some(i), message: "it holds a NUL".into() })
            })
            .collect::<Result<_, _>>()?;
        let pointers: Vec<*const c_char> = texts.iter().map(|text| text.as_ptr()).collect();
        let count = c_uint::try_from(texts.len()).expect("so many patterns are not compiled");
        let (flags, ids) = (vec![0; texts.len()], (0..count).collect::<Vec<c_uint>>());
        let (mut db, mut error) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: the three arrays have `count` elements and live until the call returns, as do the strings; the library copies what it keeps. A null
        // platform means this machine; `db` and `error` are valid places for one pointer each.
        let code = unsafe {
            hs_compile_multi(
                pointers.as_ptr(),
                flags.as_ptr(),
                ids.as_ptr(),
                count,
                HS_MODE_STREAM,
                ptr::null(),
                &mut db,
                &mut error,
            )
        };
        if let Some(error) = ptr::NonNull::new(error) {
            // SAFETY: on failure the library hands out one error with a message that ends with a NUL; it is read before it is freed, and freed once.
            let refusal = unsafe {
                let CompileError { message, expression } = *error.as_ptr();
                let message = CStr::from_ptr(message).to_string_lossy().into_owned();
                hs_free_compile_error(error.as_ptr());
                Refusal { pattern: usize::try_from(expression).ok(), message }
            };
            return Err(refusal);
        }
        match ptr::NonNull::new(db) {
            Some(db) if code == HS_SUCCESS => Ok(Database(db)),
            _ => Err(Refusal { pattern: None, message: format!("error {code}") }),
        }
    }

    /// Bytes of the compiled patterns, and of each stream.
    pub fn sizes(&self) -> (usize, usize) {
        let (mut database, mut stream) = (0, 0);
        // SAFETY: the database is alive, and both places hold a size.
        let codes = unsafe {
            (hs_database_size(self.0.as_ptr(), &mut database), hs_stream_size(self.0.as_ptr(), &mut stream))
        };
        assert_eq!(codes, (HS_SUCCESS, HS_SUCCESS), "a compiled database has sizes");
        (database, stream)
    }

    /// Working memory for one thread.
    pub fn scratch(&self) -> Scratch {
        let mut scratch = ptr::null_mut();
        // SAFETY: the database is alive; the place holds null, which asks for new memory.
        let code = unsafe { hs_alloc_scratch(self.0.as_ptr(), &mut scratch) };
        assert_eq!(code, HS_SUCCESS, "there is memory for a scratch");
        Scratch(ptr::NonNull::new(scratch).expect("the library hands out what it allocated"))
    }

    /// Scans `body` as one stream, in chunks, and tells the id and the end of every match. `scratch` is of this database.
    pub fn scan<F: FnMut(u32, u64)>(&self, scratch: &mut Scratch, body: &[u8], chunk: usize, mut found: F) {
        let context = (&raw mut found).cast::<c_void>();
        let mut stream = ptr::null_mut();
        // SAFETY: the database is alive, and outlives the stream, which is closed below.
        let code = unsafe { hs_open_stream(self.0.as_ptr(), 0, &mut stream) };
        assert_eq!(code, HS_SUCCESS, "there is memory for a stream");
        for part in body.chunks(chunk.min(1 << 30)) {
            // SAFETY: `part` is readable for its length, which fits; the scratch is lent to nobody else during the call; `context` is the closure that
            // `on_match::<F>` expects, and no reference to it is used while the library may call it.
            let code = unsafe {
                hs_scan_stream(
                    stream,
                    part.as_ptr().cast(),
                    part.len() as c_uint,
                    0,
                    scratch.0.as_ptr(),
                    on_match::<F>,
                    context,
                )
            };
            assert_eq!(code, HS_SUCCESS, "a scan of readable bytes does not fail");
        }
        // SAFETY: as above; the stream is used for the last time.
        let code = unsafe { hs_close_stream(stream, scratch.0.as_ptr(), on_match::<F>, context) };
        assert_eq!(code, HS_SUCCESS, "an open stream closes");
    }
}

unsafe extern "C" fn on_match<F: FnMut(u32, u64)>(
    id: c_uint,
    _from: c_ulonglong,
    to: c_ulonglong,
    _flags: c_uint,
    context: *mut c_void,
) -> c_int {
    // SAFETY: `context` is the closure of type `F` that `scan` handed to the library for this call, and nothing else refers to it meanwhile.
    unsafe { (*context.cast::<F>())(id, to) };
    0
}

impl Scratch {
    /// Its size in bytes.
    pub fn size(&self) -> usize {
        let mut size = 0;
        // SAFETY: the scratch is alive, and the place holds a size.
        let code = unsafe { hs_scratch_size(self.0.as_ptr(), &mut size) };
        assert_eq!(code, HS_SUCCESS, "a scratch has a size");
        size
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // SAFETY: it is freed once, and every stream of it was closed by the scan that opened it.
        unsafe { hs_free_database(self.0.as_ptr()) };
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // SAFETY: it is freed once, and no scan is under way: each borrows it.
        unsafe { hs_free_scratch(self.0.as_ptr()) };
    }
}

// SAFETY: a database is never written to after it was compiled; the library allows scans of it from many threads at once, each with its own scratch.
unsafe impl Send for Database {}
// SAFETY: as above.
unsafe impl Sync for Database {}
// SAFETY: a scratch is memory that no thread is tied to; scans borrow it exclusively.
unsafe impl Send for Scratch {}
