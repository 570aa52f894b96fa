//! The terminal model and the view stream, on recordings of real programs and on generated output.

mod answers;
mod clusters;
mod output;
mod recordings;
mod repaint;
mod resize;
mod screens;
mod view;
