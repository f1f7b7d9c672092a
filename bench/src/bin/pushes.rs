//! A pass of a stream over a file, whenever a line comes in: prints the nanoseconds of thread processor time that it took.
//!
//! `pushes FILE CHUNK`; `bench/python/pushes.py` drives it.

use std::io::{BufRead as _, Write as _};

use cpu_time::ThreadTime;
use exfilter::{Authority, Engine, Flow};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().ok_or("usage: pushes FILE CHUNK")?;
    let chunk: usize = arguments.next().ok_or("usage: pushes FILE CHUNK")?.parse()?;
    let data = std::fs::read(file)?;
    let chunks: Vec<Vec<u8>> = data.chunks(chunk).map(<[u8]>::to_vec).collect();
    let engine = Engine::builder().rules(exfilter::rules::builtin()).build()?;
    let flow = Flow::outbound(Authority::parse(b"https://upload.example")?);
    let mut out = std::io::stdout();
    for line in std::io::stdin().lock().lines() {
        line?;
        let begin = ThreadTime::now();
        let mut stream = engine.stream(flow.clone());
        for chunk in &chunks {
            let _ = std::hint::black_box(stream.push(chunk));
        }
        let _ = std::hint::black_box(stream.finish());
        drop(stream);
        writeln!(out, "{}", begin.elapsed().as_nanos())?;
        out.flush()?;
    }
    Ok(())
}
