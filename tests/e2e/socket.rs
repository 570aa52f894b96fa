//! A pod at its socket: what clients may do to it, by mistake or on purpose.

mod attach;
mod client;
mod draft;
mod hello;
mod limits;
mod lines;
mod memory;
mod messages;
mod orders;
mod pod;
mod python;
mod subscribe;
