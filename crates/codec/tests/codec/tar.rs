//! tar.

use exfilter_codec::Part;
use exfilter_codec::tar::Tar;

use crate::support::segment;

#[test]
fn smoke() {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in [("a/b.txt", &b"hello"[..]), (&"n/".repeat(200), &[7; 1024])] {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        builder.append_data(&mut header, name, content).unwrap();
    }
    let archive = builder.into_inner().unwrap();
    assert!(Tar::sniff(&archive[..512]));
    let whole = segment(&mut Tar::new(10), [&archive[..]]);
    assert_eq!(whole.1, Ok(()));
    assert_eq!(whole.0[0], Part::Begin { at: 512, header: 0, len: 5, name: b"a/b.txt".to_vec() });
    assert_eq!(whole.0.len(), 4);
    assert_eq!(segment(&mut Tar::new(10), archive.chunks(1)), whole);
}
