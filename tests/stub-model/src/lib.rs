//! A stand-in for the models behind agent programs, so that the real programs run in tests without
//! network or account.
//!
//! It speaks three dialects of HTTP API, each streaming or not: Anthropic Messages, OpenAI Chat
//! Completions, OpenAI Responses. What it answers is a [`Script`]; what it was asked it appends to
//! a file, one JSON object a line ([`Record`]).
//!
//! Agent programs ask for more than answers, such as a title for the conversation. Such requests
//! bring no tools; they are answered with a title at once and leave the script alone.

mod anthropic;
mod chat;
mod dialect;
mod request;
mod responses;
mod script;
mod server;

pub use dialect::{Dialect, Reply};
pub use request::Record;
pub use script::{Failure, Rule, Script, Then, ToolCall};
pub use server::{Options, main, serve};
