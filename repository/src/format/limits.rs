//! The numbers of format 1: what a writer makes and the most that a reader accepts.

/// The format that this program writes, and the newest that it reads.
pub const FORMAT: u32 = 1;
/// The format before the first one: a draft that changed without notice. Nothing of it is read.
pub const DRAFT: u32 = 0;

/// The least a content-defined chunk has, but for the last one of a file.
pub const CHUNK_MIN: usize = 32 << 10;
/// What content-defined chunks have on average.
pub const CHUNK_AVERAGE: usize = 128 << 10;
/// The most a chunk has.
pub const CHUNK_MAX: usize = 512 << 10;
/// Files and trees of up to this many bytes are one chunk: cutting them would cost more rows than it saves bytes.
pub const WHOLE_MAX: usize = 256 << 10;
/// Files of up to this many bytes live in the tree itself.
pub const INLINE_MAX: usize = 512;

/// A frame is closed when it holds this many bytes, before compression.
pub const FRAME_TARGET: usize = 1 << 20;
/// The most a frame holds: the target less one byte, and one chunk of the greatest length.
pub const FRAME_MAX: usize = FRAME_TARGET + CHUNK_MAX;
/// A pack is closed when its plaintext reaches this many bytes. Two workers and their uploads then stay below 128 MiB.
pub const PACK_TARGET: usize = 16 << 20;
/// The most bytes that a pack has, so that a reader can hold one in memory.
pub const PACK_MAX: u64 = 96 << 20;
/// The most frames of a pack: an index row has 16 bits for the frame.
pub const FRAMES_MAX: usize = 60_000;
/// The most bytes of a pack's header frame and of an age header.
pub const HEADER_MAX: usize = 4 << 10;
/// The most bytes of a pack's table.
pub const TABLE_MAX: usize = 32 << 20;

/// The most bytes that the nodes of one directory take: about fifty million of them.
pub const TREE_MAX: u64 = 8 << 30;
/// The most bytes of a directory that are in memory at once, and so of one node.
pub const NODES_MAX: u64 = 512 << 20;
/// The longest name of a node and of an extended attribute.
pub const NAME_MAX: usize = 1024;
/// The longest name of a group of hard links.
pub const LINK_MAX: usize = 32;
/// The most bytes that a file has, with its holes: what `off_t` counts.
pub const FILE_MAX: u64 = i64::MAX as u64;
/// The longest value of an extended attribute, and the longest target of a symbolic link.
pub const VALUE_MAX: usize = 1 << 20;

/// The most bytes of an index object. A writer starts the next one long before.
pub const INDEX_MAX: u64 = 256 << 20;
/// An index object is written as soon as it would name this many chunks, so that a long run leaves something to resume from.
pub const INDEX_ROWS_TARGET: usize = 100_000;
/// The most bytes of a snapshot object.
pub const SNAPSHOT_MAX: u64 = 256 << 20;
/// The most errors that one snapshot tells of; the count of all is in its statistics.
pub const ERRORS_MAX: usize = 10_000;
