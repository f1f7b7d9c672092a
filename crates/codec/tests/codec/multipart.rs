//! multipart/form-data: forms as clients write them, in any slicing, and what only looks like one.

use exfilter_codec::multipart::{BOUNDARY_MAX, Multipart, PROBE_LEN, starts};
use exfilter_codec::{Fault, Part};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::support::{assert_can_be_sent, cases, cut, lens, segment};

/// Name, beginning and end of each part, the same in slices of one byte.
fn parts(form: &[u8]) -> Vec<(String, usize, Option<usize>)> {
    let whole = segment(&mut Multipart::new(100), [form]);
    assert_eq!(whole.1, Ok(()));
    assert_eq!(segment(&mut Multipart::new(100), form.chunks(1)), whole);
    let mut parts: Vec<(String, usize, Option<usize>)> = Vec::new();
    for part in whole.0 {
        match part {
            Part::Begin { at, header, len, name } => {
                assert!(header < at && len == u64::MAX);
                parts.push((String::from_utf8_lossy(&name).into_owned(), at as usize, None));
            }
            Part::End { at } => parts.last_mut().expect("a part began").2 = Some(at as usize),
        }
    }
    parts
}

/// The contents, each with the delimiter behind it.
fn contents(form: &[u8]) -> Vec<(String, String)> {
    let text = |(name, from, to): (String, usize, Option<usize>)| {
        (name, String::from_utf8_lossy(&form[from..to.unwrap_or(form.len())]).into_owned())
    };
    parts(form).into_iter().map(text).collect()
}

/// What curl sends for `-F note=hello -F file=@a.py`.
const CURL: &[u8] = b"--------------------------d74496d66958873e\r\n\
    Content-Disposition: form-data; name=\"note\"\r\n\r\nhello\r\n\
    --------------------------d74496d66958873e\r\n\
    Content-Disposition: form-data; name=\"file\"; filename=\"a.py\"\r\nContent-Type: application/octet-stream\r\n\r\n\
    x = 1\n--\n\r\n\
    --------------------------d74496d66958873e--\r\n";

#[test]
fn a_form_as_curl_writes_it() {
    assert!(starts(CURL));
    let found = contents(CURL);
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].0, "note");
    assert!(found[0].1.starts_with("hello\r\n--") && found[0].1.ends_with("873e\r\n"), "{found:?}");
    assert_eq!(found[1].0, "a.py");
    assert!(found[1].1.starts_with("x = 1\n--\n\r\n--") && found[1].1.ends_with("873e--\r\n"), "{found:?}");
}

#[test]
fn names_in_all_their_spellings() {
    let of = |disposition: &str| {
        let form = format!("--b\r\n{disposition}\r\n\r\nx\r\n--b--\r\n");
        assert!(starts(form.as_bytes()), "{disposition}");
        parts(form.as_bytes())[0].0.clone()
    };
    for (disposition, name) in [
        ("Content-Disposition: form-data; name=a", "a"),
        ("content-disposition:form-data;name=\"a b\"", "a b"),
        ("Content-Disposition: form-data; name=\"f\"; filename=\"C:\\x\\y.txt\"", "C:\\x\\y.txt"),
        ("Content-Disposition: form-data; filename=\"q\\\"x;y\"; name=\"f\"", "q\"x;y"),
        ("Content-Disposition: form-data; filename=\"%22.txt\"", "%22.txt"),
        (
            "Content-Disposition: form-data;\r\n name=\"f\";\r\n\tfilename*=UTF-8''%e2%82%ac.txt",
            "UTF-8''%e2%82%ac.txt",
        ),
        ("Content-Type: text/plain\r\nContent-Disposition: attachment; filename=x.bin", "x.bin"),
        ("Content-Type: text/plain", ""),
        ("Content-Disposition: form-data", ""),
        ("Content-Disposition: form-data; name", ""),
        ("Content-Disposition: form-data; name=\"open", "open"),
    ] {
        assert_eq!(of(disposition), name, "{disposition}");
    }
}

#[test]
fn lines_that_only_begin_like_a_delimiter_are_content() {
    let form = b"--b\nContent-Disposition: form-data; name=\"f\"\n\n--bc\n--b-\n--b --x\n-\n\n--b\t\nContent-Disposition: form-data; name=\"g\"\n\n--b-- \nafter --b\n";
    let found = contents(form);
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(found[0].1, "--bc\n--b-\n--b --x\n-\n\n--b\t\n");
    assert_eq!((&found[1].0[..], &found[1].1[..]), ("g", "--b-- \n"));
}

#[test]
fn what_is_no_form() {
    let long = "b".repeat(BOUNDARY_MAX);
    assert!(starts(format!("--{long}\r\nContent-Type: x\r\n").as_bytes()));
    for text in [
        format!("--{long}b\r\nContent-Type: x\r\n"),
        "--\r\nContent-Type: x\r\n".into(),
        "--b\r\nX-Other: x\r\n".into(),
        "--b\r\nContent".into(),
        "-- b\"\r\nContent-Type: x\r\n".into(),
        "--b \r\nContent-Type: x\r\n".into(),
        "b\r\nContent-Type: x\r\n".into(),
        String::new(),
    ] {
        assert!(!starts(text.as_bytes()), "{text}");
    }
    assert_eq!(segment(&mut Multipart::new(9), [&b"text\n"[..]]).1, Err((0, Fault::Corrupt)));
    let endless = vec![b'-'; 3 * PROBE_LEN];
    for size in [1, PROBE_LEN - 1, PROBE_LEN, endless.len()] {
        assert_eq!(
            segment(&mut Multipart::new(9), endless.chunks(size)).1,
            Err((0, Fault::Corrupt)),
            "{size}"
        );
    }
    // Neither line is empty.
    let returns = b"--b\r\n\r\r\n\rx\r\n";
    for size in [1, 2, returns.len()] {
        assert_eq!(segment(&mut Multipart::new(9), returns.chunks(size)), (Vec::new(), Ok(())), "{size}");
    }
}

#[test]
fn so_many_parts_and_no_more() {
    let part = "--b\r\nContent-Disposition: form-data; name=f\r\n\r\n\r\n".repeat(3);
    let (parts, result) = segment(&mut Multipart::new(2), [part.as_bytes()]);
    assert_eq!(parts.len(), 4);
    assert!(matches!(result, Err((_, Fault::Members))), "{result:?}");
}

#[test]
fn a_header_without_end_is_not_kept() {
    let mut form = b"--b\r\nContent-Disposition: form-data; name=f\r\n".to_vec();
    let mut multipart = Multipart::new(9);
    for _ in 0..1000 {
        form.extend(b"Content-Type: ");
        form.extend([b'x'; 1000]);
        form.extend(b"\r\n");
    }
    form.extend(b"\r\nx");
    let whole = segment(&mut multipart, form.chunks(999));
    assert!(multipart.memory() <= 64 << 10, "{}", multipart.memory());
    assert!(matches!(&whole.0[..], [Part::Begin { name, .. }] if name == b"f"), "{whole:?}");
    assert_can_be_sent::<Multipart>();
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn parts_are_found_in_any_slicing(
        boundary in "[a-zA-Z0-9'()+_,./:=?-]{1,70}",
        list in vec(("[a-z]{0,8}", "[a-z .]{0,12}", "[a-zA-Z0-9\r\n-]{0,60}"), 0..5),
        close: bool, lens in lens(),
    ) {
        let mut form = Vec::new();
        let mut want = Vec::new();
        for (field, file, content) in &list {
            let file_word = if file.is_empty() { String::new() } else { format!("; filename=\"{file}\"") };
            form.extend(format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{field}\"{file_word}\r\n\r\n").bytes());
            want.push((if file.is_empty() { field.clone() } else { file.clone() }, form.len()));
            form.extend(content.bytes());
            form.extend(b"\r\n");
        }
        if close {
            form.extend(format!("--{boundary}--\r\n").bytes());
        }
        let whole = segment(&mut Multipart::new(100), [&form[..]]);
        prop_assert_eq!(segment(&mut Multipart::new(100), cut(&form, &lens)), whole.clone());
        // Contents may hold delimiters of their own.
        let is_plain = list.iter().all(|(_, _, content)| !content.contains("--"));
        if is_plain && !list.is_empty() {
            prop_assert!(starts(&form));
            let begun: Vec<_> = whole.0.iter().filter_map(|part| match part {
                Part::Begin { at, name, .. } => Some((String::from_utf8_lossy(name).into_owned(), *at as usize)),
                Part::End { .. } => None,
            }).collect();
            prop_assert_eq!(begun, want);
        }
    }

    #[test]
    fn noise_is_read_to_its_end(noise in vec(prop_oneof![Just(b'\n'), Just(b'-'), Just(b'b'), Just(b'\r'), any::<u8>()], 0..400), lens in lens()) {
        let form = [&b"--b\r\nContent-Type: x\r\n\r\n"[..], &noise].concat();
        let whole = segment(&mut Multipart::new(3), [&form[..]]);
        prop_assert_eq!(segment(&mut Multipart::new(3), cut(&form, &lens)), whole);
    }
}
