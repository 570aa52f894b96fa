//! Limits of the pod socket. Each has an error of its own.

/// The longest body of a message in bytes.
pub const MAX_BODY: usize = 1 << 20;
/// The longest line in bytes, without its newline: a body of [`MAX_BODY`] fits, unless it
/// is full of control characters, which nobody types.
pub const MAX_LINE: usize = 4 << 20;
/// The longest payload of an attach frame in bytes.
pub const MAX_FRAME: usize = 64 << 10;
/// The longest name of a conversation that a message belongs to, in bytes.
pub const MAX_THREAD: usize = 256;
/// The longest name that a client gives itself, and the longest id of a request, in bytes: a pod keeps
/// them for as long as the client stays, or the request is in work.
pub const MAX_LABEL: usize = 256;
/// How many connections a pod serves at once.
pub const MAX_CONNECTIONS: usize = 256;
/// How many requests of one connection a pod works on at once.
pub const MAX_IN_FLIGHT: usize = 64;
/// How many undelivered messages an inbox holds.
pub const MAX_INBOX: u32 = 10_000;
/// How much of the view stream a pod keeps for clients that come back, in bytes.
pub const VIEW_RING: usize = 1 << 20;
/// How many bytes a client may leave unacknowledged before the pod stops sending to it.
pub const ATTACH_WINDOW: u64 = 256 << 10;
/// The same of a client that shares a terminal with so many others that their windows were too much
/// together: whoever acknowledges after less than this is never kept waiting for itself.
pub const LEAST_WINDOW: u64 = 64 << 10;
/// How long a client may leave a long answer unread, and a repaint that others wait for.
pub const READ_DEADLINE: std::time::Duration = std::time::Duration::from_secs(10);
/// How long a client may take to finish a long line.
pub const LINE_DEADLINE: std::time::Duration = std::time::Duration::from_secs(10);
/// How long a pod waits for the first line of a connection.
pub const HELLO_DEADLINE: std::time::Duration = std::time::Duration::from_secs(5);
/// How long a client may take to read the error that ends its connection.
pub const LAST_WORDS: std::time::Duration = std::time::Duration::from_secs(1);
/// How many events a pod keeps for subscribers that read slowly or come back.
pub const EVENT_RING: usize = 1024;
/// How much of them it keeps at most, in bytes of their lines.
pub const EVENT_RING_BYTES: usize = 1 << 20;
/// How much of an agent's last words is kept, in bytes.
pub const MAX_ANSWER: usize = 64 << 10;
/// How many characters of a body a listing of an inbox shows.
pub const PREVIEW: usize = 200;
/// How many messages a minute two pods may send to each other.
pub const MAX_PAIR_MESSAGES: u32 = 60;
/// How many rows a page of a listing has when nothing else is asked for.
pub const PAGE: u32 = 100;
/// How many rows a page of a listing has at most.
pub const MAX_PAGE: u32 = 1000;
/// How long a page of a log or of a terminal's lines becomes at most, in bytes, but for its first
/// record or its last line.
pub const PAGE_BYTES: usize = 1 << 20;
