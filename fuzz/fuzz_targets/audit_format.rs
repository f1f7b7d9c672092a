//! Files that name their values: any text is read in every format within its bounds, and so are the arguments of a sandbox.
#![no_main]

use exfilter_audit::View;
use exfilter_audit::format::{Format, MAX_NAME, MAX_VALUE, arguments, read};
use libfuzzer_sys::fuzz_target;

const FORMATS: [Format; 11] = [
    Format::Assign,
    Format::Json,
    Format::Yaml,
    Format::Toml,
    Format::Xml,
    Format::Netrc,
    Format::HashDump,
    Format::Urls,
    Format::Pgpass,
    Format::Whole,
    Format::Commands,
];

fuzz_target!(|data: &[u8]| {
    for format in FORMATS {
        let mut total = 0;
        read(format, data, &mut |name, value, at| {
            assert!(name.len() <= MAX_NAME && value.len() <= MAX_VALUE && !value.is_empty());
            assert!(at <= data.len());
            total += value.len();
        });
        // Decoding never grows, and a byte belongs to at most two fields.
        assert!(total <= 3 * data.len());
    }
    arguments(data, &mut |_, _, at| assert!(at <= data.len()));
    let _ = View::of_bubblewrap(data);
});
