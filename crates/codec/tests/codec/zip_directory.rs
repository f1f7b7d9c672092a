//! Central directories: they list what entries turn out to be, in any slicing.

use std::io::{Cursor, Write as _};

use exfilter_codec::zip::{Directory, END_MAGIC, End, Entry, Headers, Listed, Progress};
use proptest::collection::vec;
use proptest::prelude::*;
use zip::CompressionMethod;
use zip::write::{FileOptions, SimpleFileOptions, ZipWriter};

use crate::support::{End as Ended, Rng, cases, cut, lens, whole};
use crate::zip::new;

/// What a directory came to, and after how many bytes.
#[derive(Clone, Debug, PartialEq)]
struct Read {
    listed: Vec<Listed>,
    /// None if more is wanted; `Err` if it is none.
    end: Option<Result<(usize, End), ()>>,
    headers: (u64, u64),
}

fn read(bytes: &[u8], lens: &[usize]) -> Read {
    let mut directory = Directory::new();
    let mut out = Read { listed: Vec::new(), end: None, headers: (0, 0) };
    let mut at = 0;
    for slice in cut(bytes, lens) {
        match directory.read(slice, &mut out.listed) {
            Progress::More => at += slice.len(),
            Progress::End(taken, end) => out.end = Some(Ok((at + taken, end))),
            Progress::Bad => out.end = Some(Err(())),
        }
        if out.end.is_some() {
            break;
        }
    }
    if out.end != Some(Err(())) {
        out.headers = directory.headers();
    }
    out
}

/// An archive as a library writes it; with the names of its entries before their content, and its directory.
fn written(rng: &mut Rng, count: usize, streamed: bool, large: bool, comment: &[u8]) -> (Vec<u8>, usize) {
    fn fill<W: std::io::Write + std::io::Seek>(
        mut writer: ZipWriter<W>,
        rng: &mut Rng,
        (count, streamed, large, comment): (usize, bool, bool, &[u8]),
    ) -> W {
        let methods = [CompressionMethod::Deflated, CompressionMethod::Zstd, CompressionMethod::Stored];
        writer.set_raw_comment(comment.into()).unwrap();
        for i in 0..count {
            let method = methods[i % if streamed { 2 } else { 3 }];
            let options = SimpleFileOptions::default().compression_method(method).large_file(large);
            let mut options: FileOptions<'_, zip::write::ExtendedFileOptions> = options.into_full_options();
            if i % 4 == 1 {
                options.add_extra_data(0x9999, vec![i as u8; 9], true).unwrap();
            }
            writer.start_file(format!("dir/{i}"), options.with_file_comment("a comment of its own")).unwrap();
            let len = 100 * i * (i % 2);
            writer.write_all(&rng.text(len)).unwrap();
        }
        writer.finish().unwrap()
    }
    let what = (count, streamed, large, comment);
    let bytes = if streamed {
        fill(ZipWriter::new_stream(Vec::new()), rng, what).into_inner()
    } else {
        fill(ZipWriter::new(Cursor::new(Vec::new())), rng, what).into_inner()
    };
    let mut at = 0;
    while bytes[at..].starts_with(b"PK\x03\x04") {
        let Ended::At(len) = whole(&mut new(), &bytes[at..]).end else { panic!("an entry at {at}") };
        at += len as usize;
    }
    (bytes, at)
}

/// The entries in front of the directory at `end`.
fn entries(bytes: &[u8], end: usize) -> Vec<Listed> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < end {
        let mut decoder = new();
        whole(&mut decoder, &bytes[at..]);
        let (entry, len) = decoder.entry().unwrap();
        out.push(Listed { entry, offset: at as u64 });
        at += len as usize;
    }
    out
}

proptest! {
    #![proptest_config(cases(120))]

    #[test]
    fn what_libraries_write(
        seed: u64, count in 0..9usize, streamed: bool, large: bool, comment in vec(any::<u8>(), 0..30), lens in lens(),
    ) {
        let (bytes, at) = written(&mut Rng(seed), count, streamed, large, &comment);
        let directory = &bytes[at..];
        let run = read(directory, &[usize::MAX]);
        prop_assert_eq!(&run, &read(directory, &lens));
        prop_assert_eq!(&run.listed, &entries(&bytes, at));
        let Some(Ok((taken, end))) = run.end else { panic!("{run:?}") };
        prop_assert!(end.consistent);
        prop_assert_eq!((end.entries, end.offset), (count as u64, at as u64));
        prop_assert_eq!(run.headers, (end.entries, end.size));
        prop_assert_eq!(taken + comment.len(), directory.len());
        if count > 0 {
            let record = &directory[taken - 22..];
            let end = bytes.len() - record.len();
            let Headers { before, offset, elsewhere } = Directory::places(&bytes[..end], record, end as u64);
            // With records of 64 bits, those stand between the headers and the last record.
            prop_assert!(offset == Some(at as u64) && (before == offset || elsewhere));
        }
    }

    /// Whatever it is, slices change nothing, and a changed header is another one or none.
    #[test]
    fn flipped_bytes(seed: u64, flips in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4), lens in lens()) {
        let (bytes, at) = written(&mut Rng(seed), 5, seed % 2 == 0, seed % 3 == 0, b"");
        let mut directory = bytes[at..].to_vec();
        for (place, byte) in flips {
            let place = place.index(directory.len());
            directory[place] = byte;
        }
        prop_assert_eq!(read(&directory, &[usize::MAX]), read(&directory, &lens));
        prop_assert_eq!(read(&directory, &[usize::MAX]), read(&directory, &[1]));
    }

    #[test]
    fn noise(bytes in vec(any::<u8>(), 0..300), lens in lens()) {
        let bytes = [b"PK\x01\x02", &bytes[..]].concat();
        prop_assert_eq!(read(&bytes, &[usize::MAX]), read(&bytes, &lens));
    }
}

#[test]
fn every_truncation_wants_more() {
    let (bytes, at) = written(&mut Rng(90), 4, true, true, b"");
    let directory = &bytes[at..];
    for len in 0..directory.len() {
        assert_eq!(read(&directory[..len], &[usize::MAX]).end, None, "{len} bytes");
    }
}

#[test]
fn an_archive_without_entries() {
    let end = [&END_MAGIC[..], &[0; 18]].concat();
    let run = read(&end, &[usize::MAX]);
    let nothing = End { entries: 0, size: 0, offset: 0, consistent: true };
    assert_eq!((run.listed.len(), run.end), (0, Some(Ok((22, nothing)))));
    assert_eq!(Directory::places(&[0; 1000], &end, 1000), Headers { offset: Some(0), ..Headers::default() });
}

#[test]
fn encryption_and_disks() {
    let mut header = b"PK\x01\x02\x14\0\x14\0\x01\0\x08\0".to_vec();
    header.extend([0; 34]);
    let mut end = [&END_MAGIC[..], &[0; 4], &[1, 0, 1, 0, 46], &[0; 9]].concat();
    let run = read(&[&header[..], &end].concat(), &[3]);
    let entry = Entry { method: 8, encrypted: true, crc: 0, packed: 0, size: 0 };
    assert_eq!(run.listed, [Listed { entry, offset: 0 }]);
    assert!(matches!(run.end, Some(Ok((68, End { entries: 1, size: 46, consistent: true, .. })))));
    end[4] = 1;
    let run = read(&[&header[..], &end].concat(), &[3]);
    assert!(matches!(run.end, Some(Ok((68, End { consistent: false, .. })))));
}
