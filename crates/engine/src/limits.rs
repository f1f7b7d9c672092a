//! [`Limits`]: every bound of a stream, in one place.

/// The bounds of one stream. Each is a function of the bytes alone: no limit is looked at where a chunk happens
/// to end.
///
/// Exceeding a limit is never silent: the range becomes [`Opaque`](crate::Opaque) and the policy decides.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Findings delivered as events per stream; the rest are counted per rule. Default 256.
    pub findings: u32,
    /// Opaque ranges delivered as events per stream; the rest are counted per reason. Default 256.
    pub opaques: u32,
    /// Lanes alive at one time. Default 64.
    pub lanes: u32,
    /// Nested containers (compressions; a tar inside one costs nothing). Default 8.
    pub containers: u8,
    /// Nested shapes (base64, base32, base58, base85, hex, escapes), counted anew in each container. Default 3.
    pub shapes: u8,
    /// Bytes that a container, and all of a stream's together, may decode before their ratio counts; 64 times as much where zlib stands in the middle of content, as in pictures. Default 1 MiB.
    pub ratio_grace: u64,
    /// Decoded bytes per outer byte after the grace, of a container and of all together. Default 200.
    pub ratio: u64,
    /// Decoded bytes per stream. Default 16 GiB.
    pub output: u64,
    /// Members of archives per stream. Default 1 000 000.
    pub members: u64,
    /// Window of one decoder in bytes; a frame that makes use of more is opaque. Default 8 MiB.
    pub window: u64,
    /// Windows of all decoders of a stream in bytes. Default 16 MiB.
    pub windows: u64,
    /// Bytes of objects that a stream keeps of git packs, because deltas may be based on them. Default 32 MiB.
    pub bases: u64,
    /// Outer bytes that a candidate may hold back on an outbound flow before the lane that feeds on input
    /// without output is given up. Default 64 KiB; a block-wise codec adds two of its blocks.
    pub max_hold: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            findings: 256,
            opaques: 256,
            lanes: 64,
            containers: 8,
            shapes: 3,
            ratio_grace: 1 << 20,
            ratio: 200,
            output: 16 << 30,
            members: 1_000_000,
            window: 8 << 20,
            windows: 16 << 20,
            bases: 32 << 20,
            max_hold: 64 << 10,
        }
    }
}
