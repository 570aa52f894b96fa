//! The stand-in for the models behind agent programs, for the tests of this package.

use std::process::ExitCode;

fn main() -> ExitCode {
    podfleet_stub_model::main()
}
