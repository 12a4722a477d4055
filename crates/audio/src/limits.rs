//! Every limit that untrusted media meets, in one place. Nothing is ever allocated from a size a file declares.

/// Most channels a file may have.
pub const MAX_CHANNELS: u16 = 32;
/// Lowest sample rate, in Hz.
pub const MIN_RATE: u32 = 1_000;
/// Highest sample rate, in Hz.
pub const MAX_RATE: u32 = 768_000;
/// Longest file, in seconds.
pub const MAX_SECONDS: u64 = 24 * 3600;
/// Most chunks a container walk visits.
pub const MAX_CHUNKS: usize = 65_536;
/// Deepest nesting of chunks or boxes.
pub const MAX_NESTING: usize = 8;
/// Longest text chunk that is read, in bytes.
pub const MAX_TEXT_BYTES: u64 = 1 << 20;
/// Most markers kept from one file.
pub const MAX_MARKERS: usize = 100_000;
/// Longest tag value, in bytes.
pub const MAX_TAG_BYTES: usize = 1 << 20;
/// Largest embedded picture, in bytes.
pub const MAX_PICTURE_BYTES: usize = 16 << 20;
/// Most tags kept from one file; together no longer than one may be.
pub const MAX_TAGS: usize = 1_000;
/// Memory a worker may use beyond its output, in bytes.
pub const MAX_WORKER_BYTES: usize = 64 << 20;
/// How long a decoder may work without delivering a frame, in seconds.
pub const WATCHDOG_SECONDS: u64 = 10;
/// How often a file's own length may be read without a frame coming out of it.
pub const MAX_REREADS: u64 = 8;
/// Most frames a gap in a damaged file is filled with before the rest counts as lost, in seconds.
pub const MAX_GAP_SECONDS: u64 = 600;
/// Largest table (pyramid, loudness, `.dat`) that is read back, in bytes.
pub const MAX_TABLE_BYTES: usize = 1 << 30;
/// Bytes on disk all decoded copies of lossy files of an engine take together: three hours in stereo at 48 kHz.
pub const MAX_PROXY_BYTES: u64 = 4 << 30;
/// Most lanes an engine holds.
pub const MAX_LANES: usize = 16;
